//! `koinon service verify`.

use clap::Args;
use koinon_chain::CheckResult;
use koinon_command::CommandError;
use koinon_command::FailureKind;
use koinon_command::Outcome;
use koinon_command::Tone;
use koinon_command::Ui;
use koinon_command::paint;
use koinon_command::thousands;
use serde_json::json;

use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::on_chain::ServiceOnChain;
use crate::on_chain::read_service_on_chain;

#[derive(Args, Debug)]
pub(crate) struct ServiceVerifyArgs {
    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(ui: Ui, args: ServiceVerifyArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    let mut checks = contracts.verify().await?;
    if checks.iter().all(|check| !matches!(check.verdict, CheckResult::Bad(_))) {
        let ServiceOnChain { service, .. } = read_service_on_chain(ui, &contracts).await?;
        let declared = service.map(|service| service.governance);
        checks.push(contracts.check_governance(declared.as_ref()).await?);
    }
    let bad = checks.iter().filter(|check| matches!(check.verdict, CheckResult::Bad(_))).count();
    if ui.json {
        ui.json(&json!({ "service": contracts.core, "verified": bad == 0, "checks": checks }));
    } else {
        for check in &checks {
            let (mark, text) = match &check.verdict {
                CheckResult::Good => (paint(Tone::Good, "✔"), String::new()),
                CheckResult::Known(text) => (paint(Tone::Changed, "!"), text.clone()),
                CheckResult::Bad(text) => (paint(Tone::Bad, "✘"), text.clone()),
            };
            ui.line(&format!("{mark} {:<26} {text}", check.what));
        }
    }
    if bad > 0 {
        return Err(CommandError::new(
            FailureKind::Unhealthy,
            format!("{bad} of {} checks failed", checks.len()),
        ));
    }
    ui.say(&format!("{} {} checks hold", paint(Tone::Good, "✔"), thousands(checks.len() as u64)));
    Ok(())
}

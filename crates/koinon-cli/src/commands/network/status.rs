//! `koinon status`.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use koinon_chain::Contracts;
use koinon_chain::ServiceStatus;
use koinon_command::FailureKind;
use koinon_command::Outcome;
use koinon_command::Ui;

use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::program::stop_on_signal;
use crate::show::status::show_status;

/// Pause between two reads of a watched service.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    network: NetworkArgs,

    /// Repeat every second
    #[arg(long)]
    watch: bool,
}

pub(crate) async fn run(ui: Ui, args: StatusArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    if args.watch { watch(ui, &contracts).await } else { print(ui, &contracts, "").await }
}

async fn watch(ui: Ui, contracts: &Contracts) -> Outcome {
    const CLEAR_SCREEN: &str = "\x1b[2J\x1b[H";
    let stop = stop_on_signal()?;
    // Into a file or a pipe go only the words.
    let before = if std::io::stdout().is_terminal() { CLEAR_SCREEN } else { "" };
    while !stop.is_cancelled() {
        match print(ui, contracts, before).await {
            // The chain may be away for a moment.
            Err(error) if error.kind == FailureKind::Unreachable => {
                ui.say(error.render().trim_end());
            }
            printed => printed?,
        }
        // Cancel safe: neither arm holds anything.
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(WATCH_INTERVAL) => {}
        }
    }
    Ok(())
}

/// Prints the status; `before` is printed before text, not before JSON.
async fn print(ui: Ui, contracts: &Contracts, before: &str) -> Outcome {
    let status = ServiceStatus::read(contracts).await?;
    if ui.json {
        ui.json(&status);
    } else {
        ui.raw(before);
        show_status(ui, &status);
    }
    Ok(())
}

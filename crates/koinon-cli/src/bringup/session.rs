//! A bring-up from its start to the end of the network.

use std::time::Duration;
use std::time::Instant;

use koinon_chain::ServiceStatus;
use koinon_command::CommandError;
use koinon_command::FailureKind;
use koinon_command::Outcome;
use koinon_command::TemplateArgs;
use koinon_command::Ui;
use koinon_command::seconds;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Bringup;
use super::RemoteChain;
use crate::local::Local;
use crate::show::bringup::BringupReport;
use crate::show::bringup::show_bringup;
use crate::show::bringup::show_next_steps;

/// The network to bring up.
#[derive(Debug)]
pub(crate) struct BringupOptions {
    pub(crate) template: TemplateArgs,
    /// The chain to use instead of the embedded one.
    pub(crate) remote: Option<RemoteChain>,
    /// If the network only has to be checked, the time within which every node must answer.
    pub(crate) check: Option<Duration>,
}

/// Brings the network up, reports on it, and keeps it up until `stop` unless it is only checked.
/// The processes live on.
pub(crate) async fn bring_up(
    ui: Ui,
    local: &Local,
    options: BringupOptions,
    stop: &CancellationToken,
) -> Outcome {
    let started = Instant::now();
    let BringupOptions { template, remote, check } = options;
    let mut bringup = Bringup::new(ui, local.clone(), template, remote);
    let outcome = match run_until_stopped(&mut bringup, check, stop).await {
        Ok(status) => {
            let report = report(&bringup, started, status);
            show_bringup(ui, &report);
            if check.is_some() {
                check_vacancies(&report.status)
            } else {
                show_next_steps(ui, &report);
                // Children that end meanwhile are started again.
                stop.cancelled().await;
                Ok(())
            }
        }
        Err(error) => {
            if check.is_some() && ui.json {
                ui.json(&json!({
                    "healthy": false,
                    "error": error.render(),
                    "dir": local.dir,
                    "stages": bringup.stages,
                }));
            }
            Err(error)
        }
    };
    bringup.children.stop_supervising().await;
    outcome
}

async fn run_until_stopped(
    bringup: &mut Bringup,
    check: Option<Duration>,
    stop: &CancellationToken,
) -> Outcome<ServiceStatus> {
    let timeout = check.unwrap_or_default();
    let given_up = bringup.children.given_up();
    // Cancel safe: the caller ends every process the stages started, and the rest is on the chain.
    tokio::select! {
        outcome = bringup.run_stages() => outcome,
        () = given_up.cancelled() => {
            Err(CommandError::failed("a process of the network ends again and again"))
        }
        () = stop.cancelled() => Err(CommandError::new(FailureKind::Interrupted, "interrupted")),
        () = tokio::time::sleep(timeout), if check.is_some() => {
            let message = format!("not every node answered within {}", seconds(timeout));
            Err(CommandError::new(FailureKind::Unhealthy, message))
        }
    }
}

fn report(bringup: &Bringup, started: Instant, status: ServiceStatus) -> BringupReport {
    BringupReport {
        healthy: status.vacancies == 0,
        status,
        dir: bringup.local.dir.clone(),
        rpc_url: bringup.record.rpc_url.clone(),
        stages: bringup.stages.clone(),
        milliseconds: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

/// Rejects a network with vacant slots.
fn check_vacancies(status: &ServiceStatus) -> Outcome {
    if status.vacancies == 0 {
        return Ok(());
    }
    let message =
        format!("{} slots are vacant: the operators have too few units", status.vacancies);
    Err(CommandError::new(FailureKind::Unhealthy, message))
}

//! A network that is up, as people and programs read it.

use std::path::PathBuf;

use koinon_chain::ServiceStatus;
use koinon_command::StageDone;
use koinon_command::Tone;
use koinon_command::Ui;
use koinon_command::paint;
use serde::Serialize;

use super::status::show_status;

/// The report of a network that is up.
#[derive(Debug, Serialize)]
pub(crate) struct BringupReport {
    pub(crate) healthy: bool,
    #[serde(flatten)]
    pub(crate) status: ServiceStatus,
    pub(crate) dir: PathBuf,
    pub(crate) rpc_url: String,
    pub(crate) stages: Vec<StageDone>,
    pub(crate) milliseconds: u64,
}

/// Prints the report.
pub(crate) fn show_bringup(ui: Ui, report: &BringupReport) {
    if ui.json {
        ui.json(report);
    } else {
        show_status(ui, &report.status);
    }
    let count = report.status.nodes.iter().filter(|node| node.operator.is_some()).count();
    ui.say(&format!(
        "{} {count} nodes answer, {:.2} s after the start",
        paint(Tone::Good, "✔"),
        report.milliseconds as f64 / 1000.0
    ));
}

/// Suggests what to do with a network that stays up.
pub(crate) fn show_next_steps(ui: Ui, report: &BringupReport) {
    let dir = report.dir.display();
    ui.say(&format!(
        "next: koinon status --watch --dir {dir}\n              \
         koinon allocation explain worker/0/0 --dir {dir}\n              \
         koinon service verify --dir {dir}\n\
         JSON-RPC at {}; Ctrl-C stops everything, the same command continues it",
        report.rpc_url
    ));
}

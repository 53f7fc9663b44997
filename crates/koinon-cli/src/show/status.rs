//! The status of a service as people read it.

use koinon_chain::Head;
use koinon_chain::NodeStatus;
use koinon_chain::OverdueEpoch;
use koinon_chain::ServiceStatus;
use koinon_command::Tone;
use koinon_command::Ui;
use koinon_command::paint;
use koinon_model::NodeState;

/// Prints the status as tables.
pub(crate) fn show_status(ui: Ui, status: &ServiceStatus) {
    let Head { block, revision, epoch } = status.head;
    ui.line(&paint(Tone::Strong, &format!("service {}", status.service)));
    ui.line(&format!(
        "revision {revision}, epoch {epoch}, block {block}, {} slots, {} vacant",
        status.slots, status.vacancies
    ));
    if let Some(OverdueEpoch { since, waiting_for }) = &status.overdue {
        let text = format!("epoch overdue since block {since}, waiting for {waiting_for}");
        ui.line(&paint(Tone::Bad, &text));
    }
    let mut rows =
        vec![["operator", "stake", "units", "nodes", "account"].map(ToOwned::to_owned).to_vec()];
    for row in &status.operators {
        rows.push(vec![
            row.name.clone(),
            row.stake.to_string(),
            row.units.to_string(),
            row.nodes.to_string(),
            row.account.to_string(),
        ]);
    }
    ui.table(&rows);
    let heads = ["slot", "operator", "endpoint", "probe", "state"];
    let mut rows = vec![heads.map(ToOwned::to_owned).to_vec()];
    for node in &status.nodes {
        let operator = node.operator.clone().unwrap_or_else(|| "-".to_owned());
        let state = match (node.operator.is_some(), node.current) {
            (false, _) => paint(Tone::Quiet, "vacant"),
            (true, false) => paint(Tone::Quiet, "not reported yet"),
            (true, true) => {
                let blocks = block.saturating_sub(node.reported_at);
                format!("{}, said {blocks} blocks ago", state_text(node))
            }
        };
        let probe = format!("{} ms", node.probe_milliseconds);
        rows.push(vec![node.slot.to_string(), operator, node.endpoint.clone(), probe, state]);
    }
    ui.table(&rows);
}

fn state_text(node: &NodeStatus) -> String {
    match node.state {
        NodeState::Running => paint(Tone::Good, "running"),
        NodeState::Starting => paint(Tone::Changed, "starting"),
        NodeState::Stopped => paint(Tone::Quiet, &format!("stopped: {}", node.reason)),
        NodeState::Failed => paint(Tone::Bad, &format!("failed: {}", node.reason)),
        NodeState::Unknown => paint(Tone::Quiet, "unknown"),
    }
}

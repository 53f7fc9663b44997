//! `koinon status`: how a service's nodes are.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::primitives::Address;
use clap::Args;
use koinon_chain::Contracts;
use koinon_chain::EpochInfo;
use koinon_chain::Head;
use koinon_model::Allocation;
use koinon_model::NodeState;
use koinon_model::Slot;
use serde::Serialize;

use crate::error::Outcome;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::program::stop_on_signal;
use crate::ui::Tone;
use crate::ui::Ui;
use crate::ui::paint;

#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    network: NetworkArgs,

    /// Show it again and again
    #[arg(long)]
    watch: bool,
}

/// A service's nodes and operators.
#[derive(Debug, Serialize)]
pub(super) struct Snapshot {
    pub(super) service: Address,
    #[serde(flatten)]
    pub(super) head: Head,
    pub(super) seed: Option<alloy::primitives::B256>,
    pub(super) slots: u64,
    pub(super) vacancies: u64,
    pub(super) operators: Vec<OperatorRow>,
    pub(super) nodes: Vec<NodeRow>,
}

#[derive(Debug, Serialize)]
pub(super) struct OperatorRow {
    pub(super) name: String,
    pub(super) account: Address,
    pub(super) stake: u64,
    pub(super) units: u32,
    pub(super) nodes: usize,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct NodeRow {
    pub(super) slot: Slot,
    pub(super) operator: Option<String>,
    pub(super) unit: Option<u32>,
    pub(super) endpoint: String,
    pub(super) state: NodeState,
    pub(super) reason: String,
    pub(super) probe_milliseconds: u32,
    pub(super) reported_at: u64,
    #[serde(skip)]
    pub(super) current: bool,
}

pub(crate) async fn run(ui: Ui, args: StatusArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    if !args.watch {
        let snapshot = Snapshot::read(&contracts).await?;
        if ui.json {
            ui.json(&snapshot);
        } else {
            snapshot.show(ui);
        }
        return Ok(());
    }
    let stop = stop_on_signal()?;
    while !stop.is_cancelled() {
        let snapshot = Snapshot::read(&contracts).await?;
        if ui.json {
            ui.json(&snapshot);
        } else {
            ui.raw("\x1b[2J\x1b[H");
            snapshot.show(ui);
        }
        // Cancel safe: neither arm holds anything.
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
    Ok(())
}

impl Snapshot {
    pub(super) async fn read(contracts: &Contracts) -> Outcome<Self> {
        let head = contracts.head().await?;
        let view = contracts.at(head.block);
        let epoch = view.current_epoch().await?;
        let allocation = if head.revision.0 == 0 { None } else { view.allocation().await? };
        let infos = view.operators().await?;
        let (Some(epoch), Some(allocation)) = (epoch, allocation) else {
            let operators = infos.into_iter().map(|info| OperatorRow {
                name: info.name,
                account: info.account,
                stake: info.stake,
                units: 0,
                nodes: 0,
            });
            return Ok(Self {
                service: contracts.core,
                head,
                seed: None,
                slots: 0,
                vacancies: 0,
                operators: operators.collect(),
                nodes: Vec::new(),
            });
        };
        let nodes = read_nodes(contracts, head, &epoch, &allocation).await?;
        let counts = allocation.by_operator();
        let mut operators = Vec::new();
        for member in allocation.order() {
            let info = view.operator(member.account).await?;
            operators.push(OperatorRow {
                name: info.name,
                account: member.account,
                stake: info.stake,
                units: member.units,
                nodes: counts.get(&member.account).map_or(0, Vec::len),
            });
        }
        operators.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self {
            service: contracts.core,
            head,
            seed: Some(epoch.seed),
            slots: allocation.slot_count(),
            vacancies: allocation.vacancies(),
            operators,
            nodes,
        })
    }

    /// Whether every slot that can be filled is running, as reported in this epoch and revision.
    pub(super) fn is_running(&self) -> bool {
        let filled: Vec<&NodeRow> =
            self.nodes.iter().filter(|node| node.operator.is_some()).collect();
        !filled.is_empty()
            && filled.iter().all(|node| node.current && node.state == NodeState::Running)
    }

    pub(super) fn show(&self, ui: Ui) {
        let Head { block, revision, epoch } = self.head;
        ui.line(&paint(Tone::Strong, &format!("service {}", self.service)));
        ui.line(&format!(
            "revision {revision}, epoch {epoch}, block {block}, {} slots, {} vacant",
            self.slots, self.vacancies
        ));
        let mut rows = vec![
            ["operator", "stake", "units", "nodes", "account"].map(ToOwned::to_owned).to_vec(),
        ];
        for row in &self.operators {
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
        for node in &self.nodes {
            let operator = node.operator.clone().unwrap_or_else(|| "-".to_owned());
            let state = match (node.operator.is_some(), node.current) {
                (false, _) => paint(Tone::Quiet, "vacant"),
                (true, false) => paint(Tone::Quiet, "not reported yet"),
                (true, true) => state_text(node),
            };
            let probe = format!("{} ms", node.probe_milliseconds);
            rows.push(vec![node.slot.to_string(), operator, node.endpoint.clone(), probe, state]);
        }
        ui.table(&rows);
    }
}

fn state_text(node: &NodeRow) -> String {
    match node.state {
        NodeState::Running => paint(Tone::Good, "running"),
        NodeState::Starting => paint(Tone::Changed, "starting"),
        NodeState::Stopped => paint(Tone::Quiet, &format!("stopped: {}", node.reason)),
        NodeState::Failed => paint(Tone::Bad, &format!("failed: {}", node.reason)),
        NodeState::Unknown => paint(Tone::Quiet, "unknown"),
    }
}

async fn read_nodes(
    contracts: &Contracts,
    head: Head,
    epoch: &EpochInfo,
    allocation: &Allocation,
) -> Outcome<Vec<NodeRow>> {
    let view = contracts.at(head.block);
    let names: BTreeMap<Address, String> = view.names().await?;
    let mut rows = Vec::new();
    for set in allocation.sets() {
        for status in view.statuses(set).await? {
            let filled = allocation.filled(&status.slot);
            let operator = filled.and_then(|filled| names.get(&filled.operator).cloned());
            let current = status.reported_at > 0
                && status.epoch == epoch.number
                && status.revision == head.revision
                && filled.is_some_and(|filled| filled.operator == status.operator);
            rows.push(NodeRow {
                slot: status.slot,
                operator,
                unit: filled.map(|filled| filled.unit),
                endpoint: status.endpoint,
                state: if current { status.state } else { NodeState::Unknown },
                reason: status.reason,
                probe_milliseconds: status.milliseconds,
                reported_at: status.reported_at,
                current,
            });
        }
    }
    Ok(rows)
}

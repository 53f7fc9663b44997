//! The status of a service: its operators, and its nodes as they were reported.

use alloy::primitives::Address;
use alloy::primitives::B256;
use koinon_model::Allocation;
use koinon_model::NodeState;
use koinon_model::Slot;
use serde::Serialize;

use crate::content::Head;
use crate::contracts::Contracts;
use crate::contracts::View;
use crate::epoch::EpochRecord;
use crate::error::ChainError;
use crate::operators::OperatorRecord;

/// The operators and nodes of a service at one block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceStatus {
    /// The address of its Core.
    pub service: Address,
    /// Block, revision and epoch.
    #[serde(flatten)]
    pub head: Head,
    /// The seed of the epoch in force; `None` before the first deal.
    pub seed: Option<B256>,
    /// The next epoch, if it should have opened long ago; `None` if all is well.
    pub overdue: Option<OverdueEpoch>,
    /// Slots of all node sets.
    pub slots: u64,
    /// Slots without an operator.
    pub vacancies: u64,
    /// The operators, by name.
    pub operators: Vec<OperatorStatus>,
    /// The slots with their nodes.
    pub nodes: Vec<NodeStatus>,
}

/// An epoch that should have opened. Until it does, the allocation in force stays, and bans have no
/// effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OverdueEpoch {
    /// The block from which on it could open.
    pub since: u64,
    /// The name of the operator that must open it.
    pub waiting_for: String,
}

/// An operator and its share of the deal in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OperatorStatus {
    /// Its name.
    pub name: String,
    /// Its account.
    pub account: Address,
    /// Its stake.
    pub stake: u64,
    /// Its units in the deal.
    pub units: u32,
    /// The nodes it was dealt.
    pub nodes: usize,
}

/// A slot and the last report about its node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeStatus {
    /// The slot.
    pub slot: Slot,
    /// The name of its operator; `None` if it is vacant.
    pub operator: Option<String>,
    /// The operator's unit that fills it.
    pub unit: Option<u32>,
    /// The address the node answers at.
    pub endpoint: String,
    /// The reported state; [`NodeState::Unknown`] if the report is not current.
    pub state: NodeState,
    /// The reason of the state.
    pub reason: String,
    /// The time the last probe took.
    pub probe_milliseconds: u32,
    /// The block of the report; 0 without one.
    pub reported_at: u64,
    /// Whether the slot's operator reported in this epoch, of this revision.
    #[serde(skip)]
    pub current: bool,
}

impl ServiceStatus {
    /// Reads the status at the newest block.
    ///
    /// # Errors
    /// [`ChainError::Wire`] or [`ChainError::Deal`] if the service's data on chain is invalid.
    pub async fn read(contracts: &Contracts) -> Result<Self, ChainError> {
        let head = contracts.head().await?;
        let view = contracts.at(head.block);
        let epoch = view.current_epoch().await?;
        let allocation = if head.revision.0 == 0 { None } else { view.allocation().await? };
        let (Some(epoch), Some(allocation)) = (epoch, allocation) else {
            let operators = view.operators().await?.into_iter();
            return Ok(Self {
                service: contracts.core,
                head,
                seed: None,
                overdue: read_overdue(&view, head).await?,
                slots: 0,
                vacancies: 0,
                operators: operators.map(|info| OperatorStatus::new(info, 0, 0)).collect(),
                nodes: Vec::new(),
            });
        };
        Ok(Self {
            service: contracts.core,
            head,
            seed: Some(epoch.seed),
            overdue: read_overdue(&view, head).await?,
            slots: allocation.slot_count(),
            vacancies: allocation.vacancies(),
            operators: read_operators(&view, &allocation).await?,
            nodes: read_slots(&view, head, &epoch, &allocation).await?,
        })
    }

    /// Returns whether every slot that has an operator is running, as reported in this epoch and
    /// revision. A service without such slots is not running.
    pub fn is_running(&self) -> bool {
        let mut filled = self.nodes.iter().filter(|node| node.operator.is_some()).peekable();
        filled.peek().is_some()
            && filled.all(|node| node.current && node.state == NodeState::Running)
    }
}

impl OperatorStatus {
    fn new(info: OperatorRecord, units: u32, nodes: usize) -> Self {
        Self { name: info.name, account: info.account, stake: info.stake, units, nodes }
    }
}

/// Blocks for which nobody minds an epoch that could open and has not: its beacon sees the block,
/// sends a proof and deals.
const EPOCH_GRACE: u64 = 12;

async fn read_overdue(view: &View<'_>, head: Head) -> Result<Option<OverdueEpoch>, ChainError> {
    let next = match view.next_beacon().await {
        Ok(next) if head.block > next.opens_at.saturating_add(EPOCH_GRACE) => next,
        Ok(_) => return Ok(None),
        // The newest epoch is being dealt.
        Err(error) if error.revert().is_some() => return Ok(None),
        Err(error) => return Err(error),
    };
    let waiting_for = view.operator(next.operator).await?.name;
    Ok(Some(OverdueEpoch { since: next.opens_at, waiting_for }))
}

async fn read_operators(
    view: &View<'_>,
    allocation: &Allocation,
) -> Result<Vec<OperatorStatus>, ChainError> {
    let slots = allocation.by_operator();
    let mut operators = Vec::new();
    for member in allocation.order() {
        let info = view.operator(member.account).await?;
        let nodes = slots.get(&member.account).map_or(0, Vec::len);
        operators.push(OperatorStatus::new(info, member.units, nodes));
    }
    operators.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(operators)
}

async fn read_slots(
    view: &View<'_>,
    head: Head,
    epoch: &EpochRecord,
    allocation: &Allocation,
) -> Result<Vec<NodeStatus>, ChainError> {
    let names = view.names(allocation).await?;
    let mut slots = Vec::new();
    for set in allocation.sets() {
        for status in view.statuses(set).await? {
            let filled = allocation.filled(&status.slot);
            let current = status.reported_at > 0
                && status.epoch == epoch.number
                && status.revision == head.revision
                && filled.is_some_and(|filled| filled.operator == status.operator);
            slots.push(NodeStatus {
                slot: status.slot,
                operator: filled.and_then(|filled| names.get(&filled.operator).cloned()),
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
    Ok(slots)
}

#[cfg(test)]
mod tests {
    use koinon_model::Epoch;
    use koinon_model::Revision;

    use super::*;

    fn status(nodes: Vec<NodeStatus>) -> ServiceStatus {
        ServiceStatus {
            service: Address::ZERO,
            head: Head { block: 1, revision: Revision(1), epoch: Epoch(1) },
            seed: None,
            overdue: None,
            slots: nodes.len() as u64,
            vacancies: 0,
            operators: Vec::new(),
            nodes,
        }
    }

    fn node(operator: Option<&str>, state: NodeState, current: bool) -> NodeStatus {
        NodeStatus {
            slot: "worker/0/0".parse().unwrap(),
            operator: operator.map(ToOwned::to_owned),
            unit: None,
            endpoint: String::new(),
            state,
            reason: String::new(),
            probe_milliseconds: 0,
            reported_at: 0,
            current,
        }
    }

    #[test]
    fn a_service_runs_if_every_filled_slot_is_reported_running() {
        let running = || node(Some("alice"), NodeState::Running, true);
        let vacant = || node(None, NodeState::Unknown, false);
        assert!(status(vec![running(), vacant()]).is_running());
        assert!(!status(vec![running(), node(Some("bob"), NodeState::Failed, true)]).is_running());
        assert!(!status(vec![node(Some("bob"), NodeState::Running, false)]).is_running());
        assert!(!status(vec![vacant()]).is_running());
        assert!(!status(vec![]).is_running());
    }
}

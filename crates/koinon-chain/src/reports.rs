//! Reports: what operators say of their nodes.

use alloy::primitives::Address;
use koinon_model::Epoch;
use koinon_model::NodeSet;
use koinon_model::NodeState;
use koinon_model::Report;
use koinon_model::Revision;
use koinon_model::Slot;
use serde::Serialize;

use crate::client::Contracts;
use crate::client::Sent;
use crate::client::View;
use crate::contracts::Templates;
use crate::error::ChainError;
use crate::wire::decode_state;
use crate::wire::encode_report;

/// The last report of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The slot.
    pub slot: Slot,
    /// Who reported.
    pub operator: Address,
    /// The epoch in force then.
    pub epoch: Epoch,
    /// The block of the report; 0: there is none.
    pub reported_at: u64,
    /// The revision the agent acted on.
    pub revision: Revision,
    /// The state.
    pub state: NodeState,
    /// Milliseconds the probe took.
    pub milliseconds: u32,
    /// Why.
    pub reason: String,
    /// `host:port`.
    pub endpoint: String,
}

impl Contracts {
    /// Reports per transaction: a report of the longest endpoint costs about 300,000 gas.
    const REPORTS: usize = 40;

    /// Reports on slots of the signing operator.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn report(&self, reports: &[Report]) -> Result<Vec<Sent>, ChainError> {
        let mut sent = Vec::new();
        for chunk in reports.chunks(Self::REPORTS) {
            let templates = self.templates();
            let call = templates.report(chunk.iter().map(encode_report).collect());
            sent.push(self.chain().send("report", call).await?.0);
        }
        Ok(sent)
    }
}

impl View<'_> {
    /// Returns the last reports of a node set's slots, by group and place.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn statuses(&self, set: &NodeSet) -> Result<Vec<Status>, ChainError> {
        let mut statuses = Vec::new();
        let groups = if set.size == 0 { 0 } else { set.groups };
        for group in 0..groups {
            let templates = self.contracts.templates();
            let call = templates.groupStatus(set.name.to_word(), group, set.size);
            let found = call.block(self.block).call().await;
            let found = found.map_err(|error| ChainError::call("read the reports", error))?;
            for (place, status) in (0..).zip(found) {
                let slot = Slot { set: set.name.clone(), group, place };
                statuses.push(decode_status(slot, status)?);
            }
        }
        Ok(statuses)
    }
}

fn decode_status(slot: Slot, status: Templates::Status) -> Result<Status, ChainError> {
    let end = status.reason.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    Ok(Status {
        slot,
        operator: status.operator,
        epoch: Epoch(status.epoch),
        reported_at: status.reportedAt,
        revision: Revision(status.revision),
        state: decode_state(status.state)?,
        milliseconds: status.milliseconds,
        reason: printable(&String::from_utf8_lossy(&status.reason[..end])),
        endpoint: printable(&status.endpoint),
    })
}

/// An operator writes what it likes: control characters would reach people's terminals.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}

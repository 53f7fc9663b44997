//! Reports: the states of nodes as their operators report them.

use alloy::primitives::Address;
use koinon_bindings::Templates;
use koinon_model::Epoch;
use koinon_model::NodeSet;
use koinon_model::NodeState;
use koinon_model::Report;
use koinon_model::Revision;
use koinon_model::Slot;
use serde::Serialize;

use crate::contracts::Contracts;
use crate::contracts::View;
use crate::error::ChainError;
use crate::send::SentTransaction;
use crate::text::printable;
use crate::text::word_text;
use crate::wire::decode_state;
use crate::wire::encode_report;

/// The last report of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotStatus {
    /// The slot.
    pub slot: Slot,
    /// The account that reported.
    pub operator: Address,
    /// The epoch in force at the report.
    pub epoch: Epoch,
    /// The block of the report; 0 if there is none.
    pub reported_at: u64,
    /// The revision the agent acted on.
    pub revision: Revision,
    /// The state of the node.
    pub state: NodeState,
    /// Milliseconds the probe took.
    pub milliseconds: u32,
    /// The reason of the state: a short word.
    pub reason: String,
    /// `host:port`.
    pub endpoint: String,
}

impl Contracts {
    /// A report of the longest endpoint costs about 300,000 gas.
    const REPORTS_PER_TRANSACTION: usize = 40;

    /// Reports on slots of the signing operator.
    ///
    /// # Errors
    /// As [`Chain::transfer`](crate::Chain::transfer).
    pub async fn report(&self, reports: &[Report]) -> Result<Vec<SentTransaction>, ChainError> {
        let mut sent = Vec::new();
        for chunk in reports.chunks(Self::REPORTS_PER_TRANSACTION) {
            let templates = self.templates();
            let call = templates.report(chunk.iter().map(encode_report).collect());
            sent.push(self.chain().send("report", call).await?);
        }
        Ok(sent)
    }
}

impl View<'_> {
    /// Returns the last reports of a node set's slots, by group and place.
    ///
    /// # Errors
    /// [`WireError::Unknown`](crate::WireError::Unknown) for a state this client does not know.
    pub async fn statuses(&self, set: &NodeSet) -> Result<Vec<SlotStatus>, ChainError> {
        let mut statuses = Vec::new();
        let groups = if set.size == 0 { 0 } else { set.groups };
        for group in 0..groups {
            let templates = self.contracts.templates();
            let reported = templates
                .groupStatus(set.name.to_word(), group, set.size)
                .block(self.block)
                .call()
                .await
                .map_err(|error| ChainError::call("read the reports", error))?;
            for (place, status) in (0..).zip(reported) {
                let slot = Slot { set: set.name.clone(), group, place };
                statuses.push(decode_status(slot, status)?);
            }
        }
        Ok(statuses)
    }
}

/// Decodes the last report of a slot. Operators write any text: it is made safe to show.
fn decode_status(slot: Slot, status: Templates::Status) -> Result<SlotStatus, ChainError> {
    Ok(SlotStatus {
        slot,
        operator: status.operator,
        epoch: Epoch(status.epoch),
        reported_at: status.reportedAt,
        revision: Revision(status.revision),
        state: decode_state(status.state)?,
        milliseconds: status.milliseconds,
        reason: word_text(status.reason),
        endpoint: printable(&status.endpoint),
    })
}

//! The way of a proposal from its vote to its execution, a step at a time.

use std::fmt;

use alloy::eips::BlockNumberOrTag;
use alloy::primitives::U256;
use alloy::providers::Provider;
use koinon_model::ContentChange;

use crate::contracts::Contracts;
use crate::error::ChainError;
use crate::proposal::Proposal;
use crate::proposal::ProposalState;

/// The result of one step of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposalStep {
    /// The vote or the timelock has not ended: try again later.
    Waiting,
    /// It was queued by this step; its timelock runs.
    Queued {
        /// The gas used.
        gas: u64,
    },
    /// It is executed.
    Executed {
        /// The gas used; 0 if it was executed before.
        gas: u64,
    },
    /// It can never be executed.
    Closed(ProposalState),
}

impl ProposalState {
    /// Returns whether the state never changes again.
    pub fn is_final(self) -> bool {
        match self {
            Self::Canceled | Self::Defeated | Self::Expired | Self::Executed => true,
            Self::Pending | Self::Active | Self::Succeeded | Self::Queued => false,
        }
    }
}

impl fmt::Display for ProposalState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Canceled => "canceled",
            Self::Defeated => "defeated",
            Self::Succeeded => "succeeded",
            Self::Queued => "queued",
            Self::Expired => "expired",
            Self::Executed => "executed",
        })
    }
}

impl Contracts {
    /// Finds a proposal by its id.
    ///
    /// # Errors
    /// [`ChainError::Rpc`] if the node cannot answer.
    pub async fn proposal(&self, id: U256) -> Result<Option<Proposal>, ChainError> {
        let proposals = self.proposals(0).await?;
        Ok(proposals.into_iter().find(|proposal| proposal.id == id))
    }

    /// Finds the newest proposal of exactly this change whose state can still change.
    ///
    /// # Errors
    /// [`ChainError::Rpc`] if the node cannot answer.
    pub async fn open_proposal(
        &self,
        change: &ContentChange,
    ) -> Result<Option<Proposal>, ChainError> {
        let mut newest = None;
        for proposal in self.proposals(0).await? {
            if !proposal.change(self).is_ok_and(|proposed| proposed == *change) {
                continue;
            }
            if !self.proposal_state(proposal.id).await?.is_final() {
                newest = Some(proposal);
            }
        }
        Ok(newest)
    }

    /// Takes the next step of a proposal that is possible now: queues or executes it.
    ///
    /// # Errors
    /// [`ChainError::Reverted`] if somebody else took the step first, or if the change can no
    /// longer be applied.
    pub async fn advance_proposal(&self, proposal: &Proposal) -> Result<ProposalStep, ChainError> {
        match self.proposal_state(proposal.id).await? {
            ProposalState::Pending | ProposalState::Active => Ok(ProposalStep::Waiting),
            ProposalState::Succeeded => {
                Ok(ProposalStep::Queued { gas: self.queue(proposal).await?.gas })
            }
            ProposalState::Queued => {
                if self.block_time().await? < self.proposal_eta(proposal.id).await? {
                    return Ok(ProposalStep::Waiting);
                }
                Ok(ProposalStep::Executed { gas: self.execute(proposal).await?.gas })
            }
            ProposalState::Executed => Ok(ProposalStep::Executed { gas: 0 }),
            state
            @ (ProposalState::Canceled | ProposalState::Defeated | ProposalState::Expired) => {
                Ok(ProposalStep::Closed(state))
            }
        }
    }

    /// Returns the time of the newest block, in seconds since the Unix epoch.
    async fn block_time(&self) -> Result<u64, ChainError> {
        let block = self.chain().provider().get_block_by_number(BlockNumberOrTag::Latest).await;
        let block = block.map_err(|error| ChainError::rpc("read the newest block", error))?;
        // Every chain has a newest block; a node that knows none has not begun, so time has not.
        Ok(block.map_or(0, |block| block.header.timestamp))
    }
}

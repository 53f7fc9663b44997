//! Proposals: from a change to its execution.

use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::primitives::U256;
use alloy::rpc::types::Filter;
use alloy::rpc::types::TransactionReceipt;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use alloy::sol_types::SolEvent;
use koinon_bindings::Core;
use koinon_bindings::Governance;
use koinon_bindings::Governance::GovernanceErrors;
use koinon_model::ContentChange;
use koinon_model::Governance as GovernanceSettings;
use koinon_model::keccak256;
use serde::Serialize;

use crate::client::Chain;
use crate::contracts::Contracts;
use crate::error::ChainError;
use crate::registry::ServiceContract;
use crate::revert::Revert;
use crate::send::MAX_GAS;
use crate::send::Pipeline;
use crate::send::SentTransaction;
use crate::wire::WireError;
use crate::wire::decode_change;
use crate::wire::encode_change;

/// Gas of an execution besides the update.
const EXECUTION_GAS: u64 = 150_000;

/// A proposal as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its number: the governor's hash of its calls and its description.
    pub id: U256,
    /// The account that proposed it.
    pub proposer: Address,
    /// Its text, as the proposer wrote it.
    pub description: String,
    /// The block it was made in.
    pub block: u64,
    /// The block after which votes count.
    pub vote_start: u64,
    /// The last block to vote in.
    pub vote_end: u64,
    targets: Vec<Address>,
    values: Vec<U256>,
    calls: Vec<Bytes>,
}

/// The state of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProposalState {
    /// The vote has not begun.
    Pending,
    /// It can be voted on.
    Active,
    /// Its proposer withdrew it.
    Canceled,
    /// More stake voted against than for, or the quorum was missed.
    Defeated,
    /// More stake voted for; it can be queued.
    Succeeded,
    /// It waits for the timelock.
    Queued,
    /// It was not executed in time.
    Expired,
    /// It was executed.
    Executed,
}

/// A vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Vote {
    /// Against.
    Against,
    /// For.
    For,
    /// Neither, but it counts for the quorum.
    Abstain,
}

/// The stake that voted on a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProposalVotes {
    /// Against.
    pub against: U256,
    /// For.
    pub in_favor: U256,
    /// Neither, but it counts for the quorum.
    pub abstain: U256,
}

impl Proposal {
    fn from_event(event: &Governance::ProposalCreated, block: u64) -> Self {
        Self {
            id: event.proposalId,
            proposer: event.proposer,
            description: event.description.clone(),
            block,
            vote_start: event.voteStart.saturating_to(),
            vote_end: event.voteEnd.saturating_to(),
            targets: event.targets.clone(),
            values: event.values.clone(),
            calls: event.calldatas.clone(),
        }
    }

    /// Returns the change it proposes.
    ///
    /// # Errors
    /// [`WireError::ForeignCalls`] if it proposes anything but one change of `contracts`;
    /// [`WireError::Ambiguous`], [`WireError::Name`], [`WireError::Parameter`] and
    /// [`WireError::Unknown`] for a change that does not decode.
    pub fn change(&self, contracts: &Contracts) -> Result<ContentChange, WireError> {
        let foreign = || WireError::ForeignCalls(self.calls.len());
        let ([target], [call]) = (&self.targets[..], &self.calls[..]) else {
            return Err(foreign());
        };
        match Core::updateCall::abi_decode(call) {
            Ok(update) if *target == contracts.core => decode_change(&update.change),
            Ok(_) | Err(_) => Err(foreign()),
        }
    }

    fn description_hash(&self) -> B256 {
        keccak256(self.description.as_bytes())
    }
}

impl Contracts {
    /// Proposes a change; its objects must have been published.
    ///
    /// # Errors
    /// As [`Chain::transfer`]; [`ChainError::TooLarge`] for a change that could never be executed;
    /// [`WireError::Short`] if the governor did not emit the proposal.
    pub async fn propose(
        &self,
        change: &ContentChange,
        description: &str,
    ) -> Result<(Proposal, SentTransaction), ChainError> {
        let mut pipeline = self.chain().pipeline();
        self.propose_in(&mut pipeline, change, description).await?;
        self.proposed(pipeline.finish().await?)
    }

    /// Sends what proposes a change.
    pub(crate) async fn propose_in(
        &self,
        pipeline: &mut Pipeline<'_>,
        change: &ContentChange,
        description: &str,
    ) -> Result<(), ChainError> {
        let execution = self.update_request(change);
        let execution = execution.from(self.address(ServiceContract::Timelock));
        // The governor and the timelock, which call Core, need some too.
        let needed = pipeline.gas_of(execution).await.map(|gas| gas.saturating_add(EXECUTION_GAS));
        if needed.is_some_and(|needed| needed > MAX_GAS) {
            return Err(ChainError::TooLarge { objects: change.edits.len(), limit: MAX_GAS });
        }
        let call = Core::updateCall { change: encode_change(change) }.abi_encode();
        let request = self
            .governance()
            .propose(vec![self.core], vec![U256::ZERO], vec![call.into()], description.to_owned())
            .into_transaction_request();
        pipeline.send("propose", request, Chain::GAS_MARGIN).await
    }

    /// Reads the proposal out of the receipt of the last transaction, which made it.
    pub(crate) fn proposed(
        &self,
        mut sent: Vec<(SentTransaction, TransactionReceipt)>,
    ) -> Result<(Proposal, SentTransaction), ChainError> {
        let missing = || WireError::Short { got: 0, expected: 1 };
        let (sent, receipt) = sent.pop().ok_or_else(missing)?;
        let created = receipt.logs().iter().find_map(|log| {
            // Logs of other contracts and other events are passed over.
            let event = Governance::ProposalCreated::decode_log(&log.inner).ok()?;
            Some(Proposal::from_event(&event, sent.block))
        });
        Ok((created.ok_or_else(missing)?, sent))
    }

    /// Applies a change directly, as an admin of every module it touches.
    ///
    /// # Errors
    /// As [`Chain::transfer`].
    pub async fn update(&self, change: &ContentChange) -> Result<SentTransaction, ChainError> {
        let (request, margin) = (self.update_request(change), gas_margin(change));
        let sent = self.chain().send_with_margin("update the service", request, margin).await?;
        Ok(sent.0)
    }

    /// Returns the transaction that applies a change directly, for callers that sign and send it
    /// themselves. Transactions earlier in its block can raise its gas above the estimate:
    /// [`Contracts::update`] leaves a margin for that.
    pub fn update_request(&self, change: &ContentChange) -> TransactionRequest {
        self.core().update(encode_change(change)).into_transaction_request()
    }

    /// Votes on a proposal with the stake that the signing account had when the vote began.
    ///
    /// # Errors
    /// [`ChainError::NotOpen`] before the vote begins and after it ends; otherwise as
    /// [`Chain::transfer`].
    pub async fn vote(&self, id: U256, vote: Vote) -> Result<SentTransaction, ChainError> {
        let support = match vote {
            Vote::Against => 0,
            Vote::For => 1,
            Vote::Abstain => 2,
        };
        match self.chain().send("vote", self.governance().castVote(id, support)).await {
            Err(ChainError::Reverted { action, revert }) => {
                let not_open = self.explain_closed_vote(id, &revert).await;
                Err(not_open.unwrap_or(ChainError::Reverted { action, revert }))
            }
            sent => sent,
        }
    }

    /// Returns when the proposal opens or closed, if that is why the governor rejected a vote.
    /// Returns `None` if a request fails too: the governor's reason is the better message then.
    async fn explain_closed_vote(&self, id: U256, revert: &Revert) -> Option<ChainError> {
        let Revert::Governance(error) = revert else { return None };
        let GovernanceErrors::GovernorUnexpectedProposalState(state) = &**error else {
            return None;
        };
        // A proposal that was withdrawn never opens, whatever its blocks say.
        if state.current == ProposalState::Canceled as u8 {
            return None;
        }
        let opens: u64 = self.governance().proposalSnapshot(id).call().await.ok()?.saturating_to();
        let closes: u64 = self.governance().proposalDeadline(id).call().await.ok()?.saturating_to();
        let now = self.chain().block_number().await.ok()?;
        let outside = now <= opens || now > closes;
        outside.then(|| ChainError::NotOpen { id, opens, closes, now, revert: revert.clone() })
    }

    /// Queues a proposal that succeeded; the timelock starts.
    ///
    /// # Errors
    /// As [`Chain::transfer`].
    pub async fn queue(&self, proposal: &Proposal) -> Result<SentTransaction, ChainError> {
        let (targets, values, calls) =
            (proposal.targets.clone(), proposal.values.clone(), proposal.calls.clone());
        // The governor has `queue` by id too; this is the function of the standard interface.
        let governor = self.governance();
        let call = governor.queue(targets, values, calls, proposal.description_hash());
        self.chain().send("queue the proposal", call).await
    }

    /// Executes a proposal whose timelock has passed.
    ///
    /// # Errors
    /// As [`Chain::transfer`].
    pub async fn execute(&self, proposal: &Proposal) -> Result<SentTransaction, ChainError> {
        let (targets, values, calls) =
            (proposal.targets.clone(), proposal.values.clone(), proposal.calls.clone());
        let governor = self.governance();
        let call = governor.execute(targets, values, calls, proposal.description_hash());
        let request = call.into_transaction_request();
        // A proposal that is not a change of this service moves none of its objects.
        let margin = proposal.change(self).map_or(Chain::GAS_MARGIN, |change| gas_margin(&change));
        Ok(self.chain().send_with_margin("execute the proposal", request, margin).await?.0)
    }

    /// Returns the state of a proposal.
    ///
    /// # Errors
    /// [`ChainError::Reverted`] if there is no such proposal; [`WireError::Unknown`].
    pub async fn proposal_state(&self, id: U256) -> Result<ProposalState, ChainError> {
        let state = self
            .governance()
            .state(id)
            .call()
            .await
            .map_err(|error| ChainError::call("read the proposal's state", error))?;
        match state {
            0 => Ok(ProposalState::Pending),
            1 => Ok(ProposalState::Active),
            2 => Ok(ProposalState::Canceled),
            3 => Ok(ProposalState::Defeated),
            4 => Ok(ProposalState::Succeeded),
            5 => Ok(ProposalState::Queued),
            6 => Ok(ProposalState::Expired),
            7 => Ok(ProposalState::Executed),
            number => Err(WireError::Unknown { what: "proposal state", number }.into()),
        }
    }

    /// Returns the stake that voted so far.
    ///
    /// # Errors
    /// [`ChainError::Rpc`].
    pub async fn proposal_votes(&self, id: U256) -> Result<ProposalVotes, ChainError> {
        let votes = self
            .governance()
            .proposalVotes(id)
            .call()
            .await
            .map_err(|error| ChainError::call("read the proposal's votes", error))?;
        Ok(ProposalVotes {
            against: votes.againstVotes,
            in_favor: votes.forVotes,
            abstain: votes.abstainVotes,
        })
    }

    /// Returns whether the account has voted on the proposal.
    ///
    /// # Errors
    /// [`ChainError::Rpc`].
    pub async fn has_voted(&self, id: U256, account: Address) -> Result<bool, ChainError> {
        let voted = self.governance().hasVoted(id, account).call().await;
        voted.map_err(|error| ChainError::call("read who voted", error))
    }

    /// Returns when the proposal's timelock ends, in seconds since the Unix epoch; 0 if it is not
    /// queued.
    ///
    /// # Errors
    /// [`ChainError::Rpc`].
    pub async fn proposal_eta(&self, id: U256) -> Result<u64, ChainError> {
        let eta = self
            .governance()
            .proposalEta(id)
            .call()
            .await
            .map_err(|error| ChainError::call("read the proposal's timelock", error))?;
        Ok(eta.saturating_to())
    }

    /// Returns the rules of votes in force.
    ///
    /// # Errors
    /// [`ChainError::Rpc`].
    pub async fn governance_settings(&self) -> Result<GovernanceSettings, ChainError> {
        let failed = |error| ChainError::call("read how the service is governed", error);
        let governor = self.governance();
        let voting_delay = governor.votingDelay().call().await.map_err(failed)?;
        let voting_period = governor.votingPeriod().call().await.map_err(failed)?;
        let proposal_threshold = governor.proposalThreshold().call().await.map_err(failed)?;
        let quorum = governor.quorumNumerator_1().call().await.map_err(failed)?;
        let timelock = self.timelock().getMinDelay().call().await.map_err(failed)?;
        let unbonding = self.stake().unbondingBlocks().call().await.map_err(failed)?;
        Ok(GovernanceSettings {
            voting_delay: voting_delay.saturating_to(),
            voting_period: voting_period.saturating_to(),
            proposal_threshold: proposal_threshold.saturating_to(),
            quorum: quorum.saturating_to(),
            timelock: timelock.saturating_to(),
            unbonding: unbonding.saturating_to(),
        })
    }

    /// Returns all proposals made from block `from` on, oldest first; 0 for all there are.
    ///
    /// # Errors
    /// [`ChainError::Rpc`].
    pub async fn proposals(&self, from: u64) -> Result<Vec<Proposal>, ChainError> {
        let filter = Filter::new()
            .address(self.address(ServiceContract::Governance))
            .event_signature(Governance::ProposalCreated::SIGNATURE_HASH);
        let newest = self.chain().block_number().await?;
        let from = if from == 0 { self.created_at().await? } else { from };
        let logs = self.chain().logs("read the proposals", &filter, from..=newest).await?;
        let decoded = logs.iter().filter_map(|log| {
            // A governor of other code can emit other data, and a pending log has no block: neither
            // is a proposal to vote on.
            let event = Governance::ProposalCreated::decode_log(&log.inner).ok()?;
            Some(Proposal::from_event(&event, log.block_number?))
        });
        Ok(decoded.collect())
    }
}

/// Returns the gas by which updates earlier in its block can make a change dearer: a new object may
/// find a place under which no inner Merkle node is written yet, at 17,100 more for each level; 14
/// levels are 16,384 objects in a module.
pub(crate) fn gas_margin(change: &ContentChange) -> u64 {
    Chain::GAS_MARGIN + 14 * 17_100 * change.modules().len() as u64
}

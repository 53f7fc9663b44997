//! Proposals: from a change to its execution.

use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use alloy::sol_types::SolEvent;
use koinon_model::Change;
use koinon_model::Governance as GovernanceSettings;
use koinon_model::keccak256;
use serde::Serialize;

use crate::client::Chain;
use crate::client::Contracts;
use crate::client::Sent;
use crate::contracts::Core;
use crate::contracts::Governance;
use crate::error::ChainError;
use crate::wire::WireError;
use crate::wire::decode_change;
use crate::wire::encode_change;

/// A proposal as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its number: the governor's hash of everything below.
    pub id: U256,
    /// Who proposed.
    pub proposer: Address,
    /// What for.
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

/// Where a proposal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProposalState {
    /// The vote has not begun.
    Pending,
    /// It can be voted on.
    Active,
    /// Its proposer took it back.
    Canceled,
    /// It was voted down, or the quorum was missed.
    Defeated,
    /// It was voted for and waits to be queued.
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

impl Proposal {
    /// Returns the change it proposes.
    ///
    /// # Errors
    /// [`WireError::ForeignCalls`] if it proposes anything but one change of `contracts`.
    pub fn change(&self, contracts: &Contracts) -> Result<Change, WireError> {
        let foreign = || WireError::ForeignCalls(self.calls.len());
        let ([target], [call]) = (&self.targets[..], &self.calls[..]) else {
            return Err(foreign());
        };
        let decoded = Core::updateCall::abi_decode(call);
        match decoded {
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
    /// [`ChainError`].
    pub async fn propose(
        &self,
        change: &Change,
        description: &str,
    ) -> Result<(Proposal, Sent), ChainError> {
        let call = Core::updateCall { change: encode_change(change) }.abi_encode();
        let (targets, values, calls) = (vec![self.core], vec![U256::ZERO], vec![call.into()]);
        let governor = self.governance();
        let call = governor.propose(targets, values, calls, description.to_owned());
        let (sent, receipt) = self.chain().send("propose", call).await?;
        let created = receipt.logs().iter().find_map(|log| {
            let event = Governance::ProposalCreated::decode_log(&log.inner).ok()?;
            Some(proposal(&event, sent.block))
        });
        let missing = WireError::Short { got: 0, expected: 1 };
        Ok((created.ok_or(missing)?, sent))
    }

    /// Applies a change directly, as an admin of every module it touches.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn update(&self, change: &Change) -> Result<Sent, ChainError> {
        let request = self.update_request(change);
        let sent = self.chain().send_with_room("update the service", request, room(change)).await?;
        Ok(sent.0)
    }

    /// Returns the transaction that applies a change directly, for whoever signs and sends it themselves. Others before it
    /// in its block can make it dearer than estimated: see [`Contracts::update`], which leaves room for that.
    pub fn update_request(&self, change: &Change) -> TransactionRequest {
        self.core().update(encode_change(change)).into_transaction_request()
    }

    /// Votes on a proposal with the stake the signing account had when its vote began.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn vote(&self, id: U256, vote: Vote) -> Result<Sent, ChainError> {
        let support = match vote {
            Vote::Against => 0,
            Vote::For => 1,
            Vote::Abstain => 2,
        };
        Ok(self.chain().send("vote", self.governance().castVote(id, support)).await?.0)
    }

    /// Queues a proposal that was voted for; the timelock starts.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn queue(&self, proposal: &Proposal) -> Result<Sent, ChainError> {
        let (targets, values, calls) =
            (proposal.targets.clone(), proposal.values.clone(), proposal.calls.clone());
        // The governor has `queue` by id too; this is the one of the standard interface.
        let governor = self.governance();
        let call = governor.queue(targets, values, calls, proposal.description_hash());
        Ok(self.chain().send("queue the proposal", call).await?.0)
    }

    /// Executes a proposal whose timelock has passed.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn execute(&self, proposal: &Proposal) -> Result<Sent, ChainError> {
        let (targets, values, calls) =
            (proposal.targets.clone(), proposal.values.clone(), proposal.calls.clone());
        let governor = self.governance();
        let call = governor.execute(targets, values, calls, proposal.description_hash());
        let request = call.into_transaction_request();
        // What is not a change of this service moves no objects of it.
        let room = proposal.change(self).map_or(Chain::ROOM, |change| room(&change));
        Ok(self.chain().send_with_room("execute the proposal", request, room).await?.0)
    }

    /// Returns where a proposal stands.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn proposal_state(&self, id: U256) -> Result<ProposalState, ChainError> {
        let state = self.governance().state(id).call().await;
        match state.map_err(|error| ChainError::call("read the proposal's state", error))? {
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

    /// Returns the votes cast: against, for, abstain.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn proposal_votes(&self, id: U256) -> Result<[U256; 3], ChainError> {
        let votes = self.governance().proposalVotes(id).call().await;
        let votes = votes.map_err(|error| ChainError::call("read the proposal's votes", error))?;
        Ok([votes.againstVotes, votes.forVotes, votes.abstainVotes])
    }

    /// Returns whether the account has voted on the proposal.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn has_voted(&self, id: U256, account: Address) -> Result<bool, ChainError> {
        let voted = self.governance().hasVoted(id, account).call().await;
        voted.map_err(|error| ChainError::call("read who voted", error))
    }

    /// Returns when the proposal's timelock ends, in seconds since the Unix epoch; 0 if it is not queued.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn proposal_eta(&self, id: U256) -> Result<u64, ChainError> {
        let eta = self.governance().proposalEta(id).call().await;
        let eta = eta.map_err(|error| ChainError::call("read the proposal's timelock", error))?;
        Ok(eta.saturating_to())
    }

    /// Returns how the service is governed now.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn governance_settings(&self) -> Result<GovernanceSettings, ChainError> {
        let failed = |error| ChainError::call("read how the service is governed", error);
        let governor = self.governance();
        let quorum = governor.quorumNumerator_1().call().await.map_err(failed)?;
        Ok(GovernanceSettings {
            voting_delay: governor.votingDelay().call().await.map_err(failed)?.saturating_to(),
            voting_period: governor.votingPeriod().call().await.map_err(failed)?.saturating_to(),
            proposal_threshold: governor
                .proposalThreshold()
                .call()
                .await
                .map_err(failed)?
                .saturating_to(),
            quorum: quorum.saturating_to(),
            timelock: self.timelock().getMinDelay().call().await.map_err(failed)?.saturating_to(),
            unbonding: self.stake().unbondingBlocks().call().await.map_err(failed)?.saturating_to(),
        })
    }

    /// Returns all proposals made from block `from` on, oldest first.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn proposals(&self, from: u64) -> Result<Vec<Proposal>, ChainError> {
        let filter = Filter::new()
            .address(self.governance)
            .event_signature(Governance::ProposalCreated::SIGNATURE_HASH)
            .from_block(from);
        let logs = self.chain().provider().get_logs(&filter).await;
        let logs = logs.map_err(|error| ChainError::rpc("read the proposals", error))?;
        let decoded = logs.iter().filter_map(|log| {
            let event = Governance::ProposalCreated::decode_log(&log.inner).ok()?;
            Some(proposal(&event, log.block_number?))
        });
        Ok(decoded.collect())
    }
}

/// Gas by which updates before it in its block can make a change dearer: a new object may find a place under which no
/// inner Merkle node is written yet, at 17,100 more for each level; 14 levels are 16,384 objects in a module.
fn room(change: &Change) -> u64 {
    Chain::ROOM + 14 * 17_100 * change.modules().len() as u64
}

fn proposal(event: &Governance::ProposalCreated, block: u64) -> Proposal {
    Proposal {
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

//! `koinon execute`: queues and executes a proposal that was voted for.

use std::time::Duration;

use alloy::eips::BlockNumberOrTag;
use alloy::primitives::U256;
use alloy::providers::Provider;
use clap::Args;
use koinon_chain::ChainError;
use koinon_chain::Contracts;
use koinon_chain::Proposal;
use koinon_chain::ProposalState;
use serde_json::json;

use super::proposal::find;
use crate::error::CommandError;
use crate::error::Outcome;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::ui::Ui;

#[derive(Args, Debug)]
pub(crate) struct ExecuteArgs {
    /// The proposal's number
    proposal: U256,

    #[command(flatten)]
    network: NetworkArgs,

    /// Queue it if need be, but do not wait for the end of the vote or the timelock
    #[arg(long)]
    no_wait: bool,
}

pub(crate) async fn run(ui: Ui, args: ExecuteArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::Yes).await?;
    let proposal = find(&contracts, args.proposal).await?;
    let gas = if args.no_wait {
        step(&contracts, &proposal).await?.0
    } else {
        execute(&contracts, &proposal).await?
    };
    let state = contracts.proposal_state(proposal.id).await?;
    let revision = contracts.now().revision().await?;
    if ui.json {
        ui.json(
            &json!({ "proposal": proposal.id.to_string(), "state": state, "revision": revision, "gas": gas }),
        );
    } else {
        ui.say(&format!("the proposal is {}; the service is at revision {revision}", word(state)));
    }
    Ok(())
}

/// Brings a proposal from its vote to its execution, waiting as long as it takes. Returns the gas.
pub(super) async fn execute(contracts: &Contracts, proposal: &Proposal) -> Outcome<u64> {
    let mut gas = 0;
    loop {
        let (used, pause) = step(contracts, proposal).await?;
        gas += used;
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Ok(gas),
        }
    }
}

/// Does what can be done now. Returns the gas, and how long to wait before the next step; `None` when it is executed.
async fn step(contracts: &Contracts, proposal: &Proposal) -> Outcome<(u64, Option<Duration>)> {
    const LOOK: Duration = Duration::from_millis(50);
    match contracts.proposal_state(proposal.id).await? {
        ProposalState::Pending | ProposalState::Active => Ok((0, Some(LOOK))),
        ProposalState::Succeeded => {
            Ok((contracts.queue(proposal).await?.gas, Some(Duration::ZERO)))
        }
        ProposalState::Queued => {
            let eta = contracts.proposal_eta(proposal.id).await?;
            if block_time(contracts).await? < eta {
                return Ok((0, Some(LOOK)));
            }
            Ok((contracts.execute(proposal).await?.gas, None))
        }
        ProposalState::Executed => Ok((0, None)),
        state @ (ProposalState::Canceled | ProposalState::Defeated | ProposalState::Expired) => {
            let error = CommandError::failed(format!("the proposal is {}", word(state)));
            Err(error.hint(format!("see `koinon proposal show {}`", proposal.id)))
        }
    }
}

async fn block_time(contracts: &Contracts) -> Outcome<u64> {
    let block = contracts.chain().provider().get_block_by_number(BlockNumberOrTag::Latest).await;
    let block = block
        .map_err(|source| ChainError::Rpc { action: "read the newest block".to_owned(), source })?;
    Ok(block.map_or(0, |block| block.header.timestamp))
}

pub(super) fn word(state: ProposalState) -> &'static str {
    match state {
        ProposalState::Pending => "pending",
        ProposalState::Active => "active",
        ProposalState::Canceled => "canceled",
        ProposalState::Defeated => "defeated",
        ProposalState::Succeeded => "succeeded",
        ProposalState::Queued => "queued",
        ProposalState::Expired => "expired",
        ProposalState::Executed => "executed",
    }
}

//! Proposals, from a draft to their execution.

use std::time::Duration;

use koinon_chain::Contracts;
use koinon_chain::Draft;
use koinon_chain::Proposal;
use koinon_chain::ProposalStep;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use serde_json::json;

use crate::network::Signing;
use crate::show::change::change_to_json;
use crate::show::change::show_change;
use crate::show::change::show_moves;
use crate::show::proposal::show_proposed;

/// Pause between two attempts at the next step.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Whether a change is sent or only shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    Send,
    DryRun,
}

impl Sending {
    /// Returns whether the command needs a signer.
    pub(crate) fn signing(self) -> Signing {
        match self {
            Self::Send => Signing::Yes,
            Self::DryRun => Signing::No,
        }
    }
}

/// Whether to wait for the vote and the timelock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitForVote {
    Yes,
    No,
}

/// Shows the draft and, unless it is a dry run or changes nothing, proposes it.
pub(crate) async fn propose_draft(
    ui: Ui,
    contracts: &Contracts,
    draft: &Draft,
    description: &str,
    sending: Sending,
) -> Outcome {
    if !ui.json {
        show_change(ui, &draft.change, &draft.old, &draft.new);
        if let Some(moves) = draft.moves(contracts).await? {
            show_moves(ui, &moves);
        }
    }
    if draft.change.is_empty() || sending == Sending::DryRun {
        let text = if sending == Sending::DryRun {
            "dry run: nothing was sent"
        } else {
            "nothing differs: no proposal was made"
        };
        ui.say(text);
        if ui.json {
            ui.json(&json!({ "proposal": null, "change": change_to_json(&draft.change) }));
        }
        return Ok(());
    }
    let proposed = contracts.propose_change(draft, description).await?;
    show_proposed(ui, draft, &proposed);
    Ok(())
}

/// Brings a proposal from its vote to its execution, or only takes the next step. Returns the gas.
pub(crate) async fn execute_proposal(
    contracts: &Contracts,
    proposal: &Proposal,
    wait: WaitForVote,
) -> Outcome<u64> {
    let mut total = 0;
    loop {
        match contracts.advance_proposal(proposal).await? {
            ProposalStep::Executed { gas } => return Ok(total + gas),
            ProposalStep::Queued { gas } => total += gas,
            ProposalStep::Waiting if wait == WaitForVote::Yes => {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            ProposalStep::Waiting => {}
            ProposalStep::Closed(state) => {
                let error = CommandError::failed(format!("the proposal is {state}"));
                return Err(error.hint(format!("see `koinon proposal show {}`", proposal.id)));
            }
        }
        if wait == WaitForVote::No {
            return Ok(total);
        }
    }
}

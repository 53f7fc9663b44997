//! Proposals as people and programs read them.

use koinon_chain::Draft;
use koinon_chain::Proposed;
use koinon_command::Ui;
use serde_json::json;

use super::change::change_to_json;

/// Prints a new proposal and the next step.
pub(crate) fn show_proposed(ui: Ui, draft: &Draft, proposed: &Proposed) {
    let Proposed { proposal, gas } = proposed;
    if ui.json {
        ui.json(&json!({
            "proposal": proposal.id.to_string(),
            "vote_start": proposal.vote_start,
            "vote_end": proposal.vote_end,
            "gas": gas,
            "change": change_to_json(&draft.change),
        }));
        return;
    }
    let (first, last) = (proposal.vote_start + 1, proposal.vote_end);
    ui.line(&proposal.id.to_string());
    ui.say(&format!("the vote lasts from block {first} to {last}"));
    ui.say(&format!("next: koinon vote {} for", proposal.id));
}

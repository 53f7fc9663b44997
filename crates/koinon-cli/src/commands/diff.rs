//! `koinon diff`: what a template would change, and the allocation that would follow.

use clap::Args;
use serde_json::json;

use crate::change::Draft;
use crate::change::Moves;
use crate::change::current;
use crate::change::to_json;
use crate::error::Outcome;
use crate::files::TemplateArgs;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::ui::Ui;

#[derive(Args, Debug)]
#[command(
    after_help = "Inputs that stand for what a machine has (such as certificates) keep their values on chain.

Example:\n  koinon diff examples/sharding-network --input shards=5"
)]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    template: TemplateArgs,

    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(ui: Ui, args: DiffArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    let (head, content, service) = current(&contracts).await?;
    let compiled = args.template.compile_for(service.as_ref())?;
    let draft = Draft::new(head, content, &compiled)?;
    let moves = draft.moves(&contracts).await?;
    if ui.json {
        ui.json(&json!({
            "revision": head.revision,
            "block": head.block,
            "change": to_json(&draft.change),
            "allocation": moves,
        }));
        return Ok(());
    }
    if draft.change.is_empty() {
        ui.say(&format!("nothing differs from revision {}", head.revision));
        return Ok(());
    }
    draft.show(ui);
    if let Some(moves) = &moves {
        show_moves(ui, moves);
    }
    Ok(())
}

/// Shows what becomes of the allocation.
pub(super) fn show_moves(ui: Ui, moves: &Moves) {
    let [before, after] = moves.slots;
    ui.line(&format!(
        "allocation: {before} slots → {after}, {} stay with their operator",
        moves.unmoved
    ));
    for (name, [before, after]) in &moves.operators {
        ui.line(&format!("    {name}: {before} nodes → {after}"));
    }
    if moves.vacancies[1] > 0 {
        ui.line(&format!(
            "    {} slots stay vacant: the operators have too few units",
            moves.vacancies[1]
        ));
    }
    if moves.next_deal {
        ui.line("    bans take effect with the deal of the next epoch");
    }
}

//! `koinon diff`.

use clap::Args;
use koinon_command::Outcome;
use koinon_command::TemplateArgs;
use koinon_command::Ui;
use serde_json::json;

use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::on_chain::read_service_on_chain;
use crate::show::change::change_to_json;
use crate::show::change::show_change;
use crate::show::change::show_moves;

#[derive(Args, Debug)]
#[command(
    after_help = "Inputs with values of one machine, such as certificates, keep their values on chain.

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
    let on_chain = read_service_on_chain(ui, &contracts).await?;
    let compiled = args.template.compile_for(on_chain.service.as_ref())?;
    let draft = on_chain.draft(&compiled)?;
    let moves = draft.moves(&contracts).await?;
    if ui.json {
        ui.json(&json!({
            "revision": draft.head.revision,
            "block": draft.head.block,
            "change": change_to_json(&draft.change),
            "allocation": moves,
        }));
        return Ok(());
    }
    if draft.change.is_empty() {
        ui.say(&format!("nothing differs from revision {}", draft.head.revision));
        return Ok(());
    }
    show_change(ui, &draft.change, &draft.old, &draft.new);
    if let Some(moves) = &moves {
        show_moves(ui, moves);
    }
    Ok(())
}

//! `koinon import`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use koinon_command::Outcome;
use koinon_command::TemplateArgs;
use koinon_command::Ui;
use serde_json::json;

use crate::network::NetworkArgs;
use crate::on_chain::read_service_on_chain;
use crate::proposal::Sending;
use crate::proposal::propose_draft;
use crate::show::change::change_to_json;
use crate::show::change::show_change;

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  koinon import service.yaml --as alice --dry-run")]
pub(crate) struct ImportArgs {
    /// The document
    document: PathBuf,

    #[command(flatten)]
    network: NetworkArgs,

    /// Text for the voters
    #[arg(long, default_value = "", value_name = "TEXT")]
    description: String,

    /// Show the change and send nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(ui: Ui, args: ImportArgs) -> Outcome {
    let service = TemplateArgs::at(args.document).compile(BTreeMap::new())?;
    let sending = if args.dry_run { Sending::DryRun } else { Sending::Send };
    let contracts = args.network.contracts(sending.signing()).await?;
    let draft = read_service_on_chain(ui, &contracts).await?.draft(&service)?;
    let sender = contracts.chain().sender();
    let direct = sender.is_some_and(|sender| draft.may_be_applied_by(sender));
    if !direct || sending == Sending::DryRun || draft.change.is_empty() {
        return propose_draft(ui, &contracts, &draft, &args.description, sending).await;
    }
    let sent = contracts.publish_and_update(draft.objects(), &draft.change).await?;
    let gas: u64 = sent.iter().map(|sent| sent.gas).sum();
    let block = sent.last().expect("BUG: the update is the last transaction").block;
    let revision = contracts.at(block).revision().await?;
    if ui.json {
        let change = change_to_json(&draft.change);
        ui.json(&json!({ "revision": revision, "gas": gas, "change": change }));
    } else {
        show_change(ui, &draft.change, &draft.old, &draft.new);
        ui.say(&format!("applied as revision {revision}"));
    }
    Ok(())
}

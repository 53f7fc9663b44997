//! `koinon import`: a document, such as `koinon export` wrote, as the content of a service.

use std::path::PathBuf;

use clap::Args;
use koinon_model::Content;
use serde_json::json;

use super::propose::propose_draft;
use crate::change::Draft;
use crate::change::current;
use crate::change::to_json;
use crate::error::Outcome;
use crate::files::TemplateArgs;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::ui::Ui;

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  koinon import service.yaml --as alice --dry-run")]
pub(crate) struct ImportArgs {
    /// The document
    document: PathBuf,

    #[command(flatten)]
    network: NetworkArgs,

    /// What the voters are told
    #[arg(long, default_value = "", value_name = "TEXT")]
    description: String,

    /// Show the change and send nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(ui: Ui, args: ImportArgs) -> Outcome {
    let template = TemplateArgs::at(args.document);
    let service = template.compile(std::collections::BTreeMap::new())?;
    let signing = if args.dry_run { Signing::No } else { Signing::Yes };
    let contracts = args.network.contracts(signing).await?;
    let (head, content, _) = current(&contracts).await?;
    let draft = Draft::new(head, content, &service)?;
    let sender = contracts.chain().sender();
    let direct = sender.is_some_and(|sender| is_admin(&draft.old, &draft, sender));
    if !direct || args.dry_run || draft.change.is_empty() {
        return propose_draft(ui, &contracts, &draft, &args.description, args.dry_run).await;
    }
    let published = contracts.publish(draft.objects()).await?;
    let sent = contracts.update(&draft.change).await?;
    let gas = published.iter().map(|sent| sent.gas).sum::<u64>() + sent.gas;
    let revision = contracts.at(sent.block).revision().await?;
    if ui.json {
        ui.json(&json!({ "revision": revision, "gas": gas, "change": to_json(&draft.change) }));
    } else {
        draft.show(ui);
        ui.say(&format!("applied as revision {revision}"));
    }
    Ok(())
}

/// Whether the account may update every module the change touches.
fn is_admin(content: &Content, draft: &Draft, account: alloy::primitives::Address) -> bool {
    draft.change.permissions.is_empty()
        && draft.change.modules().iter().all(|module| {
            content.permissions.get(module).is_some_and(|permission| match &permission.mode {
                koinon_model::Mode::Governance => false,
                koinon_model::Mode::Admins(admins) => admins.contains(&account),
            })
        })
}

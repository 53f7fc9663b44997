//! `koinon propose`.

use clap::Args;
use koinon_command::Outcome;
use koinon_command::TemplateArgs;
use koinon_command::Ui;

use crate::network::NetworkArgs;
use crate::on_chain::read_service_on_chain;
use crate::proposal::Sending;
use crate::proposal::propose_draft;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  koinon propose examples/sharding-network -I shards=5 --dry-run
  koinon propose examples/sharding-network -I shards=5 --as alice --description 'A fifth shard'")]
pub(crate) struct ProposeArgs {
    #[command(flatten)]
    template: TemplateArgs,

    #[command(flatten)]
    network: NetworkArgs,

    /// Text for the voters
    #[arg(long, default_value = "", value_name = "TEXT")]
    description: String,

    /// Show the change and send nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(ui: Ui, args: ProposeArgs) -> Outcome {
    let sending = if args.dry_run { Sending::DryRun } else { Sending::Send };
    let contracts = args.network.contracts(sending.signing()).await?;
    let on_chain = read_service_on_chain(ui, &contracts).await?;
    let compiled = args.template.compile_for(on_chain.service.as_ref())?;
    let draft = on_chain.draft(&compiled)?;
    propose_draft(ui, &contracts, &draft, &args.description, sending).await
}

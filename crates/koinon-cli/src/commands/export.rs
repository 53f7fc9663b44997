//! `koinon export`: the document a service has on chain.

use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use koinon_model::Module;
use koinon_model::Value;

use super::compile::Format;
use crate::error::CommandError;
use crate::error::Outcome;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::ui::Ui;

/// Export the document of a service, at any block
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  koinon export > service.yaml
  koinon export --format json --block 120
  koinon export --module topology")]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    network: NetworkArgs,

    /// The format of the document
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,

    /// The block to export at; without it the newest (older ones need a node that keeps their state)
    #[arg(long, value_name = "N")]
    block: Option<u64>,

    /// Export the objects of one module, by path
    #[arg(long, value_name = "MODULE")]
    module: Option<Module>,

    /// Write to a file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) async fn run(ui: Ui, args: ExportArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    let block = match args.block {
        Some(block) => block,
        None => contracts.chain().block_number().await?,
    };
    let view = contracts.at(block);
    let document = match args.module {
        Some(module) => {
            let objects = view.objects(module).await?.into_iter();
            let values = objects.map(|((_, path), object)| (path, object.value().clone()));
            values.collect::<Value>()
        }
        None => {
            let revision = view.revision().await.map_err(|error| {
                CommandError::from(error).hint(format!(
                    "did the service exist at block {block}, and does the node keep its state?"
                ))
            })?;
            if revision.0 == 0 {
                return Err(CommandError::failed(format!(
                    "the service has no revision at block {block}"
                )));
            }
            let content = view.content().await?;
            koinon_tosca::join(&content).context("the service's objects make no document")?
        }
    };
    let format = if ui.json { Format::Json } else { args.format };
    write(ui, &format.write(&document), args.output.as_deref())
}

/// Writes text to a file, or prints it.
pub(super) fn write(ui: Ui, text: &str, file: Option<&Path>) -> Outcome {
    match file {
        Some(file) => {
            let written = koinon_node::write_whole(file, text.as_bytes());
            Ok(written.with_context(|| format!("cannot write {}", file.display()))?)
        }
        None => {
            ui.raw(text);
            Ok(())
        }
    }
}

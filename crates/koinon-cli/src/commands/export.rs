//! `koinon export`: the document a service has on chain, or the files other TOSCA processors read it from.

use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use koinon_model::Module;
use koinon_model::Value;
use koinon_tosca::Exported;

use super::compile::Format;
use crate::error::CommandError;
use crate::error::Outcome;
use crate::files::TemplateArgs;
use crate::files::Version;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::ui::Ui;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  koinon export > service.yaml
  koinon export --format json --block 120
  koinon export --module topology
  koinon export --tosca 1.3 --output tosca          the service's file, and Koinon's profile in tosca/profiles
  koinon export examples/sharding-network --tosca 2.0 --output tosca")]
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

    /// Write to a file; with --tosca, into a directory
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write files of this version of TOSCA that other processors read
    #[arg(long, value_enum, value_name = "VERSION", conflicts_with_all = ["format", "module"])]
    tosca: Option<Version>,

    /// Export a template instead: a TOSCA file, or a directory with a template.yaml
    #[arg(requires = "tosca", conflicts_with = "block")]
    template: Option<PathBuf>,

    /// A YAML or JSON file with values of the template's inputs; later ones win
    #[arg(long, short, value_name = "FILE", requires = "template")]
    inputs: Vec<PathBuf>,

    /// One input value, as YAML; wins over files
    #[arg(long, short = 'I', value_name = "NAME=VALUE", requires = "template")]
    input: Vec<String>,

    /// Where imports of an address are read from instead of the network, which is never asked
    #[arg(long, value_name = "URL=DIRECTORY", requires = "template")]
    mirror: Vec<String>,
}

pub(crate) async fn run(ui: Ui, mut args: ExportArgs) -> Outcome {
    if let Some(template) = args.template.take() {
        let (inputs, input, mirror) = (args.inputs, args.input, args.mirror);
        let template = TemplateArgs { template, inputs, input, mirror };
        let (disk, root) = template.open()?;
        let document = koinon_tosca::document(&disk, &root, &template.values()?)?;
        return match args.tosca {
            Some(version) => write_tosca(ui, &document, version, args.output.as_deref()),
            None => Ok(()),
        };
    }
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
    if let Some(version) = args.tosca {
        return write_tosca(ui, &document, version, args.output.as_deref());
    }
    let format = if ui.json { Format::Json } else { args.format };
    write(ui, &format.write(&document), args.output.as_deref())
}

/// Writes the files of a document in a version of TOSCA into a directory; without one, prints the service's own.
fn write_tosca(ui: Ui, document: &Value, version: Version, directory: Option<&Path>) -> Outcome {
    let exported = koinon_tosca::export(document, version.into())?;
    for (path, text) in &exported.files {
        match directory {
            Some(directory) => {
                let file = directory.join(path);
                if let Some(parent) = file.parent() {
                    std::fs::create_dir_all(parent)
                        .with_context(|| format!("cannot create {}", parent.display()))?;
                }
                write(ui, text, Some(&file))?;
            }
            None if path == Exported::ROOT => ui.raw(text),
            None => ui.say(&format!("it imports {path}, which `--output DIRECTORY` writes")),
        }
    }
    for warning in &exported.warnings {
        ui.say(&format!("warning: {}: {}", warning.path, warning.message));
    }
    Ok(())
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

//! `koinon export`.

use std::path::PathBuf;

use clap::Args;
use koinon_command::DialectArg;
use koinon_command::Outcome;
use koinon_command::TemplateArgs;
use koinon_command::Ui;
use koinon_model::Module;
use koinon_model::Value;

use crate::document::DocumentFormat;
use crate::document::write_output;
use crate::document::write_tosca;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::on_chain::read_document;

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
    #[arg(long, value_enum, default_value_t = DocumentFormat::Yaml)]
    format: DocumentFormat,

    /// The block to export at; default: the newest (older ones need a node that keeps their state)
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
    tosca: Option<DialectArg>,

    /// Export a template instead: a TOSCA file, or a directory with a template.yaml
    #[arg(requires = "tosca", conflicts_with = "block")]
    template: Option<PathBuf>,

    /// A YAML or JSON file with values of the template's inputs; later files override earlier ones
    #[arg(long, short, value_name = "FILE", requires = "template")]
    inputs: Vec<PathBuf>,

    /// One input value, as YAML; overrides files
    #[arg(long, short = 'I', value_name = "NAME=VALUE", requires = "template")]
    input: Vec<String>,

    /// Directory that imports of a URL are read from; nothing is fetched from the network
    #[arg(long, value_name = "URL=DIRECTORY", requires = "template")]
    mirror: Vec<String>,
}

pub(crate) async fn run(ui: Ui, mut args: ExportArgs) -> Outcome {
    let document = match args.template.take() {
        Some(template) => compile_document(template, &mut args)?,
        None => {
            let contracts = args.network.contracts(Signing::No).await?;
            read_document(&contracts, args.block, args.module).await?
        }
    };
    if let Some(version) = args.tosca {
        return write_tosca(ui, &document, version.into(), args.output.as_deref());
    }
    let format = if ui.json { DocumentFormat::Json } else { args.format };
    write_output(ui, &format.write(&document), args.output.as_deref())
}

fn compile_document(template: PathBuf, args: &mut ExportArgs) -> Outcome<Value> {
    let template = TemplateArgs {
        template,
        inputs: std::mem::take(&mut args.inputs),
        input: std::mem::take(&mut args.input),
        mirror: std::mem::take(&mut args.mirror),
    };
    let (files, root) = template.open()?;
    Ok(koinon_tosca::document(&files, &root, &template.values()?)?)
}

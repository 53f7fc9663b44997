//! `koinon compile`: the canonical document of a template, and the facts contracts read of it.

use std::path::PathBuf;

use clap::Args;
use clap::ValueEnum;
use serde_json::json;

use crate::diagnostics;
use crate::error::Outcome;
use crate::files::TemplateArgs;
use crate::ui::Ui;

/// Compile a template to its canonical document
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  koinon compile examples/sharding-network -I worker_image=bafy… -I 'certificates={alice: …, …}'
  koinon compile service.yaml --format json --output service.json
  koinon compile service.yaml --facts      what contracts would read, and the objects' sizes")]
pub(crate) struct CompileArgs {
    #[command(flatten)]
    template: TemplateArgs,

    /// The format of the document
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,

    /// How errors are shown
    #[arg(long, value_enum, default_value_t = diagnostics::Format::Text, value_name = "FORMAT")]
    errors: diagnostics::Format,

    /// Print objects and facts instead of the document
    #[arg(long)]
    facts: bool,

    /// Write to a file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A format of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Canonical YAML
    Yaml,
    /// Canonical JSON
    Json,
}

impl Format {
    pub(crate) fn write(self, document: &koinon_model::Value) -> String {
        match self {
            Self::Yaml => koinon_tosca::to_yaml(document),
            Self::Json => format!("{}\n", koinon_tosca::to_json(document)),
        }
    }
}

pub(crate) fn run(ui: Ui, args: &CompileArgs) -> Outcome {
    // Without a template's document, there is nothing else on stdout.
    let compiled = args.template.compile(std::collections::BTreeMap::new());
    let service = args.errors.or_json(ui).shown(ui, compiled)?;
    if args.facts {
        let content = koinon_tosca::split(&service);
        let objects = content.objects.iter().map(|((module, path), object)| {
            json!({ "module": module, "path": path, "bytes": object.bytes().len(), "blob": object.blob() })
        });
        ui.json(&json!({
            "name": service.name,
            "parameters": service.parameters.iter().map(|(name, value)| (name.to_string(), json!(value)))
                .collect::<serde_json::Map<_, _>>(),
            "sets": service.sets,
            "operators": service.operators,
            "governance": service.governance,
            "objects": objects.collect::<Vec<_>>(),
        }));
        return Ok(());
    }
    let format = if ui.json { Format::Json } else { args.format };
    super::export::write(ui, &format.write(&service.document), args.output.as_deref())
}

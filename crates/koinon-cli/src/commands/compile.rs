//! `koinon compile`: the representation of a template, its canonical document, or the facts contracts read of it.

use std::path::PathBuf;

use clap::Args;
use clap::ValueEnum;
use koinon_tosca::Style;
use serde_json::json;

use crate::diagnostics;
use crate::error::Outcome;
use crate::files::ResolveArgs;
use crate::files::TemplateArgs;
use crate::ui::Ui;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  koinon compile service.yaml > service.json
  koinon compile examples/sharding-network -I worker_image=bafy… -I 'certificates={alice: …, …}'
  koinon compile service.yaml | jq '.shared.capabilities[.nodes[0].capabilities.host]'
  koinon compile service.zip --plan plan.json         an archive; what deploying it would do
  koinon compile service.yaml --substitute db.yaml    a service that may stand for a node
  koinon compile service.yaml --select shared.json    a service whose nodes may be selected
  koinon compile service.yaml --document yaml         the document contracts hold, flat and canonical
  koinon compile service.yaml --facts                 what contracts would read, and the objects' sizes
  koinon explain web.host service.yaml                why a requirement was fulfilled as it was

What elements have in common (attributes, capabilities, interfaces) is written once, under
`shared`; elements have its place there. Plans name a representation by the SHA-256 of its JSON,
without the end of line.")]
pub(crate) struct CompileArgs {
    #[command(flatten)]
    template: TemplateArgs,

    /// Print the canonical document instead
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with_all = ["facts", "plan"])]
    document: Option<Format>,

    /// Print objects and facts instead
    #[arg(long, conflicts_with = "plan")]
    facts: bool,

    /// Write the plan that leads there from nothing to a file as well
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,

    #[command(flatten)]
    resolve: ResolveArgs,

    /// How errors are shown
    #[arg(long, value_enum, default_value_t = diagnostics::Format::Text, value_name = "FORMAT")]
    errors: diagnostics::Format,

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
    let errors = args.errors.or_json(ui);
    if args.facts || args.document.is_some() {
        // Without a template's document, there is nothing else on stdout.
        let compiled = args.template.compile(std::collections::BTreeMap::new());
        let service = errors.shown(ui, compiled)?;
        return match args.document {
            Some(format) => {
                super::export::write(ui, &format.write(&service.document), args.output.as_deref())
            }
            None => {
                facts(ui, &service);
                Ok(())
            }
        };
    }
    let made = errors.shown(ui, args.template.represent(&args.resolve, None))?;
    if made.warnings.iter().len() > 0 && errors == diagnostics::Format::Text {
        ui.say(made.warnings.render(Style::Colored).trim_end());
    }
    let mut text = match &args.plan {
        Some(path) => {
            let mut text = String::new();
            let written = |piece: &str| text.push_str(piece);
            let plan = super::plan::written_from_nothing(&made.representation, written)?;
            super::export::write(ui, &(plan.concat() + "\n"), Some(path))?;
            text
        }
        None => made.representation.to_json(),
    };
    text.push('\n');
    super::export::write(ui, &text, args.output.as_deref())
}

fn facts(ui: Ui, service: &koinon_model::Service) {
    let content = koinon_tosca::split(service);
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
}

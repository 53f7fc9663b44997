//! `koinon compile`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use koinon_command::Outcome;
use koinon_command::ResolveArgs;
use koinon_command::TemplateArgs;
use koinon_command::Ui;
use koinon_command::write_with_plan;
use koinon_tosca::Style;

use crate::diagnostics::DiagnosticsFormat;
use crate::document::DocumentFormat;
use crate::document::write_output;
use crate::show::facts::show_facts;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  koinon compile service.yaml > service.json
  koinon compile examples/sharding-network -I worker_image=bafy… -I 'certificates={alice: …, …}'
  koinon compile service.yaml | jq '.shared.capabilities[.nodes[0].capabilities.host]'
  koinon compile service.zip --plan plan.json         an archive; what deploying it would do
  koinon compile service.yaml --substitute db.yaml    a service that may substitute a node
  koinon compile service.yaml --select shared.json    a service whose nodes may be selected
  koinon compile service.yaml --document yaml         the document contracts hold, flat and canonical
  koinon compile service.yaml --facts                 the facts for contracts, and the sizes of objects
  koinon explain web.host service.yaml                the reason of a requirement's target

Attributes, capabilities and interfaces that elements have in common are written once, under
`shared`; elements refer to their index there. Plans name a representation by the SHA-256 of its
JSON without the line end.")]
pub(crate) struct CompileArgs {
    #[command(flatten)]
    template: TemplateArgs,

    /// Print the canonical document instead
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with_all = ["facts", "plan"])]
    document: Option<DocumentFormat>,

    /// Print objects and facts instead
    #[arg(long, conflicts_with = "plan")]
    facts: bool,

    /// Also write the plan from nothing to this representation to a file
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,

    #[command(flatten)]
    resolve: ResolveArgs,

    /// Format of the errors
    #[arg(long, value_enum, default_value_t = DiagnosticsFormat::Text, value_name = "FORMAT")]
    errors: DiagnosticsFormat,

    /// Write to a file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(ui: Ui, args: &CompileArgs) -> Outcome {
    let errors = args.errors.or_json(ui);
    if args.facts || args.document.is_some() {
        let compiled = args.template.compile(BTreeMap::new());
        let service = errors.print_failure(ui, compiled)?;
        return match args.document {
            Some(format) => {
                write_output(ui, &format.write(&service.document), args.output.as_deref())
            }
            None => {
                show_facts(ui, &service);
                Ok(())
            }
        };
    }
    let made = errors.print_failure(ui, args.template.represent(&args.resolve, None))?;
    if made.warnings.iter().len() > 0 && errors == DiagnosticsFormat::Text {
        ui.say(made.warnings.render(Style::Colored).trim_end());
    }
    let mut text = match &args.plan {
        Some(path) => {
            let mut text = String::new();
            let write = |piece: &str| text.push_str(piece);
            let plan = write_with_plan(&made.representation, write)?;
            write_output(ui, &(plan.concat() + "\n"), Some(path))?;
            text
        }
        None => made.representation.to_json(),
    };
    text.push('\n');
    write_output(ui, &text, args.output.as_deref())
}

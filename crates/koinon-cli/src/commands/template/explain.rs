//! `koinon explain`.

use std::path::PathBuf;

use clap::Args;
use koinon_command::CommandError;
use koinon_command::DialectArg;
use koinon_command::Outcome;
use koinon_command::ResolveArgs;
use koinon_command::TemplateArgs;
use koinon_command::Ui;
use koinon_tosca::Code;
use koinon_tosca::TracedRequirements;
use koinon_tosca::reference;
use serde_json::json;

use crate::show::requirements::RequirementQuery;
use crate::show::requirements::show_requirements;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  koinon explain K0103                            the page about a diagnostic
  koinon explain web service.yaml                 all requirements of the node template `web`
  koinon explain web.host service.yaml            one of them: chosen because, not chosen because
  koinon explain 'web[2].host[0]' service.yaml    of one node, one relationship
  koinon explain web.host service.yaml --json
  koinon explain --keynames 1.3                   what may stand where in a file")]
pub(crate) struct ExplainArgs {
    /// The code of a diagnostic, a node template, or NODE.REQUIREMENT; each may have an index,
    /// NODE[2].REQUIREMENT[0]
    #[arg(required_unless_present = "keynames")]
    what: Option<String>,

    /// A TOSCA file, a directory with a template.yaml, or an archive
    #[arg(default_value = ".")]
    template: PathBuf,

    /// A YAML or JSON file with input values; later files override earlier ones
    #[arg(long, short, value_name = "FILE")]
    inputs: Vec<PathBuf>,

    /// One input value, as YAML; overrides files
    #[arg(long, short = 'I', value_name = "NAME=VALUE")]
    input: Vec<String>,

    /// Print the keynames of a version of TOSCA, in Markdown
    #[arg(long, value_enum, value_name = "VERSION", exclusive = true)]
    keynames: Option<DialectArg>,

    #[command(flatten)]
    resolve: ResolveArgs,
}

pub(crate) fn run(ui: Ui, args: ExplainArgs) -> Outcome {
    if let Some(version) = args.keynames {
        ui.raw(&reference(version.into()));
        return Ok(());
    }
    let what = args.what.expect("BUG: clap requires it without --keynames");
    if let Some(code) = Code::find(&what) {
        if ui.json {
            ui.json(&json!({ "code": code, "title": code.title(), "page": code.page() }));
        } else {
            ui.raw(code.page());
        }
        return Ok(());
    }
    let template = TemplateArgs {
        template: args.template,
        inputs: args.inputs,
        input: args.input,
        mirror: Vec::new(),
    };
    for query in RequirementQuery::readings(&what) {
        let requirement = query.requirement.map(|requirement| requirement.name.to_owned());
        let node_template = query.node.name.to_owned();
        let trace = Some(TracedRequirements { node_template, requirement });
        let made = template.represent(&args.resolve, trace)?;
        if made.representation.nodes.iter().any(|node| query.matches_node(node)) {
            return show_requirements(ui, &made.representation, &made.trace.requirements, query);
        }
    }
    let message = format!("`{what}` is neither a diagnostic nor a node template");
    Err(CommandError::usage(message)
        .hint("expected a code such as K0103, NODE or NODE.REQUIREMENT"))
}

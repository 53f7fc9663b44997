//! `koinon plan`: the way from one representation of a service to another.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use koinon_command::CommandError;
use koinon_command::FailureKind;
use koinon_command::Outcome;
use koinon_command::ResolveArgs;
use koinon_command::Ui;
use koinon_command::weaving_rules;
use koinon_plan::Plan;

use crate::show::plan::render_plan;
use crate::state::StateSource;

#[derive(Args, Debug)]
#[command(
    after_help = "The compiler makes the representation of a template; `koinon compile` prints it as JSON.

Examples:
  koinon plan none service.yaml             everything from nothing
  koinon plan old.json new.json             what a change would do
  koinon plan old.json new.json --json      the plan, for machines
  koinon plan old.json new.json --slice alice
  koinon plan old.json new.json --dot | dot -Tsvg > plan.svg"
)]
pub(crate) struct PlanArgs {
    /// The current state: a representation (.json), a template, `-` for standard input, or `none`
    old: String,

    /// The desired state: a representation (.json), a template, `-` for standard input, or `none`
    new: String,

    /// A YAML or JSON file with input values of the templates; later files override earlier ones
    #[arg(long, short, value_name = "FILE")]
    inputs: Vec<PathBuf>,

    /// One input value, as YAML; overrides files
    #[arg(long, short = 'I', value_name = "NAME=VALUE")]
    input: Vec<String>,

    #[command(flatten)]
    resolve: ResolveArgs,

    /// A file of weaving rules; it takes precedence over the built-in ones
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,

    /// Only the steps of this operator
    #[arg(long, value_name = "OPERATOR")]
    slice: Option<String>,

    /// Draw the steps for Graphviz
    #[arg(long, conflicts_with_all = ["mermaid", "json"])]
    dot: bool,

    /// Draw the steps for Mermaid
    #[arg(long, conflicts_with = "json")]
    mermaid: bool,

    /// Exit with 0 if there is nothing to do, 2 if there is
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(crate) fn run(ui: Ui, args: &PlanArgs) -> Outcome<ExitCode> {
    if args.old == "-" && args.new == "-" {
        return Err(CommandError::usage("only one of OLD and NEW can come from standard input"));
    }
    let source = StateSource { inputs: &args.inputs, input: &args.input, resolve: &args.resolve };
    let old = source.read(&args.old)?;
    let new = source.read(&args.new)?.unwrap_or_default();
    let mut plan = Plan::between(old.as_ref(), &new, &weaving_rules(&args.rules)?)
        .map_err(|error| CommandError::new(FailureKind::Template, error))?;
    if let Some(operator) = &args.slice {
        plan = plan.slice(Some(operator));
    }
    if args.dot {
        ui.raw(&plan.to_dot());
    } else if args.mermaid {
        ui.raw(&plan.to_mermaid());
    } else if ui.json {
        ui.raw(&format!("{}\n", plan.to_json()));
    } else if let Some(operator) = args.slice.as_ref().filter(|_| plan.is_empty()) {
        ui.line(&format!("There is nothing for {operator} to do."));
    } else {
        ui.line(&render_plan(&plan, old.as_ref(), &new));
    }
    let changes = args.detailed_exitcode && !plan.is_empty();
    Ok(if changes { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

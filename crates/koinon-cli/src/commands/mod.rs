//! The commands, in folders by noun: the arguments of each, and one function that runs it.

mod template;

mod csar;

mod network;

mod service;

mod content;

mod proposal;

mod operator;

mod epoch;

mod allocation;

mod process;

mod key;

mod artifact;

mod completions;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory;
use clap::Parser;
use clap::Subcommand;
use clap::error::ErrorKind;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_command::block_on;
use koinon_command::exit_code;

use crate::external;

const EXAMPLES: &str = "\
Examples:
  koinon up examples/sharding-network            start a network of four operators on this machine
  koinon status --watch                          see its nodes
  koinon diff examples/sharding-network -I shards=5
  koinon propose examples/sharding-network -I shards=5
  koinon service list --rpc-url https://node.example:8545

Exit codes:
  0 done    1 failed    2 wrong usage    3 the template does not compile
  4 the chain does not answer    5 a contract refused    6 a check found something wrong    130 interrupted";

/// Runs the infrastructure of decentralised applications: TOSCA code in smart contracts, changed by
/// vote, dealt to staked operators, deployed by their agents
#[derive(Parser, Debug)]
#[command(name = "koinon", version, after_help = format!("{}\n{EXAMPLES}", external::help()), max_term_width = 100)]
pub(crate) struct Cli {
    /// Print data as JSON
    // Shown last, although the options of a command are defined after it.
    #[arg(long, global = true, display_order = 900)]
    json: bool,

    #[command(subcommand)]
    command: CliCommand,
}

// The descriptions of the commands are here, because their arguments are only defined on demand,
// which saves a fifth of the time of `koinon --version`.
#[derive(Subcommand, Debug)]
#[command(defer = true)]
enum CliCommand {
    /// Start a network on this machine: a chain, the contracts, a vote, operators, their agents and
    /// nodes
    Up(network::up::UpArgs),
    /// End a local network: agents, nodes and chain; `koinon up` continues it later
    Down(network::down::DownArgs),
    /// Show the nodes of a service, as their operators report
    Status(network::status::StatusArgs),
    /// Check a template; inputs may lack values
    Validate(template::validate::ValidateArgs),
    /// Compile a template to its representation: every node and relationship, as canonical JSON
    Compile(template::compile::CompileArgs),
    /// Explain a diagnostic, the targets of requirements, or the keynames of files
    Explain(template::explain::ExplainArgs),
    /// Show the steps from one representation of a service to another
    Plan(template::plan::PlanArgs),
    /// Pack a service into an archive, or look into one
    #[command(subcommand)]
    Csar(csar::CsarCommand),
    /// Create, list, show and verify services
    #[command(subcommand)]
    Service(service::ServiceCommand),
    /// Show what a template would change in a service, and the allocation that would follow
    Diff(content::diff::DiffArgs),
    /// Propose a template as the service's next revision
    Propose(proposal::propose::ProposeArgs),
    /// Vote on a proposal with the account's stake
    Vote(proposal::vote::VoteArgs),
    /// Execute a proposal that was voted for: queue it, wait for its timelock, execute it
    Execute(proposal::execute::ExecuteArgs),
    /// List and show proposals
    #[command(subcommand)]
    Proposal(proposal::ProposalCommand),
    /// Export the document of a service, at any block, or as files for other TOSCA processors
    Export(content::export::ExportArgs),
    /// Import a document with all its values: apply it where the account may update every module it
    /// touches, else propose it
    Import(content::import::ImportArgs),
    /// Join, leave, fund, list and show operators
    #[command(subcommand)]
    Operator(operator::OperatorCommand),
    /// Show epochs, and advance them by hand
    #[command(subcommand)]
    Epoch(epoch::EpochCommand),
    /// Show the operator of each slot, and the reason
    #[command(subcommand)]
    Allocation(allocation::AllocationCommand),
    /// Run an operator's agent: it deploys the nodes allocated to the operator, and reports on them
    Agent(process::agent::AgentArgs),
    /// Run the embedded chain: an EVM chain on this machine, for trials and tests
    Chain(process::chain::ChainArgs),
    /// Make and show the keys of operators
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Manage the local artifact store
    #[command(subcommand)]
    Artifact(artifact::ArtifactCommand),
    /// Print a completion script, such as for `source <(koinon completions bash)`
    Completions(completions::CompletionsArgs),
    /// Become the program of a node (agents run this)
    #[command(hide = true)]
    Launch(process::launch::LaunchArgs),
    /// Run the example's worker: an HTTP server that answers probes and solves puzzles
    Worker(process::worker::WorkerArgs),
    // No doc comment: clap lists no external commands.
    #[command(external_subcommand)]
    External(Vec<OsString>),
}

/// Runs the command that the arguments ask for.
pub(crate) fn run() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let error = match Cli::try_parse_from(&arguments) {
        Ok(Cli { json, command }) => {
            let ui = Ui { json };
            return exit_code(ui, dispatch(ui, command));
        }
        Err(error) => error,
    };
    // Clap does not know the external NAME of `koinon help NAME`.
    let words: Vec<&OsString> = arguments[1..].iter().filter(|word| *word != "--json").collect();
    if let ([help, name, inner @ ..], ErrorKind::InvalidSubcommand) = (&words[..], error.kind())
        && *help == "help"
        && let Some(error) = external::run(name, &help_arguments(inner))
    {
        return exit_code(Ui { json: false }, Err(error));
    }
    if error.use_stderr() && arguments.iter().any(|argument| argument == "--json") {
        let text = error.to_string();
        let text = text.trim_end().trim_start_matches("error: ");
        return exit_code(Ui { json: true }, Err(CommandError::usage(text)));
    }
    error.exit()
}

/// Returns the arguments with which an external command prints its help of an inner command.
fn help_arguments(inner: &[&OsString]) -> Vec<OsString> {
    inner.iter().map(|word| (*word).clone()).chain(["--help".into()]).collect()
}

/// Runs an external command. Returns only if that fails.
fn run_external(ui: Ui, words: Vec<OsString>) -> Outcome<ExitCode> {
    let mut arguments = words.into_iter();
    let name = arguments.next().expect("BUG: clap gives the name first");
    let mut arguments: Vec<OsString> = arguments.collect();
    if ui.json {
        // `--json` stood before the name: it is an option of every command.
        let end = arguments.iter().position(|argument| argument == "--");
        arguments.insert(end.unwrap_or(arguments.len()), "--json".into());
    }
    match external::run(&name, &arguments) {
        Some(error) => Err(error),
        None => {
            // Parse again without external commands, for the error of clap, which suggests similar
            // names and ends the process. `build` first: it allows them.
            let mut cli = Cli::command();
            cli.build();
            cli.allow_external_subcommands(false).get_matches();
            let name = name.display();
            Err(CommandError::usage(format!("unrecognized subcommand '{name}'")))
        }
    }
}

fn dispatch(ui: Ui, command: CliCommand) -> Outcome<ExitCode> {
    let done = match command {
        CliCommand::Plan(args) => return template::plan::run(ui, &args),
        CliCommand::External(words) => return run_external(ui, words),
        CliCommand::Up(args) => block_on(network::up::run(ui, args)),
        CliCommand::Down(args) => block_on(network::down::run(ui, args)),
        CliCommand::Status(args) => block_on(network::status::run(ui, args)),
        CliCommand::Validate(args) => template::validate::run(ui, &args),
        CliCommand::Compile(args) => template::compile::run(ui, &args),
        CliCommand::Explain(args) => template::explain::run(ui, args),
        CliCommand::Csar(command) => csar::run(ui, command),
        CliCommand::Service(command) => block_on(service::run(ui, command)),
        CliCommand::Diff(args) => block_on(content::diff::run(ui, args)),
        CliCommand::Propose(args) => block_on(proposal::propose::run(ui, args)),
        CliCommand::Vote(args) => block_on(proposal::vote::run(ui, args)),
        CliCommand::Execute(args) => block_on(proposal::execute::run(ui, args)),
        CliCommand::Proposal(command) => block_on(proposal::run(ui, command)),
        CliCommand::Export(args) => block_on(content::export::run(ui, args)),
        CliCommand::Import(args) => block_on(content::import::run(ui, args)),
        CliCommand::Operator(command) => block_on(operator::run(ui, command)),
        CliCommand::Epoch(command) => block_on(epoch::run(ui, command)),
        CliCommand::Allocation(command) => block_on(allocation::run(ui, command)),
        CliCommand::Agent(args) => block_on(process::agent::run(ui, args)),
        CliCommand::Chain(args) => block_on(process::chain::run(ui, args)),
        CliCommand::Key(command) => key::run(ui, command),
        CliCommand::Artifact(command) => artifact::run(ui, command),
        CliCommand::Completions(args) => completions::run(&args),
        CliCommand::Launch(args) => process::launch::run(&args),
        CliCommand::Worker(args) => process::worker::run(&args),
    };
    done.map(|()| ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_of_commands_equal_those_in_lists() {
        // A list describes commands whose arguments are not defined yet; once they are, the
        // description must be the same.
        fn compare(listed: &clap::Command) -> usize {
            let mut built = listed.clone();
            // Defines the arguments of this command, but only the names of its subcommands.
            built.render_help();
            let inner: usize = built.get_subcommands().map(compare).sum();
            let about = |command: &clap::Command| command.get_about().map(ToString::to_string);
            assert_eq!(about(&built), about(listed));
            assert!(about(&built).is_some(), "{}", built.get_name());
            inner + 1
        }
        let compared = compare(&<Cli as clap::CommandFactory>::command());
        assert!(compared > 45, "{compared}");
    }

    #[test]
    fn no_command_has_two_arguments_of_one_name() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}

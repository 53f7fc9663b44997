//! One file per command: its arguments, and what it does.

mod agent;
mod allocation;
mod artifact;
mod bench;
mod chain;
mod compile;
mod completions;
mod csar;
mod diff;
mod down;
mod epoch;
mod execute;
mod explain;
mod export;
mod import;
mod key;
mod launch;
mod lsp;
mod operator;
mod plan;
mod proposal;
mod propose;
mod service;
mod status;
mod up;
mod validate;
mod vote;
mod worker;

use std::future::Future;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use clap::Subcommand;

use crate::error::CommandError;
use crate::error::Outcome;
use crate::ui::Tone;
use crate::ui::Ui;
use crate::ui::paint;

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

/// Runs the infrastructure of decentralised applications: TOSCA code in smart contracts, changed by vote, dealt to staked
/// operators, deployed by their agents
#[derive(Parser, Debug)]
#[command(name = "koinon", version, after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    /// Print data as JSON
    // At the end, since the options of a command are defined after it.
    #[arg(long, global = true, display_order = 900)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

// What a command says of itself is here: its arguments are only defined once it is asked for, which is a fifth of the time
// that `koinon --version` takes.
#[derive(Subcommand, Debug)]
#[command(defer = true)]
enum Command {
    /// Start a network on this machine: a chain, the contracts, a vote, operators, their agents and nodes
    Up(up::UpArgs),
    /// End a local network: agents, nodes and chain; `koinon up` continues it later
    Down(down::DownArgs),
    /// Show how a service's nodes are, as their operators report
    Status(status::StatusArgs),
    /// Check a template; inputs may lack values
    Validate(validate::ValidateArgs),
    /// Compile a template to its representation: every node and relationship, as canonical JSON
    Compile(compile::CompileArgs),
    /// Explain a diagnostic, why requirements were fulfilled as they were, or what a file may hold
    Explain(explain::ExplainArgs),
    /// Show what leads from one representation of a service to another
    Plan(plan::PlanArgs),
    /// Pack a service into an archive, or look into one
    #[command(subcommand)]
    Csar(csar::CsarCommand),
    /// Create, find, show and verify services
    #[command(subcommand)]
    Service(service::ServiceCommand),
    /// Show what a template would change of a service, and the allocation that would follow
    Diff(diff::DiffArgs),
    /// Propose a template as the service's next revision
    Propose(propose::ProposeArgs),
    /// Vote on a proposal with the account's stake
    Vote(vote::VoteArgs),
    /// Execute a proposal that was voted for: queue it, wait for its timelock, execute it
    Execute(execute::ExecuteArgs),
    /// List and show proposals
    #[command(subcommand)]
    Proposal(proposal::ProposalCommand),
    /// Export the document of a service, at any block, or as files for other TOSCA processors
    Export(export::ExportArgs),
    /// Import a document with all its values: apply it where the account may update every module it touches, else propose it
    Import(import::ImportArgs),
    /// Join, leave and look at operators
    #[command(subcommand)]
    Operator(operator::OperatorCommand),
    /// Look at epochs, and move them on
    #[command(subcommand)]
    Epoch(epoch::EpochCommand),
    /// Show who runs what, and why
    #[command(subcommand)]
    Allocation(allocation::AllocationCommand),
    /// Run an operator's agent: it deploys the nodes the service allots to the operator, and reports on them
    Agent(agent::AgentArgs),
    /// Run the embedded chain: an EVM chain on this machine, for trials and tests
    Chain(chain::ChainArgs),
    /// Manage keys
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Manage the local artifact store
    #[command(subcommand)]
    Artifact(artifact::ArtifactCommand),
    /// Measure imports, exports, creates, reads and deals, next to the paper's figures; or the compiler
    Bench(bench::BenchArgs),
    /// Serve editors: the language server, on stdin and stdout
    Lsp(lsp::LspArgs),
    /// Print a completion script, such as for `source <(koinon completions bash)`
    Completions(completions::CompletionsArgs),
    /// Become the program of a node (agents run this)
    #[command(hide = true)]
    Launch(launch::LaunchArgs),
    /// Run the example's worker: an HTTP server that answers probes and solves puzzles
    Worker(worker::WorkerArgs),
}

/// Runs the command the arguments ask for.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    let ui = Ui { json: cli.json };
    match dispatch(ui, cli.command) {
        Ok(code) => code,
        Err(error) => {
            report(ui, &error);
            error.kind.exit_code()
        }
    }
}

fn report(ui: Ui, error: &CommandError) {
    let text = error.render();
    match text.strip_prefix("error:") {
        Some(rest) => ui.say(&format!("{}{}", paint(Tone::Bad, "error:"), rest.trim_end())),
        None => ui.say(text.trim_end()),
    }
}

fn dispatch(ui: Ui, command: Command) -> Outcome<ExitCode> {
    let done = match command {
        Command::Plan(args) => return plan::run(ui, &args),
        Command::Lsp(args) => return lsp::run(&args),
        Command::Up(args) => block_on(up::run(ui, args)),
        Command::Down(args) => block_on(down::run(ui, args)),
        Command::Status(args) => block_on(status::run(ui, args)),
        Command::Validate(args) => validate::run(ui, &args),
        Command::Compile(args) => compile::run(ui, &args),
        Command::Explain(args) => explain::run(ui, args),
        Command::Csar(command) => csar::run(ui, command),
        Command::Service(command) => block_on(service::run(ui, command)),
        Command::Diff(args) => block_on(diff::run(ui, args)),
        Command::Propose(args) => block_on(propose::run(ui, args)),
        Command::Vote(args) => block_on(vote::run(ui, args)),
        Command::Execute(args) => block_on(execute::run(ui, args)),
        Command::Proposal(command) => block_on(proposal::run(ui, command)),
        Command::Export(args) => block_on(export::run(ui, args)),
        Command::Import(args) => block_on(import::run(ui, args)),
        Command::Operator(command) => block_on(operator::run(ui, command)),
        Command::Epoch(command) => block_on(epoch::run(ui, command)),
        Command::Allocation(command) => block_on(allocation::run(ui, command)),
        Command::Agent(args) => block_on(agent::run(ui, args)),
        Command::Chain(args) => block_on(chain::run(ui, args)),
        Command::Key(command) => key::run(ui, command),
        Command::Artifact(command) => artifact::run(ui, command),
        Command::Bench(args) => match &args.command {
            Some(command) => command.run(ui),
            None => block_on(bench::run(ui, args)),
        },
        Command::Completions(args) => completions::run(&args),
        Command::Launch(args) => launch::run(&args),
        Command::Worker(args) => worker::run(&args),
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn block_on(command: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| CommandError::failed(format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(command);
    // Blocking work of a command that ended, such as hashing an artifact, is not waited for.
    runtime.shutdown_background();
    outcome
}

/// Starts logging of a long-running command to stderr; `KOINON_LOG` filters it.
fn log() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("KOINON_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// Reads a duration such as `250ms`, `5 s` or `2m`.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    let end = |one: char| !one.is_ascii_digit() && one != '.';
    let (number, unit) = text.split_at(text.find(end).unwrap_or(text.len()));
    let milliseconds: u64 = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(format!("expected a unit of ms, s, m or h, found {text}")),
    };
    let wrong = || format!("expected a duration such as 250ms or 0.5s, found {text}");
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 9);
    let scale = 10_u64.pow(digits.ok_or_else(wrong)?);
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let fraction: u64 = fraction.parse().map_err(|_| wrong())?;
    let total = whole.checked_mul(milliseconds).ok_or_else(wrong)?;
    // The fraction is below one hour: its product fits.
    let part = u128::from(fraction) * u128::from(milliseconds) / u128::from(scale);
    let part = u64::try_from(part).map_err(|_| wrong())?;
    Ok(std::time::Duration::from_millis(total.saturating_add(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let milliseconds = |text| duration(text).unwrap().as_millis();
        assert_eq!(milliseconds("250ms"), 250);
        assert_eq!(milliseconds("0.25s"), 250);
        assert_eq!(milliseconds("1.5min"), 90_000);
        for text in ["", "1", "s", ".5s", "1.s", "-1s", "1.0000000001s", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn commands_say_of_themselves_what_lists_of_them_say() {
        // A list names what is not defined yet, and what its command says of itself later must be the same.
        fn compare(listed: &clap::Command) -> usize {
            let mut built = listed.clone();
            // Defines the arguments of this command, and no more than the names of those under it.
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

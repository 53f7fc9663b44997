//! `koinon-bench`: the figures of the paper's evaluation measured anew, and those of the compiler.
//!
//! `koinon bench` runs it. In: the chain to measure, or none for an embedded one. Out: times, gas
//! and ratios to the paper's figures, as tables or JSON. Left out on purpose: anything that a user
//! of a service needs.

mod args;

mod compile;
mod template;

mod report;

mod deal;
mod import;
mod reads;

mod documents;
mod generate;

mod chain;
mod fleet;

mod batch;
mod load;

mod figures;

use std::process::ExitCode;

use clap::Parser;
use clap::Subcommand;
use koinon_command::Ui;
use koinon_command::block_on;
use koinon_command::exit_code;

use crate::args::BenchArgs;
use crate::compile::CompileBenchArgs;

const EXAMPLES: &str = "\
Examples:
  koinon bench
  koinon bench import --json
  koinon bench reads --clients 32
  koinon bench deal --operators 100,1000
  koinon bench compile
  koinon bench --rpc-url http://127.0.0.1:8545 --keystore account.json --password-file pw

Without --rpc-url it measures an embedded chain in a directory under TMPDIR, which it removes afterwards. If that directory
is in memory, syncs cost nothing; the report says so. On a remote chain the account pays for all gas.

The paper is \"Decentralized Application Infrastructures as Smart Contract Codes\"; it ran on Hyperledger Fabric 2.2, on
other machines: ratios compare what users wait for, not engines.";

/// Measure imports, exports, creates, reads and deals, next to the paper's figures; or the compiler
#[derive(Parser, Debug)]
#[command(name = "koinon-bench", bin_name = "koinon bench", version, after_help = EXAMPLES)]
#[command(max_term_width = 100, args_conflicts_with_subcommands = true)]
struct Bench {
    /// Print data as JSON
    #[arg(long, global = true, display_order = 900)]
    json: bool,

    #[command(subcommand)]
    command: Option<BenchCommand>,

    #[command(flatten)]
    args: BenchArgs,
}

// Measurements that need no chain.
#[derive(Debug, Subcommand)]
enum BenchCommand {
    Compile(CompileBenchArgs),
}

fn main() -> ExitCode {
    let Bench { json, command, args } = Bench::parse();
    let ui = Ui { json };
    let outcome = match command {
        Some(BenchCommand::Compile(compile)) => compile::run(ui, &compile),
        None => block_on(report::run(ui, &args)),
    };
    exit_code(ui, outcome.map(|()| ExitCode::SUCCESS))
}

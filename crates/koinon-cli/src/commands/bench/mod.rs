//! `koinon bench`: the figures of the paper's evaluation, measured anew.

mod batch;
mod chain;
mod compile;
mod deal;
mod documents;
mod fleet;
mod generate;
mod ground;
mod import;
mod load;
mod reads;
mod report;

use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;
use serde::Serialize;

use crate::error::Outcome;
use crate::ui::Tone;
use crate::ui::Ui;
use crate::ui::paint;

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  koinon bench
  koinon bench import --json
  koinon bench reads --clients 32
  koinon bench deal --operators 100,1000
  koinon bench compile
  koinon bench --rpc-url http://127.0.0.1:8545 --keystore account.json --password-file pw

Without --rpc-url it measures an embedded chain of its own, in a directory under TMPDIR that goes afterwards; where that
is in memory, syncs cost nothing, which the report says. Elsewhere the account pays for all gas.

The paper is \"Decentralized Application Infrastructures as Smart Contract Codes\"; it ran on Hyperledger Fabric 2.2, on
other machines: ratios compare what users wait for, not engines.")]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(crate) command: Option<BenchCommand>,

    /// What to measure
    #[arg(value_enum, default_value_t = Subject::All)]
    subject: Subject,

    /// Measure less, within seconds
    #[arg(long)]
    quick: bool,

    /// Where the random documents, picks and stakes come from
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,

    /// Creates under way at once. The default is the paper's, as its throughput and average latency tell (45.4 x 6.95);
    /// of reads there are 32 at most
    #[arg(long, default_value_t = 316, value_name = "N", value_parser = clients)]
    clients: usize,

    /// Numbers of operators to deal to; without them 100, 1000 and 5000, with --rpc-url 100
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=5000))]
    operators: Vec<u32>,

    /// Measure this chain instead of an embedded one
    // Not from the environment: it spends.
    #[arg(long, value_name = "URL", requires = "keystore")]
    rpc_url: Option<String>,

    /// Encrypted keystore of the account that pays on that chain
    #[arg(long, env = "KOINON_KEYSTORE", value_name = "FILE", requires = "password_file")]
    keystore: Option<PathBuf>,

    /// File that holds the keystore's password
    #[arg(long, env = "KOINON_PASSWORD_FILE", value_name = "FILE")]
    password_file: Option<PathBuf>,
}

// What is measured without a chain.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    Compile(compile::CompileBenchArgs),
}

impl BenchCommand {
    pub(crate) fn run(&self, ui: Ui) -> Outcome {
        match self {
            Self::Compile(args) => compile::run(ui, args),
        }
    }
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// Table IV: import and export of infrastructures by size
    Import,
    /// Table V: creates and reads of single objects
    Reads,
    /// The deal of 5,000 slots
    Deal,
    /// All of it
    All,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Report {
    chain: ground::ChainInfo,
    seed: u64,
    quick: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    import: Option<import::Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reads: Option<reads::Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deal: Option<Vec<deal::Row>>,
}

pub(crate) async fn run(ui: Ui, args: BenchArgs) -> Outcome {
    let chain = ground::Ground::open(&args, &[], 0).await?.info().await?;
    let wanted = |subject| args.subject == subject || args.subject == Subject::All;
    let mut report =
        Report { chain, seed: args.seed, quick: args.quick, import: None, reads: None, deal: None };
    if wanted(Subject::Import) {
        report.import = Some(import::run(ui, &args).await?);
    }
    if wanted(Subject::Reads) {
        report.reads = Some(reads::run(ui, &args).await?);
    }
    if wanted(Subject::Deal) {
        report.deal = Some(deal::run(ui, &args).await?);
    }
    if ui.json {
        ui.json(&report);
    } else {
        show(ui, &report);
    }
    Ok(())
}

fn show(ui: Ui, report: &Report) {
    let durable = match report.chain.durable {
        Some(true) => " in this process, every block synced to disk",
        Some(false) => " in this process, in memory: syncs cost nothing",
        None => "",
    };
    let build = if cfg!(debug_assertions) { " (a debug build: not for figures)" } else { "" };
    ui.line(&format!(
        "chain {} ({}{durable}), seed {}{build}",
        report.chain.chain_id, report.chain.kind, report.seed
    ));
    let heading = |text: &str| ui.line(&format!("\n{}", paint(Tone::Strong, text)));
    if let Some(import) = &report.import {
        heading("Import and export of infrastructures (the paper's table IV)");
        import.show(ui);
    }
    if let Some(reads) = &report.reads {
        heading("Creates and reads of single objects (the paper's table V)");
        reads.show(ui);
    }
    if let Some(deal) = &report.deal {
        heading("The deal of 5,000 slots in 20 groups");
        deal::show(ui, deal);
    }
}

/// Nodes keep only so many transactions of an account waiting, of which there are 32.
fn clients(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=500) => Ok(number),
        Ok(_) | Err(_) => Err("expected a number from 1 to 500".to_owned()),
    }
}

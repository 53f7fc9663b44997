//! All measurements on a chain, and their report.

use koinon_command::Outcome;
use koinon_command::Tone;
use koinon_command::Ui;
use koinon_command::paint;
use serde::Serialize;

use crate::args::BenchArgs;
use crate::args::BenchSubject;
use crate::chain::BenchChain;
use crate::chain::ChainInfo;
use crate::deal;
use crate::deal::DealRow;
use crate::import;
use crate::import::ImportReport;
use crate::reads;
use crate::reads::ReadsReport;

/// The figures of all measured subjects.
#[derive(Debug, Serialize)]
struct BenchReport {
    chain: ChainInfo,
    seed: u64,
    quick: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    import: Option<ImportReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reads: Option<ReadsReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deal: Option<Vec<DealRow>>,
}

/// Measures the subjects the arguments ask for.
pub(crate) async fn run(ui: Ui, args: &BenchArgs) -> Outcome {
    let chain = BenchChain::open(args, &[], 0).await?.info().await?;
    let is_wanted = |subject| args.subject == subject || args.subject == BenchSubject::All;
    let mut report = BenchReport {
        chain,
        seed: args.seed,
        quick: args.quick,
        import: None,
        reads: None,
        deal: None,
    };
    if is_wanted(BenchSubject::Import) {
        report.import = Some(import::run(ui, args).await?);
    }
    if is_wanted(BenchSubject::Reads) {
        report.reads = Some(reads::run(ui, args).await?);
    }
    if is_wanted(BenchSubject::Deal) {
        report.deal = Some(deal::run(ui, args).await?);
    }
    if ui.json {
        ui.json(&report);
    } else {
        show(ui, &report);
    }
    Ok(())
}

fn show(ui: Ui, report: &BenchReport) {
    let durable = match report.chain.durable {
        Some(true) => " in this process, every block synced to disk",
        Some(false) => " in this process, in memory: syncs cost nothing",
        None => "",
    };
    let build =
        if cfg!(debug_assertions) { " (a debug build: do not use these figures)" } else { "" };
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

//! Table IV: bringing an infrastructure on chain, and getting it out again.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use koinon_chain::Contracts;
use koinon_chain::Draft;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_command::thousands;
use serde::Serialize;

use crate::args::BenchArgs;
use crate::chain::BenchChain;
use crate::chain::GovernanceCost;
use crate::chain::read_service;
use crate::documents::base;
use crate::documents::compiled;
use crate::figures::median;
use crate::figures::milliseconds;
use crate::figures::times_better;
use crate::generate::generate;
use crate::generate::size;

/// The paper's sizes in bytes of key-value pairs, and two beyond.
pub(crate) const SIZES: [usize; 8] = [743, 1_100, 2_590, 3_300, 4_300, 5_430, 50_000, 500_000];

/// The paper's seconds for import and export of the first sizes.
const PAPER: [(f64, f64); 6] =
    [(3.347, 1.269), (3.349, 1.237), (3.383, 1.266), (3.388, 1.247), (3.42, 1.250), (3.481, 1.292)];

/// The figures of table IV.
#[derive(Debug, Serialize)]
pub(crate) struct ImportReport {
    runs: usize,
    rows: Vec<ImportRow>,
    /// The cost of the first revision by vote, in a median run.
    governance: GovernanceCost,
}

/// The figures of one size: medians over the runs, and the gas of the first run, which found the
/// service empty.
#[derive(Debug, Serialize)]
struct ImportRow {
    bytes: usize,
    document_bytes: usize,
    objects: usize,
    import_seconds: f64,
    import_phases: ImportPhases,
    export_seconds: f64,
    publish_transactions: usize,
    publish_gas: u64,
    update_gas: u64,
    /// Whether every export was the canonical form of the imported document, byte for byte.
    identical: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    paper: Option<PaperFigures>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct ImportPhases {
    compile: f64,
    read_chain: f64,
    /// Publishing and the update, which are sent one after the other and awaited together.
    write: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct PaperFigures {
    import_seconds: f64,
    export_seconds: f64,
    import_ratio: f64,
    export_ratio: f64,
}

/// One import and the export after it.
struct ImportRun {
    objects: usize,
    document_bytes: usize,
    phases: ImportPhases,
    import_seconds: f64,
    export_seconds: f64,
    publish_transactions: usize,
    publish_gas: u64,
    update_gas: u64,
    identical: bool,
}

pub(crate) async fn run(ui: Ui, args: &BenchArgs) -> Outcome<ImportReport> {
    let bench = BenchChain::open(args, &[], 0).await?;
    let runs = if args.quick || args.rpc_url.is_some() { 1 } else { 5 };
    let sizes = if args.quick { vec![SIZES[0], SIZES[5]] } else { SIZES.to_vec() };
    let (mut rows, mut governed) = (Vec::new(), Vec::new());
    for bytes in sizes {
        let stage = ui.stage("import");
        let (contracts, way) = bench.serve(&compiled(&base(&[bench.account()]))?).await?;
        governed.push(way);
        let mut done = Vec::new();
        for run in 0..runs {
            stage.note(&format!("{} bytes, run {} of {runs}", thousands(bytes as u64), run + 1));
            done.push(measure(&bench, &contracts, bytes, args.seed + run as u64).await?);
        }
        let row = row(bytes, &done);
        stage.done(
            &format!("{} bytes, {runs} runs", thousands(bytes as u64)),
            Some(row.publish_gas + row.update_gas),
        );
        if !row.identical {
            return Err(CommandError::failed(format!(
                "the export of {bytes} bytes differs from the import"
            )));
        }
        rows.push(row);
    }
    governed.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    Ok(ImportReport { runs, rows, governance: governed[governed.len() / 2] })
}

/// Imports and exports a document, then restores the service.
async fn measure(
    bench: &BenchChain,
    contracts: &Contracts,
    bytes: usize,
    seed: u64,
) -> Outcome<ImportRun> {
    let base = base(&[bench.account()]);
    let file = tempfile::NamedTempFile::new().context("cannot make a file")?;
    let text = koinon_tosca::to_yaml(&generate(&base, bytes, seed));
    std::fs::write(file.path(), &text).context("cannot write the document")?;

    let started = Instant::now();
    let service = read(file.path())?;
    let compile = started.elapsed();
    let (head, content) = read_service(contracts).await?;
    let draft = Draft::new(head, content, koinon_tosca::split(&service))?;
    let read_chain = started.elapsed();
    let mut published = contracts.publish_and_update(draft.objects(), &draft.change).await?;
    let updated = published.pop().expect("BUG: the update is the last transaction");
    let import = started.elapsed();

    let exporting = Instant::now();
    let block = contracts.chain().block_number().await?;
    let content = contracts.at(block).content().await?;
    let document =
        koinon_tosca::join(&content).context("the service's objects do not form a document")?;
    let yaml = koinon_tosca::to_yaml(&document);
    let export_seconds = exporting.elapsed().as_secs_f64();

    let written = size(&draft.change, &draft.new);
    if written.abs_diff(bytes) * 50 > bytes {
        return Err(CommandError::failed(format!("the document has {written} bytes, not {bytes}")));
    }
    contracts.update(&draft.new.change_to(&draft.old)).await?;
    Ok(ImportRun {
        objects: draft.change.edits.len(),
        document_bytes: text.len(),
        phases: ImportPhases {
            compile: compile.as_secs_f64(),
            read_chain: (read_chain - compile).as_secs_f64(),
            write: (import - read_chain).as_secs_f64(),
        },
        import_seconds: import.as_secs_f64(),
        export_seconds,
        publish_transactions: published.len(),
        publish_gas: published.iter().map(|sent| sent.gas).sum(),
        update_gas: updated.gas,
        identical: yaml == koinon_tosca::to_yaml(&service.document),
    })
}

fn read(path: &Path) -> Outcome<koinon_model::Service> {
    let text = std::fs::read_to_string(path).context("cannot read the document")?;
    let files = BTreeMap::from([("service.yaml".to_owned(), text)]);
    Ok(koinon_tosca::compile(&files, "service.yaml", &BTreeMap::new())?)
}

fn row(bytes: usize, runs: &[ImportRun]) -> ImportRow {
    let of = |figure: fn(&ImportRun) -> f64| median(runs.iter().map(figure).collect());
    let (import_seconds, export_seconds) =
        (of(|run| run.import_seconds), of(|run| run.export_seconds));
    let known = SIZES.iter().position(|size| *size == bytes).and_then(|index| PAPER.get(index));
    let first = &runs[0];
    ImportRow {
        bytes,
        document_bytes: first.document_bytes,
        objects: first.objects,
        import_seconds,
        import_phases: ImportPhases {
            compile: of(|run| run.phases.compile),
            read_chain: of(|run| run.phases.read_chain),
            write: of(|run| run.phases.write),
        },
        export_seconds,
        publish_transactions: first.publish_transactions,
        publish_gas: first.publish_gas,
        update_gas: first.update_gas,
        identical: runs.iter().all(|run| run.identical),
        paper: known.map(|(import, export)| PaperFigures {
            import_seconds: *import,
            export_seconds: *export,
            import_ratio: import / import_seconds,
            export_ratio: export / export_seconds,
        }),
    }
}

impl ImportReport {
    pub(crate) fn show(&self, ui: Ui) {
        let titles = [
            "size KB",
            "objects",
            "import ms",
            "paper ms",
            "ratio",
            "export ms",
            "paper ms",
            "ratio",
            "publish gas",
            "update gas",
            "identical",
        ];
        let mut table = vec![titles.map(ToOwned::to_owned).to_vec()];
        for row in &self.rows {
            let paper = |figure: fn(&PaperFigures) -> String| {
                row.paper.as_ref().map_or_else(|| "-".to_owned(), figure)
            };
            table.push(vec![
                format!("{}", row.bytes as f64 / 1000.0),
                row.objects.to_string(),
                milliseconds(row.import_seconds),
                paper(|paper| milliseconds(paper.import_seconds)),
                paper(|paper| times_better(paper.import_ratio)),
                milliseconds(row.export_seconds),
                paper(|paper| milliseconds(paper.export_seconds)),
                paper(|paper| times_better(paper.export_ratio)),
                format!("{} in {}", thousands(row.publish_gas), row.publish_transactions),
                thousands(row.update_gas),
                if row.identical { "yes" } else { "no" }.to_owned(),
            ]);
        }
        ui.table(&table);
        let way = &self.governance;
        let runs = if self.runs == 1 {
            "One run.".to_owned()
        } else {
            format!("Medians of {} runs; gas of the first.", self.runs)
        };
        ui.line(&format!(
            "Import: read and compile the document, compare it with the chain, publish its objects, apply them in one update by an
account that may (an admin of core, topology and templates). Export: everything at one block, as canonical YAML, which must
be that of the document. {runs}"
        ));
        ui.line(&format!(
            "By vote instead, a change of {} objects took {} ms and {} gas with its publishing (propose {}, vote {}, queue {},
execute {}), without the waits that a service sets itself.",
            way.objects,
            milliseconds(way.seconds),
            thousands(way.propose_gas + way.vote_gas + way.queue_gas + way.execute_gas),
            thousands(way.propose_gas),
            thousands(way.vote_gas),
            thousands(way.queue_gas),
            thousands(way.execute_gas),
        ));
    }
}

//! `koinon bench compile`: how long the compiler takes from source to representation and plan.

use std::cell::RefCell;
use std::fs::File;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use clap::Args;
use koinon_model::sha256;
use koinon_plan::Version;
use koinon_tosca::Options;
use koinon_tosca::Phase;
use serde::Deserialize;
use serde::Serialize;

use super::chain::Dialect;
use super::chain::template;
use crate::commands::plan;
use crate::error::CommandError;
use crate::error::Outcome;
use crate::files::TemplateArgs;
use crate::ui::Ui;
use crate::ui::thousands;

/// Processes whose output must be the same.
const DETERMINISTIC_RUNS: usize = 100;
/// Runs in this process, of which the fastest counts.
const PHASE_RUNS: usize = 3;

/// Measure the compiler: source to representation and plan
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  koinon bench compile
  koinon bench compile --sizes 10000,100000 --dialect 2.0 --json
  koinon bench compile --sizes 1000 --check-determinism
  koinon bench compile --file service.yaml      what one process of it does

A process reads the template, writes its representation and the plan that leads there from nothing, and ends. Its time
is that from starting it to having all of its output. Phases are measured apart, within this process.")]
pub(crate) struct CompileBenchArgs {
    /// Numbers of nodes
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [10, 100, 1_000, 10_000])]
    sizes: Vec<u32>,

    /// Only this version of TOSCA
    #[arg(long, value_enum, value_name = "VERSION")]
    dialect: Option<Dialect>,

    /// Processes to start for each template; the median counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,

    /// Compare the output of 100 processes, two at once, instead
    #[arg(long)]
    check_determinism: bool,

    /// Compile this template once: write its representation and its plan
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sizes", "dialect", "check_determinism"])]
    file: Option<PathBuf>,

    /// Tell what it took, for the process that asked
    #[arg(long, hide = true, requires = "file")]
    tell: bool,
}

/// What was measured of one template.
#[derive(Debug, Serialize)]
struct Row {
    dialect: Dialect,
    nodes: u32,
    source_bytes: usize,
    output_bytes: usize,
    runs: u32,
    /// From starting the process to having its output.
    wall_microseconds: u64,
    /// On any processor.
    cpu_microseconds: u64,
    /// Most memory, where the system tells.
    peak_kib: Option<u64>,
    phases: Vec<PhaseTime>,
}

/// A phase in this process.
#[derive(Clone, Debug, Serialize)]
struct PhaseTime {
    phase: &'static str,
    microseconds: u64,
}

/// What a process says of itself at its end.
#[derive(Debug, Deserialize, Serialize)]
struct Told {
    cpu_microseconds: u64,
    peak_kib: Option<u64>,
}

/// What became of templates that were compiled many times.
#[derive(Debug, Serialize)]
struct Determinism {
    dialect: Dialect,
    nodes: u32,
    runs: usize,
    bytes: usize,
    digest: String,
}

pub(crate) fn run(ui: Ui, args: &CompileBenchArgs) -> Outcome {
    if let Some(file) = &args.file {
        return once(file, args.tell);
    }
    let folder = tempfile::tempdir().map_err(|error| failed("make a directory", &error))?;
    let both = [Dialect::Two, Dialect::OneThree];
    let mut rows = Vec::new();
    let mut same = Vec::new();
    for dialect in both.into_iter().filter(|one| args.dialect.is_none_or(|wanted| wanted == *one)) {
        for nodes in &args.sizes {
            let file = folder.path().join("chain.yaml");
            let text = template(*nodes, dialect);
            std::fs::write(&file, &text).map_err(|error| failed("write the template", &error))?;
            if args.check_determinism {
                same.push(compare(&file, dialect, *nodes)?);
            } else {
                rows.push(measure(&file, &text, dialect, (*nodes, args.runs))?);
            }
        }
    }
    match (ui.json, args.check_determinism) {
        (true, true) => ui.json(&same),
        (true, false) => ui.json(&rows),
        (false, true) => {
            for one in &same {
                ui.line(&format!(
                    "TOSCA {}, {} nodes: {} processes, two at once, wrote the same {} bytes, {}",
                    one.dialect.name(),
                    thousands(u64::from(one.nodes)),
                    one.runs,
                    thousands(one.bytes as u64),
                    one.digest,
                ));
            }
        }
        (false, false) => show(ui, &rows),
    }
    Ok(())
}

/// Does once what is measured.
fn once(file: &Path, tell: bool) -> Outcome {
    let template = TemplateArgs {
        template: file.to_owned(),
        inputs: Vec::new(),
        input: Vec::new(),
        mirror: Vec::new(),
    };
    let (disk, root) = template.open()?;
    let made = koinon_tosca::represent(&disk, &root, &Options::default())?;
    // Standard output itself would look for ends of lines in all that is written.
    let out = std::io::stdout().as_fd().try_clone_to_owned();
    let mut out = File::from(out.map_err(|error| failed("write the output", &error))?);
    let mut written = Ok(());
    let mut write = |text: &str| {
        if written.is_ok() {
            written = out.write_all(text.as_bytes());
        }
    };
    let plan = plan::written_from_nothing(&made.representation, &mut write)?;
    write("\n");
    for piece in &plan {
        write(piece);
    }
    write("\n");
    written.map_err(|error| failed("write the output", &error))?;
    // The system takes back all memory at once, and the process ends here.
    std::mem::forget(made);
    if tell {
        let told = Told { cpu_microseconds: cpu_microseconds(), peak_kib: peak_kib() };
        let told = serde_json::to_string(&told).map_err(|error| failed("tell", &error))?;
        writeln!(std::io::stderr(), "{told}").map_err(|error| failed("tell", &error))?;
    }
    Ok(())
}

/// Starts a process that compiles a template once.
fn start(file: &Path) -> Outcome<Child> {
    let program = std::env::current_exe().map_err(|error| failed("find this program", &error))?;
    let mut command = Command::new(program);
    command.args(["bench", "compile", "--tell", "--file"]).arg(file);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map_err(|error| failed("start a process", &error))
}

/// Waits for a process: its output, and what it says of itself.
fn finish(child: Child) -> Outcome<(Vec<u8>, Told)> {
    let done = child.wait_with_output().map_err(|error| failed("wait for a process", &error))?;
    let told = told(&done)?;
    Ok((done.stdout, told))
}

/// Waits for a process as [`finish`] does, and only counts its output: keeping it takes time of a processor that the
/// process could have.
fn finish_counting(mut child: Child) -> Outcome<(usize, Told)> {
    let mut bytes = 0;
    if let Some(mut output) = child.stdout.take() {
        let mut buffer = vec![0; 64 << 10];
        loop {
            match output.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => bytes += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("read the output", &error)),
            }
        }
    }
    let done = child.wait_with_output().map_err(|error| failed("wait for a process", &error))?;
    Ok((bytes, told(&done)?))
}

/// Reads what a process says of itself at its end.
fn told(done: &Output) -> Outcome<Told> {
    let said = String::from_utf8_lossy(&done.stderr);
    match said.lines().last().and_then(|line| serde_json::from_str(line).ok()) {
        Some(told) if done.status.success() => Ok(told),
        _ => Err(CommandError::failed(format!("{}: {}", done.status, said.trim()))),
    }
}

fn measure(file: &Path, text: &str, dialect: Dialect, (nodes, runs): (u32, u32)) -> Outcome<Row> {
    let (mut walls, mut cpus) = (Vec::new(), Vec::new());
    let (mut peak, mut output_bytes) = (None, 0);
    for _ in 0..runs {
        let started = Instant::now();
        let (bytes, told) = finish_counting(start(file)?)?;
        walls.push(microseconds(started.elapsed()));
        cpus.push(told.cpu_microseconds);
        peak = peak.max(told.peak_kib);
        output_bytes = bytes;
    }
    Ok(Row {
        dialect,
        nodes,
        source_bytes: text.len(),
        output_bytes,
        runs,
        wall_microseconds: median(walls),
        cpu_microseconds: median(cpus),
        peak_kib: peak,
        phases: phases(text)?,
    })
}

/// Compiles a template in many processes and compares what they write.
fn compare(file: &Path, dialect: Dialect, nodes: u32) -> Outcome<Determinism> {
    let mut first: Option<Vec<u8>> = None;
    for _ in 0..DETERMINISTIC_RUNS / 2 {
        for child in [start(file)?, start(file)?] {
            let (output, _) = finish(child)?;
            match &first {
                None => first = Some(output),
                Some(known) if *known == output => {}
                Some(_) => {
                    let message = format!("two processes wrote different bytes for {nodes} nodes");
                    return Err(CommandError::failed(message));
                }
            }
        }
    }
    let nothing = || CommandError::failed("no process was run, so nothing was compared");
    let output = first.ok_or_else(nothing)?;
    let digest = sha256(&output).to_string();
    Ok(Determinism { dialect, nodes, runs: DETERMINISTIC_RUNS, bytes: output.len(), digest })
}

thread_local! {
    /// When the phase under way began, and what those before took.
    static PASSED: RefCell<(Option<Instant>, Vec<PhaseTime>)> = const { RefCell::new((None, Vec::new())) };
}

/// Takes note that a phase is over.
fn pass(phase: &'static str) {
    PASSED.with_borrow_mut(|(since, times)| {
        let now = Instant::now();
        let microseconds = since.replace(now).map_or(0, |since| microseconds(now - since));
        match times.iter_mut().find(|one| one.phase == phase) {
            Some(known) => known.microseconds += microseconds,
            None => times.push(PhaseTime { phase, microseconds }),
        }
    });
}

fn pass_of_compiler(phase: Phase) {
    pass(match phase {
        Phase::Parse => "parse",
        Phase::Lower => "lower",
        Phase::Read => "read",
        Phase::Types => "types",
        Phase::Check => "check",
        Phase::Resolve => "resolve",
        Phase::Evaluate => "evaluate",
        Phase::Represent => "represent",
    });
}

/// Compiles a template in this process and returns what each phase took, in the fastest of some runs.
fn phases(text: &str) -> Outcome<Vec<PhaseTime>> {
    let files = std::collections::BTreeMap::from([("chain.yaml".to_owned(), text.to_owned())]);
    let options = Options { passed: Some(pass_of_compiler), ..Options::default() };
    let mut fastest: Option<Vec<PhaseTime>> = None;
    for _ in 0..PHASE_RUNS {
        PASSED.set((Some(Instant::now()), Vec::new()));
        let made = koinon_tosca::represent(&files, "chain.yaml", &options)?;
        pass("free");
        let json = made.representation.to_json();
        pass("write");
        let digest = sha256(json.as_bytes());
        pass("digest");
        drop(json);
        let plan = plan::from_nothing(Version { representation: &made.representation, digest })?;
        pass("plan");
        drop(plan.to_json());
        pass("write plan");
        let (_, times) = PASSED.take();
        let total = |times: &[PhaseTime]| times.iter().map(|one| one.microseconds).sum::<u64>();
        if fastest.as_ref().is_none_or(|known| total(&times) < total(known)) {
            fastest = Some(times);
        }
    }
    Ok(fastest.unwrap_or_default())
}

fn show(ui: Ui, rows: &[Row]) {
    const PHASES: [&str; 13] = [
        "parse",
        "lower",
        "read",
        "types",
        "check",
        "resolve",
        "evaluate",
        "represent",
        "free",
        "write",
        "digest",
        "plan",
        "write plan",
    ];
    let titles = ["tosca", "nodes", "wall ms", "cpu ms", "peak MiB", "output KiB"];
    let mut table = vec![titles.iter().chain(&PHASES).map(|title| (*title).to_owned()).collect()];
    for row in rows {
        let mut cells = vec![
            row.dialect.name().to_owned(),
            thousands(u64::from(row.nodes)),
            milliseconds(row.wall_microseconds),
            milliseconds(row.cpu_microseconds),
            row.peak_kib.map_or_else(|| "?".to_owned(), |kib| (kib / 1024).to_string()),
            thousands(row.output_bytes as u64 / 1024),
        ];
        cells.extend(PHASES.iter().map(|phase| {
            let found = row.phases.iter().find(|one| one.phase == *phase);
            found.map_or_else(String::new, |one| milliseconds(one.microseconds))
        }));
        table.push(cells);
    }
    ui.table(&table);
    let build = if cfg!(debug_assertions) { " A debug build: not for figures." } else { "" };
    ui.line(&format!(
        "Wall, cpu and peak are of a whole process, medians and the highest peak of its runs; phases are of this process.{build}"
    ));
}

/// Writes milliseconds with what is left of them where they are few.
fn milliseconds(microseconds: u64) -> String {
    match microseconds {
        0..10_000 => format!("{}.{:02}", microseconds / 1000, microseconds % 1000 / 10),
        _ => ((microseconds + 500) / 1000).to_string(),
    }
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn median(mut figures: Vec<u64>) -> u64 {
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

/// Returns the time all threads of this process have had.
fn cpu_microseconds() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let part = |number: i64| u64::try_from(number).unwrap_or_default();
    part(time.tv_sec) * 1_000_000 + part(time.tv_nsec) / 1000
}

/// Returns the most memory this process has had, as Linux tells it.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> CommandError {
    CommandError::failed(format!("cannot {what}: {error}"))
}

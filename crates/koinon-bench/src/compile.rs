//! `koinon bench compile`: the time of the compiler from source to representation and plan.

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
use koinon_command::CommandError;
use koinon_command::DialectArg;
use koinon_command::Outcome;
use koinon_command::TemplateArgs;
use koinon_command::Ui;
use koinon_command::plan_from_nothing;
use koinon_command::thousands;
use koinon_command::write_with_plan;
use koinon_model::sha256;
use koinon_plan::PlanInput;
use koinon_tosca::Options;
use koinon_tosca::Phase;
use serde::Deserialize;
use serde::Serialize;

use crate::figures::median;
use crate::figures::milliseconds;
use crate::template::template;

/// Processes whose output must be equal.
const DETERMINISTIC_RUNS: usize = 100;
/// Runs in this process; the fastest counts.
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
    dialect: Option<DialectArg>,

    /// Processes to start for each template; the median counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,

    /// Compare the output of 100 processes, two at once, instead
    #[arg(long)]
    check_determinism: bool,

    /// Compile this template once: write its representation and its plan
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sizes", "dialect", "check_determinism"])]
    file: Option<PathBuf>,

    /// Print the time and memory it took to stderr, for the process that started it
    #[arg(long, hide = true, requires = "file")]
    print_usage: bool,
}

/// The figures of one template.
#[derive(Debug, Serialize)]
struct CompileRow {
    dialect: DialectArg,
    nodes: u32,
    source_bytes: usize,
    output_bytes: usize,
    runs: u32,
    /// From the start of the process to the end of its output.
    wall_microseconds: u64,
    /// Of all threads.
    cpu_microseconds: u64,
    /// Most memory; `None` if the system does not tell.
    peak_kib: Option<u64>,
    phases: Vec<PhaseTime>,
}

/// The time of one phase in this process.
#[derive(Clone, Debug, Serialize)]
struct PhaseTime {
    phase: &'static str,
    microseconds: u64,
}

/// The time and memory of a process, which it prints at its end.
#[derive(Debug, Deserialize, Serialize)]
struct ProcessUsage {
    cpu_microseconds: u64,
    peak_kib: Option<u64>,
}

/// A generated template, and how often to compile it.
#[derive(Debug)]
struct Sample {
    dialect: DialectArg,
    nodes: u32,
    runs: u32,
}

/// The result of compiling a template in many processes.
#[derive(Debug, Serialize)]
struct Determinism {
    dialect: DialectArg,
    nodes: u32,
    runs: usize,
    bytes: usize,
    digest: String,
}

pub(crate) fn run(ui: Ui, args: &CompileBenchArgs) -> Outcome {
    if let Some(file) = &args.file {
        return once(file, args.print_usage);
    }
    let folder = tempfile::tempdir().map_err(|error| failed("make a directory", error))?;
    let both = [DialectArg::V2_0, DialectArg::V1_3];
    let mut rows = Vec::new();
    let mut same = Vec::new();
    for dialect in both.into_iter().filter(|one| args.dialect.is_none_or(|wanted| wanted == *one)) {
        for nodes in &args.sizes {
            let file = folder.path().join("chain.yaml");
            let text = template(*nodes, dialect);
            std::fs::write(&file, &text).map_err(|error| failed("write the template", error))?;
            if args.check_determinism {
                same.push(compare(&file, dialect, *nodes)?);
            } else {
                rows.push(measure(
                    &file,
                    &text,
                    &Sample { dialect, nodes: *nodes, runs: args.runs },
                )?);
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
                    one.dialect.number(),
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

/// Compiles the template once: the work that is measured.
fn once(file: &Path, print_usage: bool) -> Outcome {
    let template = TemplateArgs {
        template: file.to_owned(),
        inputs: Vec::new(),
        input: Vec::new(),
        mirror: Vec::new(),
    };
    let (disk, root) = template.open()?;
    let made = koinon_tosca::represent(&disk, &root, &Options::default())?;
    // Rust's stdout would search everything written for line ends.
    let stdout = std::io::stdout().as_fd().try_clone_to_owned();
    let mut out = File::from(stdout.map_err(|error| failed("write the output", error))?);
    let mut written = Ok(());
    let mut write = |text: &str| {
        if written.is_ok() {
            written = out.write_all(text.as_bytes());
        }
    };
    let plan = write_with_plan(&made.representation, &mut write)?;
    write("\n");
    for piece in &plan {
        write(piece);
    }
    write("\n");
    written.map_err(|error| failed("write the output", error))?;
    // Dropping it is slow and the process is about to exit: leak it.
    std::mem::forget(made);
    if print_usage {
        let usage = ProcessUsage { cpu_microseconds: cpu_microseconds(), peak_kib: peak_kib() };
        let json = serde_json::to_string(&usage).map_err(|error| failed("write JSON", error))?;
        writeln!(std::io::stderr(), "{json}").map_err(|error| failed("write to stderr", error))?;
    }
    Ok(())
}

/// Starts a process that compiles a template once.
fn start(file: &Path) -> Outcome<Child> {
    let program = std::env::current_exe().map_err(|error| failed("find this program", error))?;
    let mut command = Command::new(program);
    command.args(["compile", "--print-usage", "--file"]).arg(file);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map_err(|error| failed("start a process", error))
}

/// Waits for a process, and returns its output and its usage.
fn finish(child: Child) -> Outcome<(Vec<u8>, ProcessUsage)> {
    let done = child.wait_with_output().map_err(|error| failed("wait for a process", error))?;
    let usage = usage(&done)?;
    Ok((done.stdout, usage))
}

/// Waits for a process as [`finish`] does, but only counts its output: storing it would take
/// processor time from the process.
fn finish_counting(mut child: Child) -> Outcome<(usize, ProcessUsage)> {
    let mut bytes = 0;
    if let Some(mut output) = child.stdout.take() {
        let mut buffer = vec![0; 64 << 10];
        loop {
            match output.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => bytes += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("read the output", error)),
            }
        }
    }
    let done = child.wait_with_output().map_err(|error| failed("wait for a process", error))?;
    Ok((bytes, usage(&done)?))
}

/// Reads the usage that a process printed at its end.
fn usage(done: &Output) -> Outcome<ProcessUsage> {
    let said = String::from_utf8_lossy(&done.stderr);
    match said.lines().last().and_then(|line| serde_json::from_str(line).ok()) {
        Some(usage) if done.status.success() => Ok(usage),
        _ => Err(CommandError::failed(format!("{}: {}", done.status, said.trim()))),
    }
}

fn measure(file: &Path, text: &str, sample: &Sample) -> Outcome<CompileRow> {
    let Sample { dialect, nodes, runs } = *sample;
    let (mut walls, mut cpus) = (Vec::new(), Vec::new());
    let (mut peak, mut output_bytes) = (None, 0);
    for _ in 0..runs {
        let started = Instant::now();
        let (bytes, usage) = finish_counting(start(file)?)?;
        walls.push(started.elapsed().as_secs_f64());
        cpus.push(Duration::from_micros(usage.cpu_microseconds).as_secs_f64());
        peak = peak.max(usage.peak_kib);
        output_bytes = bytes;
    }
    Ok(CompileRow {
        dialect,
        nodes,
        source_bytes: text.len(),
        output_bytes,
        runs,
        wall_microseconds: microseconds(Duration::from_secs_f64(median(walls))),
        cpu_microseconds: microseconds(Duration::from_secs_f64(median(cpus))),
        peak_kib: peak,
        phases: phases(text)?,
    })
}

/// Compiles a template in many processes and compares what they write.
fn compare(file: &Path, dialect: DialectArg, nodes: u32) -> Outcome<Determinism> {
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
    /// The start of the running phase, and the times of those before.
    static PHASES: RefCell<(Option<Instant>, Vec<PhaseTime>)> = const { RefCell::new((None, Vec::new())) };
}

/// Records the end of a phase.
fn end_phase(phase: &'static str) {
    PHASES.with_borrow_mut(|(since, times)| {
        let now = Instant::now();
        let microseconds = since.replace(now).map_or(0, |since| microseconds(now - since));
        match times.iter_mut().find(|one| one.phase == phase) {
            Some(known) => known.microseconds += microseconds,
            None => times.push(PhaseTime { phase, microseconds }),
        }
    });
}

fn end_compiler_phase(phase: Phase) {
    end_phase(match phase {
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

/// Compiles a template in this process and returns the time of each phase, in the fastest run.
fn phases(text: &str) -> Outcome<Vec<PhaseTime>> {
    let files = std::collections::BTreeMap::from([("chain.yaml".to_owned(), text.to_owned())]);
    let options = Options { passed: Some(end_compiler_phase), ..Options::default() };
    let mut fastest: Option<Vec<PhaseTime>> = None;
    for _ in 0..PHASE_RUNS {
        PHASES.set((Some(Instant::now()), Vec::new()));
        let made = koinon_tosca::represent(&files, "chain.yaml", &options)?;
        end_phase("free");
        let json = made.representation.to_json();
        end_phase("write");
        let digest = sha256(json.as_bytes());
        end_phase("digest");
        drop(json);
        let plan = plan_from_nothing(PlanInput { representation: &made.representation, digest })?;
        end_phase("plan");
        drop(plan.to_json());
        end_phase("write plan");
        let (_, times) = PHASES.take();
        let total = |times: &[PhaseTime]| times.iter().map(|one| one.microseconds).sum::<u64>();
        if fastest.as_ref().is_none_or(|known| total(&times) < total(known)) {
            fastest = Some(times);
        }
    }
    Ok(fastest.expect("BUG: there is at least one run"))
}

fn show(ui: Ui, rows: &[CompileRow]) {
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
            row.dialect.number().to_owned(),
            thousands(u64::from(row.nodes)),
            milliseconds(micros(row.wall_microseconds)),
            milliseconds(micros(row.cpu_microseconds)),
            row.peak_kib.map_or_else(|| "?".to_owned(), |kib| (kib / 1024).to_string()),
            thousands(row.output_bytes as u64 / 1024),
        ];
        cells.extend(PHASES.iter().map(|phase| {
            let found = row.phases.iter().find(|one| one.phase == *phase);
            found.map_or_else(String::new, |one| milliseconds(micros(one.microseconds)))
        }));
        table.push(cells);
    }
    ui.table(&table);
    let build = if cfg!(debug_assertions) { " A debug build: not for figures." } else { "" };
    ui.line(&format!(
        "Wall, cpu and peak are of a whole process, medians and the highest peak of its runs; phases are of this process.{build}"
    ));
}

/// Returns microseconds in seconds.
fn micros(microseconds: u64) -> f64 {
    Duration::from_micros(microseconds).as_secs_f64()
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Returns the processor time of all threads of this process.
fn cpu_microseconds() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let part = |number: i64| u64::try_from(number).expect("BUG: processor time is not negative");
    part(time.tv_sec) * 1_000_000 + part(time.tv_nsec) / 1000
}

/// Returns the most memory this process has had; `None` where there is no procfs.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn failed(action: &str, cause: impl Into<anyhow::Error>) -> CommandError {
    CommandError::failed(format!("cannot {action}")).because(cause)
}

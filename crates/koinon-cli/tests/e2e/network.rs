//! The network of one test: its own home, the real binary, and the end of all processes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use koinon_testkit::wait_until;
use rustix::fs::StatVfsMountFlags;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::processes;

/// The example that people start.
pub(crate) const EXAMPLE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/sharding-network");
/// Inputs that make blocks and votes short: a test of a change has many of both.
pub(crate) const QUICK: [&str; 6] =
    ["-I", "block_interval=100 ms", "-I", "voting_period=30", "-I", "epoch_interval=100000"];
/// Time within which each expected event must happen: far more than it needs, so that only missing
/// events fail.
pub(crate) const EVENT_TIMEOUT: Duration = Duration::from_secs(90);

/// Free bytes that two networks need, many times over.
const FREE_BYTES: u64 = 2 << 30;

/// A network in its own home.
#[derive(Debug)]
pub(crate) struct Network {
    home: TempDir,
    runs: AtomicUsize,
    up: Option<Started>,
    _turn: Turn,
}

/// A started process that nobody waits for yet.
#[derive(Debug)]
pub(crate) struct Started {
    command: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// A finished command.
#[derive(Debug)]
#[must_use = "check how it ended"]
pub(crate) struct Ran {
    command: String,
    status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A permit of the two networks that run at once, on two cores.
#[derive(Debug)]
struct Turn;

static FREE: Mutex<usize> = Mutex::new(2);
static FREED: Condvar = Condvar::new();

impl Turn {
    fn take() -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free =
            FREED.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *FREE.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        FREED.notify_one();
    }
}

/// Returns the folder of all homes: in memory if there is room and programs may run there. A chain
/// syncs every block, which can take minutes on a busy disk. Both keep the writes of a killed
/// process; `koinon-evm` tests power failures.
fn homes() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let fits = rustix::fs::statvfs(memory).is_ok_and(|of| {
        of.f_bavail.saturating_mul(of.f_frsize) >= FREE_BYTES
            && !of.f_flag.contains(StatVfsMountFlags::NOEXEC)
    });
    if fits { memory.to_owned() } else { std::env::temp_dir() }
}

impl Network {
    /// Makes the home; nothing runs yet.
    pub(crate) fn new() -> Self {
        let turn = Turn::take();
        let home = tempfile::Builder::new().prefix("koinon-e2e-").tempdir_in(homes()).unwrap();
        for dir in ["tmp", "work"] {
            fs::create_dir(home.path().join(dir)).unwrap();
        }
        Self { home, runs: AtomicUsize::new(0), up: None, _turn: turn }
    }

    /// Makes a network that is up.
    pub(crate) fn started(inputs: &[&str]) -> Self {
        let mut network = Self::new();
        network.up(EXAMPLE, inputs);
        network
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The working directory of every command.
    pub(crate) fn work(&self) -> PathBuf {
        self.home().join("work")
    }

    /// The network's directory.
    pub(crate) fn dir(&self) -> PathBuf {
        self.home().join("net")
    }

    /// Starts a command that nobody waits for yet.
    pub(crate) fn spawn<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Started {
        self.spawn_program(Path::new(env!("CARGO_BIN_EXE_koinon")), arguments)
    }

    /// Starts another program than ours, as hermetic.
    pub(crate) fn spawn_program<A: AsRef<OsStr>>(
        &self,
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Started {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let [stdout, stderr] = ["out", "err"].map(|kind| self.home().join(format!("{run}.{kind}")));
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home())
            .env("TMPDIR", self.home().join("tmp"))
            .current_dir(self.work())
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap());
        Started { command: format!("{command:?}"), child: command.spawn().unwrap(), stdout, stderr }
    }

    /// Runs a command to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ran {
        self.spawn(arguments).wait()
    }

    /// Runs a command on the network to its end.
    pub(crate) fn on(&self, arguments: &[&str]) -> Ran {
        self.run([arguments, &["--dir", self.dir().to_str().unwrap()]].concat())
    }

    /// Runs a command on the network and returns its data.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        self.on(&[arguments, &["--json"]].concat()).json()
    }

    /// Starts `up` and returns at once.
    pub(crate) fn start_up(&mut self, template: &str, inputs: &[&str]) {
        assert!(self.up.is_none(), "it is up");
        let dir = self.dir();
        let up = ["up", template, "--dir", dir.to_str().unwrap()];
        self.up = Some(self.spawn([&up, inputs].concat()));
    }

    /// Starts `up` and waits until every node answers.
    pub(crate) fn up(&mut self, template: &str, inputs: &[&str]) {
        self.start_up(template, inputs);
        self.wait_up();
    }

    /// Waits until `up` says that every node answers.
    pub(crate) fn wait_up(&mut self) {
        let up = self.up.as_mut().unwrap();
        wait_until(EVENT_TIMEOUT, "every node answers", || up.says("nodes answer"));
    }

    /// Returns the output of `up` on stderr so far.
    pub(crate) fn up_says(&self) -> String {
        fs::read_to_string(&self.up.as_ref().unwrap().stderr).unwrap()
    }

    /// Interrupts `up` as Ctrl-C does.
    pub(crate) fn interrupt(&mut self) -> Ran {
        self.up.as_mut().unwrap().interrupt();
        self.wait_ended()
    }

    /// Kills `up`, which leaves its processes alone.
    pub(crate) fn kill_up(&mut self) {
        let mut up = self.up.take().unwrap();
        up.kill();
        drop(up.wait());
    }

    /// Waits until `up` has ended by itself.
    pub(crate) fn wait_ended(&mut self) -> Ran {
        self.up.take().unwrap().wait()
    }

    /// Returns the process number of a child of `up`, such as `chain` or `agent-alice`; `None`
    /// while it is none.
    pub(crate) fn child(&self, name: &str) -> Option<u32> {
        let pid = holder(&self.dir().join("run").join(name))?;
        processes::of(&self.dir()).iter().any(|process| process.pid == pid).then_some(pid)
    }

    /// Returns the nodes' processes by operator and slot, from their directories: each must have
    /// exactly one, which is the one its lock names.
    pub(crate) fn nodes(&self) -> Result<BTreeMap<(String, String), u32>, String> {
        let agents = self.dir().join("agents");
        let mut running = processes::by_cwd(&agents);
        let mut nodes = BTreeMap::new();
        for agent in list(&agents) {
            for node in list(&agent.join("nodes")) {
                let pids = running.remove(&node).unwrap_or_default();
                let lock = holder(&node.join("lock"));
                let [pid] = &pids[..] else {
                    return Err(format!("{} has processes {pids:?}", node.display()));
                };
                if lock != Some(*pid) {
                    return Err(format!("{} has process {pid} and lock {lock:?}", node.display()));
                }
                nodes.insert((file_name(&agent), file_name(&node).replace('.', "/")), *pid);
            }
        }
        // The working directories of agents are elsewhere.
        if running.is_empty() {
            Ok(nodes)
        } else {
            Err(format!("processes of no node: {running:?}"))
        }
    }

    /// Waits until exactly the nodes the chain allots are running, each reported and each one
    /// process; returns their process numbers by operator and slot.
    pub(crate) fn settle(&self) -> BTreeMap<(String, String), u32> {
        wait_until(EVENT_TIMEOUT, "the nodes are those of the chain", || {
            let ran = self.on(&["status", "--json"]);
            if ran.code() != 0 {
                return Err(ran.stderr);
            }
            let status = ran.json();
            let rows = status["nodes"].as_array().unwrap();
            let filled: Vec<&Value> =
                rows.iter().filter(|row| !row["operator"].is_null()).collect();
            if let Some(row) = filled.iter().find(|row| row["state"] != "running") {
                return Err(format!("one is not running: {row}"));
            }
            let wanted = filled.iter().map(|row| {
                let operator = row["operator"].as_str().unwrap().split('@').next().unwrap();
                (operator.to_owned(), row["slot"].as_str().unwrap().to_owned())
            });
            let wanted: Vec<(String, String)> = wanted.collect();
            let nodes = self.nodes()?;
            let mut missing = wanted.iter().filter(|key| !nodes.contains_key(*key));
            if nodes.is_empty() || nodes.len() != wanted.len() || missing.next().is_some() {
                return Err(format!("{wanted:?} should run, and these do: {:?}", nodes.keys()));
            }
            Ok(nodes)
        })
    }

    /// Waits until nothing of the network lives: a process that was ended is gone an instant after
    /// its lock.
    pub(crate) fn assert_ended(&self) {
        wait_until(Duration::from_secs(5), "nothing of the network lives", || {
            let left = processes::of(self.home());
            if left.is_empty() { Ok(()) } else { Err(format!("these do: {left:#?}")) }
        });
    }

    /// Proposes a template or its inputs, has operators vote for it and executes it; returns the
    /// new revision.
    pub(crate) fn change(&self, template: &str, inputs: &[&str]) -> u64 {
        let proposed = self.json(&[&["propose", template, "--as", "alice"], inputs].concat());
        self.pass(proposed["proposal"].as_str().unwrap())
    }

    /// Votes for a proposal by several operators and executes it; returns the new revision.
    pub(crate) fn pass(&self, proposal: &str) -> u64 {
        wait_until(EVENT_TIMEOUT, "the vote begins", || {
            let shown = self.json(&["proposal", "show", proposal]);
            if shown["state"] == "active" { Ok(()) } else { Err(shown["state"].to_string()) }
        });
        // Half of all stake must take part: 1,000 and 800 of 2,800 are more. Both vote at once: the
        // vote is short.
        let dir = self.dir();
        let vote = ["vote", proposal, "for", "--json", "--dir", dir.to_str().unwrap(), "--as"];
        let votes = ["alice", "bob"].map(|voter| self.spawn([&vote[..], &[voter]].concat()));
        for voted in votes {
            assert_eq!(voted.wait().json()["proposal"], proposal);
        }
        let executed = self.json(&["execute", proposal, "--as", "carol"]);
        assert_eq!(executed["state"], "executed", "{executed}");
        executed["revision"].as_u64().unwrap()
    }

    /// Writes a copy of the example's template with some of its text replaced.
    pub(crate) fn template(&self, name: &str, replacements: &[(&str, &str)]) -> String {
        let mut text = fs::read_to_string(Path::new(EXAMPLE).join("template.yaml")).unwrap();
        for (from, to) in replacements {
            assert_eq!(text.matches(from).count(), 1, "{from:?} is not once in the template");
            text = text.replace(from, to);
        }
        let path = self.work().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let failed = std::thread::panicking();
        if failed {
            self.show_logs();
        }
        if let Some(mut up) = self.up.take() {
            // Its children end by `down`.
            drop(up.child.kill());
            drop(up.child.wait());
        }
        let dir = self.dir();
        // Without it nothing was started yet.
        if dir.join("network.json").exists() && !failed {
            drop(self.run(["down", "--purge", "--dir", dir.to_str().unwrap()]).success());
        }
        for process in processes::of(self.home()) {
            processes::signal(process.pid, Signal::KILL);
        }
    }
}

impl Network {
    fn show_logs(&self) {
        let mut logs = list(&self.dir().join("logs"));
        if let Some(up) = &self.up {
            logs.push(up.stderr.clone());
        }
        for log in logs {
            let text = fs::read_to_string(&log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            eprintln!("--- {}", log.display());
            for line in &lines[lines.len().saturating_sub(40)..] {
                eprintln!("{line}");
            }
        }
    }
}

impl Started {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it said something on stderr; that it ended instead fails the test.
    pub(crate) fn says(&mut self, text: &str) -> Result<(), String> {
        let said = fs::read_to_string(&self.stderr).unwrap();
        if said.contains(text) {
            return Ok(());
        }
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "{} ended with {ended:?}:\n{said}", self.command);
        Err(format!("it says:\n{said}"))
    }

    pub(crate) fn interrupt(&mut self) {
        processes::signal(self.child.id(), Signal::INT);
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Returns its output on stdout so far.
    pub(crate) fn stdout(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap()
    }

    /// Waits until it ends.
    pub(crate) fn wait(mut self) -> Ran {
        let status = wait_until(EVENT_TIMEOUT * 2, "a command ends", || {
            let status = self.child.try_wait().unwrap();
            status.ok_or_else(|| {
                let said = fs::read_to_string(&self.stderr).unwrap();
                format!("{} runs on and says:\n{said}", self.command)
            })
        });
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        let (stdout, stderr) = (read(&self.stdout), read(&self.stderr));
        Ran { command: self.command, status, stdout, stderr }
    }
}

impl Ran {
    /// Its exit code.
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// Asserts its exit code.
    pub(crate) fn exits(self, code: i32) -> Self {
        let Self { command, status, stdout, stderr } = &self;
        assert_eq!(status.code(), Some(code), "{command}: {status}\n{stdout}\n{stderr}");
        self
    }

    /// Asserts that it did what it was asked.
    pub(crate) fn success(self) -> Self {
        self.exits(0)
    }

    /// Asserts that it did what it was asked and printed one JSON value and nothing else; returns
    /// it.
    pub(crate) fn json(self) -> Value {
        let ran = self.success();
        let parsed = serde_json::from_str(&ran.stdout);
        parsed.unwrap_or_else(|error| panic!("{}: {error} in\n{}", ran.command, ran.stdout))
    }
}

/// Lists a directory in order; one that is not there has nothing.
pub(crate) fn list(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Returns the process number a lock file begins with, whether or not that process lives.
pub(crate) fn holder(lock: &Path) -> Option<u32> {
    let text = fs::read_to_string(lock).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

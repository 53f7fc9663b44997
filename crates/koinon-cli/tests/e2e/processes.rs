//! Processes as the kernel reports them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// A living process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) cwd: PathBuf,
    pub(crate) command: String,
}

/// Finds the processes that work in a directory or were started with its name.
pub(crate) fn of(dir: &Path) -> Vec<Process> {
    let name = dir.to_str().unwrap();
    let entries = fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let found = pids.filter(|pid| *pid != std::process::id()).filter_map(read);
    found.filter(|process| process.cwd.starts_with(dir) || process.command.contains(name)).collect()
}

/// Reads a process; `None` if it has ended.
fn read(pid: u32) -> Option<Process> {
    let proc = Path::new("/proc").join(pid.to_string());
    let cwd = fs::read_link(proc.join("cwd")).ok()?;
    let command = fs::read(proc.join("cmdline")).ok()?;
    let command = String::from_utf8_lossy(&command).replace('\0', " ");
    Some(Process { pid, cwd, command })
}

/// Returns the process ids below a directory, by working directory.
pub(crate) fn by_cwd(dir: &Path) -> BTreeMap<PathBuf, Vec<u32>> {
    let mut found: BTreeMap<PathBuf, Vec<u32>> = BTreeMap::new();
    for process in of(dir).into_iter().filter(|process| process.cwd.starts_with(dir)) {
        found.entry(process.cwd).or_default().push(process.pid);
    }
    found
}

/// Sends a signal.
pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    match rustix::process::kill_process(pid, signal) {
        // It has ended by itself.
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => panic!("cannot signal {pid:?}: {error}"),
    }
}

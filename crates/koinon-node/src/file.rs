//! Files that are whole or absent, and locks that end with their holder.
//!
//! A lock file holds the number of the process that took it and when that process started, so that a number that was
//! given to another process since is never taken for it.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Seek;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::fs::flock;
use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;
use rustix::process::kill_process_group;
use tokio::time::Instant;
use tokio::time::sleep;

/// Writes a file so that a reader, or a later start after a crash, finds the old content or the new, never part of it.
/// A device or a pipe is written to, not replaced: `/dev/null` stays what it is.
///
/// # Errors
/// What the file system says.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    if path.metadata().is_ok_and(|known| !known.is_file()) {
        return std::fs::write(path, content);
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let temporary = dir.join(format!(".{name}.{}.part", std::process::id()));
    let mut file = File::create(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    File::open(dir)?.sync_all()
}

/// Opens a lock file, made if absent.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Takes the lock; `false` if another process holds it.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether some process holds the lock.
pub(crate) fn is_locked(path: &Path) -> io::Result<bool> {
    match File::open(path) {
        Ok(file) => match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(error.into()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes a directory and all in it; absent is fine.
pub(crate) fn remove_dir(path: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Who took a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Holder {
    pid: u32,
    /// When it started, in the kernel's ticks since boot.
    started: u64,
}

impl Holder {
    fn this() -> io::Result<Self> {
        let pid = std::process::id();
        let started = start_time(pid).ok_or(io::ErrorKind::Unsupported)?;
        Ok(Self { pid, started })
    }

    fn read(path: &Path) -> io::Result<Option<Self>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let parse = || {
            let (pid, started) = text.trim().split_once(' ')?;
            Some(Self { pid: pid.parse().ok()?, started: started.parse().ok()? })
        };
        Ok(parse())
    }

    fn lives(self) -> bool {
        start_time(self.pid) == Some(self.started)
    }

    fn signal(self, signal: Signal) -> bool {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return false };
        // Who was started from a shell need not lead a group.
        let group = kill_process_group(pid, signal);
        group
            .or_else(|error| if self.lives() { kill_process(pid, signal) } else { Err(error) })
            .is_ok()
    }
}

/// Field 22 of `/proc/PID/stat` (proc(5)); `None` if there is no such process, or it has ended and is not yet reaped.
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Takes a lock for as long as the returned file is open and writes down who took it; `None` if another process holds it.
///
/// # Errors
/// What the file system says.
pub fn hold(path: &Path) -> io::Result<Option<File>> {
    let mut file = open_lock(path)?;
    // Whoever looks whether the lock is held takes it for an instant.
    let mut patience = 50;
    while !try_lock(&file)? {
        patience -= 1;
        if patience == 0 {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let Holder { pid, started } = Holder::this()?;
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{pid} {started}")?;
    Ok(Some(file))
}

/// Returns whether the process that took the lock lives: it holds the lock, or it let go of it and goes on.
///
/// # Errors
/// What the file system says.
pub fn is_held(path: &Path) -> io::Result<bool> {
    Ok(is_locked(path)? || Holder::read(path)?.is_some_and(Holder::lives))
}

/// Returns the number of the process that took the lock, if it lives and has written it.
///
/// # Errors
/// What the file system says.
pub fn holder(path: &Path) -> io::Result<Option<u32>> {
    Ok(Holder::read(path)?.filter(|holder| holder.lives()).map(|holder| holder.pid))
}

/// Ends the process that took the lock and all of its group: asks, and after `grace` kills. Returns whether it has ended.
///
/// # Errors
/// What the file system says.
pub async fn end_holder(path: &Path, grace: Duration) -> io::Result<bool> {
    const KILLED: Duration = Duration::from_secs(10);
    for (signal, patience) in [(Signal::TERM, grace), (Signal::KILL, KILLED)] {
        let deadline = Instant::now() + patience;
        let mut signalled = false;
        while is_held(path)? {
            if Instant::now() > deadline {
                break;
            }
            if !signalled && let Some(holder) = Holder::read(path)? {
                signalled = holder.signal(signal);
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(!is_held(path)?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use rustix::fs::CWD;
    use rustix::fs::FileType;
    use rustix::fs::Mode;
    use rustix::fs::mknodat;

    use super::*;

    #[test]
    fn files_are_replaced_and_pipes_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        for content in [&b"one"[..], b"2"] {
            write_whole(&file, content).unwrap();
            assert_eq!(std::fs::read(&file).unwrap(), content);
        }
        let pipe = dir.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        let mut reader = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
        write_whole(&pipe, b"three").unwrap();
        let mut read = [0; 5];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"three");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}

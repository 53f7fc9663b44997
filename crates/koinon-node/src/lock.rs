//! Locks that end with the process that acquired them.
//!
//! A lock file holds the number of that process and the time it started: the number alone does not
//! identify it, because the system may have given it to another process since.

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

/// How often [`acquire_lock`] tries, every [`RETRY_INTERVAL`]: a process that only tests whether
/// the lock is held holds it for an instant.
const MAX_ATTEMPTS: u32 = 50;
/// Pause between two attempts, and between two looks at a process that should end.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);
/// How long a killed process may take to end.
pub(crate) const KILL_TIMEOUT: Duration = Duration::from_secs(10);

/// The process that acquired a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LockHolder {
    pid: u32,
    /// When it started, in the kernel's ticks since boot.
    started: u64,
}

/// Acquires a lock for as long as the returned file is open, and writes this process into it;
/// `None` if another process holds it.
///
/// # Errors
/// The error of the system call that failed.
pub fn acquire_lock(path: &Path) -> io::Result<Option<File>> {
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let mut attempts = 1;
    while !try_lock(&file)? {
        if attempts == MAX_ATTEMPTS {
            return Ok(None);
        }
        attempts += 1;
        std::thread::sleep(RETRY_INTERVAL);
    }
    let LockHolder { pid, started } = LockHolder::this_process()?;
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{pid} {started}")?;
    Ok(Some(file))
}

/// Returns whether the process that acquired the lock lives, even if it has closed the lock file.
///
/// # Errors
/// The error of the system call that failed.
pub fn is_lock_held(path: &Path) -> io::Result<bool> {
    Ok(is_locked(path)? || LockHolder::read(path)?.is_some_and(LockHolder::lives))
}

/// Returns the number of the process that acquired the lock, if it lives and has written it.
///
/// # Errors
/// The error of the system call that failed.
pub fn lock_holder(path: &Path) -> io::Result<Option<u32>> {
    Ok(LockHolder::read(path)?.filter(|holder| holder.lives()).map(|holder| holder.pid))
}

/// Ends the process that acquired the lock and all of its group: sends SIGTERM, and after
/// `term_timeout` SIGKILL. Returns whether the process has ended.
///
/// # Errors
/// The error of the system call that failed.
pub async fn end_lock_holder(path: &Path, term_timeout: Duration) -> io::Result<bool> {
    end_lock_holder_within(path, term_timeout, KILL_TIMEOUT).await
}

/// Ends the process as [`end_lock_holder`] does; after SIGKILL it may take `kill_timeout` to end.
pub(crate) async fn end_lock_holder_within(
    path: &Path,
    term_timeout: Duration,
    kill_timeout: Duration,
) -> io::Result<bool> {
    for (signal, timeout) in [(Signal::TERM, term_timeout), (Signal::KILL, kill_timeout)] {
        let deadline = Instant::now() + timeout;
        let mut signalled = false;
        while is_lock_held(path)? {
            if Instant::now() > deadline {
                break;
            }
            if !signalled && let Some(holder) = LockHolder::read(path)? {
                signalled = holder.signal(signal);
            }
            sleep(RETRY_INTERVAL).await;
        }
    }
    Ok(!is_lock_held(path)?)
}

/// Acquires the lock; `false` if another process holds it.
fn try_lock(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether a process has the lock file open and locked.
fn is_locked(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

impl LockHolder {
    fn this_process() -> io::Result<Self> {
        let pid = std::process::id();
        let started = start_time(pid).ok_or(io::ErrorKind::Unsupported)?;
        Ok(Self { pid, started })
    }

    /// Reads a lock file; `None` if it is missing, or empty because its process was killed between
    /// acquiring the lock and writing.
    fn read(path: &Path) -> io::Result<Option<Self>> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (pid, started) = text.trim().split_once(' ')?;
        Some(Self { pid: pid.parse().ok()?, started: started.parse().ok()? })
    }

    fn lives(self) -> bool {
        start_time(self.pid) == Some(self.started)
    }

    /// Signals the process and its group; returns whether the signal was delivered.
    fn signal(self, signal: Signal) -> bool {
        // A number that no process can have belongs to no process.
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return false };
        // A process started from a shell need not lead a group.
        kill_process_group(pid, signal)
            .or_else(|error| if self.lives() { kill_process(pid, signal) } else { Err(error) })
            .is_ok()
    }
}

/// Returns field 22 of `/proc/PID/stat` (proc(5)); `None` if there is no such process, or if it has
/// ended and is not yet reaped.
fn start_time(pid: u32) -> Option<u64> {
    parse_start_time(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_start_time(stat: &str) -> Option<u64> {
    // The name, in parentheses, may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Child;
    use std::process::Command;

    use super::*;

    /// Starts a process that waits, and writes it into a lock file as its holder.
    fn waiting_child(lock: &Path, own_group: bool) -> Child {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "read line"]).stdin(std::process::Stdio::piped());
        if own_group {
            command.process_group(0);
        }
        let child = command.spawn().unwrap();
        let started = start_time(child.id()).unwrap();
        std::fs::write(lock, format!("{} {started}", child.id())).unwrap();
        child
    }

    #[test]
    fn the_start_time_is_field_22_of_a_process_that_has_not_ended() {
        let fields = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 12345 20 21";
        let cases = [
            (format!("77 (sh) S {fields}"), Some(12345)),
            (format!("77 (a) R 9 (b)) R {fields}"), Some(12345)),
            (format!("77 (sh) Z {fields}"), None),
            (format!("77 (sh) X {fields}"), None),
            ("77 (sh) S 1 2 3".to_owned(), None),
            ("77 sh".to_owned(), None),
            (String::new(), None),
        ];
        for (stat, expected) in cases {
            assert_eq!(parse_start_time(&stat), expected, "{stat}");
        }
        assert_eq!(start_time(u32::MAX), None);
    }

    #[test]
    fn a_lock_is_held_by_the_process_with_its_number_and_start_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let own = std::process::id();
        let started = start_time(own).unwrap();
        let cases = [
            (format!("{own} {started}"), Some(own)),
            (format!("{own} {started}\n"), Some(own)),
            (format!("{own} {}", started + 1), None),
            (format!("{} {started}", u32::MAX), None),
            (own.to_string(), None),
            (format!("-1 {started}"), None),
            ("a lock".to_owned(), None),
            (String::new(), None),
        ];
        assert_eq!(lock_holder(&path).unwrap(), None);
        assert!(!is_lock_held(&path).unwrap());
        for (text, expected) in cases {
            std::fs::write(&path, &text).unwrap();
            assert_eq!(lock_holder(&path).unwrap(), expected, "{text}");
            assert_eq!(is_lock_held(&path).unwrap(), expected.is_some(), "{text}");
        }
    }

    #[test]
    fn only_one_process_acquires_a_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        // A stale lock file, longer than what replaces it.
        std::fs::write(&path, "4294967295 18446744073709551615 and more").unwrap();
        let lock = acquire_lock(&path).unwrap().unwrap();
        let own = std::process::id();
        let expected = format!("{own} {}", start_time(own).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        assert!(acquire_lock(&path).unwrap().is_none());
        // The lock counts without its text, which a process killed early has not written.
        lock.set_len(0).unwrap();
        assert!(is_lock_held(&path).unwrap());
        assert_eq!(lock_holder(&path).unwrap(), None);
    }

    #[tokio::test]
    async fn the_holder_is_ended_by_sigterm_in_or_without_its_own_group() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        assert!(end_lock_holder(&path, Duration::ZERO).await.unwrap());
        for own_group in [true, false] {
            let mut child = waiting_child(&path, own_group);
            assert!(end_lock_holder(&path, Duration::from_secs(60)).await.unwrap());
            assert_eq!(child.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
        }
    }

    #[tokio::test]
    async fn the_holder_is_killed_when_it_has_no_time_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let mut child = waiting_child(&path, true);
        assert!(end_lock_holder(&path, Duration::ZERO).await.unwrap());
        assert_eq!(child.wait().unwrap().signal(), Some(Signal::KILL.as_raw()));
    }
}

//! Files that are whole or absent, and locks that end with their holder.
//!
//! A lock file holds the number of the process that holds it. Whoever finds the lock held may signal that number: it
//! cannot be another process's, since the lock ends with its holder.

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
///
/// # Errors
/// What the file system says.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("part");
    let mut file = File::create(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
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

/// Takes a lock for as long as the returned file is open and writes this process's number into it; `None` if another
/// process holds it.
///
/// # Errors
/// What the file system says.
pub fn hold(path: &Path) -> io::Result<Option<File>> {
    let mut file = open_lock(path)?;
    if !try_lock(&file)? {
        return Ok(None);
    }
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())?;
    Ok(Some(file))
}

/// Returns the number of the process that holds the lock, once it has written it.
///
/// # Errors
/// What the file system says.
pub fn holder(path: &Path) -> io::Result<Option<u32>> {
    if !is_locked(path)? {
        return Ok(None);
    }
    Ok(std::fs::read_to_string(path)?.trim().parse().ok())
}

/// Ends the process that holds the lock and all of its group: asks, and after `grace` kills. Returns whether the lock is
/// free.
///
/// # Errors
/// What the file system says.
pub async fn end_holder(path: &Path, grace: Duration) -> io::Result<bool> {
    const KILLED: Duration = Duration::from_secs(10);
    for (signal, patience) in [(Signal::TERM, grace), (Signal::KILL, KILLED)] {
        let deadline = Instant::now() + patience;
        let mut signalled = false;
        while is_locked(path)? {
            if Instant::now() > deadline {
                break;
            }
            if !signalled && let Some(pid) = holder(path)?.and_then(pid) {
                // Who was started from a shell need not lead a group.
                let group = kill_process_group(pid, signal);
                signalled = group.or_else(|_| kill_process(pid, signal)).is_ok();
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(!is_locked(path)?)
}

fn pid(number: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(number).ok()?)
}

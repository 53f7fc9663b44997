//! Why a log cannot be opened, read or written.

use std::io;
use std::path::Path;
use std::path::PathBuf;

/// Opening or reading the log failed.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process, or another handle of this one, has the directory open.
    #[error("{} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// The operating system refused.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// The action that failed.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The error of the system call.
        #[source]
        source: io::Error,
    },
    /// Durable bytes differ from those written.
    #[error("{} is damaged at byte {offset}: {what}", .path.display())]
    Damaged {
        /// The log.
        path: PathBuf,
        /// Where the first damaged frame begins.
        offset: u64,
        /// The fault of that frame.
        what: &'static str,
    },
}

pub(super) fn io_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Io { action, path, source }
}

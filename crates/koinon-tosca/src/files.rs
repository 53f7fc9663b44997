//! The compiler's only door out: where files come from.

use std::collections::BTreeMap;

use thiserror::Error;

/// Where the files of a service come from: a folder, an archive, a chain's objects, a test.
///
/// Paths are `/`-separated and relative; the compiler has already resolved `.` and `..` and never asks for a path
/// above the root. An implementation should refuse files of absurd size before reading them.
pub trait Files {
    /// Reads the file at a path.
    ///
    /// # Errors
    /// [`FileError`] if there is none or it cannot be read.
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError>;
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FileError {
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// It exists and cannot be read; the text says why.
    #[error("{0}")]
    Unreadable(String),
}

/// Files held in memory, by path.
impl Files for BTreeMap<String, String> {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.get(path).map(|text| text.clone().into_bytes()).ok_or(FileError::NotFound)
    }
}

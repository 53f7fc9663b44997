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

    /// Returns the paths of the files directly in a folder, sorted; the root is the empty path. Profiles that are not
    /// built in are looked for among those beside the root file (csd07 6.7).
    fn list(&self, folder: &str) -> Vec<String> {
        let _: &str = folder;
        Vec::new()
    }

    /// Reads what an address with a scheme stands for. Nothing is fetched unless an implementation allows it.
    ///
    /// # Errors
    /// [`FileError`] if that is not allowed or fails.
    fn fetch(&self, url: &str) -> Result<Vec<u8>, FileError> {
        let _: &str = url;
        Err(FileError::Unreadable("nothing is fetched from the network".to_owned()))
    }
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FileError {
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// It has more bytes than any budget allows, so nothing was read.
    #[error("it is too large")]
    TooLarge,
    /// It exists and cannot be read; the text says why.
    #[error("{0}")]
    Unreadable(String),
}

/// Files held in memory, by path.
impl Files for BTreeMap<String, String> {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.get(path).map(|text| text.clone().into_bytes()).ok_or(FileError::NotFound)
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let inside = |path: &&String| match path.rsplit_once('/') {
            Some((parent, _)) => parent == folder,
            None => folder.is_empty(),
        };
        self.keys().filter(inside).cloned().collect()
    }
}

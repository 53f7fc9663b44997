//! The source of files: the compiler's only access to the outside.

use std::collections::BTreeMap;

use thiserror::Error;

/// The source of a service's files: a folder, an archive, a chain's objects, a test.
///
/// Paths are `/`-separated and relative; the compiler has already resolved `.` and `..` and never
/// asks for a path above the root. An implementation should reject files of absurd size before
/// reading them.
pub trait Files {
    /// Reads the file at a path.
    ///
    /// # Errors
    /// [`FileError::NotFound`] if there is no such file, another [`FileError`] if it cannot be
    /// read.
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError>;

    /// Returns the sorted paths of the files directly in a folder; the root is the empty path.
    /// Profiles that are not built in are searched among the files beside the root file (csd07
    /// 6.7).
    fn list(&self, folder: &str) -> Vec<String> {
        let _: &str = folder;
        Vec::new()
    }

    /// Reads the file at an address with a scheme. The default implementation fetches nothing.
    ///
    /// # Errors
    /// [`FileError`] if fetching is not supported or fails.
    fn fetch(&self, url: &str) -> Result<Vec<u8>, FileError> {
        let _: &str = url;
        Err(FileError::Unreadable("files are not fetched from the network".to_owned()))
    }
}

/// The error of reading a file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FileError {
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// The file has more bytes than any budget accepts, so nothing was read.
    #[error("it is too large")]
    TooLarge,
    /// The file exists but cannot be read; the text is the reason.
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

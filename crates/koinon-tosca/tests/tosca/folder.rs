//! The files of a folder, for tests that read a suite from the disk.

use std::fs;
use std::path::PathBuf;

use koinon_tosca::FileError;
use koinon_tosca::Files;

/// A folder as the root of a service; imports cannot leave it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Files for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        fs::read(self.0.join(path)).map_err(|_| FileError::NotFound)
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.join(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .map(|name| if folder.is_empty() { name } else { format!("{folder}/{name}") })
            .collect();
        names.sort();
        names
    }
}

//! Open documents, and the files on disk that they hide.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use gen_lsp_types::Uri;
use koinon_tosca::Budgets;
use koinon_tosca::FileError;
use koinon_tosca::Files;

use crate::text::DocumentText;

/// An open document.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) uri: Uri,
    pub(crate) version: i32,
    pub(crate) text: DocumentText,
    pub(crate) home: DocumentPath,
}

/// The place of a document in a folder.
#[derive(Clone, Debug)]
pub(crate) struct DocumentPath {
    /// The folder that files are read from, and no others: the workspace's, or the document's;
    /// `None` if the document was never saved.
    pub(crate) folder: Option<PathBuf>,
    /// The document's path in the folder.
    pub(crate) path: String,
}

impl DocumentPath {
    /// Finds the innermost folder of the workspace that holds a document.
    pub(crate) fn of(uri: &Uri, folders: &[PathBuf]) -> Self {
        let nowhere = || Self { folder: None, path: "untitled".to_owned() };
        let Ok(path) = uri.to_file_path() else { return nowhere() };
        let holding = folders.iter().filter(|folder| path.starts_with(folder));
        let folder = holding.max_by_key(|folder| folder.components().count());
        let Some(folder) = folder.map(PathBuf::as_path).or(path.parent()) else { return nowhere() };
        let Ok(inside) = path.strip_prefix(folder) else { return nowhere() };
        let parts = inside.components().map(|part| part.as_os_str().to_string_lossy());
        let path = parts.collect::<Vec<_>>().join("/");
        Self { folder: Some(folder.to_owned()), path }
    }
}

/// Returns whether a document is TOSCA: the server ignores other YAML.
pub(crate) fn is_tosca(uri: &Uri, text: &str) -> bool {
    let named = [".tosca", ".tosca.yaml", ".tosca.yml"].iter().any(|end| uri.path().ends_with(end));
    named || text.lines().any(|line| line.starts_with("tosca_definitions_version"))
}

/// The files of a folder; open documents replace those on disk.
#[derive(Clone, Debug)]
pub(crate) struct DocumentFiles {
    pub(crate) home: DocumentPath,
    /// Texts of open documents, by path.
    pub(crate) open: Arc<BTreeMap<PathBuf, Arc<str>>>,
    /// The text of the document itself, which may not be saved.
    pub(crate) own: Arc<str>,
}

impl DocumentFiles {
    fn path(&self, path: &str) -> Option<PathBuf> {
        let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        self.home.folder.as_ref().filter(|_| inside).map(|folder| folder.join(path))
    }
}

impl Files for DocumentFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        if path == self.home.path {
            return Ok(self.own.as_bytes().to_vec());
        }
        let path = self.path(path).ok_or(FileError::NotFound)?;
        if let Some(text) = self.open.get(&path) {
            return Ok(text.as_bytes().to_vec());
        }
        read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => FileError::NotFound,
            _ => FileError::Unreadable(error.to_string()),
        })
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let Some(path) = self.path(folder) else { return Vec::new() };
        let inside = |name: &str| match folder {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        };
        let entries = fs::read_dir(&path).into_iter().flatten().flatten();
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        let mut names: Vec<String> =
            files.map(|entry| inside(&entry.file_name().to_string_lossy())).collect();
        let open = self.open.keys().filter(|open| open.parent() == Some(path.as_path()));
        names.extend(open.filter_map(|open| Some(inside(&open.file_name()?.to_string_lossy()))));
        names.sort();
        names.dedup();
        names
    }
}

/// Reads a file, unless it exceeds the budget of all files together.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let limit = Budgets::default().bytes;
    let size = fs::metadata(path)?.len();
    if usize::try_from(size).is_ok_and(|size| size <= limit) {
        return fs::read(path);
    }
    Err(io::Error::other(format!("it has {size} bytes, more than {limit}")))
}

//! A folder for what only the compiler has: built-in profiles and the pages of error codes, as files an editor can open.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use gen_lsp_types::Uri;
use koinon_tosca::Code;
use tempfile::TempDir;

/// A folder that is gone when the server ends.
#[derive(Debug)]
pub(super) struct Shelf(TempDir);

impl Shelf {
    pub(super) fn new() -> io::Result<Self> {
        tempfile::Builder::new().prefix("koinon-lsp-").tempdir().map(Self)
    }

    /// Returns whether a file is one of the folder's.
    pub(super) fn holds(&self, path: &Path) -> bool {
        path.starts_with(self.0.path())
    }

    /// Returns where a profile can be opened.
    pub(super) fn profile(&self, name: &str, text: &str) -> Option<Uri> {
        let letter = |one: char| if one.is_ascii_alphanumeric() || one == '.' { one } else { '-' };
        let name: String = name.chars().map(letter).collect();
        self.file(&format!("{name}.yaml"), text)
    }

    /// Returns where the page of a code can be opened.
    pub(super) fn page(&self, code: Code) -> Option<Uri> {
        self.file(&format!("{}.md", code.as_str()), code.page())
    }

    /// Writes a file that nobody can edit, unless it is there.
    fn file(&self, name: &str, text: &str) -> Option<Uri> {
        let path: PathBuf = self.0.path().join(name);
        if !path.exists()
            && let Err(error) = write(&path, text)
        {
            tracing::warn!("cannot write {}: {error}", path.display());
            return None;
        }
        Uri::from_file_path(path).ok()
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    let mut permissions = fs::metadata(path)?.permissions();
    permissions.set_readonly(true);
    fs::set_permissions(path, permissions)
}

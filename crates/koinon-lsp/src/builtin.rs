//! Built-in profiles and the pages of error codes as files that an editor can open.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use gen_lsp_types::Uri;
use koinon_tosca::Code;
use tempfile::TempDir;

/// A temporary folder with built-in files; it is removed when the server ends.
#[derive(Debug)]
pub(crate) struct BuiltinFiles(TempDir);

impl BuiltinFiles {
    pub(crate) fn new() -> io::Result<Self> {
        tempfile::Builder::new().prefix("koinon-lsp-").tempdir().map(Self)
    }

    /// Returns whether a file is in the folder.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        path.starts_with(self.0.path())
    }

    /// Returns the URI of a profile.
    pub(crate) fn profile(&self, name: &str, text: &str) -> Option<Uri> {
        let letter = |one: char| if one.is_ascii_alphanumeric() || one == '.' { one } else { '-' };
        let name: String = name.chars().map(letter).collect();
        self.file(&format!("{name}.yaml"), text)
    }

    /// Returns the URI of the page of a code.
    pub(crate) fn page(&self, code: Code) -> Option<Uri> {
        self.file(&format!("{}.md", code.as_str()), code.page())
    }

    /// Writes a read-only file, unless it exists.
    fn file(&self, name: &str, text: &str) -> Option<Uri> {
        let path: PathBuf = self.0.path().join(name);
        if !path.exists()
            && let Err(error) = write(&path, text)
        {
            tracing::warn!(%error, "cannot write {}", path.display());
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

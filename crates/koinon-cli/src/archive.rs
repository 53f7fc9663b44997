//! Archives: their format, and the files that become one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::TemplateArgs;
use koinon_tosca::FileError;
use koinon_tosca::Files;
use koinon_tosca::csar::ArchiveFormat;

/// A format of archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArchiveFormatArg {
    /// A zip file
    Zip,
    /// A tar file compressed with gzip
    #[value(name = "tar.gz")]
    TarGz,
}

impl ArchiveFormatArg {
    /// Returns the format that the name of an archive says.
    pub(crate) fn of_name(archive: &Path) -> Self {
        let name = archive.to_string_lossy();
        if name.ends_with(".tar.gz") || name.ends_with(".tgz") { Self::TarGz } else { Self::Zip }
    }
}

impl From<ArchiveFormatArg> for ArchiveFormat {
    fn from(format: ArchiveFormatArg) -> Self {
        match format {
            ArchiveFormatArg::Zip => Self::Zip,
            ArchiveFormatArg::TarGz => Self::TarGz,
        }
    }
}

/// The files to pack.
#[derive(Debug, Default)]
pub(crate) struct PackedFiles {
    /// Contents by path.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// The path of the file to start with, if it is known.
    pub(crate) entry: Option<String>,
}

/// Reads all files of a directory, except hidden ones, a `TOSCA.meta`, which packing writes, and
/// the archive itself.
pub(crate) fn read_directory(directory: &Path, archive: &Path) -> Outcome<PackedFiles> {
    let mut files = BTreeMap::new();
    // An archive that does not exist yet is not among the files.
    let archive = fs::canonicalize(archive).ok();
    collect(directory, "", archive.as_deref(), &mut files)?;
    for meta in ["TOSCA.meta", "TOSCA-Metadata/TOSCA.meta"] {
        files.remove(meta);
    }
    let entry = Some("template.yaml".to_owned()).filter(|entry| files.contains_key(entry));
    Ok(PackedFiles { files, entry })
}

fn collect(
    directory: &Path,
    prefix: &str,
    archive: Option<&Path>,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Outcome {
    let read = |path: &Path| format!("cannot read {}", path.display());
    for entry in fs::read_dir(directory).with_context(|| read(directory))? {
        let entry = entry.with_context(|| read(directory))?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            return Err(CommandError::failed(format!("{} is not UTF-8", path.display())));
        };
        if name.starts_with('.') {
            continue;
        }
        let inside = format!("{prefix}{name}");
        let kind = entry.file_type().with_context(|| read(&path))?;
        if kind.is_dir() {
            collect(&path, &format!("{inside}/"), archive, files)?;
        } else if !kind.is_file() {
            let error =
                format!("expected a file or a directory, found neither at {}", path.display());
            return Err(
                CommandError::failed(error).hint("archives cannot hold links: put a copy there")
            );
        } else if archive.is_none() || fs::canonicalize(&path).ok().as_deref() != archive {
            files.insert(inside, fs::read(&path).with_context(|| read(&path))?);
        }
    }
    Ok(())
}

/// Reads a file and its imports, by compiling it.
pub(crate) fn read_with_imports(source: &Path) -> Outcome<PackedFiles> {
    let template = TemplateArgs::at(source.to_owned());
    let (files, root) = template.open()?;
    let recorder = RecordingFiles { files: &files, read: RefCell::default() };
    koinon_tosca::validate(&recorder, &root, &BTreeMap::new())?;
    Ok(PackedFiles { files: recorder.read.into_inner(), entry: Some(root) })
}

/// Files that record which of them were read.
struct RecordingFiles<'a> {
    files: &'a dyn Files,
    read: RefCell<BTreeMap<String, Vec<u8>>>,
}

impl Files for RecordingFiles<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let bytes = self.files.read(path)?;
        self.read.borrow_mut().insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }
}

/// Returns the only YAML file at the root.
pub(crate) fn only_yaml(files: &BTreeMap<String, Vec<u8>>) -> Outcome<String> {
    let yaml =
        |path: &&String| !path.contains('/') && (path.ends_with(".yaml") || path.ends_with(".yml"));
    let found: Vec<&String> = files.keys().filter(yaml).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        _ => Err(CommandError::usage(
            "no template.yaml to start with, and not one YAML file at the root",
        )
        .hint("say where to start with --entry PATH")),
    }
}

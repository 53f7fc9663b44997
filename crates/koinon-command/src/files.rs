//! Templates and inputs from the disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use alloy::primitives::B256;
use clap::Args;
use clap::ValueEnum;
use koinon_model::JsonLimits;
use koinon_model::Service;
use koinon_model::Value;
use koinon_model::representation::Representation;
use koinon_tosca::Budgets;
use koinon_tosca::Dialect;
use koinon_tosca::FileError;
use koinon_tosca::Files;
use koinon_tosca::csar;
use koinon_tosca::csar::Archive;
use serde::Serialize;

use crate::error::CommandError;
use crate::error::FailureKind;
use crate::error::Outcome;

/// A version of TOSCA that files can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
pub enum DialectArg {
    /// TOSCA 1.3
    #[value(name = "1.3")]
    #[serde(rename = "1.3")]
    V1_3,
    /// TOSCA 2.0
    #[value(name = "2.0")]
    #[serde(rename = "2.0")]
    V2_0,
}

impl DialectArg {
    /// Returns the number of the version.
    pub fn number(self) -> &'static str {
        match self {
            Self::V1_3 => "1.3",
            Self::V2_0 => "2.0",
        }
    }
}

impl From<DialectArg> for Dialect {
    fn from(version: DialectArg) -> Self {
        match version {
            DialectArg::V1_3 => Self::V1_3,
            DialectArg::V2_0 => Self::V2_0,
        }
    }
}

// A template and the values of its inputs.
#[expect(missing_docs, reason = "clap would print it as the help of each command")]
#[derive(Args, Clone, Debug)]
pub struct TemplateArgs {
    /// A TOSCA file, a directory with a template.yaml, or an archive (CSAR: zip, tar, tar.gz)
    pub template: PathBuf,

    /// A YAML or JSON file with input values; later files override earlier ones
    #[arg(long, short, value_name = "FILE")]
    pub inputs: Vec<PathBuf>,

    /// One input value, as YAML; overrides files
    #[arg(long, short = 'I', value_name = "NAME=VALUE")]
    pub input: Vec<String>,

    /// Directory that imports of a URL are read from; nothing is fetched from the network
    #[arg(long, value_name = "URL=DIRECTORY")]
    pub mirror: Vec<String>,
}

// The inputs of a representation besides the template and its values.
#[expect(missing_docs, reason = "clap would print it as the help of each command")]
#[derive(Args, Clone, Debug, Default)]
pub struct ResolveArgs {
    /// Seed of random choices, where a policy of the service asks for them
    #[arg(long, value_name = "HASH")]
    pub seed: Option<B256>,

    /// A file beside the template whose service may substitute nodes; the other definitions of an
    /// archive are tried first
    #[arg(long, value_name = "FILE")]
    pub substitute: Vec<String>,

    /// The representation (.json) of a service whose nodes may be selected
    #[arg(long, value_name = "FILE")]
    pub select: Vec<PathBuf>,
}

/// Limits of a representation that is read: some 500,000 elements.
pub const REPRESENTATION_LIMITS: JsonLimits = JsonLimits { bytes: 1 << 30, depth: 64 };

/// Reads a representation from its JSON; `name` is the file or stream it comes from.
///
/// # Errors
/// [`FailureKind::Template`] if it is not a representation.
pub fn read_representation(name: &str, bytes: &[u8]) -> Outcome<Representation> {
    let hint = "give the JSON of a representation, not a template";
    Representation::from_json(bytes, REPRESENTATION_LIMITS).map_err(|error| {
        let message = format!("{name} is not a representation");
        CommandError::new(FailureKind::Template, message).because(error).hint(hint)
    })
}

/// The files of a template and of its imports.
#[derive(Debug)]
pub struct TemplateFiles {
    origin: FilesOrigin,
    /// Prefixes of URLs, and the directories that mirror them.
    mirrors: Vec<(String, PathBuf)>,
}

#[derive(Debug)]
enum FilesOrigin {
    /// A directory, and the name of the template in it.
    Directory {
        root: PathBuf,
        template: String,
    },
    Archive(Archive),
}

impl Files for TemplateFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        match &self.origin {
            // The template itself may be a link: the user named its path.
            FilesOrigin::Directory { root, template } if path == template => {
                read_file(&root.join(path))
            }
            FilesOrigin::Directory { root, .. } => read_inside(root, path),
            FilesOrigin::Archive(archive) => archive.read(path),
        }
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let root = match &self.origin {
            FilesOrigin::Directory { root, .. } => root,
            FilesOrigin::Archive(archive) => return archive.list(folder),
        };
        let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        let names = files.filter_map(|entry| entry.file_name().into_string().ok());
        let mut paths: Vec<String> = names
            .map(|name| if folder.is_empty() { name } else { format!("{folder}/{name}") })
            .collect();
        paths.sort();
        paths
    }

    fn fetch(&self, url: &str) -> Result<Vec<u8>, FileError> {
        let found = self.mirrors.iter().find_map(|(prefix, root)| {
            Some((root, url.strip_prefix(prefix.as_str())?.trim_start_matches('/')))
        });
        let Some((root, path)) = found else {
            let message = "nothing is fetched from the network; `--mirror URL=DIRECTORY` reads it from a directory";
            return Err(FileError::Unreadable(message.to_owned()));
        };
        read_inside(root, path)
    }
}

/// Reads a file whose path, with links followed, stays in the directory.
fn read_inside(root: &Path, path: &str) -> Result<Vec<u8>, FileError> {
    let outside = || FileError::Unreadable("it is outside the template's directory".to_owned());
    let normal = |part| matches!(part, std::path::Component::Normal(_));
    if !Path::new(path).components().all(normal) {
        return Err(outside());
    }
    let file = root.join(path).canonicalize().map_err(|error| unreadable(&error))?;
    if !file.starts_with(root.canonicalize().map_err(|error| unreadable(&error))?) {
        return Err(outside());
    }
    read_file(&file)
}

/// Reads a file within the budget.
fn read_file(path: &Path) -> Result<Vec<u8>, FileError> {
    let limit = Budgets::default().bytes as u64 + 1;
    let metadata = path.metadata().map_err(|error| unreadable(&error))?;
    // Reading a pipe or a device may block or never end.
    if !metadata.is_file() {
        return Err(FileError::Unreadable("it is not a file".to_owned()));
    }
    if metadata.len() >= limit {
        return Err(FileError::TooLarge);
    }
    // With one byte more, the end is found without another allocation.
    let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    file.take(limit).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    Ok(bytes)
}

fn unreadable(error: &std::io::Error) -> FileError {
    match error.kind() {
        std::io::ErrorKind::NotFound => FileError::NotFound,
        _ => FileError::Unreadable(error.to_string()),
    }
}

/// Opens a file as an archive, if its first bytes are those of one.
///
/// # Errors
/// If the file cannot be read, or the archive is invalid.
pub fn open_archive(path: &Path) -> Outcome<Option<Archive>> {
    let budgets = Budgets::default();
    let mut bytes = Vec::new();
    // One byte above the budget is enough to reject it.
    let limit = u64::try_from(budgets.archive_bytes).unwrap_or(u64::MAX).saturating_add(1);
    let read = File::open(path).and_then(|file| {
        let mut file = file.take(limit);
        file.by_ref().take(512).read_to_end(&mut bytes)?;
        if csar::is_archive(&bytes) {
            file.read_to_end(&mut bytes)?;
        }
        Ok(())
    });
    read.map_err(|error| {
        CommandError::usage(format!("cannot read {}", path.display())).because(error)
    })?;
    if !csar::is_archive(&bytes) {
        return Ok(None);
    }
    Ok(Some(Archive::open(&path.display().to_string(), &bytes, &budgets)?))
}

impl TemplateArgs {
    /// Returns the arguments of a template without input values.
    pub fn at(template: PathBuf) -> Self {
        Self { template, inputs: Vec::new(), input: Vec::new(), mirror: Vec::new() }
    }

    /// Returns the files of the template, and the path of the first.
    ///
    /// # Errors
    /// [`FailureKind::Usage`] if there is no template.
    pub fn open(&self) -> Outcome<(TemplateFiles, String)> {
        let file = if self.template.is_dir() {
            self.template.join("template.yaml")
        } else {
            self.template.clone()
        };
        if !file.is_file() {
            let error = CommandError::usage(format!("no template at {}", file.display()));
            return Err(error.hint("give a TOSCA file, or a directory with a template.yaml"));
        }
        if let Some(archive) = open_archive(&file)? {
            let entry = archive.entry().to_owned();
            return Ok((
                TemplateFiles { origin: FilesOrigin::Archive(archive), mirrors: self.mirrors()? },
                entry,
            ));
        }
        let name = file.file_name().expect("BUG: a file has a name").to_string_lossy().into_owned();
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        let root = parent.unwrap_or(Path::new(".")).to_owned();
        let origin = FilesOrigin::Directory { root, template: name.clone() };
        Ok((TemplateFiles { origin, mirrors: self.mirrors()? }, name))
    }

    fn mirrors(&self) -> Outcome<Vec<(String, PathBuf)>> {
        let split = |mirror: &String| match mirror.rsplit_once('=') {
            Some((url, directory)) if url.contains("://") => {
                Ok((url.to_owned(), PathBuf::from(directory)))
            }
            _ => Err(CommandError::usage(format!(
                "expected URL=DIRECTORY after --mirror, found {mirror}"
            ))),
        };
        self.mirror.iter().map(split).collect()
    }

    /// Makes the representation of the template, and traces the candidates of some requirements.
    ///
    /// # Errors
    /// [`FailureKind::Template`] if the template does not compile.
    pub fn represent(
        &self,
        resolve: &ResolveArgs,
        trace: Option<koinon_tosca::TracedRequirements>,
    ) -> Outcome<koinon_tosca::Represented> {
        let (files, root) = self.open()?;
        let mut substitutes = match &files.origin {
            FilesOrigin::Archive(archive) => archive.others().to_vec(),
            FilesOrigin::Directory { .. } => Vec::new(),
        };
        substitutes.extend(resolve.substitute.iter().cloned());
        let read = |path: &PathBuf| {
            let name = path.display().to_string();
            let bytes = std::fs::read(path).map_err(|error| {
                CommandError::usage(format!("cannot read {name}")).because(error)
            })?;
            read_representation(&name, &bytes)
        };
        let selectable = resolve.select.iter().map(read).collect::<Outcome<_>>()?;
        let options = koinon_tosca::Options {
            inputs: self.values()?,
            seed: resolve.seed,
            substitutes,
            selectable,
            trace,
            ..koinon_tosca::Options::default()
        };
        Ok(koinon_tosca::represent(&files, &root, &options)?)
    }

    /// Returns the given input values.
    ///
    /// # Errors
    /// If a file cannot be read, or a value is not YAML.
    pub fn values(&self) -> Outcome<BTreeMap<String, Value>> {
        let mut values = BTreeMap::new();
        for file in &self.inputs {
            let text = std::fs::read(file).map_err(|error| {
                CommandError::usage(format!("cannot read inputs {}", file.display())).because(error)
            })?;
            values.extend(koinon_tosca::read_inputs(&file.display().to_string(), &text)?);
        }
        for input in &self.input {
            let Some((name, text)) = input.split_once('=') else {
                return Err(CommandError::usage(format!(
                    "expected NAME=VALUE after --input, found {input}"
                )));
            };
            values.insert(name.to_owned(), koinon_tosca::read_value(name, text)?);
        }
        Ok(values)
    }

    /// Compiles the template; `more` are values of inputs that were not given.
    ///
    /// # Errors
    /// [`FailureKind::Template`] if the template does not compile.
    pub fn compile(&self, more: BTreeMap<String, Value>) -> Outcome<Service> {
        let (files, root) = self.open()?;
        let mut values = more;
        values.extend(self.values()?);
        Ok(koinon_tosca::compile(&files, &root, &values)?)
    }

    /// Compiles the template without the values of this machine or the chain.
    ///
    /// # Errors
    /// [`FailureKind::Template`] if the template does not compile.
    pub fn preview(&self) -> Outcome<Service> {
        let (files, root) = self.open()?;
        Ok(koinon_tosca::preview(&files, &root, &self.values()?)?)
    }

    /// Compiles the template for a service that may be on chain already: the [`local_inputs`] that
    /// are not given keep their values on chain.
    ///
    /// # Errors
    /// [`FailureKind::Template`] if the template does not compile.
    pub fn compile_for(&self, current: Option<&Service>) -> Outcome<Service> {
        let mut more = BTreeMap::new();
        if let Some(current) = current {
            for name in local_inputs(&self.preview()?).into_keys() {
                if let Some(value) = current.inputs.get(&name) {
                    more.insert(name, value.clone());
                }
            }
        }
        self.compile(more)
    }
}

/// A value of this machine that `koinon up` gives to an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalInput {
    /// The CID of the example's worker program.
    WorkerProgram,
    /// Operators' certificates in PEM, by node template.
    OperatorCertificates,
}

/// Returns the inputs marked by `metadata: { koinon.local: ... }`.
pub fn local_inputs(service: &Service) -> BTreeMap<String, LocalInput> {
    let inputs =
        service.document.get("service_template").and_then(|template| template.get("inputs"));
    let inputs = inputs.and_then(Value::as_map).into_iter().flatten();
    let marked = inputs.filter_map(|(name, input)| {
        let mark = input.get("metadata")?.get("koinon.local")?.as_str()?;
        let what = match mark {
            "worker-program" => LocalInput::WorkerProgram,
            "operator-certificates" => LocalInput::OperatorCertificates,
            _ => return None,
        };
        Some((name.clone(), what))
    });
    marked.collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn links_and_pipes_out_of_the_directory_are_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("service");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(folder.path().join("secret.yaml"), "secret").unwrap();
        std::fs::write(root.join("types.yaml"), "types").unwrap();
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, root.join(name)).unwrap();
        link("../secret.yaml", "out.yaml");
        link("..", "up");
        link("types.yaml", "in.yaml");
        std::os::unix::net::UnixListener::bind(root.join("socket.yaml")).unwrap();
        assert_eq!(read_inside(&root, "in.yaml").unwrap(), b"types");
        for path in ["out.yaml", "up/secret.yaml", "../secret.yaml", "socket.yaml", "up"] {
            let error = read_inside(&root, path).unwrap_err();
            assert!(matches!(error, FileError::Unreadable(_)), "{path}: {error}");
        }
        assert!(matches!(read_inside(&root, "none.yaml"), Err(FileError::NotFound)));
        // The file the user names may be a link.
        let source = TemplateArgs::at(root.join("out.yaml")).open().unwrap();
        assert_eq!(source.0.read(&source.1).unwrap(), b"secret");
    }
    #[test]
    fn the_cause_of_an_invalid_representation_is_printed() {
        let error = read_representation("old.json", br#"{"format":3}"#).unwrap_err();
        assert_eq!(
            error.render(),
            "error: old.json is not a representation\n  \
             because: format: expected 1 or 2, found 3\n  \
             hint: give the JSON of a representation, not a template\n"
        );
    }
}

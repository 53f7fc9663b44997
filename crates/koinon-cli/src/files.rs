//! Templates and inputs from the disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use alloy::primitives::B256;
use clap::Args;
use clap::ValueEnum;
use koinon_model::Limits;
use koinon_model::Service;
use koinon_model::Value;
use koinon_model::representation::Representation;
use koinon_tosca::Budgets;
use koinon_tosca::Dialect;
use koinon_tosca::FileError;
use koinon_tosca::Files;
use koinon_tosca::csar;
use koinon_tosca::csar::Archive;

use crate::error::CommandError;
use crate::error::Kind;
use crate::error::Outcome;

/// A version of TOSCA, for what comes in two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Version {
    /// TOSCA 1.3
    #[value(name = "1.3")]
    V1_3,
    /// TOSCA 2.0
    #[value(name = "2.0")]
    V2_0,
}

impl From<Version> for Dialect {
    fn from(version: Version) -> Self {
        match version {
            Version::V1_3 => Self::V1_3,
            Version::V2_0 => Self::V2_0,
        }
    }
}

// A template and the values of its inputs.
#[derive(Args, Clone, Debug)]
pub(crate) struct TemplateArgs {
    /// A TOSCA file, a directory with a template.yaml, or an archive (CSAR: zip, tar, tar.gz)
    pub(crate) template: PathBuf,

    /// A YAML or JSON file with input values; later ones win
    #[arg(long, short, value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,

    /// One input value, as YAML; wins over files
    #[arg(long, short = 'I', value_name = "NAME=VALUE")]
    pub(crate) input: Vec<String>,

    /// Where imports of an address are read from instead of the network, which is never asked
    #[arg(long, value_name = "URL=DIRECTORY")]
    pub(crate) mirror: Vec<String>,
}

// What a representation depends on besides the template and its inputs.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ResolveArgs {
    /// What chance is drawn from, where a policy of the service says that it decides
    #[arg(long, value_name = "HASH")]
    pub(crate) seed: Option<B256>,

    /// A file beside the template whose service may stand for nodes; an archive's other definitions are tried first
    #[arg(long, value_name = "FILE")]
    pub(crate) substitute: Vec<String>,

    /// The representation (.json) of a service whose nodes may be selected
    #[arg(long, value_name = "FILE")]
    pub(crate) select: Vec<PathBuf>,
}

/// Largest representation that is read: some 500,000 elements.
pub(crate) const REPRESENTATION: Limits = Limits { bytes: 1 << 30, depth: 64 };

/// Reads a representation from its JSON; `name` is where it comes from.
pub(crate) fn read_representation(name: &str, bytes: &[u8]) -> Outcome<Representation> {
    let hint = "give the JSON of a representation, not a template";
    Representation::from_json(bytes, REPRESENTATION).map_err(|error| {
        let error = anyhow::Error::from(error).context(format!("{name} is no representation"));
        CommandError { kind: Kind::Template, error, hints: vec![hint.to_owned()] }
    })
}

/// Where a template and what it imports are.
pub(crate) struct Source {
    place: Place,
    /// Prefixes of addresses, and the directories they stand for.
    mirrors: Vec<(String, PathBuf)>,
}

enum Place {
    /// A directory, and the name of the template in it.
    Directory {
        root: PathBuf,
        template: String,
    },
    Archive(Archive),
}

impl Files for Source {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        match &self.place {
            // The template itself may be a link: its path is the user's.
            Place::Directory { root, template } if path == template => read_file(&root.join(path)),
            Place::Directory { root, .. } => read_inside(root, path),
            Place::Archive(archive) => archive.read(path),
        }
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let root = match &self.place {
            Place::Directory { root, .. } => root,
            Place::Archive(archive) => return archive.list(folder),
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

/// Reads a file whose path, links followed, stays in the directory.
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

/// Reads a file, but not one above the budget.
fn read_file(path: &Path) -> Result<Vec<u8>, FileError> {
    let limit = Budgets::default().bytes as u64 + 1;
    let metadata = path.metadata().map_err(|error| unreadable(&error))?;
    // What is no file, such as a pipe, may never end, or never begin.
    if !metadata.is_file() {
        return Err(FileError::Unreadable("it is no file".to_owned()));
    }
    if metadata.len() >= limit {
        return Err(FileError::TooLarge);
    }
    // One byte more tells that it ends there.
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

/// Opens the archive a file is, if it is one: its first bytes say so, whatever its name.
pub(crate) fn open_archive(path: &Path) -> Outcome<Option<Archive>> {
    let budgets = Budgets::default();
    let mut bytes = Vec::new();
    // One byte above the budget is enough to be refused.
    let limit = u64::try_from(budgets.archive_bytes).unwrap_or(u64::MAX).saturating_add(1);
    let read = File::open(path).and_then(|file| {
        let mut file = file.take(limit);
        file.by_ref().take(512).read_to_end(&mut bytes)?;
        if csar::is_archive(&bytes) {
            file.read_to_end(&mut bytes)?;
        }
        Ok(())
    });
    read.map_err(|error| CommandError::usage(format!("cannot read {}: {error}", path.display())))?;
    if !csar::is_archive(&bytes) {
        return Ok(None);
    }
    Ok(Some(Archive::open(&path.display().to_string(), &bytes, &budgets)?))
}

impl TemplateArgs {
    /// A template without input values.
    pub(crate) fn at(template: PathBuf) -> Self {
        Self { template, inputs: Vec::new(), input: Vec::new(), mirror: Vec::new() }
    }

    /// Returns the file the template starts with, and where files are read from.
    pub(crate) fn open(&self) -> Outcome<(Source, String)> {
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
                Source { place: Place::Archive(archive), mirrors: self.mirrors()? },
                entry,
            ));
        }
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let root = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        let root = root.unwrap_or(Path::new(".")).to_owned();
        let place = Place::Directory { root, template: name.clone() };
        Ok((Source { place, mirrors: self.mirrors()? }, name))
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

    /// Makes the representation of the template, and traces the requirements of a node template.
    pub(crate) fn represent(
        &self,
        resolve: &ResolveArgs,
        trace: Option<(String, Option<String>)>,
    ) -> Outcome<koinon_tosca::Represented> {
        let (files, root) = self.open()?;
        let mut substitutes = match &files.place {
            Place::Archive(archive) => archive.others().to_vec(),
            Place::Directory { .. } => Vec::new(),
        };
        substitutes.extend(resolve.substitute.iter().cloned());
        let read = |path: &PathBuf| {
            let name = path.display().to_string();
            let bytes = std::fs::read(path)
                .map_err(|error| CommandError::usage(format!("cannot read {name}: {error}")))?;
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

    /// Returns the input values given.
    pub(crate) fn values(&self) -> Outcome<BTreeMap<String, Value>> {
        let mut values = BTreeMap::new();
        for file in &self.inputs {
            let text = std::fs::read(file).map_err(|error| {
                CommandError::usage(format!("cannot read inputs {}: {error}", file.display()))
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
    pub(crate) fn compile(&self, more: BTreeMap<String, Value>) -> Outcome<Service> {
        let (files, root) = self.open()?;
        let mut values = more;
        values.extend(self.values()?);
        Ok(koinon_tosca::compile(&files, &root, &values)?)
    }

    /// Compiles the template as far as it goes without the values this machine or the chain has.
    pub(crate) fn preview(&self) -> Outcome<Service> {
        let (files, root) = self.open()?;
        Ok(koinon_tosca::preview(&files, &root, &self.values()?)?)
    }

    /// Compiles the template for a service that may be on chain already: inputs that stand for what a machine has
    /// ([`local_inputs`]) and are not given keep their values of the chain.
    pub(crate) fn compile_for(&self, current: Option<&Service>) -> Outcome<Service> {
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

/// What an input stands for that a machine has, and `koinon up` fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LocalInput {
    /// The CID of the example's worker program.
    WorkerProgram,
    /// Operators' certificates in PEM, by node template.
    OperatorCertificates,
}

/// Returns the inputs marked by `metadata: { koinon.local: ... }`.
pub(crate) fn local_inputs(service: &Service) -> BTreeMap<String, LocalInput> {
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
    fn links_and_pipes_lead_nowhere() {
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
        // What the user names may be a link.
        let source = TemplateArgs::at(root.join("out.yaml")).open().unwrap();
        assert_eq!(source.0.read(&source.1).unwrap(), b"secret");
    }
}

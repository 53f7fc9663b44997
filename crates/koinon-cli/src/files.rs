//! Templates and inputs from the disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use koinon_model::Service;
use koinon_model::Value;
use koinon_tosca::FileError;
use koinon_tosca::Files;

use crate::error::CommandError;
use crate::error::Outcome;

/// A template and the values of its inputs.
#[derive(Args, Clone, Debug)]
pub(crate) struct TemplateArgs {
    /// A TOSCA file, or a directory with a template.yaml
    pub(crate) template: PathBuf,

    /// A YAML or JSON file with input values; later ones win
    #[arg(long, short, value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,

    /// One input value, as YAML; wins over files
    #[arg(long, short = 'I', value_name = "NAME=VALUE")]
    pub(crate) input: Vec<String>,
}

/// The directory a template is in.
pub(crate) struct Disk {
    root: PathBuf,
}

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let inside = Path::new(path)
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        if !inside {
            return Err(FileError::Unreadable("it is outside the template's directory".to_owned()));
        }
        std::fs::read(self.root.join(path)).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => FileError::NotFound,
            _ => FileError::Unreadable(error.to_string()),
        })
    }
}

impl TemplateArgs {
    /// Returns the file the template starts with, and where files are read from.
    pub(crate) fn open(&self) -> Outcome<(Disk, String)> {
        let file = if self.template.is_dir() {
            self.template.join("template.yaml")
        } else {
            self.template.clone()
        };
        if !file.is_file() {
            let error = CommandError::usage(format!("no template at {}", file.display()));
            return Err(error.hint("give a TOSCA file, or a directory with a template.yaml"));
        }
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let root = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        Ok((Disk { root: root.unwrap_or(Path::new(".")).to_owned() }, name))
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
        let (disk, root) = self.open()?;
        let mut values = more;
        values.extend(self.values()?);
        Ok(koinon_tosca::compile(&disk, &root, &values)?)
    }

    /// Compiles the template as far as it goes without the values this machine or the chain has.
    pub(crate) fn preview(&self) -> Outcome<Service> {
        let (disk, root) = self.open()?;
        Ok(koinon_tosca::preview(&disk, &root, &self.values()?)?)
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

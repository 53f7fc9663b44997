//! A local network: the directory `koinon up` keeps it in.

use std::path::Path;
use std::path::PathBuf;

use alloy::primitives::Address;
use anyhow::Context;
use serde::Deserialize;
use serde::Serialize;

use crate::error::CommandError;
use crate::error::Outcome;
use crate::keys::Keys;

/// Where local networks are, from the working directory.
const HOME: &str = ".koinon";

/// The directory of a local network.
///
/// `network.json` says where its chain and service are; `chain/` holds the chain, `operators/NAME/` keys,
/// `agents/NAME/` what agents know and their nodes, `store/` artifacts, `logs/` logs, `run/` the locks of processes.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) dir: PathBuf,
}

/// What is known of a local network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// Where the chain answers.
    pub(crate) rpc_url: String,
    /// Whether the chain is not ours to start and stop.
    pub(crate) remote: bool,
    /// The service, once it was created.
    pub(crate) service: Option<Address>,
    /// Node templates of the operators.
    pub(crate) operators: Vec<String>,
}

impl Local {
    /// The directory for a template.
    pub(crate) fn for_template(template: &Path) -> Self {
        let path = std::fs::canonicalize(template).unwrap_or_else(|_| template.to_owned());
        let named = if path.is_dir() { path.file_name() } else { path.file_stem() };
        Self { dir: Path::new(HOME).join(named.unwrap_or("service".as_ref())) }
    }

    /// Finds the network in `dir`, or the only one there is.
    pub(crate) fn find(dir: Option<&Path>) -> Outcome<Option<Self>> {
        if let Some(dir) = dir {
            return Ok(Some(Self { dir: dir.to_owned() }));
        }
        let Ok(entries) = std::fs::read_dir(HOME) else { return Ok(None) };
        let dirs = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut networks: Vec<PathBuf> =
            dirs.filter(|dir| dir.join("network.json").exists()).collect();
        networks.sort();
        match &networks[..] {
            [] => Ok(None),
            [dir] => Ok(Some(Self { dir: dir.clone() })),
            several => {
                let names: Vec<String> =
                    several.iter().map(|dir| dir.display().to_string()).collect();
                let error = CommandError::usage("there are several local networks here");
                Err(error.hint(format!("choose one with --dir: {}", names.join(", "))))
            }
        }
    }

    pub(crate) fn record(&self) -> Outcome<Option<Record>> {
        let path = self.dir.join("network.json");
        match std::fs::read(&path) {
            Ok(bytes) => {
                let read = serde_json::from_slice(&bytes);
                Ok(Some(read.with_context(|| format!("cannot read {}", path.display()))?))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(anyhow::Error::from(error)
                .context(format!("cannot read {}", path.display()))
                .into()),
        }
    }

    pub(crate) fn write(&self, record: &Record) -> Outcome {
        let path = self.dir.join("network.json");
        let json = serde_json::to_vec_pretty(record).context("cannot write JSON")?;
        Ok(koinon_node::write_whole(&path, &json)
            .with_context(|| format!("cannot write {}", path.display()))?)
    }

    /// Makes the directories.
    pub(crate) fn make(&self) -> Outcome {
        for name in ["chain", "operators", "agents", "store", "logs", "run"] {
            let dir = self.dir.join(name);
            std::fs::create_dir_all(&dir)
                .with_context(|| format!("cannot make {}", dir.display()))?;
        }
        Ok(())
    }

    pub(crate) fn chain(&self) -> PathBuf {
        self.dir.join("chain")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    pub(crate) fn agent(&self, operator: &str) -> PathBuf {
        self.dir.join("agents").join(operator)
    }

    pub(crate) fn keys(&self, operator: &str) -> Keys {
        Keys::at(&self.dir.join("operators").join(operator))
    }

    /// The lock a process of the network holds while it lives.
    pub(crate) fn run(&self, name: &str) -> PathBuf {
        self.dir.join("run").join(name)
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{name}.log"))
    }
}

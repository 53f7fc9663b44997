//! Local networks: the directories that `koinon up` makes.

use std::path::Path;
use std::path::PathBuf;

use alloy::primitives::Address;
use alloy::signers::local::PrivateKeySigner;
use anyhow::Context;
use koinon_chain::Account;
use koinon_chain::Endpoints;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_evm::DEFAULT_CHAIN_ID;
use serde::Deserialize;
use serde::Serialize;

use crate::keys::Keys;

/// The directory of local networks, below the working directory.
const HOME: &str = ".koinon";

/// The directory of a local network.
///
/// `network.json` holds the [`NetworkRecord`], `chain/` the chain, `operators/NAME/` keys,
/// `agents/NAME/` the records and nodes of agents, `store/` artifacts, `logs/` logs, `run/` the
/// locks of processes.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) dir: PathBuf,
}

/// The record of a local network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkRecord {
    /// The URL of the chain.
    pub(crate) rpc_url: String,
    /// The chain's id, for which the network's accounts sign.
    #[serde(default)]
    pub(crate) chain_id: Option<u64>,
    /// Whether the chain runs elsewhere, so that `up` and `down` leave it alone.
    pub(crate) remote: bool,
    /// The service, once it is created.
    pub(crate) service: Option<Address>,
    /// The node templates of the operators.
    pub(crate) operators: Vec<String>,
}

impl NetworkRecord {
    /// Returns the chain's id. Records without one are from before it was kept: their chain is the
    /// embedded one, or not known.
    pub(crate) fn chain_id(&self) -> Option<u64> {
        self.chain_id.or((!self.remote).then_some(DEFAULT_CHAIN_ID))
    }

    /// Returns the nodes of the network's chain.
    pub(crate) fn endpoints(&self) -> Endpoints {
        Endpoints { urls: vec![self.rpc_url.clone()], chain_id: self.chain_id() }
    }

    /// Returns the account that signs with a key on the network's chain.
    pub(crate) fn account(&self, key: PrivateKeySigner) -> Outcome<Account> {
        let Some(chain_id) = self.chain_id() else {
            let error = CommandError::failed("the network does not know the id of its chain");
            return Err(error.hint("run `koinon up` again with --rpc-url and --chain-id"));
        };
        Ok(Account::new(key, chain_id))
    }
}

impl Local {
    /// Returns the directory for a template, named after its file or folder.
    pub(crate) fn for_template(template: &Path) -> Self {
        // A template that does not exist is reported when it is opened.
        let path = std::fs::canonicalize(template).unwrap_or_else(|_| template.to_owned());
        let named = if path.is_dir() { path.file_name() } else { path.file_stem() };
        Self { dir: Path::new(HOME).join(named.unwrap_or("service".as_ref())) }
    }

    /// Returns the network in `dir`, or the only one below the working directory.
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

    pub(crate) fn record(&self) -> Outcome<Option<NetworkRecord>> {
        let path = self.dir.join("network.json");
        match std::fs::read(&path) {
            Ok(bytes) => {
                let record = serde_json::from_slice(&bytes)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                Ok(Some(record))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(anyhow::Error::from(error)
                .context(format!("cannot read {}", path.display()))
                .into()),
        }
    }

    pub(crate) fn write(&self, record: &NetworkRecord) -> Outcome {
        let path = self.dir.join("network.json");
        let json = serde_json::to_vec_pretty(record).context("cannot write JSON")?;
        Ok(koinon_node::write_atomically(&path, &json)
            .with_context(|| format!("cannot write {}", path.display()))?)
    }

    /// Makes the directories.
    pub(crate) fn make(&self) -> anyhow::Result<()> {
        for name in ["chain", "operators", "agents", "store", "logs", "run"] {
            let dir = self.dir.join(name);
            std::fs::create_dir_all(&dir)
                .with_context(|| format!("cannot make {}", dir.display()))?;
        }
        // Keys and passwords of operators are in it, often inside a repository.
        let ignored = self.dir.join(".gitignore");
        std::fs::write(&ignored, "*\n")
            .with_context(|| format!("cannot write {}", ignored.display()))
    }

    /// Returns whether the embedded chain was begun here.
    pub(crate) fn has_chain(&self) -> bool {
        self.chain().join("chain.log").exists()
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

    /// Returns the lock that a process of the network holds while it lives.
    pub(crate) fn run(&self, name: &str) -> PathBuf {
        self.dir.join("run").join(name)
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{name}.log"))
    }
}

/// The directories of an agent.
#[derive(Clone, Debug)]
pub(crate) struct AgentDirs {
    /// Its nodes and its records.
    pub(crate) state: PathBuf,
    /// The artifact store.
    pub(crate) store: PathBuf,
}

impl AgentDirs {
    /// Returns the directories of an operator's agent in a local network.
    pub(crate) fn in_network(local: &Local, operator: &str) -> Self {
        Self { state: local.agent(operator), store: local.store() }
    }

    /// Returns the given directories, completed with known ones.
    pub(crate) fn choose(
        state: Option<PathBuf>,
        store: Option<PathBuf>,
        known: Option<Self>,
    ) -> Outcome<Self> {
        let (known_state, known_store) = known.map(|dirs| (dirs.state, dirs.store)).unzip();
        let (Some(state), Some(store)) = (state.or(known_state), store.or(known_store)) else {
            return Err(CommandError::usage(
                "an agent outside a local network needs --state and --store",
            ));
        };
        let state = std::path::absolute(&state).context("cannot find the working directory")?;
        Ok(Self { state, store })
    }
}

//! The process driver: a node is a process with a working directory.
//!
//! `nodes/SET.GROUP.PLACE/` holds `node.json` (how it was started), `representation.json` (what it was started as),
//! `lock` (held by its process for as long as it lives; see `launch`), the program and its logs. The directory is the
//! truth: there is no list of nodes elsewhere.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::net::TcpListener;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use koinon_model::Digest;
use koinon_model::Limits;
use koinon_model::Node;
use koinon_model::Slot;
use koinon_model::keccak256;
use koinon_model::representation::Representation;
use serde::Deserialize;
use serde::Serialize;
use thiserror::Error;
use tokio::process::Command;
use tokio::time::Instant;
use tokio::time::sleep;

use super::running::Wanted;
use crate::file::end_holder;
use crate::file::holder;
use crate::file::is_held;
use crate::file::remove_dir;
use crate::file::write_whole;
use crate::store::Store;
use crate::store::StoreError;

/// The processes of one agent.
#[derive(Clone, Debug)]
pub struct Processes {
    /// Where the nodes' directories are.
    pub nodes: PathBuf,
    /// Where the logs of removed nodes go.
    pub logs: PathBuf,
    /// Where artifacts are.
    pub store: Store,
    /// The program and arguments that `launch` a directory.
    pub launcher: Vec<OsString>,
    /// The address nodes listen on and are reached at.
    pub host: IpAddr,
}

/// How a node was started; the content of its `node.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Started {
    pub(crate) slot: String,
    /// [`Wanted::digest`] of the node.
    pub(crate) digest: Digest,
    pub(crate) program: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) ports: BTreeMap<String, u16>,
}

/// What was found of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    /// [`Wanted::digest`] of the node it was started as.
    pub(crate) digest: Digest,
    /// Whether its process lives.
    pub(crate) alive: bool,
}

/// Why a step failed.
#[derive(Debug, Error)]
pub enum DriverError {
    /// The artifact.
    #[error(transparent)]
    Artifact(#[from] StoreError),
    /// A file or process.
    #[error("cannot {action} {path}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The process ended at once.
    #[error("the node's process ended at once: {0} says why")]
    Launch(PathBuf),
    /// The process outlives a kill.
    #[error("the process of {0} does not end")]
    Undying(Slot),
    /// The artifact's file name is no plain name.
    #[error("artifact file name `{0}` is not a plain file name")]
    FileName(String),
    /// The node's template asks for what this driver has not.
    #[error("the node's program is artifact {0}, which it does not have")]
    NoProgram(String),
    /// The weaving rules ask for what this driver has not.
    #[error(
        "this driver cannot {0}: it fetches files with a CID and knows the states running and absent"
    )]
    Unknown(String),
}

impl Started {
    pub(crate) const FILE: &'static str = "node.json";
    pub(crate) const REPRESENTATION: &'static str = "representation.json";
    pub(crate) const LOCK: &'static str = "lock";
    pub(crate) const ARTIFACTS: &'static str = "artifacts";
}

impl Processes {
    /// How long a process may take to end when asked to.
    const GRACE: Duration = Duration::from_secs(5);
    /// How long it may take from its start to holding its lock.
    const LAUNCHED: Duration = Duration::from_secs(5);

    /// Finds the nodes that are there. A directory that was not finished is removed: its node was never started.
    ///
    /// # Errors
    /// [`DriverError::Io`].
    pub(crate) fn observe(&self) -> Result<BTreeMap<Slot, Observed>, DriverError> {
        let mut found = BTreeMap::new();
        let entries = std::fs::read_dir(&self.nodes).map_err(failed("list", &self.nodes))?;
        for entry in entries {
            let dir = entry.map_err(failed("list", &self.nodes))?.path();
            if !dir.is_dir() {
                continue;
            }
            let alive = is_held(&dir.join(Started::LOCK)).map_err(failed("look at", &dir))?;
            let whole = dir.join(Started::FILE).try_exists().map_err(failed("look at", &dir))?;
            match read_started(&dir) {
                Some((slot, started)) => {
                    found.insert(slot, Observed { digest: started.digest, alive });
                }
                None if !alive && !whole => remove_dir(&dir).map_err(failed("remove", &dir))?,
                None if !alive => {
                    tracing::warn!(dir = %dir.display(), "node.json cannot be read; the node is left as it is");
                }
                None => {
                    tracing::warn!(dir = %dir.display(), "a process runs in a directory without node.json");
                }
            }
        }
        Ok(found)
    }

    /// Reads what a node was started as; `None`, with a warning, if that cannot be read.
    pub(crate) fn started_as(&self, slot: &Slot, digest: Digest) -> Option<Representation> {
        let file = self.dir(slot).join(Started::REPRESENTATION);
        let read = match std::fs::read(&file) {
            Err(error) => Err(error.to_string()),
            Ok(json) if keccak256(&json) != digest => Err("it has another digest".to_owned()),
            Ok(json) => Representation::from_json(&json, Limits::default())
                .map_err(|error| error.to_string()),
        };
        read.inspect_err(|error| {
            tracing::warn!(file = %file.display(), error, "unknown as what a node runs");
        })
        .ok()
    }

    /// Returns `host:port` of a node's port; `None` if it was not started or has no such port.
    pub fn endpoint(&self, slot: &Slot, port: &str) -> Option<String> {
        let (_, started) = read_started(&self.dir(slot))?;
        started.ports.get(port).map(|port| std::net::SocketAddr::new(self.host, *port).to_string())
    }

    /// Returns the process number of a node that lives.
    pub fn pid(&self, slot: &Slot) -> Option<u32> {
        holder(&self.dir(slot).join(Started::LOCK)).ok().flatten()
    }

    /// Checks that an artifact is there.
    pub(crate) async fn fetch(&self, cid: &str, size: Option<u64>) -> Result<(), DriverError> {
        let (store, cid) = (self.store.clone(), cid.to_owned());
        blocking(move || Ok(store.take(&cid, size).map(|_| ())?)).await
    }

    /// Starts the node, unless it lives.
    pub(crate) async fn start(&self, slot: &Slot, wanted: &Wanted) -> Result<(), DriverError> {
        let dir = self.dir(slot);
        let lock = dir.join(Started::LOCK);
        if is_held(&lock).map_err(failed("look at", &dir))? {
            return Ok(());
        }
        let (this, slot, wanted) = (self.clone(), slot.clone(), wanted.clone());
        blocking(move || this.prepare(&slot, &wanted)).await?;
        let (program, arguments) =
            self.launcher.split_first().expect("BUG: the agent is made with a launcher");
        let mut child = Command::new(program)
            .args(arguments)
            .arg(&dir)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(launch_log(&dir)?)
            .process_group(0)
            .spawn()
            .map_err(failed("run", Path::new(program)))?;
        // It lives once it holds the lock. The runtime reaps it when it ends; it outlives this agent if need be.
        let deadline = Instant::now() + Self::LAUNCHED;
        while !is_held(&lock).map_err(failed("look at", &dir))? {
            let ended = child.try_wait().map_err(failed("wait for", &dir))?;
            if ended.is_some() || Instant::now() > deadline {
                return Err(DriverError::Launch(dir.join("stderr.log")));
            }
            sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Stops the node's process and all it started.
    pub(crate) async fn stop(&self, slot: &Slot) -> Result<(), DriverError> {
        let lock = self.dir(slot).join(Started::LOCK);
        let ended =
            end_holder(&lock, Self::GRACE).await.map_err(failed("stop the holder of", &lock))?;
        if ended { Ok(()) } else { Err(DriverError::Undying(slot.clone())) }
    }

    /// Removes the node's directory; its logs are kept.
    pub(crate) async fn remove(&self, slot: &Slot) -> Result<(), DriverError> {
        let (dir, logs, name) = (self.dir(slot), self.logs.clone(), file_name(slot));
        blocking(move || {
            std::fs::create_dir_all(&logs).map_err(failed("make", &logs))?;
            for log in ["stdout.log", "stderr.log"] {
                let (from, to) = (dir.join(log), logs.join(format!("{name}.{log}")));
                match std::fs::rename(&from, &to) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(failed("keep", &from)(error));
                    }
                    Ok(()) | Err(_) => {}
                }
            }
            // First what makes it a node: a crash here leaves a directory that `observe` clears away.
            match std::fs::remove_file(dir.join(Started::FILE)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed("remove", &dir)(error));
                }
                Ok(()) | Err(_) => {}
            }
            remove_dir(&dir).map_err(failed("remove", &dir))
        })
        .await
    }

    fn dir(&self, slot: &Slot) -> PathBuf {
        self.nodes.join(file_name(slot))
    }

    /// Makes the directory ready to be launched: the program, then `node.json`.
    fn prepare(&self, slot: &Slot, wanted: &Wanted) -> Result<(), DriverError> {
        let node = &wanted.node;
        let dir = self.dir(slot);
        std::fs::create_dir_all(&dir).map_err(failed("make", &dir))?;
        let before = read_started(&dir).map(|(_, started)| started.ports).unwrap_or_default();
        let program = node.artifacts.get(&node.program);
        let program = program.ok_or_else(|| DriverError::NoProgram(node.program.clone()))?;
        let artifacts = dir.join(Started::ARTIFACTS);
        remove_dir(&artifacts).map_err(failed("clear", &artifacts))?;
        std::fs::create_dir(&artifacts).map_err(failed("make", &artifacts))?;
        for artifact in node.artifacts.values() {
            let from = self.store.take(&artifact.cid, artifact.size)?;
            place(&from, &artifacts.join(plain_name(&artifact.file_name)?))?;
        }
        let ports = self.choose_ports(node, &before)?;
        let mut environment = node.environment.clone();
        environment.insert("HOST".to_owned(), self.host.to_string());
        for (index, port) in node.ports.iter().enumerate() {
            let number = ports[&port.name].to_string();
            if index == 0 {
                environment.insert("PORT".to_owned(), number.clone());
            }
            environment.insert(format!("PORT_{}", port.name.to_uppercase()), number);
        }
        let started = Started {
            slot: slot.to_string(),
            digest: wanted.digest,
            program: format!("{}/{}", Started::ARTIFACTS, plain_name(&program.file_name)?),
            arguments: node.arguments.clone(),
            environment,
            ports,
        };
        let path = dir.join(Started::REPRESENTATION);
        write_whole(&path, wanted.json.as_bytes()).map_err(failed("write", &path))?;
        let json = serde_json::to_vec_pretty(&started).expect("it has string keys only");
        let path = dir.join(Started::FILE);
        write_whole(&path, &json).map_err(failed("write", &path))
    }

    /// Returns a number for every port: what the template publishes, else what the node had, else a free one.
    fn choose_ports(
        &self,
        node: &Node,
        before: &BTreeMap<String, u16>,
    ) -> Result<BTreeMap<String, u16>, DriverError> {
        let mut ports = BTreeMap::new();
        for port in &node.ports {
            let free = |number| TcpListener::bind((self.host, number));
            let number = match (port.published, before.get(&port.name)) {
                (0, Some(before)) if free(*before).is_ok() => *before,
                (0, _) => {
                    let address = free(0).and_then(|listener| listener.local_addr());
                    address
                        .map_err(failed("find a free port on", Path::new(&self.host.to_string())))?
                        .port()
                }
                (published, _) => published,
            };
            ports.insert(port.name.clone(), number);
        }
        Ok(ports)
    }
}

fn file_name(slot: &Slot) -> String {
    // A set's name has no slashes but may be `..`: the rest of the name makes it harmless.
    format!("{}.{}.{}", slot.set, slot.group, slot.place)
}

/// A file name from a template, if it names a file of its directory.
fn plain_name(name: &str) -> Result<&str, DriverError> {
    let mut parts = Path::new(name).components();
    let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
    let short = name.len() <= 200 && !name.chars().any(char::is_control);
    if plain && short {
        Ok(name)
    } else {
        Err(DriverError::FileName(name.chars().take(80).collect()))
    }
}

/// Puts an artifact's file into a node's directory; two artifacts of one name are an error.
fn place(from: &Path, to: &Path) -> Result<(), DriverError> {
    match std::fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(failed("place", to)(error))
        }
        // Another file system, or one without links.
        Err(_) => std::fs::copy(from, to).map(|_| ()).map_err(failed("place", to)),
    }
}

fn read_started(dir: &Path) -> Option<(Slot, Started)> {
    let bytes = std::fs::read(dir.join(Started::FILE)).ok()?;
    let started: Started = serde_json::from_slice(&bytes).ok()?;
    Some((started.slot.parse().ok()?, started))
}

/// Where a launch that fails says why: the node's own error log.
fn launch_log(dir: &Path) -> Result<File, DriverError> {
    let path = dir.join("stderr.log");
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(failed("write", &path))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DriverError + use<> {
    let path = path.to_owned();
    move |source| DriverError::Io { action, path, source }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DriverError> + Send + 'static,
) -> Result<T, DriverError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

//! The process driver: a node is a process with a working directory.
//!
//! The directory of slot `SET/GROUP/PLACE` is `SET.GROUP.PLACE`. It holds `node.json` (how the node
//! was started), `representation.json` (what it was started from), `lock` (held by its process for
//! as long as it lives; see `launch`), its artifacts and its logs. There is no other list of nodes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use koinon_model::AssignedNode;
use koinon_model::Digest;
use koinon_model::JsonLimits;
use koinon_model::Slot;
use koinon_model::keccak256;
use koinon_model::representation::Representation;
use thiserror::Error;
use tokio::process::Command;
use tokio::time::Instant;
use tokio::time::sleep;

use super::ObservedNode;
use super::TargetNode;
use super::node_dir::LaunchSpec;
use super::node_dir::NodeDir;
use crate::file::remove_dir_if_exists;
use crate::file::write_atomically;
use crate::lock::KILL_TIMEOUT;
use crate::lock::end_lock_holder_within;
use crate::lock::is_lock_held;
use crate::lock::lock_holder;
use crate::store::Store;
use crate::store::StoreError;

/// Runs one agent's nodes as processes.
#[derive(Clone, Debug)]
pub struct ProcessDriver {
    /// Directory of the nodes' directories.
    pub nodes_dir: PathBuf,
    /// Directory of the logs of removed nodes.
    pub logs_dir: PathBuf,
    /// Source of the nodes' artifacts.
    pub store: Store,
    /// Program and arguments that call [`launch`](super::launch()) with a node's directory, which
    /// is appended.
    pub launcher: Vec<OsString>,
    /// Address that nodes listen on and are reached at.
    pub host: IpAddr,
}

/// Why the driver could not do a step, or observe.
#[derive(Debug, Error)]
pub enum DriverError {
    /// An artifact is missing or invalid.
    #[error(transparent)]
    Artifact(#[from] StoreError),
    /// A system call for a file or a process failed.
    #[error("cannot {action} {path}")]
    Io {
        /// The action that failed.
        action: &'static str,
        /// The file, directory or program.
        path: PathBuf,
        /// The error of the system call.
        #[source]
        source: io::Error,
    },
    /// The process ended before it held its lock, or did not hold it in time.
    #[error("the node's process did not start: {log} says why")]
    NotStarted {
        /// The node's error log.
        log: PathBuf,
    },
    /// The process still lives after SIGKILL.
    #[error("the process of {0} does not end")]
    NotStopped(Slot),
    /// An artifact's file name could name a file outside of the node's directory.
    #[error("artifact file name `{0}` is not a plain file name")]
    FileName(String),
    /// The node's program is none of its artifacts.
    #[error("the node's program is artifact `{0}`, which the node does not have")]
    NoProgram(String),
    /// The weaving rules ask for an action that this driver does not support.
    #[error(
        "cannot {0}: this driver fetches files with a CID and supports the states running and absent"
    )]
    Unsupported(String),
}

impl ProcessDriver {
    /// How long a process may take to end after SIGTERM.
    const TERM_TIMEOUT: Duration = Duration::from_secs(5);
    /// How long a process may take from its start to holding its lock.
    const LAUNCH_TIMEOUT: Duration = Duration::from_secs(5);
    /// Pause between two looks at the lock of a process that starts.
    const LAUNCH_POLL_INTERVAL: Duration = Duration::from_millis(1);

    /// Returns the nodes that exist. Deletes directories of nodes that were never started.
    ///
    /// # Errors
    /// [`DriverError::Io`] if a directory cannot be read or deleted.
    pub(crate) fn observe(&self) -> Result<BTreeMap<Slot, ObservedNode>, DriverError> {
        let mut nodes = BTreeMap::new();
        let entries =
            std::fs::read_dir(&self.nodes_dir).map_err(io_error("list", &self.nodes_dir))?;
        for entry in entries {
            let path = entry.map_err(io_error("list", &self.nodes_dir))?.path();
            if !path.is_dir() {
                continue;
            }
            let dir = NodeDir::new(path);
            let path = dir.path();
            let alive = is_lock_held(&dir.lock()).map_err(io_error("inspect", path))?;
            let has_spec = dir.spec().try_exists().map_err(io_error("inspect", path))?;
            match dir.read_spec() {
                Some((slot, spec)) => {
                    nodes.insert(slot, ObservedNode { digest: spec.digest, alive });
                }
                None if !alive && !has_spec => {
                    remove_dir_if_exists(path).map_err(io_error("remove", path))?;
                }
                None if !alive => tracing::warn!(
                    dir = %path.display(),
                    "cannot read node.json; the node's directory is left as it is"
                ),
                None => tracing::warn!(
                    dir = %path.display(),
                    "a process runs in a directory without a readable node.json"
                ),
            }
        }
        Ok(nodes)
    }

    /// Returns the representation a node was started from; `None`, with a warning, if it cannot be
    /// read.
    pub(crate) fn started_as(&self, slot: &Slot, digest: Digest) -> Option<Representation> {
        let file = self.dir(slot).representation();
        let read = || {
            let json = std::fs::read(&file).map_err(|error| error.to_string())?;
            if keccak256(&json) != digest {
                return Err("its digest differs from that in node.json".to_owned());
            }
            Representation::from_json(&json, JsonLimits::default())
                .map_err(|error| error.to_string())
        };
        match read() {
            Ok(representation) => Some(representation),
            Err(error) => {
                tracing::warn!(
                    file = %file.display(), error,
                    "cannot read what the node was started as; it will be replaced"
                );
                None
            }
        }
    }

    /// Returns `host:port` of a node's port; `None` if the node was not started or has no such
    /// port.
    pub fn endpoint(&self, slot: &Slot, port: &str) -> Option<String> {
        let (_, spec) = self.dir(slot).read_spec()?;
        spec.ports.get(port).map(|port| SocketAddr::new(self.host, *port).to_string())
    }

    /// Returns the process number of a node that lives.
    pub fn pid(&self, slot: &Slot) -> Option<u32> {
        // A lock that cannot be read names no process: answers to probes do not count then.
        lock_holder(&self.dir(slot).lock()).ok().flatten()
    }

    /// Checks that an artifact is in the store.
    pub(crate) async fn fetch(&self, cid: &str, size: Option<u64>) -> Result<(), DriverError> {
        let (store, cid) = (self.store.clone(), cid.to_owned());
        run_blocking(move || Ok(store.verified_path(&cid, size).map(|_| ())?)).await
    }

    /// Starts the node, unless it lives.
    pub(crate) async fn start(&self, slot: &Slot, target: &TargetNode) -> Result<(), DriverError> {
        let dir = self.dir(slot);
        let lock = dir.lock();
        if is_lock_held(&lock).map_err(io_error("inspect", dir.path()))? {
            return Ok(());
        }
        let (this, slot, target) = (self.clone(), slot.clone(), target.clone());
        run_blocking(move || this.prepare(&slot, &target)).await?;
        let (program, arguments) =
            self.launcher.split_first().expect("BUG: an agent is configured with a launcher");
        let mut child = Command::new(program)
            .args(arguments)
            .arg(dir.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(open_launch_log(&dir)?)
            .process_group(0)
            .spawn()
            .map_err(io_error("run", Path::new(program)))?;
        // The node lives once its process holds the lock. The runtime reaps the process when it
        // ends; it may outlive this agent.
        let deadline = Instant::now() + Self::LAUNCH_TIMEOUT;
        while !is_lock_held(&lock).map_err(io_error("inspect", dir.path()))? {
            let ended = child.try_wait().map_err(io_error("wait for", dir.path()))?;
            if ended.is_some() || Instant::now() > deadline {
                return Err(DriverError::NotStarted { log: dir.stderr_log() });
            }
            sleep(Self::LAUNCH_POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Stops the node's process and all processes of its group.
    pub(crate) async fn stop(&self, slot: &Slot) -> Result<(), DriverError> {
        self.stop_within(slot, Self::TERM_TIMEOUT, KILL_TIMEOUT).await
    }

    async fn stop_within(
        &self,
        slot: &Slot,
        term_timeout: Duration,
        kill_timeout: Duration,
    ) -> Result<(), DriverError> {
        let lock = self.dir(slot).lock();
        let ended = end_lock_holder_within(&lock, term_timeout, kill_timeout)
            .await
            .map_err(io_error("stop the holder of", &lock))?;
        if ended { Ok(()) } else { Err(DriverError::NotStopped(slot.clone())) }
    }

    /// Removes the node's directory and keeps its logs.
    pub(crate) async fn remove(&self, slot: &Slot) -> Result<(), DriverError> {
        let (dir, logs_dir, name) = (self.dir(slot), self.logs_dir.clone(), dir_name(slot));
        run_blocking(move || {
            std::fs::create_dir_all(&logs_dir).map_err(io_error("create", &logs_dir))?;
            for log in NodeDir::LOGS {
                let from = dir.path().join(log);
                let moved = std::fs::rename(&from, logs_dir.join(format!("{name}.{log}")));
                unless_missing(moved).map_err(io_error("keep", &from))?;
            }
            // `node.json` goes first: after a crash here `observe` removes the rest.
            unless_missing(std::fs::remove_file(dir.spec()))
                .map_err(io_error("remove", dir.path()))?;
            remove_dir_if_exists(dir.path()).map_err(io_error("remove", dir.path()))
        })
        .await
    }

    fn dir(&self, slot: &Slot) -> NodeDir {
        NodeDir::new(self.nodes_dir.join(dir_name(slot)))
    }

    /// Fills the node's directory in the order that [`NodeDir`]'s module describes.
    fn prepare(&self, slot: &Slot, target: &TargetNode) -> Result<(), DriverError> {
        let node = &target.node;
        let dir = self.dir(slot);
        std::fs::create_dir_all(dir.path()).map_err(io_error("create", dir.path()))?;
        // A node that was never started has had no ports.
        let earlier_ports = dir.read_spec().map(|(_, spec)| spec.ports).unwrap_or_default();
        let Some(program) = node.artifacts.get(&node.program) else {
            return Err(DriverError::NoProgram(node.program.clone()));
        };
        let artifacts = dir.artifacts();
        remove_dir_if_exists(&artifacts).map_err(io_error("clear", &artifacts))?;
        std::fs::create_dir(&artifacts).map_err(io_error("create", &artifacts))?;
        for artifact in node.artifacts.values() {
            // Two artifacts with one file name are an error.
            let place = artifacts.join(plain_file_name(&artifact.file_name)?);
            self.store.place(&artifact.cid, artifact.size, &place)?;
        }
        let ports = self.choose_ports(node, &earlier_ports)?;
        let spec = LaunchSpec {
            slot: slot.to_string(),
            digest: target.digest,
            program: format!("{}/{}", NodeDir::ARTIFACTS, plain_file_name(&program.file_name)?),
            arguments: node.arguments.clone(),
            environment: self.environment(node, &ports),
            ports,
        };
        let path = dir.representation();
        write_atomically(&path, target.representation.as_bytes())
            .map_err(io_error("write", &path))?;
        let json =
            serde_json::to_vec_pretty(&spec).expect("BUG: all keys of a launch spec are strings");
        let path = dir.spec();
        write_atomically(&path, &json).map_err(io_error("write", &path))
    }

    /// Returns the node's environment with the address and ports it listens on: `HOST`, `PORT_NAME`
    /// for each port, and `PORT` for the first.
    fn environment(
        &self,
        node: &AssignedNode,
        ports: &BTreeMap<String, u16>,
    ) -> BTreeMap<String, String> {
        let mut environment = node.environment.clone();
        environment.insert("HOST".to_owned(), self.host.to_string());
        for (index, port) in node.ports.iter().enumerate() {
            let number = ports[&port.name].to_string();
            if index == 0 {
                environment.insert("PORT".to_owned(), number.clone());
            }
            environment.insert(format!("PORT_{}", port.name.to_uppercase()), number);
        }
        environment
    }

    /// Returns a number for every port: the one the template publishes, else the one the node had
    /// earlier if it is free, else a free one.
    fn choose_ports(
        &self,
        node: &AssignedNode,
        earlier: &BTreeMap<String, u16>,
    ) -> Result<BTreeMap<String, u16>, DriverError> {
        let bind = |number| TcpListener::bind((self.host, number));
        let mut ports = BTreeMap::new();
        for port in &node.ports {
            let number = match (port.published, earlier.get(&port.name)) {
                (0, Some(earlier)) if bind(*earlier).is_ok() => *earlier,
                (0, _) => bind(0)
                    .and_then(|listener| listener.local_addr())
                    .map_err(io_error("find a free port on", Path::new(&self.host.to_string())))?
                    .port(),
                (published, _) => published,
            };
            ports.insert(port.name.clone(), number);
        }
        Ok(ports)
    }
}

fn dir_name(slot: &Slot) -> String {
    // A set's name has no slashes but may be `..`: the rest of the name makes it harmless.
    format!("{}.{}.{}", slot.set, slot.group, slot.place)
}

/// Longest file name of an artifact in bytes; file systems accept 255.
const MAX_FILE_NAME: usize = 200;

/// Returns a template's file name if it names a file in the directory it is joined to.
fn plain_file_name(name: &str) -> Result<&str, DriverError> {
    let mut components = Path::new(name).components();
    let plain =
        matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
    if plain && name.len() <= MAX_FILE_NAME && !name.chars().any(char::is_control) {
        Ok(name)
    } else {
        Err(DriverError::FileName(name.chars().take(80).collect()))
    }
}

/// Opens the log in which a launch that fails says why: the node's own error log.
fn open_launch_log(dir: &NodeDir) -> Result<File, DriverError> {
    let path = dir.stderr_log();
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(io_error("write", &path))
}

fn unless_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DriverError + use<> {
    let path = path.to_owned();
    move |source| DriverError::Io { action, path, source }
}

/// Runs work that blocks on files outside of the runtime's threads.
async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DriverError> + Send + 'static,
) -> Result<T, DriverError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use koinon_model::AssignedArtifact;
    use koinon_model::Port;
    use koinon_model::Probe;
    use koinon_model::Protocol;
    use koinon_model::representation::ElementId;

    use super::super::launch::tests::launcher;
    use super::*;
    use crate::fixtures::OTHER;
    use crate::fixtures::assigned_node;
    use crate::fixtures::driver;
    use crate::fixtures::messages;
    use crate::fixtures::slot;
    use crate::lock::acquire_lock;

    const DIGEST: Digest = Digest::repeat_byte(7);
    const DIR: &str = "worker.0.0";

    fn port(name: &str, published: u16) -> Port {
        Port { name: name.to_owned(), target: 0, published, protocol: Protocol::Tcp }
    }

    fn artifact(cid: &str, file_name: &str) -> AssignedArtifact {
        AssignedArtifact {
            artifact_type: String::new(),
            cid: cid.to_owned(),
            file_name: file_name.to_owned(),
            size: None,
        }
    }

    /// Puts a script into the driver's store and returns a node that runs it.
    fn target(driver: &ProcessDriver, script: &str) -> TargetNode {
        let file = driver.nodes_dir.with_file_name("script");
        std::fs::write(&file, script).unwrap();
        let cid = driver.store.add(&file).unwrap();
        let mut node = assigned_node(0, OTHER, ElementId(Digest::ZERO));
        node.artifacts = [("image".to_owned(), artifact(&cid, "run"))].into();
        node.program = "image".to_owned();
        node.arguments = vec!["one".to_owned()];
        node.environment = [("COLOR".to_owned(), "red".to_owned())].into();
        node.ports = vec![port("http", 0)];
        node.probe = Probe { port: "http".to_owned(), path: "/".to_owned(), timeout: 1 };
        TargetNode { node, representation: "{}".to_owned(), digest: DIGEST }
    }

    /// Returns the relative paths of all files and directories, sorted.
    fn tree(dir: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut dirs = vec![dir.to_owned()];
        while let Some(next) = dirs.pop() {
            for entry in std::fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                found.push(path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned());
                if path.is_dir() {
                    dirs.push(path);
                }
            }
        }
        found.sort();
        found
    }

    /// The paths `prepare` creates, in their order.
    const WRITES: [&str; 5] =
        ["", "artifacts", "artifacts/run", "representation.json", "node.json"];

    #[test]
    fn prepare_writes_the_program_the_representation_and_the_spec() {
        let dir = tempfile::tempdir().unwrap();
        let driver = driver(dir.path());
        let target = target(&driver, "#!/bin/sh\n");
        driver.prepare(&slot(0, 0), &target).unwrap();
        let node = driver.nodes_dir.join(DIR);
        let mut expected = WRITES[1..].to_vec();
        expected.sort_unstable();
        assert_eq!(tree(&node), expected);
        assert_eq!(std::fs::read_to_string(node.join("artifacts/run")).unwrap(), "#!/bin/sh\n");
        assert_eq!(std::fs::read_to_string(node.join("representation.json")).unwrap(), "{}");
        let (written, spec) = NodeDir::new(node).read_spec().unwrap();
        let number = spec.ports["http"];
        assert_ne!(number, 0);
        assert_eq!(written, slot(0, 0));
        let pairs = [
            ("COLOR", "red"),
            ("HOST", "127.0.0.1"),
            ("PORT", &number.to_string()),
            ("PORT_HTTP", &number.to_string()),
        ];
        let expected = LaunchSpec {
            slot: "worker/0/0".to_owned(),
            digest: DIGEST,
            program: "artifacts/run".to_owned(),
            arguments: vec!["one".to_owned()],
            environment: pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            ports: [("http".to_owned(), number)].into(),
        };
        assert_eq!(spec, expected);
        assert_eq!(driver.endpoint(&slot(0, 0), "http"), Some(format!("127.0.0.1:{number}")));
        assert_eq!(driver.endpoint(&slot(0, 0), "ftp"), None);
        assert_eq!(driver.endpoint(&slot(0, 1), "http"), None);
    }

    /// The states a kill can leave a node's lock file in.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum LockFile {
        Missing,
        Empty,
        Stale,
        Held,
    }

    #[test]
    fn observe_judges_a_directory_cut_at_every_write() {
        for count in 0..=WRITES.len() {
            for lock_file in [LockFile::Missing, LockFile::Empty, LockFile::Stale, LockFile::Held] {
                if count == 0 && lock_file != LockFile::Missing {
                    continue;
                }
                let dir = tempfile::tempdir().unwrap();
                let driver = driver(dir.path());
                let target = target(&driver, "#!/bin/sh\n");
                let node = driver.nodes_dir.join(DIR);
                driver.prepare(&slot(0, 0), &target).unwrap();
                for path in WRITES[count..].iter().rev() {
                    let path = node.join(path);
                    if path.is_dir() {
                        std::fs::remove_dir(&path).unwrap();
                    } else {
                        std::fs::remove_file(&path).unwrap();
                    }
                }
                let lock = node.join("lock");
                let mut held = None;
                match lock_file {
                    LockFile::Missing => {}
                    LockFile::Empty => std::fs::write(&lock, "").unwrap(),
                    LockFile::Stale => std::fs::write(&lock, "4294967295 1").unwrap(),
                    LockFile::Held => held = acquire_lock(&lock).unwrap(),
                }
                let alive = lock_file == LockFile::Held;
                let is_node = count == WRITES.len();
                let found = ObservedNode { digest: DIGEST, alive };
                let expected: BTreeMap<_, _> =
                    is_node.then_some((slot(0, 0), found)).into_iter().collect();
                let case = format!("{count} writes, lock file {lock_file:?}");
                assert_eq!(driver.observe().unwrap(), expected, "{case}");
                assert_eq!(node.exists(), is_node || alive, "{case}");
                assert_eq!(driver.pid(&slot(0, 0)), alive.then(std::process::id), "{case}");
                drop(held);
                // A start continues from any of these.
                driver.prepare(&slot(0, 0), &target).unwrap();
                assert!(tree(&node).iter().any(|path| path == "node.json"), "{case}");
            }
        }
    }

    #[test]
    fn observe_keeps_what_it_cannot_read_and_ignores_files() {
        let dir = tempfile::tempdir().unwrap();
        let driver = driver(dir.path());
        std::fs::write(driver.nodes_dir.join("file"), "").unwrap();
        let specs = ["", "{", "{}", r#"{"slot": "worker/0"}"#];
        for (number, spec) in specs.iter().enumerate() {
            let node = driver.nodes_dir.join(format!("worker.0.{number}"));
            std::fs::create_dir(&node).unwrap();
            std::fs::write(node.join("node.json"), spec).unwrap();
        }
        let before = tree(&driver.nodes_dir);
        assert_eq!(driver.observe().unwrap(), BTreeMap::new());
        assert_eq!(tree(&driver.nodes_dir), before);
    }

    #[test]
    fn an_interrupted_write_of_the_spec_leaves_no_node() {
        let dir = tempfile::tempdir().unwrap();
        let driver = driver(dir.path());
        let node = driver.nodes_dir.join(DIR);
        std::fs::create_dir(&node).unwrap();
        std::fs::write(node.join(".node.json.1.part"), "{").unwrap();
        assert_eq!(driver.observe().unwrap(), BTreeMap::new());
        assert!(!node.exists());
    }

    #[test]
    fn ports_are_the_published_else_the_earlier_else_free_ones() {
        let dir = tempfile::tempdir().unwrap();
        let driver = driver(dir.path());
        let busy = TcpListener::bind((driver.host, 0)).unwrap();
        let busy = (busy.local_addr().unwrap().port(), busy);
        let free = TcpListener::bind((driver.host, 0)).unwrap().local_addr().unwrap().port();
        let mut node = assigned_node(0, OTHER, ElementId(Digest::ZERO));
        node.ports = vec![port("a", 8080), port("b", 0), port("c", 0), port("d", 0)];
        let earlier = [("a", 1), ("b", free), ("c", busy.0), ("z", 9)];
        let earlier = earlier.map(|(name, number)| (name.to_owned(), number)).into();
        let ports = driver.choose_ports(&node, &earlier).unwrap();
        assert_eq!(ports.keys().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        assert_eq!((ports["a"], ports["b"]), (8080, free));
        for name in ["c", "d"] {
            assert!(ports[name] != 0 && ports[name] != busy.0, "{ports:?}");
        }
        let environment = driver.environment(&node, &ports);
        assert_eq!(environment["PORT"], "8080");
        assert_eq!(environment["PORT_B"], free.to_string());
        assert_eq!(environment.len(), 6);
    }

    #[test]
    fn an_artifact_needs_a_plain_file_name() {
        let (longest, longer) = ("x".repeat(200), "x".repeat(201));
        for name in ["run", "a b", "..run", "run.", "ü", &longest] {
            assert_eq!(plain_file_name(name).unwrap(), name);
        }
        for name in ["", ".", "..", "/", "/run", "a/b", "../run", "./..", "a\n", "\u{7f}", &longer]
        {
            let error = plain_file_name(name).unwrap_err();
            let shown: String = name.chars().take(80).collect();
            assert!(matches!(&error, DriverError::FileName(name) if *name == shown), "{error:?}");
        }
    }

    #[test]
    fn a_node_was_started_as_the_representation_with_its_digest() {
        let dir = tempfile::tempdir().unwrap();
        let driver = driver(dir.path());
        let representation = Representation { service: "dapp".into(), ..Default::default() };
        let json = representation.to_json();
        assert_eq!(driver.started_as(&slot(0, 0), keccak256(json.as_bytes())), None);
        let node = driver.nodes_dir.join(DIR);
        std::fs::create_dir(&node).unwrap();
        let file = node.join("representation.json");
        std::fs::write(&file, &json).unwrap();
        let read = driver.started_as(&slot(0, 0), keccak256(json.as_bytes()));
        assert_eq!(read, Some(representation));
        assert_eq!(driver.started_as(&slot(0, 0), DIGEST), None);
        std::fs::write(&file, "{}").unwrap();
        assert_eq!(driver.started_as(&slot(0, 0), keccak256(b"{}")), None);
    }

    #[tokio::test]
    async fn a_node_is_started_once_stopped_and_removed_but_for_its_logs() {
        let dir = tempfile::tempdir().unwrap();
        let mut driver = driver(dir.path());
        driver.launcher = launcher();
        // A pipe without a writer keeps the script waiting.
        let target = target(&driver, "#!/bin/sh\nmkfifo pipe && read line < pipe\n");
        let slot = slot(0, 0);
        driver.start(&slot, &target).await.unwrap();
        let observed =
            BTreeMap::from([(slot.clone(), ObservedNode { digest: DIGEST, alive: true })]);
        assert_eq!(driver.observe().unwrap(), observed);
        // The process writes its number a moment after it acquires the lock.
        while driver.pid(&slot).is_none() {
            assert!(driver.observe().unwrap()[&slot].alive);
            tokio::task::yield_now().await;
        }
        let pid = driver.pid(&slot);
        assert_ne!(pid, Some(std::process::id()));
        driver.start(&slot, &target).await.unwrap();
        assert_eq!(driver.pid(&slot), pid);

        driver.stop(&slot).await.unwrap();
        driver.stop(&slot).await.unwrap();
        let observed =
            BTreeMap::from([(slot.clone(), ObservedNode { digest: DIGEST, alive: false })]);
        assert_eq!(driver.observe().unwrap(), observed);
        assert_eq!(driver.pid(&slot), None);
        for name in NodeDir::LOGS {
            std::fs::write(driver.nodes_dir.join(DIR).join(name), name).unwrap();
        }

        driver.remove(&slot).await.unwrap();
        driver.remove(&slot).await.unwrap();
        assert_eq!(tree(&driver.nodes_dir), [""; 0]);
        let logs = ["worker.0.0.stderr.log", "worker.0.0.stdout.log"];
        assert_eq!(tree(&driver.logs_dir), logs);
        let kept = std::fs::read_to_string(driver.logs_dir.join(logs[1])).unwrap();
        assert_eq!(kept, "stdout.log");
    }

    /// Lists the variants: a new one does not compile until it has a name here, and a case below.
    fn variant(error: &DriverError) -> &'static str {
        match error {
            DriverError::Artifact(_) => "Artifact",
            DriverError::Io { .. } => "Io",
            DriverError::NotStarted { .. } => "NotStarted",
            DriverError::NotStopped(_) => "NotStopped",
            DriverError::FileName(_) => "FileName",
            DriverError::NoProgram(_) => "NoProgram",
            DriverError::Unsupported(_) => "Unsupported",
        }
    }

    #[tokio::test]
    async fn every_driver_error_is_reached() {
        let dir = tempfile::tempdir().unwrap();
        let driver = driver(dir.path());
        let nodes = driver.nodes_dir.display().to_string();
        let node = driver.nodes_dir.join(DIR);
        let target = target(&driver, "#!/bin/sh\n");
        let slot = slot(0, 0);
        let check = |error: DriverError, name: &str, expected: &[String]| {
            assert_eq!(variant(&error), name);
            assert_eq!(messages(&error), expected, "{error:?}");
        };

        let error = driver.fetch("x", None).await.unwrap_err();
        let text = "`x` is not a CID version 1 of a file (expected raw or dag-pb with SHA-256)";
        check(error, "Artifact", &[text.to_owned()]);

        let missing = "No such file or directory (os error 2)".to_owned();
        let error = driver.start(&slot, &target).await.unwrap_err();
        check(error, "Io", &["cannot run /nonexistent/launcher".to_owned(), missing.clone()]);

        let ends_at_once = ProcessDriver { launcher: vec!["/bin/false".into()], ..driver.clone() };
        let error = ends_at_once.start(&slot, &target).await.unwrap_err();
        let log = format!("the node's process did not start: {nodes}/{DIR}/stderr.log says why");
        check(error, "NotStarted", &[log]);

        // A lock without its process: nothing can be signalled.
        let lock = acquire_lock(&node.join("lock")).unwrap().unwrap();
        lock.set_len(0).unwrap();
        let error = driver.stop_within(&slot, Duration::ZERO, Duration::ZERO).await.unwrap_err();
        check(error, "NotStopped", &["the process of worker/0/0 does not end".to_owned()]);
        drop(lock);

        let mut outside = target.clone();
        outside.node.artifacts.get_mut("image").unwrap().file_name = "../run".to_owned();
        let error = driver.prepare(&slot, &outside).unwrap_err();
        let text = "artifact file name `../run` is not a plain file name";
        check(error, "FileName", &[text.to_owned()]);

        let mut without = target.clone();
        without.node.program = "web".to_owned();
        let error = driver.prepare(&slot, &without).unwrap_err();
        let text = "the node's program is artifact `web`, which the node does not have";
        check(error, "NoProgram", &[text.to_owned()]);

        // `apply` makes `Unsupported`, and tests it.

        let mut twice = target.clone();
        let image = twice.node.artifacts["image"].clone();
        twice.node.artifacts.insert("other".to_owned(), image);
        let error = driver.prepare(&slot, &twice).unwrap_err();
        let exists = "File exists (os error 17)".to_owned();
        check(error, "Artifact", &[format!("cannot use {nodes}/{DIR}/artifacts/run"), exists]);

        std::fs::remove_dir_all(&driver.nodes_dir).unwrap();
        check(driver.observe().unwrap_err(), "Io", &[format!("cannot list {nodes}"), missing]);
    }
}

//! A node's process before it becomes the node's program.
//!
//! An agent can be killed between starting a process and recording that it did. So a node's process
//! records this itself: it acquires the lock of the node's directory, writes its process number and
//! start time into it, and then executes the node's program, which inherits the lock. The lock ends
//! when the process ends for any reason; if a program closes the lock, the number and start time
//! still identify the process. A second start of the same node finds the lock held and ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use rustix::io::FdFlags;
use rustix::io::fcntl_setfd;
use thiserror::Error;

use super::node_dir::LaunchSpec;
use super::node_dir::NodeDir;
use crate::lock::acquire_lock;

/// The first descriptor after stdin, stdout and stderr.
const FIRST_DESCRIPTOR: i32 = 3;

/// Why a node's program was not started.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// Another process runs the node.
    #[error("the node in {0} already runs")]
    AlreadyRunning(PathBuf),
    /// A file of the node's directory cannot be opened, read or locked.
    #[error("cannot use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system call.
        #[source]
        source: io::Error,
    },
    /// `node.json` does not have the expected form.
    #[error("cannot parse {path}")]
    Spec {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        #[source]
        source: serde_json::Error,
    },
    /// The program cannot be executed.
    #[error("cannot run {path}")]
    Program {
        /// The program.
        path: PathBuf,
        /// The error of the system call.
        #[source]
        source: io::Error,
    },
}

/// Becomes the program of the node in `dir`; returns only if that fails.
///
/// When the program cannot be run, the node's logs have replaced stdout and stderr of this process.
pub fn launch(dir: &Path) -> LaunchError {
    match prepare(&NodeDir::new(dir.to_owned())) {
        Ok((mut command, program)) => {
            LaunchError::Program { path: program, source: command.exec() }
        }
        Err(error) => error,
    }
}

/// Acquires the node's lock and returns its program as a command, with the program's path.
fn prepare(dir: &NodeDir) -> Result<(Command, PathBuf), LaunchError> {
    let io_error = |path: &Path| {
        let path = path.to_owned();
        move |source| LaunchError::Io { path, source }
    };
    // The program gets nothing that the agent, or the shell that started it, left open.
    close_fds::set_fds_cloexec(FIRST_DESCRIPTOR, &[]);
    let path = dir.lock();
    let Some(lock) = acquire_lock(&path).map_err(io_error(&path))? else {
        return Err(LaunchError::AlreadyRunning(dir.path().to_owned()));
    };
    // Without FD_CLOEXEC the program inherits the lock.
    fcntl_setfd(&lock, FdFlags::empty()).map_err(|error| io_error(&path)(error.into()))?;

    let path = dir.spec();
    let json = std::fs::read(&path).map_err(io_error(&path))?;
    let spec: LaunchSpec =
        serde_json::from_slice(&json).map_err(|source| LaunchError::Spec { path, source })?;
    let program = dir.path().join(&spec.program);
    let open_log = |path: PathBuf| {
        std::fs::OpenOptions::new().create(true).append(true).open(&path).map_err(io_error(&path))
    };
    let mut command = Command::new(&program);
    command
        .args(&spec.arguments)
        .env_clear()
        .envs(&spec.environment)
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(open_log(dir.stdout_log())?)
        .stderr(open_log(dir.stderr_log())?);
    // The descriptor stays open across exec; dropping it here would release the lock.
    std::mem::forget(lock);
    Ok((command, program))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::fixtures::messages;

    /// Returns the program and arguments that call [`launch`] with the directory that is appended,
    /// and print its error.
    pub(crate) fn launcher() -> Vec<OsString> {
        let entry = concat!(module_path!(), "::child_process_entry");
        let (_, entry) = entry.split_once("::").unwrap();
        let program = std::env::current_exe().unwrap();
        vec![program.into(), "--nocapture".into(), "--exact".into(), entry.into(), "--".into()]
    }

    /// Not a test: the process that [`launcher`] starts. Run as a test it has no directory and
    /// returns.
    #[test]
    fn child_process_entry() {
        let mut arguments = std::env::args().skip_while(|argument| argument != "--").skip(1);
        if let Some(dir) = arguments.next() {
            let error = launch(Path::new(&dir));
            panic!("{} {:?}", variant(&error), messages(&error));
        }
    }

    #[test]
    fn a_program_inherits_its_lock_and_nothing_else_that_is_open() {
        use std::os::unix::fs::PermissionsExt;
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path();
        std::fs::create_dir(dir.join("artifacts")).unwrap();
        let program = dir.join("artifacts/run");
        std::fs::write(&program, "#!/bin/sh\nls -l /proc/$$/fd\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let spec = LaunchSpec {
            slot: "worker/0/0".to_owned(),
            digest: koinon_model::Digest::ZERO,
            program: "artifacts/run".to_owned(),
            arguments: Vec::new(),
            environment: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
            ports: std::collections::BTreeMap::new(),
        };
        std::fs::write(dir.join("node.json"), serde_json::to_vec(&spec).unwrap()).unwrap();
        let launcher = launcher();
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec 9</etc/passwd; exec \"$@\"", "sh"]).args(&launcher).arg(dir);
        assert!(shell.status().unwrap().success());
        let open = std::fs::read_to_string(dir.join("stdout.log")).unwrap();
        assert!(open.contains("/lock\n"), "{open}");
        assert!(!open.contains("/etc/passwd"), "{open}");
    }

    /// Lists the variants: a new one does not compile until it has a name here, and a case below.
    fn variant(error: &LaunchError) -> &'static str {
        match error {
            LaunchError::AlreadyRunning(_) => "AlreadyRunning",
            LaunchError::Io { .. } => "Io",
            LaunchError::Spec { .. } => "Spec",
            LaunchError::Program { .. } => "Program",
        }
    }

    #[test]
    fn every_launch_error_is_reached() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path();
        let shown = dir.display();
        let check = |dir: &Path, name: &str, expected: &[String]| {
            let error = launch(dir);
            assert_eq!(variant(&error), name);
            assert_eq!(messages(&error), expected, "{error:?}");
        };
        let missing = "No such file or directory (os error 2)".to_owned();

        let path = format!("cannot use {shown}/none/lock");
        check(&dir.join("none"), "Io", &[path, missing.clone()]);

        let lock = acquire_lock(&dir.join("lock")).unwrap();
        check(dir, "AlreadyRunning", &[format!("the node in {shown} already runs")]);
        drop(lock);

        check(dir, "Io", &[format!("cannot use {shown}/node.json"), missing.clone()]);

        std::fs::write(dir.join("node.json"), "{}").unwrap();
        let field = "missing field `slot` at line 1 column 2".to_owned();
        check(dir, "Spec", &[format!("cannot parse {shown}/node.json"), field]);

        let spec = LaunchSpec {
            slot: "worker/0/0".to_owned(),
            digest: koinon_model::Digest::ZERO,
            program: "artifacts/run".to_owned(),
            arguments: Vec::new(),
            environment: std::collections::BTreeMap::new(),
            ports: std::collections::BTreeMap::new(),
        };
        std::fs::write(dir.join("node.json"), serde_json::to_vec(&spec).unwrap()).unwrap();
        // In a process of its own: the logs have replaced its stdout and stderr when exec fails.
        let launcher = launcher();
        let done = Command::new(&launcher[0]).args(&launcher[1..]).arg(dir).status().unwrap();
        assert!(!done.success());
        let error = std::fs::read_to_string(dir.join("stderr.log")).unwrap();
        let expected = [format!("cannot run {shown}/artifacts/run"), missing];
        assert!(error.contains(&format!("Program {expected:?}")), "{error}");
    }
}

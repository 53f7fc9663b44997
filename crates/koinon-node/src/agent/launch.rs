//! What a node's process is before it becomes the node's program.
//!
//! An agent can be killed between starting a process and writing down that it did. So a node's process says itself that it
//! lives: it takes the lock of the node's directory, writes its number and start time into it, and then becomes the
//! node's program, which inherits the lock. The lock ends with the process, whatever ends it; should a program close it, its
//! number and start time still tell that it lives. A second start of the same node finds the lock held and ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use rustix::io::FdFlags;
use rustix::io::fcntl_setfd;
use thiserror::Error;

use super::process::Started;
use crate::file::hold;

/// Why a node's program was not started.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// It runs already.
    #[error("the node in {0} runs already")]
    Running(PathBuf),
    /// Its directory cannot be used.
    #[error("cannot use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What it was started as cannot be read.
    #[error("cannot read {path}")]
    Node {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The program cannot be run.
    #[error("cannot run {path}")]
    Program {
        /// The program.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Becomes the program of the node in `dir`; returns only if that fails.
pub fn launch(dir: &Path) -> LaunchError {
    match prepare(dir) {
        Ok((mut command, program)) => {
            LaunchError::Program { path: program, source: command.exec() }
        }
        Err(error) => error,
    }
}

fn prepare(dir: &Path) -> Result<(Command, PathBuf), LaunchError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| LaunchError::Io { path, source }
    };
    let path = dir.join(Started::LOCK);
    let lock = hold(&path).map_err(failed(&path))?;
    let lock = lock.ok_or_else(|| LaunchError::Running(dir.to_owned()))?;
    // The program must inherit the lock.
    fcntl_setfd(&lock, FdFlags::empty()).map_err(|error| failed(&path)(error.into()))?;

    let path = dir.join(Started::FILE);
    let started = std::fs::read(&path).map_err(failed(&path))?;
    let started: Started =
        serde_json::from_slice(&started).map_err(|source| LaunchError::Node { path, source })?;
    let program = dir.join(&started.program);
    let log = |name: &str| {
        let path = dir.join(name);
        std::fs::OpenOptions::new().create(true).append(true).open(&path).map_err(failed(&path))
    };
    let mut command = Command::new(&program);
    command
        .args(&started.arguments)
        .env_clear()
        .envs(&started.environment)
        .current_dir(dir)
        .stdin(std::process::Stdio::null())
        .stdout(log("stdout.log")?)
        .stderr(log("stderr.log")?);
    // The descriptor stays open across exec; dropping it here would release the lock.
    std::mem::forget(lock);
    Ok((command, program))
}

//! This program: the other processes of a network run the same binary.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context;
use koinon_command::Outcome;
use tokio_util::sync::CancellationToken;

/// Returns the path of this binary.
pub(crate) fn path() -> Outcome<PathBuf> {
    Ok(std::env::current_exe().context("cannot find the path of this program")?)
}

/// Returns the command with which agents launch nodes.
pub(crate) fn launcher() -> Outcome<Vec<OsString>> {
    Ok(vec![path()?.into(), "launch".into()])
}

/// Returns a token that SIGINT, SIGTERM or SIGHUP cancel; a second signal ends the process at once.
pub(crate) fn stop_on_signal() -> Outcome<CancellationToken> {
    use tokio::signal::unix::SignalKind;
    use tokio::signal::unix::signal;
    let stop = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    let token = stop.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            // Cancel safe: a signal that is not received here is received in the next iteration.
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            if token.is_cancelled() {
                std::process::exit(130);
            }
            token.cancel();
        }
    });
    Ok(stop)
}

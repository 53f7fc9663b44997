//! The runtime, the log and the end of a program.

use std::future::Future;
use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Context;

use crate::error::Outcome;
use crate::ui::Tone;
use crate::ui::Ui;
use crate::ui::has_printed;
use crate::ui::paint;

/// Prints the error of a command that failed, and returns the exit code of the program. Where data
/// is JSON and none was printed, the error is printed as JSON too.
pub fn exit_code(ui: Ui, outcome: Outcome<ExitCode>) -> ExitCode {
    let error = match outcome {
        Ok(code) => return code,
        Err(error) => error,
    };
    if ui.json && !has_printed() {
        ui.json(&error.to_json());
    }
    let text = error.render();
    match text.strip_prefix("error:") {
        Some(rest) => ui.say(&format!("{}{}", paint(Tone::Bad, "error:"), rest.trim_end())),
        None => ui.say(text.trim_end()),
    }
    error.kind.exit_code()
}

/// Runs a command to its end on a runtime with several threads.
///
/// # Errors
/// The error of the command, or of the runtime if it cannot start.
pub fn block_on(command: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let outcome = runtime.block_on(command);
    // Do not wait for blocking work of a command that ended, such as the hashing of an artifact.
    runtime.shutdown_background();
    outcome
}

/// Starts the log of a long-running command on stderr; `KOINON_LOG` filters it.
pub fn start_log() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("KOINON_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

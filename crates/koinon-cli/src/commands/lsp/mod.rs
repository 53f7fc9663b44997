//! `koinon lsp`: the language server: what `koinon_tosca::editor` knows, in the Language Server Protocol over stdio.
//!
//! One thread reads and answers; another analyses, always the newest text of a document. What an analysis finds is
//! published only if nothing was edited since it began. Requests wait for the analysis of what they ask about, but
//! completion, which comes while somebody types, does with the last one.

mod documents;
mod server;
mod shelf;
mod text;

use std::process::ExitCode;

use clap::Args;
use lsp_server::Connection;

use crate::error::CommandError;
use crate::error::Outcome;

#[derive(Args, Debug)]
#[command(
    after_help = "An editor starts it; editors/vscode is an extension for VS Code.\nLog lines go to stderr; KOINON_LOG=koinon=debug shows more."
)]
pub(crate) struct LspArgs {
    /// Use stdin and stdout, as it always does; editors say so
    #[arg(long)]
    stdio: bool,
}

/// Serves until the client says `exit`: 0 if it said `shutdown` before, 1 if not.
pub(crate) fn run(args: &LspArgs) -> Outcome<ExitCode> {
    let LspArgs { stdio: _ } = args;
    super::log();
    let (connection, threads) = Connection::stdio();
    let ended = server::serve(connection)
        .map_err(|error| CommandError::failed(format!("the language server failed: {error}")))?;
    match ended {
        server::Ended::InOrder => {
            threads.join().map_err(|error| {
                CommandError::failed(format!("cannot write to the editor: {error}"))
            })?;
            Ok(ExitCode::SUCCESS)
        }
        // The thread that reads may wait for ever.
        server::Ended::Abruptly => Ok(ExitCode::FAILURE),
    }
}

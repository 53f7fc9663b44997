//! `koinon-lsp`: the language server. It serves what `koinon_tosca::editor` knows, in the Language
//! Server Protocol over stdin and stdout.
//!
//! `koinon lsp` runs it. One thread reads and answers; another analyses, always the newest text of
//! a document. The diagnostics of an analysis are published only if nothing was edited since it
//! began. Requests wait for the analysis of their document, except completion, which comes while
//! somebody types and uses the last one.

mod builtin;
mod documents;
mod server;
mod text;

use std::process::ExitCode;

use clap::Parser;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_command::exit_code;
use koinon_command::start_log;
use lsp_server::Connection;

/// Serve editors: the language server, on stdin and stdout
#[derive(Parser, Debug)]
#[command(name = "koinon-lsp", bin_name = "koinon lsp", version, max_term_width = 100)]
#[command(
    after_help = "An editor starts it; editors/vscode is an extension for VS Code.\nLog lines go to stderr; KOINON_LOG=koinon=debug shows more."
)]
struct LanguageServer {
    /// Use stdin and stdout; always so, and accepted because editors pass it
    #[arg(long)]
    stdio: bool,

    /// Print data as JSON; there is none
    #[arg(long, hide = true)]
    json: bool,
}

fn main() -> ExitCode {
    let LanguageServer { stdio: _, json } = LanguageServer::parse();
    exit_code(Ui { json }, serve())
}

/// Serves until the client sends `exit`: 0 if it sent `shutdown` before, 1 if not.
fn serve() -> Outcome<ExitCode> {
    start_log();
    let (connection, threads) = Connection::stdio();
    let failed = |error| CommandError::failed("the language server failed").because(error);
    match server::serve(connection).map_err(|error| failed(anyhow::Error::from_boxed(error)))? {
        server::SessionEnd::InOrder => {
            threads.join().map_err(|error| {
                CommandError::failed("cannot write to the editor").because(error)
            })?;
            Ok(ExitCode::SUCCESS)
        }
        // The reading thread may wait for ever: do not join it.
        server::SessionEnd::Abrupt => Ok(ExitCode::FAILURE),
    }
}

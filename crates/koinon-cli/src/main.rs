//! The command line of Koinon.

mod change;
mod commands;
mod diagnostics;
mod error;
mod files;
mod keys;
mod local;
mod network;
mod program;
mod ui;

fn main() -> std::process::ExitCode {
    commands::run()
}

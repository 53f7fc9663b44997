//! The command line of Koinon.

mod commands;
mod external;

mod archive;
mod bringup;

mod diagnostics;
mod document;
mod duration;
mod genesis;
mod keys;
mod local;
mod network;
mod on_chain;
mod program;
mod proposal;
mod show;
mod state;

#[cfg(test)]
mod named;

fn main() -> std::process::ExitCode {
    commands::run()
}

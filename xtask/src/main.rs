//! The project's tasks; `cargo xtask --help` lists them.
//!
//! It needs nothing but the standard library and anyhow, so that a first run starts within seconds.

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the terminal is what this program is for"
)]

mod steps;
mod test;
mod tools;

use std::env;
use std::path::Path;
use std::process::ExitCode;

use test::Extent;

const HELP: &str = "\
Run the project's tasks

Usage: cargo xtask <COMMAND>

Commands:
  test         Check everything that must pass: format, lints, contracts, artifacts, vectors, all tests,
               licences
  test --fast  Check what needs neither Node nor Python nor another process: format, lints, unit tests, all
               tests of the crates without IO, the repository's rules
  suite [NAME] Run the annotated cases of TOSCA files (crates/koinon-tosca/tests/suite) whose name contains
               NAME; without it, all
  contracts    Build the contracts and rewrite contracts/artifacts
  mutants      Change the code of the pure crates, line by line, and look whether a test fails: a campaign
               of hours; further arguments go to cargo-mutants, such as `-p koinon-plan --shard 0/8`
  help         Print this help (also -h, --help)

Needed: Rust with rustfmt and clippy, a C compiler; without --fast also Node 20 or later, npm and python3.
Everything else is installed by the first run, pinned, into the user's cache: KOINON_CACHE, or koinon below
XDG_CACHE_HOME, or ~/.cache/koinon. `.tools` and every `node_modules` are links to it.
The first failure ends the run and says what to do next.";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("BUG: xtask is in the workspace");
    let result = match arguments[..] {
        ["test"] => test::run(root, Extent::Everything),
        ["test", "--fast"] => test::run(root, Extent::Fast),
        ["contracts"] => test::contracts(root),
        ["mutants", ref rest @ ..] => test::mutants(root, rest),
        ["help" | "-h" | "--help"] | [_, "-h" | "--help"] => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        ["suite", ref name @ ..] => test::suite(root, &name.join(" ")),
        _ => {
            eprintln!("unknown task: `{}`\n\n{HELP}", arguments.join(" "));
            return ExitCode::from(2);
        }
    };
    if let Err(error) = result {
        eprintln!("\nerror: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

//! The steps of each task, in order.

use std::borrow::Cow;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

use crate::steps;
use crate::steps::TaskStep;
use crate::steps::Time;
use crate::tools;
use crate::tools::CARGO_DENY;
use crate::tools::CARGO_MUTANTS;
use crate::tools::CargoTool;
use crate::tools::Need;

/// How much is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All that must pass before a change is pushed.
    Everything,
    /// All that needs neither Node nor Python nor another process: for the minutes between two
    /// edits.
    Fast,
}

const LINTS: [TaskStep; 2] = [
    TaskStep {
        name: "rustfmt",
        command: Cow::Borrowed("cargo fmt --all --check"),
        directory: ".",
        next: "run `cargo fmt --all`",
    },
    TaskStep {
        name: "clippy",
        command: Cow::Borrowed("cargo clippy --workspace --all-targets --locked -- -D warnings"),
        directory: ".",
        next: "repair what clippy names; an exception is #[expect(lint, reason = \"...\")]. If Cargo.lock is stale, run \
               `cargo check` and commit it",
    },
];

const DEPENDENCIES: TaskStep = TaskStep {
    name: "dependencies",
    command: Cow::Borrowed(
        "./.tools/cargo-deny/0.20.2/bin/cargo-deny --locked check --deny license-exception-not-encountered licenses bans sources",
    ),
    directory: ".",
    next: "choose another library, or allow it in deny.toml and say why",
};

/// Forge must run in `contracts`, where its configuration names the compiler by a relative path.
const CONTRACTS: [TaskStep; 5] = [
    TaskStep {
        name: "forge fmt",
        command: Cow::Borrowed("./tools/forge fmt --check"),
        directory: "contracts",
        next: "run `./tools/forge fmt` in contracts",
    },
    TaskStep {
        name: "forge build",
        command: Cow::Borrowed("./tools/forge build"),
        directory: "contracts",
        next: "repair what the compiler names",
    },
    TaskStep {
        name: "forge test",
        command: Cow::Borrowed("./tools/forge test"),
        directory: "contracts",
        next: "run `./tools/forge test --match-test NAME -vvvv` in contracts to see the trace",
    },
    TaskStep {
        name: "artifacts",
        command: Cow::Borrowed("node tools/artifacts.mjs --check"),
        directory: "contracts",
        next: "run `cargo xtask contracts` and commit contracts/artifacts with the contracts",
    },
    TaskStep {
        name: "vectors",
        command: Cow::Borrowed("python3 suite/vectors/generate.py --check"),
        directory: ".",
        next: "if the reference was meant to change, run `python3 suite/vectors/generate.py`, read the difference, and \
               commit it",
    },
];

/// Other TOSCA processors, which read our exports. Installed ones cost nothing.
const PEERS: TaskStep = TaskStep {
    name: "peers",
    command: Cow::Borrowed("python3 suite/peers/install.py tosca-parser puccini-wheel"),
    directory: ".",
    next: "check that PyPI can be reached; the wheel of puccini needs Python 3.11 on x86-64 Linux",
};

const TESTS: TaskStep = TaskStep {
    name: "cargo test",
    command: Cow::Borrowed("cargo test --workspace --locked --no-fail-fast"),
    directory: ".",
    next: "run the failing test alone: `cargo test -p CRATE --test FILE NAME`",
};

const FAST_TESTS: [TaskStep; 3] = [
    TaskStep {
        name: "unit tests",
        command: Cow::Borrowed("cargo test --workspace --locked --lib --bins"),
        directory: ".",
        next: "run the failing test alone: `cargo test -p CRATE --lib NAME`",
    },
    TaskStep {
        name: "crates without IO",
        // Tests of exports run other processors, so they are skipped.
        command: Cow::Borrowed(
            "cargo test --locked -p koinon-model -p koinon-tosca -p koinon-plan -p koinon-trust --tests -- \
                  --skip tosca_parser_ --skip puccini_",
        ),
        directory: ".",
        next: TESTS.next,
    },
    TaskStep {
        name: "rules",
        command: Cow::Borrowed("cargo test --locked -p koinon-testkit --test tidy"),
        directory: ".",
        next: "each line above names a file, a line and what to do",
    },
];

/// Tests the repository.
pub(crate) fn run(root: &Path, extent: Extent) -> Result<()> {
    let times = match extent {
        Extent::Everything => {
            tools::ensure(&[Need::Rust, Need::Node, Need::Python])?;
            let mut times = install(root, &[CARGO_DENY], &[PEERS])?;
            times.extend(steps::run(
                root,
                &[&LINTS[..], &CONTRACTS, &[TESTS, DEPENDENCIES]].concat(),
            )?);
            times
        }
        Extent::Fast => {
            tools::ensure(&[Need::Rust])?;
            steps::run(root, &[&LINTS[..], &FAST_TESTS].concat())?
        }
    };
    steps::summarize(&times);
    Ok(())
}

/// Installs npm packages, programs of crates.io and what `more` installs into the cache of tools.
fn install(root: &Path, programs: &[CargoTool], more: &[TaskStep]) -> Result<Vec<Time>> {
    let _lock = tools::open_cache(root)?;
    let mut steps = tools::packages(root)?;
    steps.extend(programs.iter().filter_map(|tool| tools::cargo_tool(root, tool)));
    steps.extend_from_slice(more);
    steps::run(root, &steps)
}

/// Runs cargo-mutants, a campaign of hours, with further arguments such as `-p koinon-plan`; what
/// it mutates, and how, is in `.cargo/mutants.toml`.
pub(crate) fn mutants(root: &Path, arguments: &[&str]) -> Result<()> {
    tools::ensure(&[Need::Rust])?;
    install(root, &[CARGO_MUTANTS], &[])?;
    let campaign = TaskStep {
        name: "mutants",
        command: format!("./{} mutants {}", CARGO_MUTANTS.program, arguments.join(" "))
            .trim_end()
            .to_owned()
            .into(),
        directory: ".",
        next: "read mutants.out/missed.txt: test each line, or say in .cargo/mutants.toml why it is equal",
    };
    steps::summarize(&steps::run(root, &[campaign])?);
    Ok(())
}

/// Runs the annotated cases of TOSCA files whose name contains a text.
pub(crate) fn suite(root: &Path, name: &str) -> Result<()> {
    let test = "suite::every_case_has_the_annotated_errors_and_no_others";
    let status = Command::new(steps::cargo())
        .args(["test", "--quiet", "-p", "koinon-tosca", "--test", "tosca", "--", "--exact", test])
        .arg("--nocapture")
        .env("KOINON_CASE", name)
        .current_dir(root)
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!(
            "a case of the suite failed\nnext: repair the compiler, or write the annotations with KOINON_UPDATE=1 and \
             read what changed"
        );
    }
    Ok(())
}

/// Rewrites contracts/artifacts.
pub(crate) fn contracts(root: &Path) -> Result<()> {
    tools::ensure(&[Need::Node])?;
    let build = TaskStep {
        name: "artifacts",
        command: Cow::Borrowed("node tools/artifacts.mjs"),
        directory: "contracts",
        next: "repair what the compiler names",
    };
    let mut times = install(root, &[], &[])?;
    times.extend(steps::run(root, &[build])?);
    steps::summarize(&times);
    Ok(())
}

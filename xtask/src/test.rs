//! What `cargo xtask test` and `cargo xtask contracts` run, in order.

use std::path::Path;

use anyhow::Result;

use crate::steps::{self, Step};
use crate::tools::{self, Need};

/// How much is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All that must pass before a change is pushed.
    Everything,
    /// What can be known without Node, Python or another process: for the minutes between two edits.
    Fast,
}

const LINTS: [Step; 2] = [
    Step {
        name: "rustfmt",
        command: "cargo fmt --all --check",
        directory: ".",
        next: "run `cargo fmt --all`",
    },
    Step {
        name: "clippy",
        command: "cargo clippy --workspace --all-targets --locked -- -D warnings",
        directory: ".",
        next: "repair what clippy names; an exception is #[expect(lint, reason = \"...\")]. If Cargo.lock is stale, run \
               `cargo check` and commit it",
    },
];

const DEPENDENCIES: Step = Step {
    name: "dependencies",
    command: "./.tools/bin/cargo-deny --locked check --deny license-exception-not-encountered licenses bans sources",
    directory: ".",
    next: "choose another library, or allow it in deny.toml and say why",
};

/// Forge must run in `contracts`, where its configuration names the compiler by a relative path.
const CONTRACTS: [Step; 5] = [
    Step {
        name: "forge fmt",
        command: "./tools/forge fmt --check",
        directory: "contracts",
        next: "run `./tools/forge fmt` in contracts",
    },
    Step {
        name: "forge build",
        command: "./tools/forge build",
        directory: "contracts",
        next: "repair what the compiler names",
    },
    Step {
        name: "forge test",
        command: "./tools/forge test",
        directory: "contracts",
        next: "run `./tools/forge test --match-test NAME -vvvv` in contracts to see the trace",
    },
    Step {
        name: "artifacts",
        command: "node tools/artifacts.mjs --check",
        directory: "contracts",
        next: "run `cargo xtask contracts` and commit contracts/artifacts with the contracts",
    },
    Step {
        name: "vectors",
        command: "python3 suite/vectors/generate.py --check",
        directory: ".",
        next: "if the reference was meant to change, run `python3 suite/vectors/generate.py`, read the difference, and \
               commit it",
    },
];

/// Other TOSCA processors, which read what is exported. What is installed already costs nothing.
const PEERS: Step = Step {
    name: "peers",
    command: "python3 suite/peers/install.py tosca-parser puccini-wheel",
    directory: ".",
    next: "check that PyPI can be reached; the wheel of puccini needs Python 3.11 on x86-64 Linux",
};

const TESTS: Step = Step {
    name: "cargo test",
    command: "cargo test --workspace --locked",
    directory: ".",
    next: "run the failing test alone: `cargo test -p CRATE --test FILE NAME`",
};

const FAST_TESTS: [Step; 3] = [
    Step {
        name: "unit tests",
        command: "cargo test --workspace --locked --lib --bins",
        directory: ".",
        next: "run the failing test alone: `cargo test -p CRATE --lib NAME`",
    },
    Step {
        name: "crates without IO",
        // The tests of exports run other processors.
        command: "cargo test --locked -p koinon-model -p koinon-tosca -p koinon-plan -p koinon-trust --tests -- \
                  --skip tosca_parser_ --skip puccini_",
        directory: ".",
        next: TESTS.next,
    },
    Step {
        name: "rules",
        command: "cargo test --locked -p koinon-testkit --test tidy",
        directory: ".",
        next: "each line above names a file, a line and what to do",
    },
];

/// Tests the repository.
pub(crate) fn run(root: &Path, extent: Extent) -> Result<()> {
    let steps: Vec<Step> = match extent {
        Extent::Everything => {
            tools::ensure(&[Need::Rust, Need::Node, Need::Python])?;
            let tools = tools::packages(root)?.into_iter().chain(tools::cargo_deny(root));
            tools.chain(LINTS).chain(CONTRACTS).chain([PEERS, TESTS, DEPENDENCIES]).collect()
        }
        Extent::Fast => {
            tools::ensure(&[Need::Rust])?;
            LINTS.into_iter().chain(FAST_TESTS).collect()
        }
    };
    steps::run(root, &steps)
}

/// Rewrites contracts/artifacts.
pub(crate) fn contracts(root: &Path) -> Result<()> {
    tools::ensure(&[Need::Node])?;
    let build = Step {
        name: "artifacts",
        command: "node tools/artifacts.mjs",
        directory: "contracts",
        next: "repair what the compiler names",
    };
    let steps: Vec<Step> = tools::packages(root)?.into_iter().chain([build]).collect();
    steps::run(root, &steps)
}

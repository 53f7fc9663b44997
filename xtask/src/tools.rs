//! The tools a machine must have, and those that are installed here, pinned.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::steps::{Step, cargo};

/// Below it, ethers and viem of contracts/package.json do not run.
const NODE_MAJOR: u32 = 20;

/// What a task needs of the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    /// rustfmt, clippy, and a C compiler for the C parts of cryptographic crates.
    Rust,
    /// Node and npm: forge, solc, and the other clients of the embedded chain.
    Node,
    /// The reference that makes the vectors.
    Python,
}

/// Checks that all needed tools are there; the error lists every one that is missing.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let missing: Vec<String> = needs.iter().flat_map(|need| need.missing()).collect();
    if !missing.is_empty() {
        bail!("this machine lacks tools\nnext: {}", missing.join("\nnext: "));
    }
    Ok(())
}

impl Need {
    /// Returns what to do for each tool that is missing.
    fn missing(self) -> Vec<String> {
        let tools = match self {
            Self::Rust => vec![
                (answers(&cargo(), "fmt"), "run `rustup component add rustfmt`".to_owned()),
                (answers(&cargo(), "clippy"), "run `rustup component add clippy`".to_owned()),
                (answers(&c_compiler(), ""), "install a C compiler (cc), or set CC".to_owned()),
            ],
            Self::Node => {
                let (recent, found) = is_recent("node", NODE_MAJOR);
                let install = format!("install Node {NODE_MAJOR} or later; found: {found}");
                let npm = "install npm, which comes with Node".to_owned();
                vec![(recent, install), (answers(Path::new("npm"), ""), npm)]
            }
            Self::Python => {
                let (recent, found) = is_recent("python3", 3);
                vec![(recent, format!("install Python 3, to be run as `python3`; found: {found}"))]
            }
        };
        tools.into_iter().filter(|(there, _)| !there).map(|(_, next)| next).collect()
    }
}

/// Returns the steps that install contracts/package-lock.json and editors/vscode/package-lock.json, unless they are.
///
/// Not `npm ci`: it refuses a lock without the binaries of every platform, and registries do not have all of them. What
/// the lock names is installed as it says, and `--no-save` leaves the lock as it is.
pub(crate) fn packages(root: &Path) -> Result<Vec<Step>> {
    let install = |name, command| Step {
        name,
        command,
        directory: ".",
        next: "check that the npm registry can be reached",
    };
    let contracts = install(
        "npm packages",
        "npm install --prefix contracts --no-save --ignore-scripts --no-audit --no-fund",
    );
    let editor = install(
        "npm packages of the extension",
        "npm install --prefix editors/vscode --no-save --ignore-scripts --no-audit --no-fund",
    );
    let mut steps = Vec::new();
    for (folder, step) in [("contracts", contracts), ("editors/vscode", editor)] {
        if !is_installed(&root.join(folder))? {
            steps.push(step);
        }
    }
    Ok(steps)
}

/// Returns the step that installs the pinned cargo-deny, unless it is installed.
pub(crate) fn cargo_deny(root: &Path) -> Option<Step> {
    let install = Step {
        name: "cargo-deny",
        // Unoptimised it is built in half the time, and a check takes seconds.
        command: "cargo install cargo-deny --version 0.20.2 --locked --debug --root .tools",
        directory: ".",
        next: "check that crates.io can be reached",
    };
    let said = version(&root.join(".tools/bin/cargo-deny"), "");
    (said.as_deref() != Some("cargo-deny 0.20.2")).then_some(install)
}

/// npm writes its hidden lock last: it stands for a whole installation.
fn is_installed(folder: &Path) -> Result<bool> {
    let stamp = folder.join("node_modules/.package-lock.json");
    Ok(stamp.exists() && modified(&stamp)? >= modified(&folder.join("package-lock.json"))?)
}

fn modified(path: &Path) -> Result<std::time::SystemTime> {
    let metadata = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    metadata.modified().with_context(|| format!("no time of change of {}", path.display()))
}

/// CC may hold flags too, and a launcher in front.
fn c_compiler() -> PathBuf {
    let named = std::env::var("CC").unwrap_or_default();
    named.split_whitespace().next().unwrap_or("cc").into()
}

fn answers(program: &Path, subcommand: &str) -> bool {
    version(program, subcommand).is_some()
}

/// Says whether the program's major version is at least `least`, and what the program says it is.
fn is_recent(program: &str, least: u32) -> (bool, String) {
    let said = version(Path::new(program), "").unwrap_or_else(|| "none".to_owned());
    (major(&said).is_some_and(|major| major >= least), said)
}

/// Returns what the program says its version is; None if it cannot be started or fails, which is to lack it.
fn version(program: &Path, subcommand: &str) -> Option<String> {
    let mut command = Command::new(program);
    command.args((!subcommand.is_empty()).then_some(subcommand)).arg("--version");
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// Returns the first number of `v20.1.0` or `Python 3.11.7`.
fn major(version: &str) -> Option<u32> {
    let digits = version.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_of_what_tools_say() {
        let said = ["v20.20.2", "Python 3.11.7", "10.8.2", "v8", "none", ""];
        assert_eq!(said.map(major), [Some(20), Some(3), Some(10), Some(8), None, None]);
    }

    #[test]
    fn packages_are_installed_when_the_stamp_is_not_older_than_the_lock() {
        let folder = std::env::temp_dir().join(format!("koinon-xtask-{}", std::process::id()));
        let (lock, stamp) =
            (folder.join("package-lock.json"), folder.join("node_modules/.package-lock.json"));
        fs::create_dir_all(folder.join("node_modules")).unwrap();
        fs::write(&lock, "{}").unwrap();
        assert!(!is_installed(&folder).unwrap(), "nothing is installed");

        fs::write(&stamp, "{}").unwrap();
        let at = |path: &Path, seconds| {
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            fs::File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
        };
        let mut installed = Vec::new();
        for (locked, stamped) in [(10, 9), (10, 10), (10, 11)] {
            at(&lock, locked);
            at(&stamp, stamped);
            installed.push(is_installed(&folder).unwrap());
        }
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(installed, [false, true, true]);
    }
}

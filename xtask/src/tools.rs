//! The tools a machine must have, and the pinned ones that are installed in the cache.

use std::fs;
use std::fs::File;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

use crate::steps::TaskStep;
use crate::steps::cargo;

/// The least major version with which ethers and viem of contracts/package.json run.
const NODE_MAJOR: u32 = 20;

/// A program of crates.io that tests use.
///
/// Built without optimisation: that takes half the time, and a check takes seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CargoTool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// Where it is installed, from the root; the folder has the version in its name.
    pub(crate) program: &'static str,
    /// The subcommand that prints the version: `cargo-x x --version`.
    pub(crate) subcommand: &'static str,
}

/// Checks licences, bans and sources of dependencies.
pub(crate) const CARGO_DENY: CargoTool = CargoTool {
    name: "cargo-deny",
    version: "0.20.2",
    program: ".tools/cargo-deny/0.20.2/bin/cargo-deny",
    subcommand: "",
};

/// Changes code and looks whether a test fails; 27.1.0 is the newest that Rust 1.95 builds.
pub(crate) const CARGO_MUTANTS: CargoTool = CargoTool {
    name: "cargo-mutants",
    version: "27.1.0",
    program: ".tools/cargo-mutants/27.1.0/bin/cargo-mutants",
    subcommand: "mutants",
};

/// A need of a task that the machine must meet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    /// rustfmt, clippy, and a C compiler for the C parts of cryptographic crates.
    Rust,
    /// Node and npm: forge, solc, and the other clients of the embedded chain.
    Node,
    /// Python: the reference that makes the vectors, and other TOSCA processors.
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

/// Returns the folder that keeps tools of all clones: `KOINON_CACHE`, else `koinon` in the user's
/// cache (XDG Base Directory Specification).
fn cache() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("KOINON_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("koinon")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/koinon")))
        .context("no folder for tools: set KOINON_CACHE to one, or HOME")
}

/// Makes `.tools` a link to the cache, so that every path of a tool is relative to the repository,
/// and returns a lock that keeps other clones from installing at the same time.
pub(crate) fn open_cache(root: &Path) -> Result<File> {
    let cache = cache()?;
    fs::create_dir_all(&cache).with_context(|| format!("cannot create {}", cache.display()))?;
    link(&cache, &root.join(".tools"))?;
    let path = cache.join("lock");
    let lock = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    lock.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(lock)
}

/// Makes `link` point to `target`; a folder or another link that stands there is removed.
fn link(target: &Path, link: &Path) -> Result<()> {
    if fs::read_link(link).is_ok_and(|found| found == target) {
        return Ok(());
    }
    match fs::symlink_metadata(link) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(link),
        Ok(_) => fs::remove_file(link),
        Err(_) => Ok(()),
    }
    .with_context(|| format!("cannot replace {}", link.display()))?;
    std::os::unix::fs::symlink(target, link)
        .with_context(|| format!("cannot link {} to {}", link.display(), target.display()))
}

/// Returns the steps that install contracts/package-lock.json and editors/vscode/package-lock.json
/// into the cache, by the digest of the lock, unless they are there; `node_modules` links to it.
///
/// Not `npm ci`: it rejects a lock without the binaries of every platform, and registries do not
/// have all of them. npm installs exactly what the lock names, and `--no-save` leaves the lock
/// unchanged.
pub(crate) fn packages(root: &Path) -> Result<Vec<TaskStep>> {
    let mut steps = Vec::new();
    for (folder, name) in
        [("contracts", "npm packages"), ("editors/vscode", "npm packages of the extension")]
    {
        let home = package_home(root, folder)?;
        link(&root.join(&home).join("node_modules"), &root.join(folder).join("node_modules"))?;
        if is_installed(&root.join(&home)) {
            continue;
        }
        for file in ["package.json", "package-lock.json"] {
            let to = root.join(&home).join(file);
            fs::create_dir_all(root.join(&home))
                .and_then(|()| fs::copy(root.join(folder).join(file), &to))
                .with_context(|| format!("cannot write {}", to.display()))?;
        }
        steps.push(TaskStep {
            name,
            command: format!(
                "npm install --prefix {home} --no-save --ignore-scripts --no-audit --no-fund"
            )
            .into(),
            directory: ".",
            next: "check that the npm registry can be reached",
        });
    }
    Ok(steps)
}

/// Returns where in the cache the packages of a folder's lock are: another lock has another place.
fn package_home(root: &Path, folder: &str) -> Result<String> {
    let lock = root.join(folder).join("package-lock.json");
    let text = fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    // Stable for one version of Rust, which is enough: a new one installs again.
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let name = folder.replace('/', "-");
    Ok(format!(".tools/npm/{name}-{:016x}", hasher.finish()))
}

/// npm writes its hidden lock last: where it is, the installation is complete.
fn is_installed(home: &Path) -> bool {
    home.join("node_modules/.package-lock.json").exists()
}

/// Returns the step that installs a pinned tool of crates.io into the cache, unless it is there.
pub(crate) fn cargo_tool(root: &Path, tool: &CargoTool) -> Option<TaskStep> {
    let CargoTool { name, version, .. } = tool;
    let step = TaskStep {
        name,
        command: format!(
            "cargo install {name} --version {version} --locked --debug --root .tools/{name}/{version}"
        )
        .into(),
        directory: ".",
        next: "check that crates.io can be reached",
    };
    (!answers(&root.join(tool.program), tool.subcommand)).then_some(step)
}

/// Returns the C compiler. CC may hold flags too, and a launcher in front.
fn c_compiler() -> PathBuf {
    let named = std::env::var("CC").unwrap_or_default();
    named.split_whitespace().next().unwrap_or("cc").into()
}

fn answers(program: &Path, subcommand: &str) -> bool {
    version(program, subcommand).is_some()
}

/// Returns whether the program's major version is at least `least`, and the version it prints.
fn is_recent(program: &str, least: u32) -> (bool, String) {
    let said = version(Path::new(program), "").unwrap_or_else(|| "none".to_owned());
    (major(&said).is_some_and(|major| major >= least), said)
}

/// Returns the version a program prints; `None` if it cannot be started or fails.
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
    fn a_link_replaces_what_stands_in_its_place() {
        let folder = std::env::temp_dir().join(format!("koinon-xtask-{}", std::process::id()));
        let (cache, tools) = (folder.join("cache"), folder.join("clone/.tools"));
        fs::create_dir_all(tools.join("bin")).unwrap();
        fs::create_dir_all(&cache).unwrap();
        let mut found = Vec::new();
        for target in [&cache, &cache, &folder] {
            link(target, &tools).unwrap();
            found.push(fs::read_link(&tools).unwrap());
        }
        assert_eq!(found, [cache.clone(), cache, folder.clone()]);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn packages_of_another_lock_have_another_place() {
        let folder = std::env::temp_dir().join(format!("koinon-locks-{}", std::process::id()));
        let lock = folder.join("editors/vscode/package-lock.json");
        fs::create_dir_all(lock.parent().unwrap()).unwrap();
        let mut homes = Vec::new();
        for text in ["{}", "{} ", "{}"] {
            fs::write(&lock, text).unwrap();
            homes.push(package_home(&folder, "editors/vscode").unwrap());
        }
        assert!(homes[0].starts_with(".tools/npm/editors-vscode-"), "{}", homes[0]);
        assert_eq!(homes[0], homes[2]);
        assert_ne!(homes[0], homes[1]);

        let home = folder.join(&homes[0]);
        assert!(!is_installed(&home), "nothing is installed");
        fs::create_dir_all(home.join("node_modules")).unwrap();
        assert!(!is_installed(&home), "npm was interrupted");
        fs::write(home.join("node_modules/.package-lock.json"), "{}").unwrap();
        assert!(is_installed(&home));
        fs::remove_dir_all(&folder).unwrap();
    }
}

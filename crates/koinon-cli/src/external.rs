//! External commands: `koinon NAME …` runs the program `koinon-NAME`, as cargo and git do.
//!
//! The program is searched beside this one, then in the absolute directories of `PATH`. It takes
//! over this process: arguments, environment, standard streams, signals and exit code are its own.

use std::env;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use koinon_command::CommandError;

/// An external command that Koinon ships.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShippedCommand {
    pub(crate) name: &'static str,
    /// The line of the help.
    pub(crate) about: &'static str,
    /// The crate that has the program `koinon-NAME`.
    pub(crate) package: &'static str,
}

/// The external commands that Koinon ships.
pub(crate) const SHIPPED: [ShippedCommand; 2] = [
    ShippedCommand {
        name: "bench",
        about: "Measure imports, exports, creates, reads and deals, or the compiler",
        package: "koinon-bench",
    },
    ShippedCommand {
        name: "lsp",
        about: "Serve editors: the language server, on stdin and stdout",
        package: "koinon-lsp",
    },
];

/// Returns the part of the help that lists the shipped external commands.
pub(crate) fn help() -> String {
    let mut help = "External commands, each a program beside this one or on PATH:\n".to_owned();
    for ShippedCommand { name, about, package } in SHIPPED {
        let build = build_command(package);
        help.push_str(&format!("  {name:<11}  {about}\n{:15}built by `{build}`\n", ""));
    }
    help
}

/// Replaces this process by the external command `name`. Returns only if that fails; `None` if
/// there is no such program and Koinon ships none.
pub(crate) fn run(name: &OsStr, arguments: &[OsString]) -> Option<CommandError> {
    let name = name.to_str().filter(|name| is_command_name(name))?;
    let Some(program) = find_program(name) else {
        let shipped = SHIPPED.iter().find(|shipped| shipped.name == name)?;
        return Some(not_built(shipped));
    };
    let error = Command::new(&program).args(arguments).exec();
    let message = format!("cannot run {}", program.display());
    Some(CommandError::failed(message).because(error))
}

fn not_built(shipped: &ShippedCommand) -> CommandError {
    let ShippedCommand { name, package, .. } = shipped;
    let message =
        format!("`koinon {name}` needs the program koinon-{name} beside this one or on PATH");
    CommandError::usage(message).hint(format!("build it with `{}`", build_command(package)))
}

fn build_command(package: &str) -> String {
    format!("cargo build --release -p {package}")
}

/// Returns whether a name can be a command: never a path, never hidden, never an option.
fn is_command_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.bytes().all(|byte| is_letter(byte) || matches!(byte, b'-' | b'_'))
        && name.bytes().next().is_some_and(is_letter)
}

fn find_program(name: &str) -> Option<PathBuf> {
    let file = format!("koinon-{name}");
    // A program that cannot find itself still finds others on PATH.
    let beside = env::current_exe().ok().and_then(|path| Some(path.parent()?.to_owned()));
    let path = env::var_os("PATH").unwrap_or_default();
    // A relative directory of PATH would run programs of the working directory.
    let on_path = env::split_paths(&path).filter(|directory| directory.is_absolute());
    let mut candidates = beside.into_iter().chain(on_path).map(|directory| directory.join(&file));
    candidates.find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_commands_are_never_paths_or_options() {
        for name in ["bench", "lsp", "my-tool", "x2", "a_b"] {
            assert!(is_command_name(name), "{name}");
        }
        for name in
            ["", ".", "..", "../sh", "a/b", "-x", "_x", "/bin/sh", "a b", "a\\b", "ä", "A", "x\n"]
        {
            assert!(!is_command_name(name), "{name}");
        }
    }
}

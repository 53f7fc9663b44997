//! The help of every command in one snapshot, so that names, flags and sentences are reviewed.
//!
//! `INSTA_UPDATE=always cargo test -p koinon-cli --test help` writes it anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

fn help(command: &[&str]) -> String {
    let mut process = Command::new(env!("CARGO_BIN_EXE_koinon"));
    // The values of such variables would be part of the help.
    for variable in ["RPC_URL", "SERVICE", "KEYSTORE", "PASSWORD_FILE", "KEYS"] {
        process.env_remove(format!("KOINON_{variable}"));
    }
    for variable in ["HOST", "PORT", "SHARD", "WORKER", "COLUMNS"] {
        process.env_remove(variable);
    }
    let done = process.args(command).arg("--help").output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Returns the names under `Commands:` in a help, without `help` itself.
fn subcommands(help: &str) -> Vec<String> {
    let after = help.split("Commands:\n").nth(1).unwrap_or_default();
    let lines = after.lines().take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(ToOwned::to_owned).collect()
}

fn collect(command: &[&str], all: &mut String) {
    let help = help(command);
    let heading = ["koinon"].iter().chain(command).copied().collect::<Vec<_>>().join(" ");
    all.push_str(&format!("# {heading}\n\n{}\n\n", help.trim_end()));
    for name in subcommands(&help) {
        let inner = [command, &[name.as_str()]].concat();
        collect(&inner, all);
    }
}

#[test]
fn the_help_of_every_command_is_as_reviewed() {
    let mut all = String::new();
    collect(&[], &mut all);
    for expected in ["# koinon up\n", "# koinon proposal show\n", "# koinon worker\n"] {
        assert!(all.contains(expected), "{expected} is missing");
    }
    insta::assert_snapshot!("help", all);
}

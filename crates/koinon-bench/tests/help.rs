//! The help in one snapshot, so that names, flags and sentences are reviewed.
//!
//! `INSTA_UPDATE=always cargo test -p koinon-bench --test help` writes it anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

fn help(command: &[&str]) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_koinon-bench"))
        .args(command)
        .arg("--help")
        // The values of such variables would be part of the help.
        .env_remove("KOINON_KEYSTORE")
        .env_remove("KOINON_PASSWORD_FILE")
        .env_remove("COLUMNS")
        .output()
        .unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn the_help_of_every_command_is_as_reviewed() {
    let all = [help(&[]), help(&["compile"])].map(|help| help.trim_end().to_owned());
    insta::assert_snapshot!("help", all.join("\n\n# koinon bench compile\n\n"));
}

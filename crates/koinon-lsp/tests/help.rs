//! The help in a snapshot, so that flags and sentences are reviewed.
//!
//! `INSTA_UPDATE=always cargo test -p koinon-lsp --test help` writes it anew.

use std::process::Command;

#[test]
fn the_help_is_as_reviewed() {
    let done = Command::new(env!("CARGO_BIN_EXE_koinon-lsp"))
        .arg("--help")
        .env_remove("COLUMNS")
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    insta::assert_snapshot!("help", String::from_utf8(done.stdout).unwrap());
}

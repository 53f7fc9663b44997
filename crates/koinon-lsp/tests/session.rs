//! The language server, through the client library of VS Code.

use std::path::Path;
use std::process::Command;

#[test]
fn a_session_of_vs_code_gets_its_answers() {
    let extension = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../editors/vscode");
    assert!(
        extension.join("node_modules").exists(),
        "run `npm install --prefix editors/vscode --no-save --ignore-scripts`, as `cargo xtask test` does"
    );
    let mut command = Command::new("node");
    command.arg(extension.join("test/session.mjs")).arg(env!("CARGO_BIN_EXE_koinon-lsp"));
    let session = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&session.stderr);
    assert!(session.status.success(), "{stderr}");
}

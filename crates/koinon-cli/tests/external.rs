//! External commands: `koinon NAME` runs `koinon-NAME` from PATH, and says how to get a shipped
//! one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::MutexGuard;

use tempfile::TempDir;

const SCRIPT: &str = r#"#!/bin/sh
for argument in "$@"; do printf '[%s]' "$argument"; done
printf '\n'
cat
echo "to stderr" >&2
echo "$KOINON_TEST" >&2
exit 42
"#;

/// Tests run one after the other: a process that another test starts while a program is written
/// holds that file open for writing, so it cannot be run (ETXTBSY).
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Makes a folder with a script `koinon-echo`, and other files of that kind that cannot run.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, mode| {
        let path = folder.path().join(name);
        fs::write(&path, SCRIPT).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    write("koinon-echo", 0o755);
    write("koinon-plain", 0o644);
    fs::create_dir(folder.path().join("koinon-folder")).unwrap();
    folder
}

/// Returns a copy of the binary with nothing beside it, so that only PATH counts.
fn koinon(alone: &Path, path: &Path) -> Command {
    let binary = alone.join("koinon");
    if !binary.exists() {
        fs::copy(env!("CARGO_BIN_EXE_koinon"), &binary).unwrap();
    }
    let mut command = Command::new(binary);
    let system = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{system}", path.display())).current_dir(alone);
    command
}

#[test]
fn a_program_on_path_takes_over_arguments_streams_and_exit_code() {
    let _turn = one_at_a_time();
    let (alone, folder) = (tempfile::tempdir().unwrap(), folder());
    let mut child = koinon(alone.path(), folder.path())
        .args(["echo", "--json", "a b", "--", "-x"])
        .env("KOINON_TEST", "passed on")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"from stdin\n").unwrap();
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(42));
    assert_eq!(String::from_utf8(done.stdout).unwrap(), "[--json][a b][--][-x]\nfrom stdin\n");
    assert_eq!(String::from_utf8(done.stderr).unwrap(), "to stderr\npassed on\n");
}

#[test]
fn json_before_the_name_and_help_are_passed_on() {
    let _turn = one_at_a_time();
    let (alone, folder) = (tempfile::tempdir().unwrap(), folder());
    let printed = |arguments: &[&str]| {
        let mut command = koinon(alone.path(), folder.path());
        let done = command.args(arguments).stdin(Stdio::null()).output().unwrap();
        assert_eq!(done.status.code(), Some(42), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    assert_eq!(printed(&["--json", "echo", "x"]), "[x][--json]\n");
    assert_eq!(printed(&["--json", "echo", "x", "--", "y"]), "[x][--json][--][y]\n");
    assert_eq!(printed(&["help", "echo"]), "[--help]\n");
    assert_eq!(printed(&["help", "echo", "inner"]), "[inner][--help]\n");
    assert_eq!(printed(&["--json", "help", "echo"]), "[--help]\n");
    assert_eq!(printed(&["echo", "--help"]), "[--help]\n");
}

#[test]
fn a_program_beside_the_binary_comes_before_path() {
    let _turn = one_at_a_time();
    let (alone, folder) = (tempfile::tempdir().unwrap(), folder());
    let beside = alone.path().join("koinon-echo");
    fs::write(&beside, "#!/bin/sh\necho beside\n").unwrap();
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o755)).unwrap();
    let done = koinon(alone.path(), folder.path()).arg("echo").output().unwrap();
    assert_eq!(String::from_utf8(done.stdout).unwrap(), "beside\n");
}

#[test]
fn a_signal_reaches_the_program() {
    let _turn = one_at_a_time();
    let (alone, folder) = (tempfile::tempdir().unwrap(), folder());
    let script =
        "#!/bin/sh\ntrap 'echo stopped; exit 7' TERM\necho ready\nwhile :; do sleep 0.05; done\n";
    let path = folder.path().join("koinon-wait");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = koinon(alone.path(), folder.path());
    let mut child = command.arg("wait").stdout(Stdio::piped()).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut ready = [0; 6];
    std::io::Read::read_exact(&mut output, &mut ready).unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(std::io::read_to_string(output).unwrap(), "stopped\n");
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

#[test]
fn names_without_a_program_fail_with_the_next_step() {
    let _turn = one_at_a_time();
    let (alone, folder) = (tempfile::tempdir().unwrap(), folder());
    let failure = |arguments: &[&str]| {
        let done = koinon(alone.path(), folder.path()).args(arguments).output().unwrap();
        assert!(done.stdout.is_empty() || arguments.contains(&"--json"), "data of a failure");
        let stderr = String::from_utf8(done.stderr).unwrap();
        format!("{}\n{}", done.status.code().unwrap(), stderr.trim_end())
    };
    insta::assert_snapshot!(failure(&["bench", "compile"]), @r"
    2
    error: `koinon bench` needs the program koinon-bench beside this one or on PATH
      hint: build it with `cargo build --release -p koinon-bench`
    ");
    insta::assert_snapshot!(failure(&["help", "lsp"]), @r"
    2
    error: `koinon lsp` needs the program koinon-lsp beside this one or on PATH
      hint: build it with `cargo build --release -p koinon-lsp`
    ");
    assert_eq!(failure(&["--json", "bench"]), failure(&["bench"]));
    let mistyped = failure(&["stauts"]);
    assert!(mistyped.contains("unrecognized subcommand 'stauts'"), "{mistyped}");
    assert!(mistyped.contains("'status'"), "{mistyped}");
    for hostile in ["../koinon-echo", "/bin/sh", "plain", "folder", "./echo", "", "ec/ho", "."] {
        let failed = failure(&[hostile]);
        assert!(failed.starts_with("2\nerror: unrecognized subcommand"), "{hostile}: {failed}");
    }
}

//! `koinon csar`, and archives where a template is asked for: the real binary, on a directory of
//! its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Output;

use serde_json::Value;
use serde_json::json;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/sharding-network");

fn run(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koinon"));
    command.args(arguments).current_dir(directory).env_clear().output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs a command that succeeds; returns its data.
fn done(directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Runs a command that fails; returns its exit code and what it said.
fn failed(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = run(directory, arguments);
    assert_eq!(text(&output.stdout), "", "data of a failure");
    (output.status.code(), text(&output.stderr))
}

#[test]
fn the_example_compiles_from_an_archive_as_from_its_directory() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let inputs = format!("{EXAMPLE}/paper.yaml");
    let preview = ["--json", "--inputs", &inputs];
    for (name, format) in [("a.csar", &[0x50, 0x4b][..]), ("a.tar.gz", &[0x1f, 0x8b])] {
        done(home, &["csar", "pack", EXAMPLE, "-o", name]);
        let bytes = fs::read(home.join(name)).unwrap();
        assert!(bytes.starts_with(format), "{name}");
        done(home, &["csar", "pack", EXAMPLE, "-o", name]);
        assert_eq!(fs::read(home.join(name)).unwrap(), bytes, "packed twice");
        let valid: Value =
            serde_json::from_str(&done(home, &[&["validate", name][..], &preview].concat()))
                .unwrap();
        assert_eq!(valid, json!({ "valid": true, "diagnostics": [] }));
        let shown: Value =
            serde_json::from_str(&done(home, &["csar", "show", name, "--json"])).unwrap();
        assert_eq!([&shown["version"], &shown["entry"]], ["2.0", "template.yaml"]);
        let paths: Vec<&str> = shown["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| file["path"].as_str().unwrap())
            .collect();
        assert!(paths.contains(&"TOSCA.meta") && paths.contains(&"paper.yaml"), "{paths:?}");
    }
}

#[test]
fn a_file_is_packed_with_its_imports() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let template = fs::read_to_string(format!("{EXAMPLE}/template.yaml")).unwrap();
    let importing = template.replace("\nimports:\n", "\nimports:\n- types/a.yaml\n");
    assert_ne!(importing, template);
    fs::create_dir(home.join("types")).unwrap();
    fs::write(home.join("main.yaml"), importing).unwrap();
    fs::write(
        home.join("types/a.yaml"),
        "tosca_definitions_version: tosca_2_0\nnode_types: { A: {} }\n",
    )
    .unwrap();
    fs::write(home.join("types/b.yaml"), "no: use\n").unwrap();
    done(home, &["csar", "pack", "main.yaml", "-o", "a.zip", "--created-by", "Koinon"]);
    let shown = done(home, &["csar", "show", "a.zip"]);
    let words: Vec<&str> = shown.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
    let expected = ["2.0", "Koinon", "main.yaml", "TOSCA.meta", "main.yaml", "types/a.yaml"];
    assert_eq!(words, expected);
}

#[test]
fn invalid_archives_and_directories_are_rejected() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    fs::write(home.join("a.yaml"), "a: b\n").unwrap();
    fs::write(home.join("b.yaml"), "a: b\n").unwrap();
    fs::write(home.join("broken.csar"), b"PK\x03\x04").unwrap();
    assert_eq!(
        failed(home, &["csar", "show", "a.yaml"]),
        (Some(2), "error: a.yaml is not an archive\n  hint: give a zip, tar or tar.gz file; `koinon csar pack` makes one\n".to_owned())
    );
    assert_eq!(
        failed(home, &["validate", "broken.csar"]),
        (
            Some(3),
            "error: broken.csar: expected the end of the directory at byte 4, found the end\n"
                .to_owned()
        )
    );
    assert_eq!(
        failed(home, &["csar", "pack", ".", "-o", "x.zip"]),
        (Some(2), "error: no template.yaml to start with, and not one YAML file at the root\n  hint: say where to start with --entry PATH\n".to_owned())
    );
    assert_eq!(
        failed(home, &["csar", "pack", ".", "-o", "x.zip", "--entry", "a.yaml"]),
        (Some(1), "error: cannot pack\n  because: expected a tosca_definitions_version in `a.yaml`, found none\n".to_owned())
    );
    std::os::unix::fs::symlink("a.yaml", home.join("link")).unwrap();
    let (code, said) = failed(home, &["csar", "pack", ".", "-o", "x.zip"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("expected a file or a directory, found neither at ./link"), "{said}");
    assert!(!home.join("x.zip").exists());
}

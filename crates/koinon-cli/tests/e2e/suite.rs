//! `koinon validate` over some files of the OASIS suite: the exit code is the verdict.
//!
//! All files run in `crates/koinon-tosca/tests/tosca/oasis.rs`; here are a few of each kind, to see
//! that the program agrees with the compiler. Verdicts that differ from the suite's are in
//! `misses.csv` for both.

use std::fs;

use crate::network::Network;

const SUITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../suite/oasis-tosca-2.0");

/// Files with types, templates, functions, scalars, imports, substitution, groups and workflows,
/// and files that are not TOSCA.
const FILES: [&str; 14] = [
    "boolean/boolean-0-inv.yaml",
    "boolean/boolean.yaml",
    "capability-types/capability_types-unknown-parent-type-inv.yaml",
    "function-definitions/s108.yaml",
    "group-definition/s152.yaml",
    "import-definitions/imports-invalid-missing-relative-file.yaml",
    "import-definitions/imports-relative.yaml",
    "interface-types/interface-types-invalid-empty.yaml",
    "matched-pairs/s129a.yaml",
    "node-type/requirements_as_map-inv.yaml",
    "scalar/s69.yaml",
    "scalar/scalar-invalid-units-missing.yaml",
    "substitution-mappings/s46.yaml",
    "workflow-definitions/s43.yaml",
];

/// The exit codes of `koinon validate`.
const ACCEPTED: i32 = 0;
const REJECTED: i32 = 3;

/// Returns the expected exit code of a file: by misses.csv, or else by the suite.
fn expected_code(file: &str) -> i32 {
    let column = |table: &str, column: usize| {
        let text = fs::read_to_string(format!("{SUITE}/{table}")).unwrap();
        let row = text.lines().find(|row| row.starts_with(&format!("{file},")))?.to_owned();
        row.split(',').nth(column).map(str::to_owned)
    };
    let verdict = column("misses.csv", 2).or_else(|| column("expectations.csv", 1)).unwrap();
    if verdict == "valid" { ACCEPTED } else { REJECTED }
}

#[test]
fn the_exit_code_of_validate_is_the_verdict() {
    let network = Network::new();
    for file in FILES {
        let ran = network.run(["validate", &format!("{SUITE}/{file}")]);
        assert_eq!(ran.code(), expected_code(file), "{file}\n{}", ran.stderr);
    }
}

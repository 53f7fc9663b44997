//! The tables of `docs/tosca-conformance.md` agree with `misses.csv` and with the cases of
//! `tests/suite`.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the rows of the table under a heading, without the table's head.
fn rows(heading: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/tosca-conformance.md")).unwrap();
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let table = section.lines().filter(|line| line.starts_with('|')).skip(2);
    table.map(str::to_owned).collect()
}

/// Returns the fields of a line of CSV. A field in quotes may contain commas.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for one in line.chars() {
        match one {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            one => fields.last_mut().unwrap().push(one),
        }
    }
    fields
}

#[test]
fn the_table_of_misses_agrees_with_misses_csv() {
    let text = fs::read_to_string(root().join("suite/oasis-tosca-2.0/misses.csv")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    let expected: Vec<String> = lines
        .map(|line| {
            let fields = fields(line);
            format!("| {} |", fields.join(" | "))
        })
        .collect();
    assert_eq!(rows("Misses of the OASIS suite"), expected);
}

#[test]
fn the_table_of_faults_agrees_with_the_cases() {
    let mut expected = Vec::new();
    for part in ["types", "values", "templates", "old"] {
        let path = root().join(format!("crates/koinon-tosca/tests/suite/faults-{part}.yaml"));
        let text = fs::read_to_string(path).unwrap();
        let mut name = "";
        for line in text.lines() {
            if let Some(header) = line.strip_prefix("### ").filter(|one| !one.starts_with("file "))
            {
                let flags = [" (graph)", " (partial)"];
                let end = flags.iter().find_map(|flag| header.strip_suffix(flag));
                name = end.unwrap_or(header);
            }
            if let Some(error) = line.trim_start().strip_prefix("# error: ") {
                let code = error.split(' ').next().unwrap();
                expected.push(format!("| {name} | {code} |"));
            }
        }
    }
    let fixed = expected.iter().filter(|row| row.contains(", fixed |")).count();
    assert_eq!(fixed, 0, "a fixed case has a fault");
    assert_eq!(rows("Faults that are found"), expected);
}

//! Annotated cases: `tests/suite/*.yaml`.
//!
//! `### NAME` starts a case; flags may follow in parentheses: `partial` lets inputs lack values, `graph` makes the
//! representation of a service that no contract needs to know, `strict` keeps what is said of a service without name or
//! governance, which other cases have no room for. `### file PATH` starts a further
//! file of the case, `### inputs` its inputs. The line `# error: CODE COLUMN MESSAGE` says that the next line that is no
//! annotation has this error; there are no others.
//!
//! With KOINON_UPDATE=1 the annotations are rewritten: read what changed.

#![allow(clippy::unwrap_used, reason = "a test that unwraps nothing tests nothing")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use koinon_model::Value;
use koinon_tosca::Code;
use koinon_tosca::Diagnostics;
use koinon_tosca::Options;
use koinon_tosca::Severity;
use koinon_tosca::compile;
use koinon_tosca::read_inputs;
use koinon_tosca::represent;
use koinon_tosca::validate;

/// Codes that need more than a file to be reached; `limits.rs`, `represent.rs` and `example.rs` reach them.
const ELSEWHERE: [Code; 10] = [
    Code::Encoding,
    Code::TooManyBytes,
    Code::TooDeep,
    Code::TooManyNodes,
    Code::TooManyAliases,
    Code::TooManyFiles,
    Code::TooManySteps,
    Code::Deal,
    Code::ValueCycle,
    Code::Nesting,
];

#[derive(Debug, Default)]
struct Case {
    name: String,
    flags: String,
    /// Lines by file; annotations are among them.
    files: BTreeMap<String, Vec<String>>,
    /// Headers and files in their order, to write the case again.
    order: Vec<String>,
}

/// What is wrong: file, line, column, code, message.
type Found = BTreeSet<(String, u32, u32, String, String)>;

const ROOT: &str = "service.yaml";
const INPUTS: &str = "### inputs";

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("### file ") {
            cases.last_mut().unwrap().order.push(path.to_owned());
        } else if line == INPUTS {
            cases.last_mut().unwrap().order.push(INPUTS.to_owned());
        } else if let Some(header) = line.strip_prefix("### ") {
            let (name, flags) = header.split_once(" (").unwrap_or((header, ""));
            let (name, flags) = (name.to_owned(), flags.trim_end_matches(')').to_owned());
            cases.push(Case { name, flags, order: vec![ROOT.to_owned()], ..Case::default() });
        } else if let Some(case) = cases.last_mut() {
            let file = case.order.last().unwrap().clone();
            case.files.entry(file).or_default().push(line.to_owned());
        }
    }
    cases
}

fn expected(case: &Case) -> Found {
    let mut found = Found::new();
    for (file, lines) in &case.files {
        for (index, line) in lines.iter().enumerate() {
            let Some(annotation) = line.trim_start().strip_prefix("# error: ") else { continue };
            let mut parts = annotation.splitn(3, ' ');
            let (code, column, message) =
                (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            let after =
                lines[index..].iter().position(|line| !line.trim_start().starts_with("# error: "));
            let line = u32::try_from(index + after.unwrap() + 1).unwrap();
            let (code, message) = (code.to_owned(), message.to_owned());
            found.insert((file.clone(), line, column.parse().unwrap(), code, message));
        }
    }
    found
}

fn actual(case: &Case) -> Found {
    let text =
        |lines: &Vec<String>| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let files: BTreeMap<String, String> =
        case.files.iter().map(|(path, lines)| (path.clone(), text(lines))).collect();
    let inputs: Result<BTreeMap<String, Value>, Diagnostics> = match files.get(INPUTS) {
        Some(text) => read_inputs(INPUTS, text.as_bytes()),
        None => Ok(BTreeMap::new()),
    };
    let result = inputs.and_then(|inputs| {
        if case.flags.contains("partial") {
            validate(&files, ROOT, &inputs).map(|_| ())
        } else if case.flags.contains("graph") {
            let options = Options { inputs, ..Options::default() };
            represent(&files, ROOT, &options).map(|_| ())
        } else {
            compile(&files, ROOT, &inputs).map(|_| ())
        }
    });
    let diagnostics = result.err();
    let diagnostics = diagnostics.iter().flatten();
    let noise = [Code::ServiceName, Code::Governance];
    diagnostics
        .filter(|one| one.severity == Severity::Error)
        .filter(|one| case.flags.contains("strict") || !noise.contains(&one.code))
        .map(|one| {
            let (file, code) = (one.place.file.clone(), one.code.as_str().to_owned());
            (file, one.place.line, one.place.column, code, one.message.clone())
        })
        .collect()
}

/// Writes the case with the annotations it should have.
fn updated(mut case: Case) -> String {
    for lines in case.files.values_mut() {
        lines.retain(|line| !line.trim_start().starts_with("# error: "));
    }
    let found = actual(&case);
    let flags = if case.flags.is_empty() { String::new() } else { format!(" ({})", case.flags) };
    let mut out = format!("### {}{flags}\n", case.name);
    for file in &case.order {
        match file.as_str() {
            ROOT => {}
            INPUTS => out += "### inputs\n",
            path => out += &format!("### file {path}\n"),
        }
        for (index, line) in case.files.get(file).into_iter().flatten().enumerate() {
            let here = u32::try_from(index + 1).unwrap();
            let indent = &line[..line.len() - line.trim_start().len()];
            for (_, _, column, code, message) in
                found.iter().filter(|one| one.0 == *file && one.1 == here)
            {
                out += &format!("{indent}# error: {code} {column} {message}\n");
            }
            out += &format!("{line}\n");
        }
    }
    out
}

#[test]
fn suite() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite");
    let mut paths: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let update = std::env::var_os("KOINON_UPDATE").is_some();
    let mut failed = String::new();
    let mut reached: BTreeSet<String> =
        ELSEWHERE.iter().map(|code| code.as_str().to_owned()).collect();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        if update {
            let text: String = cases(&text).into_iter().map(updated).collect();
            std::fs::write(&path, text).unwrap();
            continue;
        }
        for case in cases(&text) {
            let (expected, actual) = (expected(&case), actual(&case));
            reached.extend(expected.iter().map(|one| one.3.clone()));
            for (which, one) in expected
                .difference(&actual)
                .map(|one| ("missing", one))
                .chain(actual.difference(&expected).map(|one| ("unexpected", one)))
            {
                let (file, line, column, code, message) = one;
                let name = path.file_name().unwrap().display();
                failed += &format!(
                    "{name}, {}: {which} {file}:{line}:{column} {code} {message}\n",
                    case.name
                );
            }
        }
    }
    assert!(failed.is_empty(), "{failed}");
    let all: BTreeSet<String> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    let missed: Vec<&String> = all.difference(&reached).filter(|_| !update).collect();
    assert!(missed.is_empty(), "no case for {missed:?}");
}

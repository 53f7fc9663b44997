//! Annotated cases: `tests/suite/*.yaml`.
//!
//! `### NAME` starts a case. `### file PATH` starts a further file of the case, `### inputs` its
//! inputs. Flags may follow the name in parentheses:
//!
//! - `partial`: inputs may lack values;
//! - `graph`: the service is not for contracts, so only its representation is made;
//! - `strict`: errors about the service's name and governance count, which other cases omit.
//!
//! The line `# error: CODE COLUMN MESSAGE` states an error of the next line that is not an
//! annotation. A case has no other errors.
//!
//! KOINON_CASE=TEXT runs only the cases whose name contains TEXT. KOINON_UPDATE=1 rewrites the
//! annotations: read what changed.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
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

/// Codes that no case can reach; `limits.rs`, `represent.rs` and `example.rs` reach them.
const TESTED_ELSEWHERE: [Code; 10] = [
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
    /// Lines by file, with annotations.
    files: BTreeMap<String, Vec<String>>,
    /// The files in their order, to write the case again.
    order: Vec<String>,
}

/// An error, in the order of files and lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct CaseError {
    file: String,
    line: u32,
    column: u32,
    code: String,
    message: String,
}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, code, message } = self;
        write!(f, "{file}:{line}:{column} {code} {message}")
    }
}

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

fn expected(case: &Case) -> BTreeSet<CaseError> {
    let mut errors = BTreeSet::new();
    for (file, lines) in &case.files {
        for (index, line) in lines.iter().enumerate() {
            let Some(annotation) = line.trim_start().strip_prefix("# error: ") else { continue };
            let mut parts = annotation.splitn(3, ' ');
            let (code, column, message) =
                (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            let after =
                lines[index..].iter().position(|line| !line.trim_start().starts_with("# error: "));
            let line = u32::try_from(index + after.unwrap() + 1).unwrap();
            let (file, column) = (file.clone(), column.parse().unwrap());
            let (code, message) = (code.to_owned(), message.to_owned());
            errors.insert(CaseError { file, line, column, code, message });
        }
    }
    errors
}

fn actual(case: &Case) -> BTreeSet<CaseError> {
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
    let strict_only = [Code::ServiceName, Code::Governance];
    diagnostics
        .filter(|one| one.severity == Severity::Error)
        .filter(|one| case.flags.contains("strict") || !strict_only.contains(&one.code))
        .map(|one| CaseError {
            file: one.place.file.clone(),
            line: one.place.line,
            column: one.place.column,
            code: one.code.as_str().to_owned(),
            message: one.message.clone(),
        })
        .collect()
}

/// Returns the text of the case with the annotations of its actual errors.
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
            for CaseError { column, code, message, .. } in
                found.iter().filter(|one| one.file == *file && one.line == here)
            {
                out += &format!("{indent}# error: {code} {column} {message}\n");
            }
            out += &format!("{line}\n");
        }
    }
    out
}

/// Returns the differences between a case's annotations and its errors, a line each.
fn differences(file: &str, case: &Case) -> String {
    let (expected, actual) = (expected(case), actual(case));
    let missing = expected.difference(&actual).map(|error| ("missing", error));
    let unexpected = actual.difference(&expected).map(|error| ("unexpected", error));
    let all = missing.chain(unexpected);
    all.map(|(kind, error)| format!("{file}, {}: {kind} {error}\n", case.name)).collect()
}

#[test]
fn every_case_has_the_annotated_errors_and_no_others() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite");
    let mut paths: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let update = std::env::var_os("KOINON_UPDATE").is_some();
    let only = std::env::var("KOINON_CASE").unwrap_or_default();
    let mut failed = String::new();
    let mut reached: BTreeSet<String> =
        TESTED_ELSEWHERE.iter().map(|code| code.as_str().to_owned()).collect();
    let mut count = 0;
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        if update {
            let text: String = cases(&text).into_iter().map(updated).collect();
            std::fs::write(&path, text).unwrap();
            continue;
        }
        let file = path.file_name().unwrap().display().to_string();
        for case in cases(&text).iter().filter(|case| case.name.contains(&only)) {
            count += 1;
            reached.extend(expected(case).into_iter().map(|error| error.code));
            failed += &differences(&file, case);
        }
    }
    assert!(failed.is_empty(), "{failed}");
    if update {
        return;
    }
    assert!(count > 0, "no case has a name with `{only}`");
    if !only.is_empty() {
        println!("{count} cases");
        return;
    }
    let all: BTreeSet<String> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    let missed: Vec<&String> = all.difference(&reached).collect();
    assert!(missed.is_empty(), "no case for {missed:?}");
}

//! Rules on documents.

use std::path::Path;

use crate::repository::Finding;
use crate::repository::Source;
use crate::repository::check;
use crate::repository::conclude;
use crate::repository::entries;
use crate::repository::files;
use crate::repository::root;
use crate::repository::source;
use crate::repository::try_rule;
use crate::text::words;

const DOCUMENTS: [&str; 3] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];

/// The one document that names things that are gone.
const RENAMES: &str = "docs/renames.md";

/// Returns the path in the repository that a piece of inline code names, if it looks like one: its
/// first part is an entry of the root, or it is the name of a source file. Of a pattern, the part
/// before the first `*`.
fn named_path<'a>(inline: &'a str, top: &[String]) -> Option<&'a str> {
    let path = inline.split([' ', ':', '#']).next()?.trim_start_matches("./");
    let head = path.split('/').next()?;
    let source = [".md", ".mjs", ".py", ".rs", ".sol"].iter().any(|end| path.ends_with(end));
    let named = top.iter().any(|entry| entry == head) && (path.contains('/') || path.contains('.'));
    let whole = path.split('*').next()?;
    let whole = if whole == path { path } else { &whole[..whole.rfind('/').unwrap_or(0)] };
    ((source || named) && !path.contains(['<', '{', '$'])).then(|| whole.trim_end_matches('/'))
}

/// Returns the pieces of inline code with their lines; fenced blocks are not inline.
fn inline_code(text: &str) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            found.extend(line.split('`').skip(1).step_by(2).map(|inline| (index + 1, inline)));
        }
    }
    found
}

fn paths_exist(document: &Source) -> Vec<Finding> {
    let top = entries(".");
    let ignored = source(".gitignore").text;
    let built = |path: &str| {
        let of = |entry: &str| {
            let entry = entry.trim_matches('/');
            path.split('/').any(|part| part == entry) || Path::new(path).starts_with(entry)
        };
        ignored.lines().any(of)
    };
    let mut found = Vec::new();
    for (line, inline) in inline_code(&document.text) {
        let path = named_path(inline, &top).filter(|path| !built(path));
        if let Some(path) = path.filter(|path| !root().join(path).exists()) {
            found.push((
                line,
                format!("there is no `{path}`: write the path from the root, or drop it"),
            ));
        }
    }
    found
}

#[test]
fn documents_name_what_exists() {
    let (there, missing): (Vec<&str>, Vec<&str>) =
        DOCUMENTS.into_iter().partition(|name| root().join(name).exists());
    conclude(
        missing.iter().map(|name| format!("{name}:1: the file is missing: write it")).collect(),
    );
    let mut documents: Vec<Source> = there.into_iter().map(source).collect();
    documents.extend(files("docs", ".md").into_iter().filter(|it| it.path != RENAMES));
    check(paths_exist, &documents);
}

/// Returns the cells of the rows of a document's tables, with their lines.
fn rows(document: &Source) -> Vec<(usize, Vec<&str>)> {
    let lines = document.text.lines().enumerate();
    let rows = lines.filter_map(|(index, line)| {
        let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
        Some((index + 1, inner.split('|').map(str::trim).collect()))
    });
    rows.collect()
}

/// Returns the pieces of inline code of a text.
fn code_of(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Returns the functions a piece of inline code names: `A::{b, c}` names b and c, `f` names f.
fn functions(inline: &str) -> Vec<&str> {
    let last = inline.rsplit("::").next().unwrap_or(inline);
    let (_, names) = inline.rsplit_once("::{").unwrap_or(("", last));
    names.trim_end_matches('}').split(',').map(|name| name.trim().trim_end_matches("()")).collect()
}

/// Whether a path of the repository, or a file below it, defines a function.
fn defines(path: &str, name: &str) -> bool {
    let end = if path.ends_with(".sol") { ".sol" } else { ".rs" };
    let sources = if path.ends_with(end) { vec![source(path)] } else { files(path, end) };
    let word = name.rsplit('.').next().unwrap_or(name);
    let start = if end == ".sol" { format!("function {word}") } else { format!("fn {word}") };
    sources.iter().any(|source| words(&source.text, &start).next().is_some())
}

/// In a table whose heading has a column `function` and a column `where`, each named function is
/// defined in a place its row names.
fn functions_are_where_they_should(document: &Source) -> Vec<Finding> {
    let mut columns = None;
    let mut before = 0;
    let mut found = Vec::new();
    for (line, cells) in rows(document) {
        if line != before + 1 {
            columns = None;
        }
        before = line;
        let column = |name: &str| cells.iter().position(|cell| *cell == name);
        if let (Some(function), Some(place)) = (column("function"), column("where")) {
            columns = Some((function, place, line));
        }
        let Some((function, place, heading)) = columns else { continue };
        if line == heading + 1 || line == heading || cells.len() <= function.max(place) {
            continue;
        }
        let places: Vec<&str> =
            code_of(cells[place]).into_iter().filter(|path| root().join(path).exists()).collect();
        let names = code_of(cells[function]).into_iter().flat_map(functions);
        let lost = names.filter(|name| !places.iter().any(|path| defines(path, name)));
        found.extend(lost.map(|name| (line, format!("`{name}` is not in {}", places.join(", ")))));
    }
    found
}

#[test]
fn functions_are_in_the_files_that_architecture_names() {
    check(functions_are_where_they_should, &[source("ARCHITECTURE.md")]);
}

/// Returns where a test that a promise names is missing: `PATH::NAME`, or a path alone.
fn missing_test(test: &str) -> Option<String> {
    let (path, name) =
        test.split_once("::").map_or((test, None), |(path, name)| (path, Some(name)));
    if !root().join(path).exists() {
        return Some(format!("there is no `{path}`"));
    }
    let name = name?.rsplit("::").next()?;
    (!defines(path, name)).then(|| format!("there is no test `{name}` in `{path}`"))
}

/// Returns what a command of a promise names that is not there: a package, a test binary, a path.
fn missing_in_command(command: &str) -> Option<String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let after =
        |flag: &str| words.iter().position(|word| *word == flag).and_then(|at| words.get(at + 1));
    let package = after("-p").filter(|name| !root().join("crates").join(name).exists());
    let program = words.iter().find(|word| {
        let script = [".py", ".mjs"].iter().any(|end| word.ends_with(end));
        script && !root().join(word).exists()
    });
    let test = after("--test").zip(after("-p")).filter(|(test, package)| {
        let folder = root().join("crates").join(package).join("tests").join(test);
        !folder.exists() && !folder.with_extension("rs").exists()
    });
    let lost = package.or(program).or(test.map(|(test, _)| test))?;
    Some(format!("`{command}`: there is no `{lost}`"))
}

/// Every row of the promises has a promise, a command, a test and the last figure, and what it
/// names exists.
fn promises_are_kept(document: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    for (line, cells) in rows(document) {
        let [promise, command, test, figure] = cells[..] else {
            found.push((
                line,
                "a row has four cells: promise, command, test, last figure".to_owned(),
            ));
            continue;
        };
        if promise == "promise" || promise.starts_with("---") {
            continue;
        }
        let (commands, tests) = (code_of(command), code_of(test));
        if commands.is_empty() || tests.is_empty() || figure.is_empty() {
            found.push((
                line,
                "name a command, a test and a figure (`-` if it has none)".to_owned(),
            ));
        }
        found.extend(commands.into_iter().filter_map(missing_in_command).map(|what| (line, what)));
        found.extend(tests.into_iter().filter_map(missing_test).map(|what| (line, what)));
    }
    found
}

#[test]
fn promises_name_what_exists() {
    let promises = source("docs/promises.md");
    assert!(rows(&promises).len() > 20, "the promises are not where this test looks for them");
    check(promises_are_kept, &[promises]);
}

#[test]
fn functions_are_where_they_should_looks_into_files() {
    let heading = "| arrow | function | where |\n|---|---|---|\n";
    let row = |function: &str, place: &str| format!("{heading}| a | {function} | {place} |");
    let here = "`crates/koinon-testkit/tests/tidy/documents.rs`";
    let cases = [
        (row("`koinon::defines`", here), &[][..]),
        (row("`X::{rows, code_of}`, `nowhere`", here), &[3]),
        (row("`Core.update`", "`contracts/src/Core.sol`"), &[]),
        (row("`Core.update`", here), &[3]),
        (row("`defines`", "`crates/koinon-testkit/tests`"), &[]),
        ("| name | where |\n|---|---|\n| `nowhere` | `xtask` |".to_owned(), &[]),
    ];
    for (text, lines) in &cases {
        try_rule(functions_are_where_they_should, &[("a.md", text, lines)]);
    }
}

#[test]
fn promises_are_kept_finds_what_is_missing() {
    let row = |command: &str, test: &str| format!("| it holds | {command} | {test} | 3 ms |");
    let here = "`crates/koinon-testkit/tests/tidy/documents.rs::promises_name_what_exists`";
    let cases = [
        (row("`cargo test -p koinon-testkit --test tidy`", here), &[][..]),
        (row("`cargo test -p koinon-none`", here), &[1]),
        (row("`cargo test -p koinon-testkit --test none`", here), &[1]),
        (row("`python3 suite/vectors/none.py`", here), &[1]),
        (row("`koinon up`", "`crates/koinon-testkit/tests/tidy/documents.rs::none`"), &[1]),
        (row("`koinon up`", "`crates/none/tests/x.rs::f`"), &[1]),
        (row("by hand", here), &[1]),
        ("| it holds | `koinon up` |".to_owned(), &[1]),
    ];
    for (text, lines) in &cases {
        try_rule(promises_are_kept, &[("a.md", text, lines)]);
    }
}

#[test]
fn paths_exist_looks_at_inline_code() {
    let cases = [
        (
            "a.md",
            "`crates/koinon-model/src`\n`crates/none/src` `crates/*/src`\n`xtask/x*`",
            &[2][..],
        ),
        ("a.md", "`none.rs`, `Cargo.toml`, `target/x`\n```\n`none.rs`\n```\n`x/y`", &[1]),
        ("a.md", "`contracts/none build` `<crate>/src/lib.rs` `./.ci/run:3`", &[1]),
    ];
    try_rule(paths_exist, &cases);
}

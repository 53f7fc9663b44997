//! Rules on how code is laid out: modules, imports, names of types, comments.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::repository::Finding;
use crate::repository::Source;
use crate::repository::check;
use crate::repository::conclude;
use crate::repository::rust;
use crate::repository::solidity;
use crate::repository::try_rule;
use crate::text::blank;
use crate::text::is_word;
use crate::text::line;
use crate::text::shipped;

/// The longest comment line, in characters; rustfmt holds code to the same.
const MAX_COLUMNS: usize = 100;

/// Returns the `use` statements at the start of a line, `pub use` aside, with where each begins.
fn imports(code: &str) -> Vec<(usize, &str)> {
    let starts = code.match_indices("use ").map(|(at, _)| at).filter(|at| {
        let start = code[..*at].rfind('\n').map_or(0, |end| end + 1);
        code[start..*at].trim().is_empty()
    });
    starts.map(|at| (at, &code[at..at + code[at..].find(';').unwrap_or(0)])).collect()
}

fn one_import_a_line(source: &Source) -> Vec<Finding> {
    let code = blank(&source.text, true);
    let what = "one import a line: `use a::B;`, and braces in `pub use` only";
    let braces = imports(&code).into_iter().filter(|(_, import)| import.contains('{'));
    braces.map(|(at, _)| (line(&code, at), what.to_owned())).collect()
}

#[test]
fn imports_stand_one_a_line() {
    check(one_import_a_line, &rust(&["src", "tests", "benches"]));
}

/// Returns whether an import is of the standard library (0), another crate (1) or this one (2).
fn group(import: &str) -> usize {
    let path = import.trim_start_matches("use ").trim_start_matches("::");
    let head = &path[..path.find(|letter| !is_word(letter)).unwrap_or(path.len())];
    match head {
        "alloc" | "core" | "std" => 0,
        "crate" | "self" | "super" => 2,
        _ => 1,
    }
}

/// Imports at the left margin, up to the first other item.
fn imports_in_order(source: &Source) -> Vec<Finding> {
    let code = blank(&source.text, true);
    let top = |at: &usize| *at == 0 || code[..*at].ends_with('\n');
    let all = imports(&code).into_iter().filter(|(at, _)| top(at)).collect::<Vec<_>>();
    let what = "imports in three groups: std, other crates, this crate";
    let apart = |pair: &[(usize, &str)]| {
        let [(first, import), (second, next)] = pair else { unreachable!("windows of two") };
        let between = &code[first + import.len() + 1..*second];
        (between.trim().is_empty() && group(import) > group(next)).then_some(*second)
    };
    all.windows(2).filter_map(apart).map(|at| (line(&code, at), what.to_owned())).collect()
}

#[test]
fn imports_are_in_groups() {
    check(imports_in_order, &rust(&["src", "tests", "benches"]));
}

/// Returns the files that stand beside a folder of their name.
fn beside_folders(paths: &[&str]) -> Vec<String> {
    let folders: BTreeSet<&str> =
        paths.iter().filter_map(|path| path.rsplit_once('/').map(|(folder, _)| folder)).collect();
    let twice = paths.iter().filter(|path| folders.contains(path.trim_end_matches(".rs")));
    twice
        .map(|path| format!("{path}:1: move it to {}/mod.rs", path.trim_end_matches(".rs")))
        .collect()
}

#[test]
fn modules_with_files_below_them_are_mod_rs() {
    let sources = rust(&["src", "tests", "benches"]);
    let paths: Vec<&str> = sources.iter().map(|source| source.path.as_str()).collect();
    // A test binary `x.rs` and a folder `x` of its data have nothing to do with each other.
    let modules: Vec<&str> = paths.into_iter().filter(|path| path.contains("/src/")).collect();
    conclude(beside_folders(&modules));
}

/// Tables and links cannot be broken.
fn narrow_comments(source: &Source) -> Vec<Finding> {
    let wide = source.text.lines().enumerate().filter(|(_, text)| {
        let text = text.trim_start();
        let bare = text.trim_start_matches(['/', '!', ' ']);
        text.starts_with("//") && !bare.starts_with('|') && !bare.contains("http")
    });
    let wide = wide.filter(|(_, text)| text.chars().count() > MAX_COLUMNS);
    let say = |(index, text): (usize, &str)| {
        let count = text.chars().count();
        (index + 1, format!("a comment of {count} columns, {MAX_COLUMNS} are allowed: break it"))
    };
    wide.map(say).collect()
}

#[test]
fn comments_are_narrow() {
    check(narrow_comments, &rust(&["src", "tests", "benches"]));
}

/// A sentence that begins with `What` or `Who` hides its subject in a clause. Questions are none.
fn comments_with_a_subject(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut before = "";
    for (index, text) in source.text.lines().enumerate() {
        let text = text.trim_start();
        let Some(said) = text.strip_prefix("//") else {
            before = "";
            continue;
        };
        let said = said.trim_start_matches(['/', '!']).trim_start();
        let first = before.is_empty() || before.ends_with(['.', ':', '?', '|']);
        let clause =
            ["What ", "Who ", "Whoever ", "Whatever "].iter().any(|word| said.starts_with(word));
        if first && clause && !said.contains('?') {
            let what = "begin the sentence with its subject, not with a clause of `What` or `Who`";
            found.push((index + 1, what.to_owned()));
        }
        before = said;
    }
    found
}

#[test]
fn comments_begin_with_their_subject() {
    check(comments_with_a_subject, &rust(&["src", "tests", "benches"]));
}

/// Returns the types of a source, but for associated ones, with the offset of each.
fn types(source: &Source) -> Vec<(String, usize)> {
    let code = shipped(source);
    let mut found = Vec::new();
    for kind in ["struct ", "enum ", "trait ", "type ", "union "] {
        for (at, _) in code.match_indices(kind) {
            let before = code[code[..at].rfind('\n').map_or(0, |end| end + 1)..at].trim_end();
            let is_item = before.is_empty() || before.starts_with("pub");
            let is_associated = kind == "type " && !code[..at].ends_with('\n') && before.is_empty();
            let name = &code[at + kind.len()..];
            let name = &name[..name.find(|letter| !is_word(letter)).unwrap_or(name.len())];
            if is_item && !is_associated && name.starts_with(char::is_uppercase) {
                found.push((name.to_owned(), at));
            }
        }
    }
    found
}

fn named_twice(sources: &[Source]) -> Vec<String> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources {
        for (name, at) in types(source) {
            let place = format!("{}:{}", source.path, line(&source.text, at));
            places.entry(name).or_default().push(place);
        }
    }
    let twice = places.into_iter().filter(|(_, places)| places.len() > 1);
    let say = |(name, places): (String, Vec<String>)| {
        let others = places[1..].join(", ");
        format!("{}: `{name}` is also in {others}: one word per idea, rename one", places[0])
    };
    twice.map(say).collect()
}

#[test]
fn types_have_names_of_their_own() {
    let sources = rust(&["src"]);
    assert!(sources.iter().map(types).map(|types| types.len()).sum::<usize>() > 500);
    conclude(named_twice(&sources));
}

/// Text of an `expect` says which rule of ours would be broken.
fn expects_name_a_bug(source: &Source) -> Vec<Finding> {
    let code = shipped(source);
    let calls = code.match_indices(".expect(").map(|(at, _)| at);
    let plain = calls.filter(|at| {
        let argument = source.text[at + ".expect(".len()..].trim_start();
        argument.starts_with('"') && !argument.starts_with("\"BUG: ")
    });
    let what = "write `expect(\"BUG: why it cannot fail\")`, or return an error";
    plain.map(|at| (line(&code, at), what.to_owned())).collect()
}

#[test]
fn expects_say_that_they_are_bugs() {
    let mut sources = rust(&["src"]);
    sources.retain(|source| !source.path.starts_with("crates/koinon-testkit/"));
    check(expects_name_a_bug, &sources);
}

/// The interfaces are what integrators read.
fn interfaces_are_documented(source: &Source) -> Vec<Finding> {
    let lines: Vec<&str> = source.text.lines().map(str::trim_start).collect();
    let bare = (1..lines.len()).filter(|index| {
        let item = ["event ", "error ", "function "].iter().any(|it| lines[*index].starts_with(it));
        item && !lines[index - 1].starts_with("///")
    });
    let what = "document it in NatSpec, in the line above";
    bare.map(|index| (index + 1, what.to_owned())).collect()
}

#[test]
fn events_errors_and_functions_of_interfaces_are_documented() {
    let mut sources = solidity();
    sources.retain(|source| source.path.starts_with("contracts/src/interfaces/"));
    check(interfaces_are_documented, &sources);
}

const SRC: &str = "crates/koinon-chain/src/x.rs";

#[test]
fn one_import_a_line_finds_braces() {
    let text = "use a::B;\npub use a::{B, C};\nuse std::{\n    fmt,\n};\n// use a::{b};\n    use c::{d, e};\nuse f::*;";
    try_rule(one_import_a_line, &[(SRC, text, &[3, 7])]);
}

#[test]
fn imports_in_order_finds_what_stands_too_late() {
    let cases = [
        ("use std::fmt;\nuse alloy::B;\n\nuse crate::C;\nuse super::D;\n", &[][..]),
        ("use crate::C;\nuse alloy::B;\nuse std::fmt;\n", &[2, 3]),
        ("use crate::C;\n\nmod a;\n\nuse std::fmt;\n", &[]),
    ];
    try_rule(imports_in_order, &cases.map(|(text, lines)| (SRC, text, lines)));
}

#[test]
fn beside_folders_finds_the_other_style() {
    let found = beside_folders(&["a/src/x.rs", "a/src/x/y.rs", "a/src/z/mod.rs", "a/src/w.rs"]);
    assert_eq!(found, ["a/src/x.rs:1: move it to a/src/x/mod.rs"]);
}

#[test]
fn narrow_comments_counts_columns() {
    let most = format!("// {}", "ü".repeat(MAX_COLUMNS - 3));
    let cases = [
        (most.clone(), &[][..]),
        (format!("fn f() {{}}\n    {most}"), &[2]),
        (format!("//! | {most} |\n// http://{most}\n\"{most}{most}\""), &[]),
    ];
    for (text, lines) in &cases {
        try_rule(narrow_comments, &[(SRC, text, lines)]);
    }
}

#[test]
fn comments_with_a_subject_finds_clauses() {
    let text = "// What is there stays.\n/// Returns it.\n/// Who is in stays.\n/// ends in\n/// What follows.\n\
                // What is a deal? Read on.\nfn f() {}\n//! Whoever asks\n\"// What is\"";
    try_rule(comments_with_a_subject, &[(SRC, text, &[1, 3, 8])]);
}

#[test]
fn named_twice_looks_at_types_that_ship() {
    let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let sources = [
        source(
            "a.rs",
            "pub struct Node;\npub(crate) struct Place;\nimpl It {\n    type Row = u8;\n}",
        ),
        source(
            "b.rs",
            "/// pub enum Node\npub enum Nodes {}\npub(super) type Place = u8;\nenum Row {}",
        ),
        source("c.rs", "\nenum Node {}\n#[cfg(test)]\nmod tests { pub struct Nodes; }\n"),
    ];
    let found = named_twice(&sources);
    let expected = [
        "a.rs:1: `Node` is also in c.rs:2: one word per idea, rename one",
        "a.rs:2: `Place` is also in b.rs:3: one word per idea, rename one",
    ];
    assert_eq!(found, expected);
}

#[test]
fn expects_name_a_bug_looks_at_what_ships() {
    let text = "a.expect(\"BUG: never\");\nb.expect(\"it is there\");\nc\n    .expect(\n        \"here\");\n\
                d.expect(name);\n// e.expect(\"x\")\n#[cfg(test)]\nfn f() { g.expect(\"x\") }";
    try_rule(expects_name_a_bug, &[(SRC, text, &[2, 4])]);
}

#[test]
fn interfaces_are_documented_looks_at_the_line_above() {
    let text = "interface I {\n    /// It was.\n    event A();\n    error B();\n\n    function c() external;\n}";
    try_rule(interfaces_are_documented, &[("contracts/src/interfaces/I.sol", text, &[4, 6])]);
}

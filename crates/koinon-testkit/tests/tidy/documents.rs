//! Rules on documents.

use std::path::Path;

use crate::repository::{Finding, Source, check, conclude, entries, root, source, try_rule};

const DOCUMENTS: [&str; 3] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];

/// Returns the path in the repository that a piece of inline code names, if it looks like one: its first part is an entry
/// of the root, or it is the name of a source file. Of a pattern, the part before the first `*`.
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
    check(paths_exist, &there.into_iter().map(source).collect::<Vec<_>>());
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

//! Circles: files and folders of one folder that need each other, directly or round about.
//!
//! A path such as `crate::yaml::tree::Tree` is followed to the deepest module that has a file; the
//! edge belongs to the folder in which the two modules part.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::repository::Source;
use crate::repository::conclude;
use crate::repository::rust;
use crate::text::is_word;
use crate::text::shipped;

/// A module: its crate, then the names that lead to it.
type Module<'a> = Vec<&'a str>;

/// Edges between the children of one folder.
type Edges<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// Returns the module a file holds: `crates/a/src/b/mod.rs` is `[a, b]`.
fn module(path: &str) -> Module<'_> {
    let (home, file) = path.split_once("/src/").unwrap_or((path, ""));
    let name = home.rsplit('/').next().unwrap_or(home);
    let mut names: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
    if names.last().is_some_and(|last| ["lib", "main", "mod"].contains(last)) {
        names.pop();
    }
    [vec![name], names].concat()
}

/// Returns the paths of code that begin with `crate`, `self` or `super`, as their names.
fn paths(code: &str) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    for head in ["crate", "self", "super"] {
        for (at, _) in code.match_indices(&format!("{head}::")) {
            let inner = code[..at].ends_with(|letter| is_word(letter) || letter == ':');
            if inner {
                continue;
            }
            let end = code[at..].find(|letter| !is_word(letter) && letter != ':');
            let path = &code[at..at + end.unwrap_or(code.len() - at)];
            found.push(path.split("::").filter(|name| !name.is_empty()).collect());
        }
    }
    found
}

/// Returns the deepest module with a file that a path leads to from a module.
fn target<'a>(from: &Module<'a>, path: &[&'a str], modules: &BTreeSet<Module<'a>>) -> Module<'a> {
    let mut at = from.clone();
    let mut rest = path;
    if rest[0] == "crate" {
        at.truncate(1);
    }
    while let [head @ ("crate" | "self" | "super"), more @ ..] = rest {
        if *head == "super" {
            at.pop();
        }
        rest = more;
    }
    for name in rest {
        let deeper = [at.clone(), vec![*name]].concat();
        if !modules.contains(&deeper) {
            break;
        }
        at = deeper;
    }
    at
}

/// Returns the edges between children, by the folder they are in.
fn edges<'a>(code: &'a [(Module<'a>, String)]) -> BTreeMap<Module<'a>, Edges<'a>> {
    let modules: BTreeSet<Module<'a>> = code.iter().map(|(module, _)| module.clone()).collect();
    let mut found: BTreeMap<Module<'a>, Edges<'a>> = BTreeMap::new();
    for (from, text) in code {
        for path in paths(text) {
            let to = target(from, &path, &modules);
            let same = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
            if let (Some(one), Some(other)) = (from.get(same), to.get(same)) {
                let folder = found.entry(from[..same].to_vec()).or_default();
                folder.entry(one).or_default().insert(other);
            }
        }
    }
    found
}

fn reached<'a>(edges: &Edges<'a>, start: &'a str) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut open = vec![start];
    while let Some(at) = open.pop() {
        open.extend(edges.get(at).into_iter().flatten().filter(|next| seen.insert(**next)));
    }
    seen
}

/// Returns the circles among the children of a folder, each as the names in it.
fn circles<'a>(edges: &Edges<'a>) -> BTreeSet<BTreeSet<&'a str>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        edges.keys().map(|name| (*name, reached(edges, name))).collect();
    let mutual = |one: &'a str| -> BTreeSet<&'a str> {
        let back = |other: &&&str| reach.get(**other).is_some_and(|names| names.contains(one));
        reach[one].iter().filter(back).copied().collect()
    };
    edges.keys().map(|name| mutual(name)).filter(|circle| circle.len() > 1).collect()
}

fn all_circles(sources: &[Source]) -> Vec<String> {
    let code: Vec<(Module<'_>, String)> =
        sources.iter().map(|source| (module(&source.path), shipped(source))).collect();
    let mut found = Vec::new();
    for (folder, edges) in edges(&code) {
        for circle in circles(&edges) {
            let names: Vec<&str> = circle.into_iter().collect();
            found.push(format!(
                "{}: {} need each other: move what two of them share to a third",
                folder.join("::"),
                names.join(", ")
            ));
        }
    }
    found
}

#[test]
fn no_circles_between_siblings() {
    let sources = rust(&["src"]);
    assert!(sources.len() > 100, "the sources are not where this test looks for them");
    conclude(all_circles(&sources));
}

#[test]
fn all_circles_follows_paths() {
    let source = |path: &str, text: &str| Source {
        path: format!("crates/k/src/{path}"),
        text: text.to_owned(),
    };
    let cases = [
        // Parents and children may know each other, and tests may look anywhere.
        (vec![("a/mod.rs", "mod b; use self::b::B;"), ("a/b.rs", "use super::A;")], vec![]),
        (
            vec![
                ("a.rs", "#[cfg(test)]\nmod tests { use crate::b::B; }"),
                ("b.rs", "use crate::a::A;"),
            ],
            vec![],
        ),
        (vec![("a.rs", "use crate::b::B;"), ("b.rs", "// crate::a::A\nfn f() {}")], vec![]),
        // A path is followed to the module, not to the item; two folders meet where they part.
        (
            vec![
                ("a/x.rs", "use crate::b::y::Y;"),
                ("b/y.rs", "fn f() { crate::a::x::f() }"),
                ("a/mod.rs", ""),
                ("b/mod.rs", ""),
            ],
            vec!["k: a, b need each other: move what two of them share to a third"],
        ),
        (
            vec![
                ("r/mod.rs", ""),
                ("r/a.rs", "use super::b::B;"),
                ("r/b.rs", "use super::c::C;"),
                ("r/c.rs", "use crate::r::a::A;"),
            ],
            vec!["k::r: a, b, c need each other: move what two of them share to a third"],
        ),
    ];
    for (files, expected) in cases {
        let sources: Vec<Source> = files.iter().map(|(path, text)| source(path, text)).collect();
        assert_eq!(all_circles(&sources), expected, "{files:?}");
    }
}

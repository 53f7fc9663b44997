//! Rules on code.

use crate::repository::Finding;
use crate::repository::Source;
use crate::repository::check;
use crate::repository::rust;
use crate::repository::solidity;
use crate::repository::try_rule;
use crate::text::blank;
use crate::text::cut;
use crate::text::is_word;
use crate::text::item_end;
use crate::text::line;
use crate::text::shipped;
use crate::text::test_items;
use crate::text::words;
use crate::workspace::PURE;

const STD_IO: [&str; 5] = ["env", "fs", "net", "process", "thread"];
/// Scoped threads: they end before the call returns.
const SCOPED: [&str; 3] = [
    "std::thread::Builder::new().spawn_scoped",
    "std::thread::ScopedJoinHandle",
    "std::thread::scope",
];
const IO_WORDS: [&str; 10] = [
    "Instant",
    "OsRng",
    "SystemTime",
    "from_entropy",
    "getrandom",
    "stderr",
    "stdin",
    "stdout",
    "thread_rng",
    "tokio",
];

/// A file beyond it has more than one subject.
const MAX_LINES: usize = 800;

/// The folder of the commands, and the limit of a file there: a command beyond it has rules or
/// texts of others.
const COMMANDS: &str = "crates/koinon-cli/src/commands/";
const MAX_COMMAND_LINES: usize = 100;

/// Module names without a subject.
const EMPTY_NAMES: [&str; 6] = ["common", "helper", "helpers", "misc", "util", "utils"];

/// The one function that may sleep in tests: it polls a condition until a deadline.
const POLL: &str = "wait_until";

fn no_io(source: &Source) -> Vec<Finding> {
    let code = shipped(source);
    let mut found: Vec<(usize, String)> = Vec::new();
    for word in IO_WORDS {
        found.extend(words(&code, word).map(|at| (at, word.to_owned())));
    }
    for module in STD_IO {
        let path = format!("std::{module}");
        let scoped = |at: &usize| SCOPED.iter().any(|scoped| code[*at..].starts_with(scoped));
        let all = words(&code, &path).filter(|at| !scoped(at));
        found.extend(all.map(|at| (at, path.clone())));
    }
    for (at, _) in code.match_indices("std::{") {
        let names = &code[at..];
        let names = &names[..names.find(';').unwrap_or(names.len())];
        for module in STD_IO {
            found.extend(words(names, module).map(|inner| (at + inner, module.to_owned())));
        }
    }
    let say = |(at, what)| {
        let what =
            format!("`{what}` in a crate without IO: let the caller do it and pass the result");
        (line(&code, at), what)
    };
    found.into_iter().map(say).collect()
}

#[test]
fn pure_crates_do_no_io() {
    let pure = |source: &Source| {
        PURE.iter().any(|name| source.path.starts_with(&format!("crates/{name}/")))
    };
    check(no_io, &rust(&["src"]).into_iter().filter(pure).collect::<Vec<_>>());
}

fn short(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().count();
    let what = format!("{lines} lines, {MAX_LINES} are allowed: split the file by subject");
    if lines > MAX_LINES { vec![(MAX_LINES + 1, what)] } else { vec![] }
}

#[test]
fn files_are_short() {
    check(short, &[rust(&["src"]), solidity()].concat());
}

/// A command is its arguments and the call of what it does. A `mod.rs` lists commands.
fn short_command(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().count();
    let command = source.path.starts_with(COMMANDS) && !source.path.ends_with("/mod.rs");
    let what = format!(
        "{lines} lines, {MAX_COMMAND_LINES} are allowed in a command: move rules to the crate that \
         owns them, output to `show`, anything else beside `commands`"
    );
    if command && lines > MAX_COMMAND_LINES { vec![(MAX_COMMAND_LINES + 1, what)] } else { vec![] }
}

#[test]
fn commands_are_short() {
    check(short_command, &rust(&["src"]));
}

fn named_modules(source: &Source) -> Vec<Finding> {
    let code = blank(&source.text, true);
    let modules = words(&code, "mod").filter_map(|at| {
        let name = code[at + 3..].trim_start();
        let name = &name[..name.find(|letter| !is_word(letter)).unwrap_or(name.len())];
        let what =
            format!("a module `{name}` says nothing: put each function where its subject is");
        EMPTY_NAMES.contains(&name).then(|| (line(&code, at), what))
    });
    modules.collect()
}

#[test]
fn modules_are_named_by_subject() {
    check(named_modules, &rust(&["src"]));
}

/// Names of methods that only development chains have; a real network would not answer.
fn no_development_methods(source: &Source) -> Vec<Finding> {
    let code = blank(&source.text, false);
    let tests = test_items(&blank(&source.text, true));
    let code = cut(&code, &tests, true);
    let mut found = Vec::new();
    for prefix in ["\"evm_", "anvil_", "hardhat_"] {
        let named = |at: &usize| code[at + prefix.len()..].starts_with(char::is_alphabetic);
        let starts = |at: &usize| prefix.starts_with('"') || !code[..*at].ends_with(is_word);
        let at = code.match_indices(prefix).map(|(at, _)| at).filter(named).filter(starts);
        found.extend(at.map(|at| {
            let what =
                "a method that real networks do not have: use eth_, net_ or web3_ methods only";
            (line(&code, at), what.to_owned())
        }));
    }
    found
}

#[test]
fn nothing_depends_on_a_development_chain() {
    // The test kit moves the clock of such a chain.
    let mut sources = rust(&["src"]);
    sources.retain(|source| !source.path.starts_with("crates/koinon-testkit/"));
    check(no_development_methods, &sources);
}

fn no_ignored_tests(source: &Source) -> Vec<Finding> {
    let code = blank(&source.text, true);
    let ignored = words(&code, "ignore").filter(|at| {
        let attribute = code[..*at].rfind("#[");
        attribute.is_some_and(|start| !code[start..*at].contains(']'))
    });
    let what = "an ignored test tests nothing: repair it or delete it";
    ignored.map(|at| (line(&code, at), what.to_owned())).collect()
}

#[test]
fn no_test_is_ignored() {
    check(no_ignored_tests, &rust(&["src", "tests", "benches"]));
}

/// Tests are the files in `tests` and `benches`, items under `#[cfg(test)]`, and the test kit.
fn no_sleep(source: &Source) -> Vec<Finding> {
    let code = blank(&source.text, true);
    let kit = source.path.starts_with("crates/koinon-testkit/src/");
    let code = if kit {
        let polls = words(&code, POLL).filter(|at| code[..*at].ends_with("fn "));
        let polls: Vec<_> = polls.map(|at| at..item_end(&code, at)).collect();
        cut(&code, &polls[..polls.len().min(1)], true)
    } else if source.path.contains("/src/") {
        cut(&code, &test_items(&code), false)
    } else {
        code
    };
    let mut found = Vec::new();
    for word in ["sleep", "sleep_ms", "sleep_until", "park_timeout"] {
        found.extend(words(&code, word).map(|at| {
            let what = format!(
                "`{word}` in a test: wait for the event, or poll with {POLL} of koinon-testkit"
            );
            (line(&code, at), what)
        }));
    }
    found
}

#[test]
fn tests_do_not_sleep() {
    check(no_sleep, &rust(&["src", "tests", "benches"]));
}

fn no_pretence(source: &Source) -> Vec<Finding> {
    let code = blank(&source.text, true);
    let macros = ["todo!", "unimplemented!"].into_iter().flat_map(|name| {
        let at: Vec<usize> = code.match_indices(name).map(|(at, _)| at).collect();
        at.into_iter().filter(|at| !code[..*at].ends_with(is_word)).map(move |at| (at, name))
    });
    let text = source.text.to_ascii_lowercase();
    let phrases = ["for now", "simplified"];
    let phrases = phrases.into_iter().flat_map(|it| words(&text, it).map(move |at| (at, it)));
    let say = |(at, what): (usize, &str)| {
        let what =
            format!("`{what}` promises what is not there: do it, or refuse it with an error");
        (line(&text, at), what)
    };
    macros.chain(phrases).map(say).collect()
}

#[test]
fn code_does_not_pretend() {
    check(no_pretence, &[rust(&["src"]), solidity()].concat());
}

const SRC: &str = "crates/koinon-chain/src/x.rs";

#[test]
fn no_io_finds_imports_paths_and_words() {
    let cases = [
        ("use std::fs;\nuse std::fmt;\nlet t = Instant::now();\n", &[1, 3][..]),
        ("use std::{\n    fmt,\n    net::IpAddr,\n};\nstd::time::SystemTime\n", &[3, 5]),
        ("// std::fs\n/* tokio /* */ tokio */ struct Instance; \"tokio\"; r#\"tokio\"#", &[]),
        ("#[cfg(test)]\nmod tests {\n    use std::fs;\n}\nfn f() { rand::thread_rng() }", &[5]),
        (
            "std::thread::scope(f);\nstd::thread::spawn(f);\nstd::thread::Builder::new().spawn(f)",
            &[2, 3],
        ),
        ("fn f<'a>(x: &'a str) { let q = '\"'; tokio::spawn(x) } // \"", &[1]),
    ];
    try_rule(no_io, &cases.map(|(text, lines)| (SRC, text, lines)));
}

#[test]
fn short_counts_lines() {
    let (most, more) = ("\n".repeat(MAX_LINES), "\n".repeat(MAX_LINES + 1));
    try_rule(short, &[(SRC, &most, &[]), (SRC, &more, &[MAX_LINES + 1])]);
}

#[test]
fn short_command_counts_lines_of_commands() {
    let (most, more) = ("\n".repeat(MAX_COMMAND_LINES), "\n".repeat(MAX_COMMAND_LINES + 1));
    let command = "crates/koinon-cli/src/commands/service/show.rs";
    let list = "crates/koinon-cli/src/commands/service/mod.rs";
    let cases = [
        (command, most.as_str(), &[][..]),
        (command, &more, &[MAX_COMMAND_LINES + 1]),
        (list, &more, &[]),
        (SRC, &more, &[]),
    ];
    try_rule(short_command, &cases);
}

#[test]
fn named_modules_finds_empty_names() {
    let text = "mod ids;\npub(crate) mod utils;\nmod helpers {}\n// mod common\n";
    try_rule(named_modules, &[(SRC, text, &[2, 3])]);
}

#[test]
fn no_development_methods_finds_names_and_calls() {
    let cases = [
        ("call(\"evm_mine\")\n// \"evm_mine\"\n.anvil_mine()\n`evm_x`", &[1, 3][..]),
        ("\"hardhat_reset\"; evm_config(); \"evm_\"", &[1]),
        ("#[cfg(test)]\nfn f() { call(\"evm_mine\") }", &[]),
    ];
    try_rule(no_development_methods, &cases.map(|(text, lines)| (SRC, text, lines)));
}

#[test]
fn no_ignored_tests_finds_attributes() {
    let cases = [
        ("#[test]\n#[ignore = \"slow\"]\nfn f() {}\n// #[ignore]\nignore();", &[2][..]),
        ("#[cfg_attr(unix, ignore)]\nfn f() { \"#[ignore]\" }", &[1]),
    ];
    try_rule(no_ignored_tests, &cases.map(|(text, lines)| (SRC, text, lines)));
}

#[test]
fn no_sleep_looks_at_tests() {
    let unit = "fn f() { sleep(1) }\n#[cfg(test)]\nmod tests {\n fn f() { thread::sleep(1) }\n}";
    let kit = "fn wait_until() { sleep(1); }\nfn f() { sleep(1) }";
    let cases = [
        (SRC, unit, &[4][..]),
        ("crates/a/tests/x.rs", "use tokio::time::sleep;\n\"sleep 5\"\nsleepy()", &[1]),
        ("crates/koinon-testkit/src/lib.rs", kit, &[2]),
        ("crates/koinon-testkit/tests/x.rs", kit, &[1, 2]),
    ];
    try_rule(no_sleep, &cases);
}

#[test]
fn no_pretence_finds_macros_and_phrases() {
    let text = "todo!()\n\"todo!\"\n// For now it is\n// Simplified.\nunimplemented!();";
    try_rule(no_pretence, &[(SRC, text, &[1, 3, 4, 5])]);
}

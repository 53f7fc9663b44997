//! A test that every command and option named in a text of the programs exists.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use clap::Command;
use clap::CommandFactory;

use crate::commands::Cli;
use crate::external::SHIPPED;

/// A text of the sources that people see: a string literal, or a line of help.
#[derive(Debug)]
struct SourceString {
    file: PathBuf,
    text: String,
}

/// Returns the string literals and doc comments of all sources below a folder.
fn texts(folder: &Path, all: &mut Vec<SourceString>) {
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        if file.is_dir() {
            texts(&file, all);
        } else if file.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&file).unwrap();
            let shipped = source.split("#[cfg(test)]").next().unwrap();
            let literals = shipped.split('"').skip(1).step_by(2);
            let texts =
                literals.map(|text| SourceString { file: file.clone(), text: text.to_owned() });
            all.extend(texts);
        }
    }
}

/// Returns the calls of `koinon` in a text: between backquotes, or a line of examples.
fn calls(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let lines = text.lines().map(str::trim_start);
    let calls = quoted.chain(lines).filter_map(|call| call.strip_prefix("koinon "));
    // Behind two blanks is the explanation of an example; behind `|` and `>` another program.
    calls.map(|call| call.split("  ").next().unwrap().split(['|', '>']).next().unwrap()).collect()
}

/// Returns the fault of a call, if it names a command or an option that does not exist.
fn fault(cli: &Command, call: &str) -> Option<String> {
    let mut command = cli.clone();
    let mut words = call.split_whitespace().peekable();
    let first = *words.peek()?;
    if SHIPPED.iter().any(|shipped| shipped.name == first) || first.starts_with(['{', 'N']) {
        return None;
    }
    while let Some(word) = words.peek() {
        command.build();
        let Some(inner) = command.find_subcommand(word) else { break };
        command = inner.clone();
        words.next();
    }
    command.build();
    let named = command.get_name().to_owned();
    if command.has_subcommands() && words.peek().is_some_and(|word| !word.starts_with('-')) {
        return Some(format!("`{named}` has no command `{}`", words.peek().unwrap()));
    }
    let known = |option: &str| {
        let mut arguments = command.get_arguments();
        arguments.any(|argument| match option.strip_prefix("--") {
            Some(long) => argument.get_long() == Some(long),
            None => argument.get_short().map(String::from).as_deref() == Some(&option[1..2]),
        })
    };
    let common = ["--help", "--version", "--json", "-h", "-V"];
    let mut options = words.filter(|word| word.starts_with('-') && word.len() > 1);
    let unknown = options.find(|option| !common.contains(option) && !known(option))?;
    Some(format!("`{named}` has no option {unknown}"))
}

#[test]
fn every_command_and_option_that_a_text_names_exists() {
    let cli = Cli::command();
    let mut all = Vec::new();
    for package in ["koinon-cli", "koinon-command", "koinon-bench", "koinon-lsp"] {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        texts(&manifest.with_file_name(package).join("src"), &mut all);
    }
    let mut checked = 0;
    let mut faults = Vec::new();
    for SourceString { file, text } in &all {
        for call in calls(text) {
            checked += 1;
            faults.extend(fault(&cli, call).map(|fault| format!("{}: {fault}", file.display())));
        }
    }
    assert_eq!(faults, Vec::<String>::new());
    assert!(checked > 80, "only {checked} calls were found");
}

#[test]
fn every_option_in_a_hint_exists() {
    fn options(command: &Command, all: &mut Vec<String>) {
        let mut built = command.clone();
        built.build();
        all.extend(
            built.get_arguments().filter_map(|argument| argument.get_long()).map(ToOwned::to_owned),
        );
        built.get_subcommands().for_each(|inner| options(inner, all));
    }
    let mut known = Vec::new();
    options(&Cli::command(), &mut known);
    let mut faults = Vec::new();
    let mut checked = 0;
    for package in ["koinon-cli", "koinon-command"] {
        let mut all = Vec::new();
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        texts(&manifest.with_file_name(package).join("src"), &mut all);
        for SourceString { file, text } in all {
            // Calls of cargo are not ours, nor is an option in braces of a format string.
            for word in text.split_whitespace().filter(|_| !text.starts_with("cargo")) {
                let Some(option) = word.trim_start_matches('`').strip_prefix("--") else {
                    continue;
                };
                let end = option.find(|letter: char| !letter.is_ascii_lowercase() && letter != '-');
                let option = &option[..end.unwrap_or(option.len())];
                if option.is_empty() || text.contains("cargo ") {
                    continue;
                }
                checked += 1;
                if !known.iter().any(|known| known == option)
                    && option != "help"
                    && option != "version"
                {
                    faults.push(format!("{}: there is no option --{option}", file.display()));
                }
            }
        }
    }
    assert_eq!(faults, Vec::<String>::new());
    assert!(checked > 40, "only {checked} options were found");
}

#[test]
fn calls_that_do_not_exist_are_found() {
    let cli = Cli::command();
    let text = "give `koinon operator join --stake N`, or\n  koinon up DIR -I a=b   # explained --nowhere\n";
    assert_eq!(calls(text), ["operator join --stake N", "up DIR -I a=b"]);
    assert_eq!(fault(&cli, "operator join --stake N"), None);
    assert_eq!(
        fault(&cli, "operator join --operator x").as_deref(),
        Some("`join` has no option --operator")
    );
    assert_eq!(fault(&cli, "operator joins").as_deref(), Some("`operator` has no command `joins`"));
    assert!(fault(&cli, "nothing").is_some());
}

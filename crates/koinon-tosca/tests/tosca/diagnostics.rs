//! The pages about diagnostics are true: each code has a page, its example gives the code, and its
//! fixed example compiles.
//!
//! A block of YAML in a page is a whole service; `# file: PATH` starts a further file. The example
//! is the block of the section "Example", the fixed example that of "How to fix it". With
//! KOINON_UPDATE=1 the index is rewritten.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use koinon_tosca::Code;
use koinon_tosca::compile;

/// Codes that no small file gives. Their pages describe an example in words; `limits.rs` and
/// `example.rs` reach them.
const IN_WORDS: [Code; 7] = [
    Code::Encoding,
    Code::TooManyBytes,
    Code::TooManyNodes,
    Code::TooManyFiles,
    Code::TooManySteps,
    Code::Nesting,
    Code::Deal,
];

const ROOT: &str = "service.yaml";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/diagnostics")
}

fn section<'a>(page: &'a str, name: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("\n## {name}\n")).unwrap_or_default();
    rest.split("\n## ").next().unwrap_or_default()
}

/// Returns the files of a section's block of YAML.
fn files(section: &str) -> Option<BTreeMap<String, String>> {
    let (_, block) = section.split_once("```yaml\n")?;
    let (block, _) = block.split_once("```")?;
    let mut files = BTreeMap::new();
    let mut parts = block.split("# file: ");
    files.insert(ROOT.to_owned(), parts.next()?.to_owned());
    for part in parts {
        let (path, text) = part.split_once('\n')?;
        files.insert(path.to_owned(), text.to_owned());
    }
    Some(files)
}

/// Returns the codes of a compilation. Those for a service without name or governance count only on
/// their own pages.
fn codes(files: &BTreeMap<String, String>, about: Code) -> BTreeSet<Code> {
    let diagnostics = compile(files, ROOT, &BTreeMap::new()).err();
    let codes = diagnostics.iter().flatten().map(|one| one.code);
    let noise = [Code::ServiceName, Code::Governance];
    codes.filter(|code| noise.contains(&about) || !noise.contains(code)).collect()
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let mut pages: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(pages.remove("README.md"));
    let codes = Code::ALL.map(|code| format!("{}.md", code.as_str()));
    assert_eq!(pages, BTreeSet::from(codes));
    for code in Code::ALL {
        let name = code.as_str();
        let page = code.page();
        let start = format!("# {name}: {}\n\n", code.title());
        assert!(page.starts_with(&start) && !code.title().is_empty(), "{name}");
        for part in ["Why it is an error", "Example", "How to fix it", "Clause"] {
            assert!(section(page, part).trim().len() > 10, "{name} has no section {part}");
        }
        assert_eq!(Code::find(name), Some(code));
    }
}

#[test]
fn every_page_names_a_clause() {
    for code in Code::ALL {
        let clause = section(code.page(), "Clause");
        let sources = [
            "TOSCA 2.0 csd07, ",
            "YAML 1.2.2, ",
            "ARCHITECTURE.md, ",
            "docs/contracts.md, ",
            "docs/agent.md, ",
        ];
        assert!(sources.iter().any(|source| clause.contains(source)), "{}", code.as_str());
    }
}

#[test]
fn examples_give_the_code_and_fixed_examples_compile() {
    let mut failed = String::new();
    for code in Code::ALL {
        let name = code.as_str();
        let page = code.page();
        let Some(wrong) = files(section(page, "Example")) else {
            assert!(IN_WORDS.contains(&code), "{name} has no example");
            continue;
        };
        let found = codes(&wrong, code);
        if found != BTreeSet::from([code]) {
            failed += &format!("{name}: the example gives {found:?}\n");
        }
        let right = files(section(page, "How to fix it"));
        let found = right.map(|files| codes(&files, code));
        if found != Some(BTreeSet::new()) {
            failed += &format!("{name}: the fixed example gives {found:?}\n");
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

#[test]
fn the_index_lists_all_codes() {
    let mut index = String::from(
        "# Diagnostics\n\nEach error of the compiler has a code, and the meaning of a code never changes. `koinon explain CODE` prints its page.\n",
    );
    let chapters = [
        ("K00", "Bytes and YAML"),
        ("K01", "The structure of TOSCA files"),
        ("K02", "Types"),
        ("K03", "Values and functions"),
        ("K04", "Templates"),
        ("K05", "Rules of Koinon"),
        ("K09", "Not supported yet"),
    ];
    let mut listed = 0;
    for (start, chapter) in chapters {
        index += &format!("\n## {chapter}\n\n| code | meaning |\n|---|---|\n");
        for code in Code::ALL.into_iter().filter(|code| code.as_str().starts_with(start)) {
            let name = code.as_str();
            index += &format!("| [{name}]({name}.md) | {} |\n", code.title());
            listed += 1;
        }
    }
    assert_eq!(listed, Code::ALL.len(), "a code is in no chapter");
    let path = folder().join("README.md");
    if std::env::var_os("KOINON_UPDATE").is_some() {
        std::fs::write(&path, &index).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), index);
}

//! The OASIS TOSCA 2.0 suite, `suite/oasis-tosca-2.0`: every file alone, without inputs, against its verdict.
//!
//! Where the verdict is another, `misses.csv` has a row with the clause that says why. A new miss fails, and so does one
//! that is right by now. With KOINON_UPDATE=1 the rows are rewritten; clause and reason of those that stay are kept, and
//! the score in the head of the file gives way to a better one only.

#![allow(clippy::unwrap_used, reason = "a test that cannot read the suite must fail")]

mod folder;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::path::PathBuf;

use koinon_tosca::FileError;
use koinon_tosca::Files;
use koinon_tosca::Style;
use koinon_tosca::validate;

use folder::Folder;

const SUITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../suite/oasis-tosca-2.0");

/// Where the suite's files import each other from by network: prefixes that mean the suite's folder.
const MIRRORED: [&str; 2] = [
    "https://raw.githubusercontent.com/oasis-open/tosca-community-contributions/refs/heads/master/tests/tosca_2_0/",
    "https://github.com/oasis-open/tosca-test-assertions/raw/master/tests/tosca_2_0/",
];

/// Verdicts of the suite: 266 files valid, 154 invalid.
const VERDICTS: Score = Score { valid: 266, invalid: 154 };

/// One file's folder, which is the root of its repository, and the mirror.
struct Mirrored(Folder);

impl Files for Mirrored {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.0.read(path)
    }

    fn list(&self, folder: &str) -> Vec<String> {
        self.0.list(folder)
    }

    fn fetch(&self, url: &str) -> Result<Vec<u8>, FileError> {
        let path = MIRRORED.iter().find_map(|prefix| url.strip_prefix(prefix));
        let path = path.ok_or_else(|| FileError::Unreadable("it is not mirrored".to_owned()))?;
        fs::read(Path::new(SUITE).join(path)).map_err(|_| FileError::NotFound)
    }
}

/// What is said of a file. A crash is never right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Valid,
    Invalid,
    Panic,
}

impl Verdict {
    fn of(word: &str) -> Option<Self> {
        match word {
            "valid" => Some(Self::Valid),
            "invalid" => Some(Self::Invalid),
            "panic" => Some(Self::Panic),
            "?" => None,
            other => panic!("expected valid, invalid or ?, found {other}"),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Panic => "panic",
        }
    }
}

/// How many files were judged as the suite judges them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Score {
    valid: usize,
    invalid: usize,
}

impl Score {
    const fn total(self) -> usize {
        self.valid + self.invalid
    }
}

/// A file whose verdict is another than the suite's.
struct Miss {
    expected: Verdict,
    found: Verdict,
    /// Of the specification, and what it says. Written by hand.
    reason: Reason,
    /// The diagnostics, as people see them.
    shown: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Reason {
    clause: String,
    why: String,
}

/// `misses.csv`: the head with the least score, and a row per miss.
struct Known {
    least: Score,
    rows: BTreeMap<String, (Verdict, Verdict, Reason)>,
}

const HEAD: &str = "# Least score: ";
const COLUMNS: &str = "file,expected,found,clause,why";

impl Known {
    fn read() -> Self {
        let text = fs::read_to_string(misses()).unwrap();
        let mut lines = text.lines();
        let head = lines.next().unwrap().strip_prefix(HEAD).unwrap();
        let numbers: Vec<usize> =
            head.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [total, valid, invalid] = numbers[..] else { panic!("expected 3 numbers: {head}") };
        let least = Score { valid, invalid };
        assert_eq!(total, least.total(), "the head of misses.csv does not add up");
        assert_eq!(lines.next(), Some(COLUMNS));
        let rows = lines.map(|line| {
            let [file, expected, found, clause, why] = fields(line).try_into().unwrap();
            let verdict = |word: String| Verdict::of(&word).unwrap();
            (file, (verdict(expected), verdict(found), Reason { clause, why }))
        });
        Self { least, rows: rows.collect() }
    }
}

/// The fields of a line of CSV. Commas and quotes may stand in quotes; a line break may not.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => {
                fields.last_mut().unwrap().push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            letter => fields.last_mut().unwrap().push(letter),
        }
    }
    fields
}

fn field(text: &str) -> String {
    match text.contains([',', '"']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

fn misses() -> PathBuf {
    Path::new(SUITE).join("misses.csv")
}

/// The suite's verdicts, by file.
fn expectations() -> BTreeMap<String, Verdict> {
    let text = fs::read_to_string(Path::new(SUITE).join("expectations.csv")).unwrap();
    let rows = text.lines().skip(1).map(fields);
    rows.filter_map(|row| Some((row[0].clone(), Verdict::of(&row[1])?))).collect()
}

/// What the compiler says of a file, and why.
fn judge(file: &str) -> (Verdict, String) {
    let path = Path::new(SUITE).join(file);
    let folder = Mirrored(Folder(path.parent().unwrap().to_owned()));
    let root = path.file_name().unwrap().to_str().unwrap();
    match catch_unwind(|| validate(&folder, root, &BTreeMap::new())) {
        Ok(Ok(_)) => (Verdict::Valid, "accepted\n".to_owned()),
        Ok(Err(diagnostics)) => (Verdict::Invalid, diagnostics.render(Style::Plain)),
        Err(_) => (Verdict::Panic, "panicked\n".to_owned()),
    }
}

/// Judges every file: how many as the suite does, and which not.
fn run(expectations: &BTreeMap<String, Verdict>) -> (Score, BTreeMap<String, Miss>) {
    let mut score = Score::default();
    let mut misses = BTreeMap::new();
    for (file, &expected) in expectations {
        let (found, shown) = judge(file);
        match expected {
            _ if found != expected => {
                let miss = Miss { expected, found, reason: Reason::default(), shown };
                misses.insert(file.clone(), miss);
            }
            Verdict::Valid => score.valid += 1,
            _ => score.invalid += 1,
        }
    }
    (score, misses)
}

/// Writes `misses.csv` for what was found.
fn write(known: &Known, score: Score, misses: &BTreeMap<String, Miss>) {
    let least = if score.total() > known.least.total() { score } else { known.least };
    let mut text = format!(
        "{HEAD}{} right = {} valid accepted + {} invalid rejected\n{COLUMNS}\n",
        least.total(),
        least.valid,
        least.invalid
    );
    for (file, miss) in misses {
        let Reason { clause, why } = &miss.reason;
        let (expected, found) = (miss.expected.word(), miss.found.word());
        writeln!(text, "{file},{expected},{found},{},{}", field(clause), field(why)).unwrap();
    }
    fs::write(self::misses(), text).unwrap();
}

#[test]
fn verdicts_are_those_of_the_suite_but_for_the_listed() {
    let expectations = expectations();
    let valid = expectations.values().filter(|verdict| **verdict == Verdict::Valid).count();
    assert_eq!(VERDICTS, Score { valid, invalid: expectations.len() - valid });

    let known = Known::read();
    let (score, mut misses) = run(&expectations);
    for (file, miss) in &mut misses {
        miss.reason = known.rows.get(file).map(|row| row.2.clone()).unwrap_or_default();
    }
    if std::env::var_os("KOINON_UPDATE").is_some() {
        write(&known, score, &misses);
    }

    let known = Known::read();
    let mut report = String::new();
    for (file, miss) in &misses {
        let row = known.rows.get(file).map(|row| (row.0, row.1));
        if row != Some((miss.expected, miss.found)) || miss.found == Verdict::Panic {
            let (expected, found) = (miss.expected.word(), miss.found.word());
            writeln!(report, "{file}: expected {expected}, found {found}\n{}", miss.shown).unwrap();
        }
    }
    for file in known.rows.keys().filter(|file| !misses.contains_key(*file)) {
        writeln!(report, "{file}: as the suite says; take it off misses.csv").unwrap();
    }
    if score.valid < known.least.valid || score.invalid < known.least.invalid {
        writeln!(report, "the score fell: {score:?}, at least {:?}", known.least).unwrap();
    }
    assert!(
        report.is_empty(),
        "{report}\n{} of {} right: {} valid accepted, {} invalid rejected. KOINON_UPDATE=1 rewrites misses.csv: read it, \
         and give each row its clause",
        score.total(),
        VERDICTS.total(),
        score.valid,
        score.invalid
    );
}

#[test]
fn fields_are_split_and_quoted() {
    let line = "a,\"b, c\",\"say \"\"no\"\"\",";
    let split = fields(line);
    assert_eq!(split, ["a", "b, c", "say \"no\"", ""]);
    assert_eq!(split.iter().map(|one| field(one)).collect::<Vec<_>>().join(","), line);
}

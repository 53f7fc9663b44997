//! The OASIS TOSCA 2.0 suite, `suite/oasis-tosca-2.0`: Koinon's verdict on every file, alone and
//! without inputs, compared with the suite's.
//!
//! `misses.csv` has a row for each verdict that differs, with the clause that justifies it. The
//! test fails on a miss without a row and on a row that is no longer a miss. With KOINON_UPDATE=1
//! the rows are rewritten: clauses and reasons of remaining misses are kept, and the score in the
//! head of the file can only rise.

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

use crate::folder::Folder;

const SUITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../suite/oasis-tosca-2.0");

/// Prefixes of the URLs by which files of the suite import each other. They stand for the suite's
/// folder.
const MIRRORED: [&str; 2] = [
    "https://raw.githubusercontent.com/oasis-open/tosca-community-contributions/refs/heads/master/tests/tosca_2_0/",
    "https://github.com/oasis-open/tosca-test-assertions/raw/master/tests/tosca_2_0/",
];

/// The suite's verdicts: 266 files valid, 154 invalid.
const VERDICTS: Score = Score { valid: 266, invalid: 154 };

/// A file's folder, which is the root of its repository, and the mirrored suite.
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

/// The verdict on a file. `Panic` is always wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SuiteVerdict {
    Valid,
    Invalid,
    Panic,
}

impl SuiteVerdict {
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

/// The number of files with the suite's verdict.
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

/// A file with a verdict that differs from the suite's.
struct Miss {
    expected: SuiteVerdict,
    found: SuiteVerdict,
    /// The clause of the specification and its content, written by hand.
    reason: MissReason,
    /// The rendered diagnostics.
    shown: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct MissReason {
    clause: String,
    why: String,
}

/// The content of `misses.csv`: the least score in its head, and a row for each known miss.
struct KnownMisses {
    least: Score,
    rows: BTreeMap<String, KnownMiss>,
}

struct KnownMiss {
    expected: SuiteVerdict,
    found: SuiteVerdict,
    reason: MissReason,
}

const HEAD: &str = "# Least score: ";
const COLUMNS: &str = "file,expected,found,clause,why";

impl KnownMisses {
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
            let verdict = |word: String| SuiteVerdict::of(&word).unwrap();
            let (expected, found) = (verdict(expected), verdict(found));
            (file, KnownMiss { expected, found, reason: MissReason { clause, why } })
        });
        Self { least, rows: rows.collect() }
    }
}

/// Returns the fields of a line of CSV. A field in quotes may contain commas and quotes.
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

/// Returns the suite's verdicts by file.
fn expectations() -> BTreeMap<String, SuiteVerdict> {
    let text = fs::read_to_string(Path::new(SUITE).join("expectations.csv")).unwrap();
    let rows = text.lines().skip(1).map(fields);
    rows.filter_map(|row| Some((row[0].clone(), SuiteVerdict::of(&row[1])?))).collect()
}

/// Returns the compiler's verdict on a file, with the rendered diagnostics.
fn judge(file: &str) -> (SuiteVerdict, String) {
    let path = Path::new(SUITE).join(file);
    let folder = Mirrored(Folder(path.parent().unwrap().to_owned()));
    let root = path.file_name().unwrap().to_str().unwrap();
    match catch_unwind(|| validate(&folder, root, &BTreeMap::new())) {
        Ok(Ok(_)) => (SuiteVerdict::Valid, "accepted\n".to_owned()),
        Ok(Err(diagnostics)) => (SuiteVerdict::Invalid, diagnostics.render(Style::Plain)),
        Err(_) => (SuiteVerdict::Panic, "panicked\n".to_owned()),
    }
}

/// Judges every file. Returns the score and the misses.
fn run(expectations: &BTreeMap<String, SuiteVerdict>) -> (Score, BTreeMap<String, Miss>) {
    let mut score = Score::default();
    let mut misses = BTreeMap::new();
    for (file, &expected) in expectations {
        let (found, shown) = judge(file);
        match expected {
            _ if found != expected => {
                let miss = Miss { expected, found, reason: MissReason::default(), shown };
                misses.insert(file.clone(), miss);
            }
            SuiteVerdict::Valid => score.valid += 1,
            _ => score.invalid += 1,
        }
    }
    (score, misses)
}

/// Writes `misses.csv` for the found misses.
fn write(known: &KnownMisses, score: Score, misses: &BTreeMap<String, Miss>) {
    let least = if score.total() > known.least.total() { score } else { known.least };
    let mut text = format!(
        "{HEAD}{} right = {} valid accepted + {} invalid rejected\n{COLUMNS}\n",
        least.total(),
        least.valid,
        least.invalid
    );
    for (file, miss) in misses {
        let MissReason { clause, why } = &miss.reason;
        let (expected, found) = (miss.expected.word(), miss.found.word());
        writeln!(text, "{file},{expected},{found},{},{}", field(clause), field(why)).unwrap();
    }
    fs::write(self::misses(), text).unwrap();
}

#[test]
fn verdicts_agree_with_the_suite_except_for_listed_misses() {
    let expectations = expectations();
    let valid = expectations.values().filter(|verdict| **verdict == SuiteVerdict::Valid).count();
    assert_eq!(VERDICTS, Score { valid, invalid: expectations.len() - valid });

    let known = KnownMisses::read();
    let (score, mut misses) = run(&expectations);
    for (file, miss) in &mut misses {
        miss.reason = known.rows.get(file).map(|row| row.reason.clone()).unwrap_or_default();
    }
    if std::env::var_os("KOINON_UPDATE").is_some() {
        write(&known, score, &misses);
    }

    let known = KnownMisses::read();
    let mut report = String::new();
    for (file, miss) in &misses {
        let row = known.rows.get(file).map(|row| (row.expected, row.found));
        if row != Some((miss.expected, miss.found)) || miss.found == SuiteVerdict::Panic {
            let (expected, found) = (miss.expected.word(), miss.found.word());
            writeln!(report, "{file}: expected {expected}, found {found}\n{}", miss.shown).unwrap();
        }
    }
    for file in known.rows.keys().filter(|file| !misses.contains_key(*file)) {
        writeln!(report, "{file}: agrees with the suite; remove it from misses.csv").unwrap();
    }
    if score.valid < known.least.valid || score.invalid < known.least.invalid {
        writeln!(report, "the score fell to {score:?}, below {:?}", known.least).unwrap();
    }
    assert!(
        report.is_empty(),
        "{report}\n{} of {} right: {} valid accepted, {} invalid rejected. KOINON_UPDATE=1 rewrites misses.csv: read what \
         changed, and write the clause of each new row",
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

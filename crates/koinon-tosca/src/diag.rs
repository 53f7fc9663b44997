//! Diagnostics: errors and warnings with their places in files and hints to repair them.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::OnceLock;

use serde::Serialize;

use crate::code::Code;
use crate::near::nearest;

/// All diagnostics of one run, in the order of files and lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(Vec<Diagnostic>);

/// An error or a warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Whether the files are invalid.
    pub severity: Severity,
    /// The kind of the diagnostic; stable across versions.
    pub code: Code,
    /// The message: lower case, no final period.
    pub message: String,
    /// The place of the error.
    pub place: SourceRange,
    /// Other places that explain the error.
    pub related: Vec<Related>,
    /// Suggestions to repair it.
    pub hints: Vec<String>,
}

/// A place that explains an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Related {
    /// The place in a file.
    pub place: SourceRange,
    /// A label for the place.
    pub text: String,
}

/// A range of a file. Lines and columns count from 1; columns count characters.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct SourceRange {
    /// The file.
    pub file: String,
    /// Line of the first character.
    pub line: u32,
    /// Column of the first character.
    pub column: u32,
    /// Line of the character after the last.
    pub end_line: u32,
    /// Column of the character after the last.
    pub end_column: u32,
    #[serde(skip)]
    source: LoadedSource,
    #[serde(skip)]
    range: Range<usize>,
}

/// The severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The files are not valid.
    Error,
    /// The files are valid but contain something that the specification advises against or that has
    /// no effect.
    Warning,
}

/// A file's name and text, shared by all ranges in the file.
#[derive(Clone)]
pub(crate) struct LoadedSource(Arc<SourceText>);

struct SourceText {
    name: String,
    text: String,
    /// The start of each line in bytes, computed on first use.
    lines: OnceLock<Vec<usize>>,
}

/// A range of bytes of a source. Four bytes per number are enough: files are far below 4 GiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// The source's number.
    pub(crate) file: u32,
    /// The first byte.
    pub(crate) start: u32,
    /// The byte after the last.
    pub(crate) end: u32,
}

/// All sources of a run. A source's number is its index.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources(Vec<LoadedSource>);

/// A diagnostic as the phases make it: with spans, not yet with lines and columns.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    severity: Severity,
    code: Code,
    message: String,
    span: Span,
    related: Vec<(Span, String)>,
    hints: Vec<String>,
}

/// Collects the faults of all phases, up to [`Diagnostics::MAX`] of each severity.
#[derive(Debug, Default)]
pub(crate) struct Faults(RefCell<Vec<Fault>>);

impl Diagnostics {
    /// The most errors, and the most warnings, of one run. Nobody reads more.
    pub const MAX: usize = 100;

    /// Returns the diagnostics.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl SourceRange {
    /// Returns whether the other range is in the same file.
    pub(crate) fn is_in_file_of(&self, other: &Self) -> bool {
        self.source == other.source
    }

    /// Returns a line of the file by its number from 1, without its line ending.
    pub fn line_text(&self, line: u32) -> &str {
        self.source.line(line as usize)
    }

    /// Returns the range in bytes from the start of its line.
    pub fn in_line(&self) -> Range<usize> {
        let start = self.source.start(self.line as usize);
        self.range.start - start..self.range.end - start
    }
}

impl fmt::Debug for SourceRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for SourceRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl PartialEq for LoadedSource {
    fn eq(&self, other: &Self) -> bool {
        let same =
            |one: &SourceText, other: &SourceText| one.name == other.name && one.text == other.text;
        Arc::ptr_eq(&self.0, &other.0) || same(&self.0, &other.0)
    }
}

impl Eq for LoadedSource {}

impl LoadedSource {
    fn new(name: &str, text: String) -> Self {
        Self(Arc::new(SourceText { name: name.to_owned(), text, lines: OnceLock::new() }))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn text(&self) -> &str {
        &self.0.text
    }

    /// Returns the byte at which each line starts.
    pub(crate) fn lines(&self) -> &[usize] {
        self.0.lines.get_or_init(|| {
            let bytes = self.text().bytes().enumerate();
            let ends = bytes.filter(|(_, byte)| *byte == b'\n');
            [0].into_iter().chain(ends.map(|(at, _)| at + 1)).collect()
        })
    }

    /// Returns the byte at which a line starts; lines count from 1.
    fn start(&self, line: usize) -> usize {
        self.lines().get(line - 1).copied().unwrap_or(self.text().len())
    }

    /// Returns a line's text without its line ending.
    fn line(&self, line: usize) -> &str {
        let text = &self.text()[self.start(line)..self.start(line + 1)];
        let text = text.strip_suffix('\n').unwrap_or(text);
        text.strip_suffix('\r').unwrap_or(text)
    }

    /// Returns the range of a span, moved inside the text and to character boundaries.
    fn place(&self, span: Span) -> SourceRange {
        let text = self.text();
        let start = floor(text, span.start as usize);
        let end = floor(text, (span.end as usize).max(start));
        let line = self.lines().partition_point(|first| *first <= start);
        // A range ends with its first line, because a whole map would bury the message.
        let last = self.start(line) + self.line(line).len();
        let (start, end) = (start.min(last), end.min(last));
        let column = |at| number(text[self.start(line)..at].chars().count() + 1);
        SourceRange {
            file: self.name().to_owned(),
            line: number(line),
            column: column(start),
            end_line: number(line),
            end_column: column(end),
            source: self.clone(),
            range: start..end,
        }
    }
}

impl fmt::Debug for LoadedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Sources {
    /// Adds a source and returns its number.
    pub(crate) fn add(&mut self, name: &str, text: String) -> u32 {
        self.0.push(LoadedSource::new(name, text));
        u32::try_from(self.0.len() - 1).expect("BUG: the budgets bound the number of files")
    }

    pub(crate) fn get(&self, file: u32) -> Option<&LoadedSource> {
        self.0.get(file as usize)
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, LoadedSource> {
        self.0.iter()
    }

    /// Returns the range of a span; an empty range if its file is unknown.
    pub(crate) fn place(&self, span: Span) -> SourceRange {
        match self.get(span.file) {
            Some(source) => source.place(span),
            None => LoadedSource::new("", String::new()).place(Span::default()),
        }
    }
}

impl Fault {
    pub(crate) const fn code(&self) -> Code {
        self.code
    }

    pub(crate) fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        let (severity, message) = (Severity::Error, message.into());
        Self { severity, code, message, span, related: Vec::new(), hints: Vec::new() }
    }

    /// Turns the fault into a warning.
    pub(crate) fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    pub(crate) fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push((span, text.into()));
        self
    }

    pub(crate) fn hint(mut self, text: impl Into<String>) -> Self {
        self.hints.push(text.into());
        self
    }

    /// Adds a hint "did you mean" if one of the names is near.
    pub(crate) fn near<'a>(self, name: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(name, names) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            None => self,
        }
    }

    /// Returns the number of its file, and the byte at which it starts.
    pub(crate) fn place(&self) -> (u32, u32) {
        (self.span.file, self.span.start)
    }
}

impl Faults {
    pub(crate) fn push(&self, fault: Fault) {
        if self.has_room(fault.severity) {
            self.0.borrow_mut().push(fault);
        }
    }

    /// Adds a warning. `fault` is called only if there is room for a warning.
    pub(crate) fn warn(&self, fault: impl FnOnce() -> Fault) {
        if self.has_room(Severity::Warning) {
            self.push(fault().warning());
        }
    }

    fn has_room(&self, severity: Severity) -> bool {
        let faults = self.0.borrow();
        let same = faults.iter().filter(|one| one.severity == severity).count();
        same < Diagnostics::MAX
    }

    /// Adds a hint "did you mean" to a fault while there is room for faults. Without that limit,
    /// many unknown names among many names would take quadratic time.
    pub(crate) fn near<'a>(
        &self,
        fault: Fault,
        name: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Fault {
        let full = self.0.borrow().len() >= Diagnostics::MAX;
        if full { fault } else { fault.near(name, names) }
    }

    /// Runs `work` and returns the faults it pushed, without adding them.
    pub(crate) fn capture<T>(&self, work: impl FnOnce() -> T) -> (T, Vec<Fault>) {
        let before = std::mem::take(&mut *self.0.borrow_mut());
        let result = work();
        let found = std::mem::replace(&mut *self.0.borrow_mut(), before);
        (result, found)
    }

    /// Returns the places of all faults: file numbers, and bytes in the files.
    pub(crate) fn places(&self) -> std::collections::BTreeSet<(u32, u32)> {
        self.0.borrow().iter().map(Fault::place).collect()
    }

    /// Returns the value, or adds the fault.
    pub(crate) fn keep<T>(&self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.push(fault)).ok()
    }

    /// Returns whether there are no errors; there may be warnings.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().iter().all(|fault| fault.severity == Severity::Warning)
    }

    /// Turns the faults into diagnostics, sorted by file and position, without duplicates.
    pub(crate) fn into_diagnostics(self, sources: &Sources) -> Diagnostics {
        let mut faults = self.0.into_inner();
        faults.sort_by_key(|fault| (fault.span.file, fault.span.start));
        let place = |span| sources.place(span);
        let diagnostic = |fault: Fault| Diagnostic {
            severity: fault.severity,
            code: fault.code,
            message: fault.message,
            place: place(fault.span),
            related: fault
                .related
                .into_iter()
                .map(|(span, text)| Related { place: place(span), text })
                .collect(),
            hints: fault.hints,
        };
        let mut seen = std::collections::BTreeSet::new();
        faults.retain(|fault| {
            let place = (fault.span.file, fault.span.start, fault.span.end);
            seen.insert((place, fault.code, fault.message.clone()))
        });
        let list: Vec<Diagnostic> = faults.into_iter().map(diagnostic).collect();
        Diagnostics(list)
    }
}

/// Puts "a" or "an" before a name.
pub(crate) fn article(name: &str) -> String {
    let vowel = name.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']);
    if vowel { format!("an {name}") } else { format!("a {name}") }
}

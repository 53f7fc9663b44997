//! Diagnostics: what is wrong, where, and what to do about it.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::OnceLock;

use serde::Serialize;

use crate::code::Code;
use crate::near::nearest;
use crate::render::render;

/// Everything one run found wrong, in the order of files and lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(Vec<Diagnostic>);

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of error it is; stable across versions.
    pub code: Code,
    /// What is wrong: lower case, no final period.
    pub message: String,
    /// Where.
    pub place: Place,
    /// Other places that matter, each with what it is.
    pub related: Vec<Related>,
    /// What to do next.
    pub hints: Vec<String>,
}

/// A place that explains an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Related {
    /// Where.
    pub place: Place,
    /// What is there.
    pub text: String,
}

/// A range of a file. Lines and columns count from 1; columns count characters.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Place {
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
    source: Source,
    #[serde(skip)]
    range: Range<usize>,
}

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The files are not valid.
    Error,
    /// The files are valid, but say something that the specification advises against or that has no effect.
    Warning,
}

/// How diagnostics look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    Plain,
    /// With ANSI colours.
    Colored,
}

/// A file's name and text, shared by everything that points into it.
#[derive(Clone)]
pub(crate) struct Source(Arc<Content>);

struct Content {
    name: String,
    text: String,
    /// The bytes lines start at, counted when first asked for.
    lines: OnceLock<Vec<usize>>,
}

/// A range of bytes of a source. Four bytes each: files are bounded far below 4 GiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// The source's number.
    pub(crate) file: u32,
    /// The first byte.
    pub(crate) start: u32,
    /// The byte after the last.
    pub(crate) end: u32,
}

/// All sources of a run, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources(Vec<Source>);

/// An error as the phases make it: with spans, not yet with lines and columns.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    severity: Severity,
    code: Code,
    message: String,
    span: Span,
    related: Vec<(Span, String)>,
    hints: Vec<String>,
}

/// Collects faults of all phases, up to a limit. Shared: every phase only adds to it.
#[derive(Debug, Default)]
pub(crate) struct Faults(RefCell<Vec<Fault>>);

impl Diagnostics {
    /// Most diagnostics of one run; who has more will not read them.
    pub const MAX: usize = 100;
    /// Most diagnostics [`render`](Self::render) shows; of the others it says how many there are.
    pub const SHOWN: usize = 30;

    /// Returns the diagnostics.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Renders them for people: message, excerpt with caret, hints, and how many there are.
    pub fn render(&self, style: Style) -> String {
        render(self, style)
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Style::Plain))
    }
}

impl std::error::Error for Diagnostics {}

impl Place {
    /// Returns whether the other place is in the same file.
    pub(crate) fn is_in_file_of(&self, other: &Self) -> bool {
        self.source == other.source
    }

    /// Returns a line of the place's file by its number, without the line's end.
    pub fn line_text(&self, line: u32) -> &str {
        self.source.line(line as usize)
    }

    /// Returns the place's bytes within its line.
    pub fn in_line(&self) -> Range<usize> {
        let start = self.source.start(self.line as usize);
        self.range.start - start..self.range.end - start
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        let same =
            |one: &Content, other: &Content| one.name == other.name && one.text == other.text;
        Arc::ptr_eq(&self.0, &other.0) || same(&self.0, &other.0)
    }
}

impl Eq for Source {}

impl Source {
    fn new(name: &str, text: String) -> Self {
        Self(Arc::new(Content { name: name.to_owned(), text, lines: OnceLock::new() }))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn text(&self) -> &str {
        &self.0.text
    }

    /// Returns where its lines begin.
    pub(crate) fn lines(&self) -> &[usize] {
        self.0.lines.get_or_init(|| {
            let bytes = self.text().bytes().enumerate();
            let ends = bytes.filter(|(_, byte)| *byte == b'\n');
            [0].into_iter().chain(ends.map(|(at, _)| at + 1)).collect()
        })
    }

    /// Returns the byte a line starts at; lines count from 1.
    fn start(&self, line: usize) -> usize {
        self.lines().get(line - 1).copied().unwrap_or(self.text().len())
    }

    /// Returns a line's text without its end.
    fn line(&self, line: usize) -> &str {
        let text = &self.text()[self.start(line)..self.start(line + 1)];
        let text = text.strip_suffix('\n').unwrap_or(text);
        text.strip_suffix('\r').unwrap_or(text)
    }

    /// Returns the place of a range of bytes, brought inside the text and to character boundaries.
    fn place(&self, span: Span) -> Place {
        let text = self.text();
        let start = floor(text, span.start as usize);
        let end = floor(text, (span.end as usize).max(start));
        let line = self.lines().partition_point(|first| *first <= start);
        // One line is enough to point at: a whole map would bury the message. Nobody wrote its end.
        let last = self.start(line) + self.line(line).len();
        let (start, end) = (start.min(last), end.min(last));
        let column = |at| number(text[self.start(line)..at].chars().count() + 1);
        Place {
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

impl fmt::Debug for Source {
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
        self.0.push(Source::new(name, text));
        u32::try_from(self.0.len() - 1).expect("imports are bounded")
    }

    pub(crate) fn get(&self, file: u32) -> Option<&Source> {
        self.0.get(file as usize)
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Source> {
        self.0.iter()
    }

    /// Returns the place of a span.
    pub(crate) fn place(&self, span: Span) -> Place {
        match self.get(span.file) {
            Some(source) => source.place(span),
            None => Source::new("", String::new()).place(Span::default()),
        }
    }
}

impl Fault {
    /// Returns its code.
    pub(crate) const fn code(&self) -> Code {
        self.code
    }

    pub(crate) fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        let (severity, message) = (Severity::Error, message.into());
        Self { severity, code, message, span, related: Vec::new(), hints: Vec::new() }
    }

    /// Makes it a warning.
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

    /// Adds "did you mean" if one of the names is near.
    pub(crate) fn near<'a>(self, name: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(name, names) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            None => self,
        }
    }
}

impl Fault {
    /// Returns where it is: the file, and the byte in it.
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

    /// Keeps a warning, which is made only if there is room for it.
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

    /// Adds "did you mean" to a fault, while there is room for faults: to search all names for each of many others would
    /// take the square of their number.
    pub(crate) fn near<'a>(
        &self,
        fault: Fault,
        name: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Fault {
        let full = self.0.borrow().len() >= Diagnostics::MAX;
        if full { fault } else { fault.near(name, names) }
    }

    /// Keeps what `work` pushes apart, and returns it.
    pub(crate) fn capture<T>(&self, work: impl FnOnce() -> T) -> (T, Vec<Fault>) {
        let before = std::mem::take(&mut *self.0.borrow_mut());
        let result = work();
        let found = std::mem::replace(&mut *self.0.borrow_mut(), before);
        (result, found)
    }

    /// Returns where all faults are: files, and bytes in them.
    pub(crate) fn places(&self) -> std::collections::BTreeSet<(u32, u32)> {
        self.0.borrow().iter().map(Fault::place).collect()
    }

    /// Takes the value, or keeps the fault and gives nothing.
    pub(crate) fn keep<T>(&self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.push(fault)).ok()
    }

    /// Returns whether there are no errors; warnings may be.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().iter().all(|fault| fault.severity == Severity::Warning)
    }

    /// Turns the faults into diagnostics, by file and position, each once.
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

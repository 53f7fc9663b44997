//! Diagnostics: what is wrong, where, and what to do about it.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use annotate_snippets::AnnotationKind;
use annotate_snippets::Group;
use annotate_snippets::Level;
use annotate_snippets::Renderer;
use annotate_snippets::Snippet;
use serde::Serialize;

use crate::code::Code;

/// Everything one run found wrong, in the order of files and lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(Vec<Diagnostic>);

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
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
    range: std::ops::Range<usize>,
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
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Source(Arc<(String, String)>);

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

    /// Returns the diagnostics.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Renders all for people: message, excerpt with caret, hints.
    pub fn render(&self, style: Style) -> String {
        let renderer = match style {
            Style::Plain => Renderer::plain(),
            Style::Colored => Renderer::styled(),
        };
        let texts: Vec<String> = self.0.iter().map(|one| one.render(&renderer)).collect();
        texts.join("\n\n")
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

impl Diagnostic {
    fn render(&self, renderer: &Renderer) -> String {
        let mut group = Group::with_title(
            Level::ERROR.primary_title(self.message.as_str()).id(self.code.as_str()),
        );
        let mut places: Vec<(&Place, Option<&str>)> = vec![(&self.place, None)];
        places.extend(self.related.iter().map(|one| (&one.place, Some(one.text.as_str()))));
        let mut files: Vec<&Source> = Vec::new();
        for (place, _) in &places {
            if !files.contains(&&place.source) {
                files.push(&place.source);
            }
        }
        for file in files {
            let (name, text) = (file.name(), file.text());
            let annotations =
                places.iter().filter(|(place, _)| place.source == *file).map(|(place, label)| {
                    match label {
                        None => AnnotationKind::Primary.span(place.range.clone()),
                        Some(label) => {
                            AnnotationKind::Context.span(place.range.clone()).label(*label)
                        }
                    }
                });
            group =
                group.element(Snippet::source(text).path(name).fold(true).annotations(annotations));
        }
        for hint in &self.hints {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        renderer.render(&[group])
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

impl Source {
    pub(crate) fn name(&self) -> &str {
        &self.0.0
    }

    pub(crate) fn text(&self) -> &str {
        &self.0.1
    }

    /// Returns the place of a range of bytes, brought inside the text and to character boundaries.
    fn place(&self, span: Span) -> Place {
        let text = self.text();
        let start = floor(text, span.start as usize);
        let mut end = floor(text, (span.end as usize).max(start));
        // One line is enough to point at: a whole map would bury the message.
        if let Some(line) = text[start..end].find('\n') {
            end = start + line;
        }
        let (line, column) = position(text, start);
        let (end_line, end_column) = position(text, end);
        let (file, source, range) = (self.name().to_owned(), self.clone(), start..end);
        Place { file, line, column, end_line, end_column, source, range }
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

fn position(text: &str, at: usize) -> (u32, u32) {
    let before = &text[..at];
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    (number(line), number(column))
}

impl Sources {
    /// Adds a source and returns its number.
    pub(crate) fn add(&mut self, name: &str, text: String) -> u32 {
        self.0.push(Source(Arc::new((name.to_owned(), text))));
        u32::try_from(self.0.len() - 1).expect("imports are bounded")
    }

    pub(crate) fn get(&self, file: u32) -> Option<&Source> {
        self.0.get(file as usize)
    }

    fn place(&self, span: Span) -> Place {
        match self.get(span.file) {
            Some(source) => source.place(span),
            None => Source(Arc::new((String::new(), String::new()))).place(Span::default()),
        }
    }
}

impl Fault {
    pub(crate) fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), span, related: Vec::new(), hints: Vec::new() }
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

impl Faults {
    pub(crate) fn push(&self, fault: Fault) {
        let mut faults = self.0.borrow_mut();
        if faults.len() < Diagnostics::MAX {
            faults.push(fault);
        }
    }

    /// Takes the value, or keeps the fault and gives nothing.
    pub(crate) fn keep<T>(&self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.push(fault)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Turns the faults into diagnostics, by file and position, each once.
    pub(crate) fn into_diagnostics(self, sources: &Sources) -> Diagnostics {
        let mut faults = self.0.into_inner();
        faults.sort_by_key(|fault| (fault.span.file, fault.span.start));
        let place = |span| sources.place(span);
        let diagnostic = |fault: Fault| Diagnostic {
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
        let mut list: Vec<Diagnostic> = faults.into_iter().map(diagnostic).collect();
        list.dedup();
        Diagnostics(list)
    }
}

/// Puts "a" or "an" before a name.
pub(crate) fn article(name: &str) -> String {
    let vowel = name.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']);
    if vowel { format!("an {name}") } else { format!("a {name}") }
}

/// Returns the name at the smallest edit distance, if it is near enough to be a slip.
fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    // Names are short; a hostile long one gets no suggestion.
    if name.len() > 64 {
        return None;
    }
    let distances = names.into_iter().filter(|other| other.len() <= 64 && *other != name);
    let best = distances.map(|other| (distance(name, other), other)).min()?;
    (best.0 <= limit).then_some(best.1)
}

/// The Levenshtein distance, case ignored.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found() {
        let names = ["properties", "requirements", "type"];
        assert_eq!(nearest("propertis", names), Some("properties"));
        assert_eq!(nearest("tpye", names), None);
        assert_eq!(nearest("typ", names), Some("type"));
        assert_eq!(nearest("zebra", names), None);
    }
}

//! Renders diagnostics as text for people.
//!
//! This module makes excerpts, and annotate-snippets draws them. An excerpt has only the lines near
//! spans, cut to the text around the spans, without characters that move a cursor or hide or
//! reorder text: files are hostile, and terminals obey.

use std::fmt;
use std::fmt::Write;
use std::ops::Range;

use annotate_snippets::AnnotationKind;
use annotate_snippets::Group;
use annotate_snippets::Level;
use annotate_snippets::Renderer;
use annotate_snippets::Snippet;
use koinon_model::is_harmful;

use crate::diag::Diagnostic;
use crate::diag::Diagnostics;
use crate::diag::Severity;
use crate::diag::SourceRange;

/// Lines with more characters are cut.
const MAX_LINE_CHARS: usize = 120;
/// The characters kept before and after each end of a span in a cut line.
const CONTEXT_CHARS: usize = 40;
/// Messages with more characters are cut.
const MAX_MESSAGE_CHARS: usize = 1_000;
/// Lines this near to a span are shown; an ellipsis stands for the others.
const NEAR_LINES: u32 = 2;
/// Spans of one file that are farther apart have separate excerpts.
const FAR_LINES: u32 = 1_000;

/// The style of rendered diagnostics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    Plain,
    /// With ANSI colours.
    Colored,
}

impl Diagnostics {
    /// The most diagnostics that [`render`](Self::render) shows; of the rest it gives the number.
    pub const SHOWN: usize = 30;

    /// Renders the diagnostics for people: message, excerpt with carets, hints, and at the end the
    /// number of diagnostics and files.
    pub fn render(&self, style: Style) -> String {
        let renderer = match style {
            Style::Plain => Renderer::plain(),
            Style::Colored => Renderer::styled(),
        };
        let shown = self.iter().take(Self::SHOWN);
        let mut texts: Vec<String> = shown.map(|one| render_one(one, &renderer)).collect();
        texts.extend(summary(self));
        texts.join("\n\n")
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Style::Plain))
    }
}

impl std::error::Error for Diagnostics {}

/// Returns the last line, which counts the diagnostics; `None` for a single one.
fn summary(diagnostics: &Diagnostics) -> Option<String> {
    let count = diagnostics.iter().len();
    if count < 2 {
        return None;
    }
    let is_error = |one: &&Diagnostic| one.severity == Severity::Error;
    let errors = diagnostics.iter().filter(is_error).count();
    let warnings = count - errors;
    let mut files: Vec<&str> = diagnostics.iter().map(|one| one.place.file.as_str()).collect();
    files.sort_unstable();
    files.dedup();
    let more = count.saturating_sub(Diagnostics::SHOWN);
    let hidden = if more > 0 { format!("and {more} more: ") } else { String::new() };
    // Diagnostics beyond the limit were not counted.
    let least = if errors.max(warnings) >= Diagnostics::MAX { "at least " } else { "" };
    let plural = |count: usize, what: &str| {
        let end = if count == 1 { "" } else { "s" };
        format!("{count} {what}{end}")
    };
    let counts = match (errors, warnings) {
        (errors, 0) => plural(errors, "error"),
        (0, warnings) => plural(warnings, "warning"),
        (errors, warnings) => {
            format!("{} and {}", plural(errors, "error"), plural(warnings, "warning"))
        }
    };
    Some(format!("{hidden}{least}{counts} in {}", plural(files.len(), "file")))
}

fn render_one(diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let title = harmless(&diagnostic.message);
    let mut places = vec![(&diagnostic.place, None)];
    let labels: Vec<String> =
        diagnostic.related.iter().map(|related| harmless(&related.text)).collect();
    let related = diagnostic.related.iter().map(|related| &related.place);
    places.extend(related.zip(labels.iter().map(|label| Some(label.as_str()))));
    let excerpts = excerpts(&places);
    let hints: Vec<String> = diagnostic.hints.iter().map(|hint| harmless(hint)).collect();
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group =
        Group::with_title(level.primary_title(title.as_str()).id(diagnostic.code.as_str()));
    for excerpt in &excerpts {
        let annotations = excerpt.marks.iter().map(|mark| match mark.label {
            None => AnnotationKind::Primary.span(mark.range.clone()),
            Some(label) => AnnotationKind::Context.span(mark.range.clone()).label(label),
        });
        group = group.element(
            Snippet::source(excerpt.text.as_str())
                .path(excerpt.file.as_str())
                .line_start(excerpt.line as usize)
                .fold(true)
                .annotations(annotations),
        );
    }
    for hint in &hints {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    let mut text = renderer.render(&[group]);
    for excerpt in &excerpts {
        for mark in &excerpt.marks {
            let head = format!("{}:{}:", excerpt.file, mark.line);
            correct_column(&mut text, &head, mark.shown_column, mark.column);
        }
    }
    text
}

/// Replaces the column of a cut line in an excerpt's head by the column in the file.
fn correct_column(text: &mut String, head: &str, shown: usize, real: u32) {
    let wrong = format!("{head}{shown}");
    if wrong == format!("{head}{real}") {
        return;
    }
    let found = text.match_indices(&wrong).map(|(at, _)| at + head.len()).find(|at| {
        let rest = &text[at + wrong.len() - head.len()..];
        !rest.starts_with(|next: char| next.is_ascii_digit())
    });
    if let Some(at) = found {
        text.replace_range(at..at + wrong.len() - head.len(), &real.to_string());
    }
}

/// Lines of a file, prepared for a terminal.
#[derive(Debug, Default)]
struct Excerpt<'a> {
    file: String,
    /// The number of the first line.
    line: u32,
    text: String,
    marks: Vec<Mark<'a>>,
}

/// A marked range of an excerpt.
#[derive(Debug)]
struct Mark<'a> {
    /// Bytes of the excerpt's text.
    range: Range<usize>,
    /// The label; the error's own range has none.
    label: Option<&'a str>,
    line: u32,
    /// The column in the file.
    column: u32,
    /// The column in the excerpt, which differs if the line is cut.
    shown_column: usize,
}

/// A range with its label.
type Labelled<'a> = (&'a SourceRange, Option<&'a str>);

/// Makes an excerpt for each file, in the order of the ranges; several if ranges are far apart.
fn excerpts<'a>(places: &[Labelled<'a>]) -> Vec<Excerpt<'a>> {
    let mut files: Vec<Vec<Labelled<'a>>> = Vec::new();
    for place in places {
        let same = files.iter_mut().find(|file| {
            let first = file[0].0;
            first.is_in_file_of(place.0) && first.line.abs_diff(place.0.line) <= FAR_LINES
        });
        match same {
            Some(file) => file.push(*place),
            None => files.push(vec![*place]),
        }
    }
    files.into_iter().map(|file| excerpt(&file)).collect()
}

fn excerpt<'a>(places: &[Labelled<'a>]) -> Excerpt<'a> {
    let lines = places.iter().map(|(place, _)| place.line);
    let (Some(first), Some(last)) = (lines.clone().min(), lines.max()) else {
        return Excerpt::default();
    };
    let file = harmless(&places[0].0.file);
    let mut excerpt = Excerpt { file, line: first, text: String::new(), marks: Vec::new() };
    for line in first..=last {
        let here: Vec<&Labelled<'a>> =
            places.iter().filter(|(place, _)| place.line == line).collect();
        let near = places.iter().any(|(place, _)| place.line.abs_diff(line) <= NEAR_LINES);
        // Lines that are not shown stay as empty lines, so that line numbers are right.
        if near {
            let text = places[0].0.line_text(line);
            let spans: Vec<Range<usize>> = here.iter().map(|(place, _)| place.in_line()).collect();
            let start = excerpt.text.len();
            let shown = shown_line(text, &spans, &mut excerpt.text);
            for (range, (place, label)) in shown.into_iter().zip(here) {
                let shown_column = excerpt.text[start..range.start].chars().count() + 1;
                let (label, column) = (*label, place.column);
                excerpt.marks.push(Mark { range, label, line, column, shown_column });
            }
        }
        excerpt.text.push('\n');
    }
    // The excerpt's head points at the first mark, which is the error.
    excerpt.marks.sort_by_key(|mark| mark.label.is_some());
    excerpt
}

/// Adds a line to the text, cut and without harmful characters. Returns the spans in the text.
fn shown_line(line: &str, spans: &[Range<usize>], out: &mut String) -> Vec<Range<usize>> {
    let mut shown = vec![0..0; spans.len()];
    let kept = kept_ranges(line, spans);
    let mut cut = false;
    let last = line.len();
    for (at, character) in line.char_indices().chain([(last, '\n')]) {
        for (span, shown) in spans.iter().zip(&mut shown) {
            if span.start == at {
                shown.start = out.len();
            }
            if span.end == at {
                shown.end = out.len();
            }
        }
        if at == last {
            break;
        }
        if kept.iter().any(|range| range.contains(&at)) {
            let hidden = is_harmful(character) && character != '\t';
            out.push(if hidden { '\u{fffd}' } else { character });
            cut = false;
        } else if !cut {
            out.push('…');
            cut = true;
        }
    }
    shown
}

/// Returns the byte ranges of a line that are shown.
fn kept_ranges(line: &str, spans: &[Range<usize>]) -> Vec<Range<usize>> {
    let end = chars_after(line, 0, MAX_LINE_CHARS);
    if end == line.len() || spans.is_empty() {
        return std::iter::once(0..end).collect();
    }
    let ends = spans.iter().flat_map(|span| [span.start, span.end]);
    let around = |at| chars_before(line, at, CONTEXT_CHARS)..chars_after(line, at, CONTEXT_CHARS);
    ends.map(around).collect()
}

/// Returns the byte at which the n-th character after a byte starts.
fn chars_after(line: &str, at: usize, n: usize) -> usize {
    line[at..].char_indices().nth(n).map_or(line.len(), |(more, _)| at + more)
}

/// Returns the byte at which the n-th character before a byte starts.
fn chars_before(line: &str, at: usize, n: usize) -> usize {
    line[..at].char_indices().rev().nth(n.saturating_sub(1)).map_or(0, |(at, _)| at)
}

/// Returns a message on one line of bounded length, with harmful characters as `\u{…}`.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (count, character) in text.chars().enumerate() {
        if count == MAX_MESSAGE_CHARS {
            out.push('…');
            break;
        }
        match character {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            character if is_harmful(character) => {
                // Writing to a string cannot fail.
                let _: std::fmt::Result = write!(out, "{}", character.escape_unicode());
            }
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the shown line, with its span in brackets.
    fn show(line: &str, span: Option<Range<usize>>) -> String {
        let mut out = String::new();
        let shown = shown_line(line, span.as_slice(), &mut out);
        for range in shown {
            out.insert(range.end, ']');
            out.insert(range.start, '[');
        }
        out
    }

    #[test]
    fn short_lines_are_shown_whole() {
        assert_eq!(show("a: b", Some(0..1)), "[a]: b");
        assert_eq!(show("a: b", Some(4..4)), "a: b[]");
        assert_eq!(show("a: b", None), "a: b");
    }

    #[test]
    fn long_lines_are_cut_around_their_spans() {
        let line = format!("{}KEY{}", "a".repeat(1_000), "b".repeat(1_000));
        let around = format!("…{}[KEY]{}…", "a".repeat(CONTEXT_CHARS), "b".repeat(CONTEXT_CHARS));
        assert_eq!(show(&line, Some(1_000..1_003)), around);
        let whole = show(&line, Some(0..2_003));
        assert_eq!(whole, format!("[{}…{}]", "a".repeat(CONTEXT_CHARS), "b".repeat(CONTEXT_CHARS)));
        assert_eq!(show(&line, None).chars().count(), MAX_LINE_CHARS + 1);
        let wide = "字".repeat(500);
        assert!(show(&wide, Some(600..603)).contains("字[字]字"));
    }

    #[test]
    fn nothing_harmful_is_shown() {
        let line = "a\u{1b}[2J\u{202e}b\u{9b}c\r\u{200d}\u{feff}";
        assert_eq!(
            show(line, Some(1..2)),
            "a[\u{fffd}][2J\u{fffd}b\u{fffd}c\u{fffd}\u{fffd}\u{fffd}"
        );
        assert_eq!(harmless("a\u{1b}b\nc\u{202e}"), "a\\u{1b}b\\nc\\u{202e}");
        assert_eq!(harmless(&"x".repeat(5_000)).chars().count(), MAX_MESSAGE_CHARS + 1);
    }
}

//! Diagnostics as text for people.
//!
//! Excerpts are made here and drawn by annotate-snippets: only the lines that matter reach it, each cut to what is near
//! a span, without a character that could move a cursor, hide or reorder text. Files are hostile, terminals obey.

use std::fmt::Write;
use std::ops::Range;

use annotate_snippets::AnnotationKind;
use annotate_snippets::Group;
use annotate_snippets::Level;
use annotate_snippets::Renderer;
use annotate_snippets::Snippet;

use crate::diag::Diagnostic;
use crate::diag::Diagnostics;
use crate::diag::Place;
use crate::diag::Severity;
use crate::diag::Style;

/// Lines longer than this many characters are cut.
const LONG_LINE: usize = 120;
/// Characters that stay before and after a span's ends when a line is cut.
const AROUND: usize = 40;
/// Characters of a name or value that are shown in a message.
const LONG_TEXT: usize = 1_000;
/// Lines between two spans that are shown whole; of more, an ellipsis tells.
const NEAR_LINES: u32 = 2;
/// Lines between two spans of one excerpt; farther ones have excerpts of their own.
const FAR_LINES: u32 = 1_000;

/// Renders diagnostics, and at the end how many there are in how many files.
pub(crate) fn render(diagnostics: &Diagnostics, style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Colored => Renderer::styled(),
    };
    let shown = diagnostics.iter().take(Diagnostics::SHOWN);
    let mut texts: Vec<String> = shown.map(|one| diagnostic(one, &renderer)).collect();
    texts.extend(closing(diagnostics));
    texts.join("\n\n")
}

/// Returns the last line: nothing for a single error, which needs no counting.
fn closing(diagnostics: &Diagnostics) -> Option<String> {
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
    // Nobody counted what was found after the last one that is kept.
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

fn diagnostic(diagnostic: &Diagnostic, renderer: &Renderer) -> String {
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
            correct(&mut text, &head, mark.shown_column, mark.column);
        }
    }
    text
}

/// Puts the column of the file where an excerpt's head has that of a line that was cut.
fn correct(text: &mut String, head: &str, shown: usize, real: u32) {
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

/// Some lines of a file, fit to be shown.
#[derive(Debug, Default)]
struct Excerpt<'a> {
    file: String,
    /// The number of the first line.
    line: u32,
    text: String,
    marks: Vec<Mark<'a>>,
}

/// What is marked in an excerpt.
#[derive(Debug)]
struct Mark<'a> {
    /// Bytes of the excerpt's text.
    range: Range<usize>,
    /// What is there; the error itself has no label.
    label: Option<&'a str>,
    line: u32,
    /// The column in the file.
    column: u32,
    /// The column in the excerpt, another one if the line is cut.
    shown_column: usize,
}

type Labelled<'a> = (&'a Place, Option<&'a str>);

/// Makes excerpts: one for each file, in the order in which files are first named, or several if spans are far apart.
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
        // Lines that are not shown only have to be there, so that numbers are right.
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
    // The error is what the excerpt's head points at.
    excerpt.marks.sort_by_key(|mark| mark.label.is_some());
    excerpt
}

/// Adds a line to the text, cut and without harm; returns where its spans are now.
fn shown_line(line: &str, spans: &[Range<usize>], out: &mut String) -> Vec<Range<usize>> {
    let mut shown = vec![0..0; spans.len()];
    let kept = kept(line, spans);
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
            out.push(if is_harmful(character) { '\u{fffd}' } else { character });
            cut = false;
        } else if !cut {
            out.push('…');
            cut = true;
        }
    }
    shown
}

/// Returns the bytes of a line that are shown.
fn kept(line: &str, spans: &[Range<usize>]) -> Vec<Range<usize>> {
    let end = nth(line, 0, LONG_LINE);
    if end == line.len() || spans.is_empty() {
        return std::iter::once(0..end).collect();
    }
    let ends = spans.iter().flat_map(|span| [span.start, span.end]);
    ends.map(|at| nth_back(line, at, AROUND)..nth(line, at, AROUND)).collect()
}

/// Returns where the n-th character after a byte starts.
fn nth(line: &str, at: usize, n: usize) -> usize {
    line[at..].char_indices().nth(n).map_or(line.len(), |(more, _)| at + more)
}

/// Returns where the n-th character before a byte starts.
fn nth_back(line: &str, at: usize, n: usize) -> usize {
    line[..at].char_indices().rev().nth(n.saturating_sub(1)).map_or(0, |(at, _)| at)
}

/// Returns whether a character commands a terminal, hides itself or reorders what is around it.
pub(crate) fn is_harmful(character: char) -> bool {
    (character.is_control() && character != '\t')
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Returns a message's text on one line of bounded length, what could do harm as `\u{…}`.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (count, character) in text.chars().enumerate() {
        if count == LONG_TEXT {
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

    /// Shows a line with its span in brackets.
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
    fn short_lines_stay() {
        assert_eq!(show("a: b", Some(0..1)), "[a]: b");
        assert_eq!(show("a: b", Some(4..4)), "a: b[]");
        assert_eq!(show("a: b", None), "a: b");
    }

    #[test]
    fn long_lines_are_cut_around_their_spans() {
        let line = format!("{}KEY{}", "a".repeat(1_000), "b".repeat(1_000));
        let around = format!("…{}[KEY]{}…", "a".repeat(AROUND), "b".repeat(AROUND));
        assert_eq!(show(&line, Some(1_000..1_003)), around);
        let whole = show(&line, Some(0..2_003));
        assert_eq!(whole, format!("[{}…{}]", "a".repeat(AROUND), "b".repeat(AROUND)));
        assert_eq!(show(&line, None).chars().count(), LONG_LINE + 1);
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
        assert_eq!(harmless(&"x".repeat(5_000)).chars().count(), LONG_TEXT + 1);
    }
}

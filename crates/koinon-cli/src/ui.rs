//! What goes to the terminal: data to stdout, talk to stderr.

use std::io::IsTerminal;
use std::io::Write;
use std::time::Duration;
use std::time::Instant;

use anstyle::AnsiColor;
use anstyle::Style;
use serde::Serialize;

/// How a command speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ui {
    /// Data as JSON.
    pub(crate) json: bool,
}

/// A colour with a meaning.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tone {
    /// It is good, or comes new.
    Good,
    /// It is bad, or goes.
    Bad,
    /// It changes.
    Changed,
    /// It matters less.
    Quiet,
    /// It is a heading.
    Strong,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
            Self::Changed => AnsiColor::Yellow.on_default(),
            Self::Quiet => Style::new().dimmed(),
            Self::Strong => Style::new().bold(),
        }
    }
}

/// Paints text; the terminal's side takes the colour away where there is none.
pub(crate) fn paint(tone: Tone, text: &str) -> String {
    let style = tone.style();
    format!("{style}{text}{style:#}")
}

/// Returns the text without what could move a cursor, hide or reorder text: much of it comes from a chain, where anybody
/// writes. Colours stay, but for the one that conceals.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some(length) = color_length(rest) {
            out.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        rest = &rest[character.len_utf8()..];
        let reorders = matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}');
        let hidden = (character.is_control() && character != '\n') || reorders;
        out.push(if hidden { '\u{fffd}' } else { character });
    }
    out
}

/// The length of the colour sequence (ECMA-48 SGR) the text starts with.
fn color_length(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\x1b[")?;
    let end = parameters.find(|character: char| !character.is_ascii_digit() && character != ';')?;
    let plain =
        parameters[end..].starts_with('m') && parameters[..end].split(';').all(|each| each != "8");
    plain.then_some("\x1b[".len() + end + 1)
}

impl Ui {
    /// Prints data: a line for people.
    pub(crate) fn line(self, text: &str) {
        // Who closed the pipe does not want the rest.
        drop(writeln!(anstream::stdout().lock(), "{}", harmless(text)));
    }

    /// Prints data: text as it is, without a new line.
    pub(crate) fn raw(self, text: &str) {
        drop(std::io::stdout().lock().write_all(text.as_bytes()));
    }

    /// Prints data as JSON.
    pub(crate) fn json(self, data: &impl Serialize) {
        match serde_json::to_string_pretty(data) {
            // Data is not altered; what commands a terminal is escaped, in JSON the same.
            Ok(text) => self.raw(&format!("{}\n", koinon_tosca::harmless_json(&text))),
            Err(error) => self.say(&format!("cannot write JSON: {error}")),
        }
    }

    /// Says something to whoever watches.
    pub(crate) fn say(self, text: &str) {
        drop(writeln!(anstream::stderr().lock(), "{}", harmless(text)));
    }

    /// Starts a stage whose end will be said with its time.
    pub(crate) fn stage(self, name: &'static str) -> Stage {
        if std::io::stderr().is_terminal() {
            drop(write!(anstream::stderr().lock(), "  {name} …"));
        }
        Stage { ui: self, name, started: Instant::now() }
    }

    /// Prints rows in columns, the first row as a heading.
    pub(crate) fn table(self, rows: &[Vec<String>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (index, row) in rows.iter().enumerate() {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let pad =
                    if column + 1 == row.len() { 0 } else { widths[column] - cell.chars().count() };
                format!("{cell}{}", " ".repeat(pad))
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            self.line(&if index == 0 { paint(Tone::Quiet, &line) } else { line });
        }
    }
}

/// A stage under way.
#[derive(Debug)]
pub(crate) struct Stage {
    ui: Ui,
    name: &'static str,
    started: Instant,
}

/// A stage that ended.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StageDone {
    pub(crate) stage: &'static str,
    pub(crate) milliseconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gas: Option<u64>,
}

impl Stage {
    /// Says how far the stage is, to who watches it on a terminal.
    pub(crate) fn note(&self, text: &str) {
        if std::io::stderr().is_terminal() {
            drop(write!(anstream::stderr().lock(), "\r\x1b[2K  {} … {text}", self.name));
        }
    }

    /// Says that the stage has ended, what came of it, and what gas it took.
    pub(crate) fn done(self, what: &str, gas: Option<u64>) -> StageDone {
        let took = self.started.elapsed();
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let gas_text = gas.map(|gas| format!("  {} gas", thousands(gas))).unwrap_or_default();
        if std::io::stderr().is_terminal() {
            drop(write!(anstream::stderr().lock(), "\r\x1b[2K"));
        }
        let line = format!(
            "{} {:<12} {what} {}",
            paint(Tone::Good, "✔"),
            self.name,
            paint(Tone::Quiet, &format!("{}{gas_text}", seconds(took)))
        );
        self.ui.say(&line);
        StageDone { stage: self.name, milliseconds, gas }
    }
}

/// Shows a duration as people read it.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// Shows a number with its thousands apart.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_colour_reaches_the_terminal() {
        let painted = paint(Tone::Good, "fine");
        assert_eq!(harmless(&painted), painted);
        for (hostile, shown) in [
            ("a\x1b[8mb", "a\u{fffd}[8mb"),
            ("a\x1b[1;8mb", "a\u{fffd}[1;8mb"),
            ("a\x1b[2Kb", "a\u{fffd}[2Kb"),
            ("a\u{9b}2Kb", "a\u{fffd}2Kb"),
            ("a\rb\tc", "a\u{fffd}b\u{fffd}c"),
            ("a\u{202e}b", "a\u{fffd}b"),
            ("\x1b[", "\u{fffd}["),
            ("two\nlines", "two\nlines"),
        ] {
            assert_eq!(harmless(hostile), shown);
        }
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}

//! Output to the terminal: data to stdout, messages to stderr.

use std::io::IsTerminal;
use std::io::Write;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use anstyle::AnsiColor;
use anstyle::Style;
use serde::Serialize;

/// Whether this program printed data.
static PRINTED: AtomicBool = AtomicBool::new(false);

/// Returns whether this program printed data, after which no other document may follow on stdout.
pub(crate) fn has_printed() -> bool {
    PRINTED.load(Ordering::Relaxed)
}

/// The output of a command.
#[derive(Clone, Copy, Debug)]
pub struct Ui {
    /// Whether data is printed as JSON.
    pub json: bool,
}

/// A colour with a meaning.
#[derive(Clone, Copy, Debug)]
pub enum Tone {
    /// Good or new: green.
    Good,
    /// Bad or removed: red.
    Bad,
    /// Changed: yellow.
    Changed,
    /// Less important: dimmed.
    Quiet,
    /// A heading: bold.
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

/// Colours text. Output that is not a terminal drops the colours again.
pub fn paint(tone: Tone, text: &str) -> String {
    let style = tone.style();
    format!("{style}{text}{style:#}")
}

/// Makes text that others wrote, on a chain or in a file, safe to put into a line: without colours,
/// line ends, or anything else that could pass as the tool's own words.
pub fn plain(text: &str) -> String {
    let shown = |one: char| if koinon_model::is_harmful(one) { '\u{fffd}' } else { one };
    text.chars().map(shown).collect()
}

/// Replaces characters that could move a cursor, hide text or reorder it: much of the text comes
/// from a chain, where anybody can write. Colours stay, except what conceals; [`plain`] takes all.
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
        let harmful = character != '\n' && koinon_model::is_harmful(character);
        out.push(if harmful { '\u{fffd}' } else { character });
    }
    out
}

/// Returns the length of the colour sequence (ECMA-48 SGR) at the start of the text.
fn color_length(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\x1b[")?;
    let end = parameters.find(|character: char| !character.is_ascii_digit() && character != ';')?;
    let plain = parameters[end..].starts_with('m')
        && parameters[..end].split(';').all(|each| each.trim_start_matches('0') != "8");
    plain.then_some("\x1b[".len() + end + 1)
}

impl Ui {
    /// Prints a line of data for people.
    pub fn line(self, text: &str) {
        PRINTED.store(true, Ordering::Relaxed);
        // A closed pipe is not an error: the reader wants no more.
        drop(writeln!(anstream::stdout().lock(), "{}", harmless(text)));
    }

    /// Prints data unchanged and without a line end.
    pub fn raw(self, text: &str) {
        PRINTED.store(true, Ordering::Relaxed);
        drop(std::io::stdout().lock().write_all(text.as_bytes()));
    }

    /// Prints data as JSON.
    pub fn json(self, data: &impl Serialize) {
        match serde_json::to_string_pretty(data) {
            // Control characters become escapes, which mean the same data in JSON.
            Ok(text) => self.raw(&format!("{}\n", koinon_tosca::harmless_json(&text))),
            Err(error) => self.say(&format!("cannot write JSON: {error}")),
        }
    }

    /// Prints a line to stderr.
    pub fn say(self, text: &str) {
        drop(writeln!(anstream::stderr().lock(), "{}", harmless(text)));
    }

    /// Starts a stage; its end prints the time it took.
    pub fn stage(self, name: &'static str) -> Stage {
        if std::io::stderr().is_terminal() {
            drop(write!(anstream::stderr().lock(), "  {name} …"));
        }
        Stage { ui: self, name, started: Instant::now() }
    }

    /// Prints rows in columns; the first row is the heading.
    pub fn table(self, rows: &[Vec<String>]) {
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

/// A running stage of a command.
#[derive(Debug)]
pub struct Stage {
    ui: Ui,
    name: &'static str,
    started: Instant,
}

/// A finished stage of a command.
#[derive(Clone, Debug, Serialize)]
pub struct StageDone {
    /// The name of the stage.
    pub stage: &'static str,
    /// The time it took.
    pub milliseconds: u64,
    /// The gas its transactions used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gas: Option<u64>,
}

impl Stage {
    /// Shows progress, if stderr is a terminal.
    pub fn note(&self, text: &str) {
        if std::io::stderr().is_terminal() {
            drop(write!(anstream::stderr().lock(), "\r\x1b[2K  {} … {text}", self.name));
        }
    }

    /// Ends a stage that had nothing to do, without a line.
    pub fn cancel(self) {
        clear_progress();
    }

    /// Ends the stage and prints its time, its result and the gas it used.
    pub fn done(self, what: &str, gas: Option<u64>) -> StageDone {
        let took = self.started.elapsed();
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        clear_progress();
        let time = paint(Tone::Quiet, &format!("{:>9}", seconds(took)));
        let gas_text = gas.map_or_else(String::new, |gas| {
            paint(Tone::Quiet, &format!("  {} gas", thousands(gas)))
        });
        let line = format!("{} {:<12}{time}  {what}{gas_text}", paint(Tone::Good, "✔"), self.name);
        self.ui.say(&line);
        StageDone { stage: self.name, milliseconds, gas }
    }
}

/// Clears the progress of a stage, if stderr is a terminal.
fn clear_progress() {
    if std::io::stderr().is_terminal() {
        drop(write!(anstream::stderr().lock(), "\r\x1b[2K"));
    }
}

/// Formats a duration in seconds, such as `1.25 s`.
pub fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// Formats a number with separated thousands, such as `12,345`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("BUG: digits are ASCII"))
        .collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colours_reach_the_terminal_unfiltered() {
        let painted = paint(Tone::Good, "fine");
        assert_eq!(harmless(&painted), painted);
        for (hostile, shown) in [
            ("a\x1b[8mb", "a\u{fffd}[8mb"),
            ("a\x1b[1;8mb", "a\u{fffd}[1;8mb"),
            ("a\x1b[08mb", "a\u{fffd}[08mb"),
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
    fn text_of_others_stays_in_its_line_and_has_no_colours() {
        let forged = "x\nstate     executed\r\x1b[32mgreen\x1b[0m\u{2028}";
        assert_eq!(
            plain(forged),
            "x\u{fffd}state     executed\u{fffd}\u{fffd}[32mgreen\u{fffd}[0m\u{fffd}"
        );
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}

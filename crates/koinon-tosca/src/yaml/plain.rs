//! Plain YAML, read directly: the block maps and lists, flow collections of one style or the other, and scalars that
//! templates are written in, without anchors, aliases, tags and directives.
//!
//! The parser of all of YAML takes a quarter of a compiler's time, mostly for what templates do not use. This reader
//! gives the builder the events that parser would give, or gives up; whatever it is not sure of, and every fault, makes
//! the file be parsed from its start by the parser. So that one alone says what YAML is and what is wrong with a file,
//! and the tests here compare both. Scalars of several lines and those with escapes are the parser's as well: it is asked
//! for the one scalar.

mod flow;

use std::ops::Range;

use granit_parser::Event;
use granit_parser::ScalarStyle;

use super::tree::Budget;
use super::tree::Builder;
use super::tree::Tree;
use super::tree::parser;
use crate::diag::Faults;

/// Bytes of a text that four bytes can count whatever is added.
const MOST: usize = 1 << 30;
/// Bytes a key may have on its line, and with it a little less than YAML allows.
const KEY: usize = 1000;

/// Reads a file of one document; `None` if it must be parsed, and then nothing has happened.
pub(super) fn read(text: &str, file: u32, budget: &mut Budget) -> Option<Tree> {
    if text.len() > MOST || !is_plain(text) {
        return None;
    }
    let (faults, mut left) = (Faults::default(), budget.clone());
    let builder = Builder::new(file, text.len(), &mut left, &faults);
    let limits = budget.clone();
    let mut reader =
        Reader { text, limits, builder, levels: Vec::new(), missing: None, begun: false };
    let mut at = 0;
    while let Some(line) = reader.next_line(at) {
        at = reader.line(line)?;
    }
    let tree = reader.finish()?;
    if !faults.is_empty() {
        return None;
    }
    *budget = left;
    Some(tree)
}

/// Whether every character is what it seems: no control character, no line break but the usual, no mark of byte order.
fn is_plain(text: &str) -> bool {
    let is_usual = |byte: u8| (byte == b'\n') | ((b' '..=b'~').contains(&byte));
    // Looked at many at once, which is several times as fast as one after the other.
    let (chunks, rest) = text.as_bytes().as_chunks::<64>();
    let all_usual = |chunk: &[u8; 64]| chunk.iter().fold(true, |all, byte| all & is_usual(*byte));
    (chunks.iter().all(all_usual) && rest.iter().all(|byte| is_usual(*byte)))
        || text.chars().all(|character| match character {
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
            other => u8::try_from(other).is_ok_and(is_usual) || other >= '\u{a0}',
        })
}

/// Where a line's content starts, and how many spaces are before it.
#[derive(Clone, Copy, Debug)]
struct Line {
    at: usize,
    column: usize,
}

/// A block map or list that is open.
#[derive(Clone, Copy, Debug)]
struct Level {
    column: usize,
    list: bool,
}

struct Reader<'t, 'b> {
    text: &'t str,
    limits: Budget,
    builder: Builder<'b>,
    levels: Vec<Level>,
    /// Where the empty value is of the key or the item that was read last, if none follows.
    missing: Option<usize>,
    /// Whether the root was seen.
    begun: bool,
}

impl Reader<'_, '_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Whether there is a space, the end of a line or the end of the text.
    fn is_blank(&self, at: usize) -> bool {
        matches!(self.byte(at), None | Some(b' ' | b'\n'))
    }

    /// Whether an item of a block list starts here, if anything does.
    fn is_item(&self, at: usize) -> bool {
        self.byte(at) == Some(b'-') && self.is_blank(at + 1)
    }

    /// Whether the end of a document or the start of another may be here, at the start of a line.
    fn is_marker(&self, at: usize) -> bool {
        let rest = &self.text.as_bytes()[at..];
        rest.starts_with(b"---") || rest.starts_with(b"...")
    }

    fn skip_spaces(&self, at: usize) -> usize {
        let rest = &self.text.as_bytes()[at..];
        at + rest.iter().position(|byte| *byte != b' ').unwrap_or(rest.len())
    }

    /// Returns where the line after this place starts.
    fn skip_line(&self, at: usize) -> usize {
        let rest = &self.text.as_bytes()[at..];
        rest.iter().position(|byte| *byte == b'\n').map_or(self.text.len(), |end| at + end + 1)
    }

    /// Returns the first line with content from the start of a line on.
    fn next_line(&self, mut start: usize) -> Option<Line> {
        loop {
            let at = self.skip_spaces(start);
            match self.byte(at)? {
                b'\n' => start = at + 1,
                b'#' => start = self.skip_line(at),
                _ => return Some(Line { at, column: at - start }),
            }
        }
    }

    /// Returns where the next line starts, if nothing but a comment is left of this one after a token.
    fn end_of_line(&self, token: usize) -> Option<usize> {
        let at = self.skip_spaces(token);
        match self.byte(at) {
            None => Some(at),
            Some(b'\n') => Some(at + 1),
            Some(b'#') if at > token => Some(self.skip_line(at)),
            Some(_) => None,
        }
    }

    /// Returns where what follows a dash on its line starts, or where the line ends if nothing does.
    fn behind_dash(&self, dash: usize) -> usize {
        match self.end_of_line(dash + 1) {
            Some(next) if self.text.as_bytes()[..next].ends_with(b"\n") => next - 1,
            Some(end) => end,
            None => self.skip_spaces(dash + 1),
        }
    }

    fn scalar(&mut self, plain: bool, text: Range<usize>, bytes: Range<usize>) -> Option<()> {
        self.builder.scalar(self.text.get(text)?, plain, bytes)
    }

    /// Gives the empty value of a key or an item.
    fn empty(&mut self, at: usize) -> Option<()> {
        self.builder.scalar("~", true, at..at)
    }

    fn open(&mut self, level: Level, at: usize) -> Option<()> {
        self.levels.push(level);
        self.builder.start(level.list, at..at)
    }

    /// Reads what starts on a line, and returns where the next line starts.
    fn line(&mut self, Line { at, column }: Line) -> Option<usize> {
        if column == 0 && self.is_marker(at) {
            return None;
        }
        let item = self.is_item(at);
        if let Some(missing) = self.missing.take() {
            let top = self.levels.last()?;
            if column > top.column || (item && !top.list && column == top.column) {
                return self.node(at, column);
            }
            self.empty(missing)?;
        } else if !std::mem::replace(&mut self.begun, true) {
            return self.node(at, column);
        }
        while let Some(top) = self.levels.last()
            && (top.column > column || (top.list && top.column == column && !item))
        {
            self.levels.pop();
            self.builder.finish(at..at)?;
        }
        let top = self.levels.last()?;
        if top.column != column || top.list != item {
            return None;
        }
        if item { self.item(at, column) } else { self.key(at) }
    }

    /// Closes everything at the end of the text.
    fn finish(mut self) -> Option<Tree> {
        if let Some(missing) = self.missing {
            self.empty(missing)?;
        }
        let end = self.text.len();
        for _ in self.levels {
            self.builder.finish(end..end)?;
        }
        self.begun.then(|| self.builder.tree())
    }

    /// Reads a list's item from its dash on.
    fn item(&mut self, dash: usize, column: usize) -> Option<usize> {
        let at = self.behind_dash(dash);
        match self.end_of_line(dash + 1) {
            Some(next) => {
                self.missing = Some(at);
                Some(next)
            }
            None => self.node(at, column + (at - dash)),
        }
    }

    /// Reads a node that starts a line or follows a dash: what may be a block map or list.
    fn node(&mut self, mut at: usize, mut column: usize) -> Option<usize> {
        while self.is_item(at) {
            // A list that is indented no more than its key has no start of its own for the parser, but its first item.
            let bare = self.levels.last().is_some_and(|top| top.column == column);
            let item = self.behind_dash(at);
            self.open(Level { column, list: true }, if bare { item } else { at })?;
            if let Some(next) = self.end_of_line(at + 1) {
                self.missing = Some(item);
                return Some(next);
            }
            column += item - at;
            at = item;
        }
        match self.key_end(at) {
            Some(key) => {
                self.open(Level { column, list: false }, at)?;
                self.entry(at, key)
            }
            None => self.value(at),
        }
    }

    /// Returns where the key ends that starts here, and where its colon is, if it is one.
    fn key_end(&self, at: usize) -> Option<(usize, usize)> {
        let end = match self.byte(at)? {
            quote @ (b'"' | b'\'') => self.quoted(at, quote)?,
            _ => self.plain(at)?,
        };
        let colon = self.skip_spaces(end);
        let is_key = self.byte(colon) == Some(b':') && self.is_blank(colon + 1);
        (is_key && colon - at <= KEY).then_some((end, colon))
    }

    /// Reads an entry of a map from its key on.
    fn key(&mut self, at: usize) -> Option<usize> {
        let key = self.key_end(at)?;
        self.entry(at, key)
    }

    /// Reads an entry of a map whose key starts, and ends, and has its colon here.
    fn entry(&mut self, at: usize, (end, colon): (usize, usize)) -> Option<usize> {
        self.one_line(at, end)?;
        if let Some(next) = self.end_of_line(colon + 1) {
            self.missing = Some(colon);
            return Some(next);
        }
        self.value(self.skip_spaces(colon + 1))
    }

    /// Gives a scalar that was found on one line.
    fn one_line(&mut self, at: usize, end: usize) -> Option<()> {
        match self.byte(at)? {
            b'"' | b'\'' => self.scalar(false, at + 1..end - 1, at..end),
            _ => self.scalar(true, at..end, at..end),
        }
    }

    /// Reads a value that is no block map or list, and returns where the next line starts.
    fn value(&mut self, at: usize) -> Option<usize> {
        let end = match self.byte(at)? {
            b'{' | b'[' => self.flow(at)?,
            b'|' | b'>' => return self.block_scalar(at),
            quote @ (b'"' | b'\'') => match self.quoted(at, quote) {
                Some(end) => {
                    self.one_line(at, end)?;
                    end
                }
                None => self.asked(at)?,
            },
            _ => {
                let end = self.plain(at)?;
                let next = self.skip_spaces(end);
                // The text goes on if the next line is a part of the value as well.
                if matches!(self.byte(next), Some(b'\n')) && self.goes_on(next + 1) {
                    self.asked(at)?
                } else {
                    self.one_line(at, end)?;
                    end
                }
            }
        };
        self.end_of_line(end)
    }

    /// Returns the column that what belongs to the innermost value is indented more than; nothing at the root.
    fn outer(&self) -> Option<usize> {
        self.levels.last().map(|level| level.column)
    }

    /// Whether the first line with anything on it from the start of a line on belongs to the innermost value.
    fn goes_on(&self, mut start: usize) -> bool {
        loop {
            let at = self.skip_spaces(start);
            match self.byte(at) {
                // A comment ends a plain scalar.
                None | Some(b'#') => return false,
                Some(b'\n') => start = at + 1,
                Some(_) => return self.outer().is_none_or(|outer| at - start > outer),
            }
        }
    }

    /// Returns where the first line starts after this one that does not belong to the innermost value.
    fn end_of_value(&self, at: usize) -> usize {
        let mut start = self.skip_line(at);
        while start < self.text.len() {
            let content = self.skip_spaces(start);
            let blank = matches!(self.byte(content), None | Some(b'\n'));
            if !blank && self.outer().is_some_and(|outer| content - start <= outer) {
                break;
            }
            start = self.skip_line(content);
        }
        start
    }

    /// Asks the parser for the scalar that starts here, and returns where it ends.
    fn asked(&mut self, at: usize) -> Option<usize> {
        // At the start of what it is shown, this would end a document.
        if self.is_marker(at) {
            return None;
        }
        let end = self.end_of_value(at);
        let mut events = parser(&self.text[at..end], &self.limits);
        for _ in 0..2 {
            let (event, _) = events.next_event()?.ok()?;
            if !matches!(event, Event::StreamStart | Event::DocumentStart(false, None)) {
                return None;
            }
        }
        let (event, span) = events.next_event()?.ok()?;
        let Event::Scalar(text, style, 0, None) = event else { return None };
        let bytes = span.byte_range()?;
        let (from, mut to) = (at + bytes.start, at + bytes.end);
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            // Where one is that has no text depends on what is around it.
            if text.bytes().all(|byte| byte == b'\n') {
                return None;
            }
            // One that ends with its lines ends behind the spaces of the next line.
            if to == end {
                to = self.skip_spaces(end);
            }
        }
        self.builder.scalar(&text, style == ScalarStyle::Plain, from..to)?;
        Some(to)
    }

    /// Reads a block scalar, and returns where the next line starts.
    fn block_scalar(&mut self, at: usize) -> Option<usize> {
        // A number says how many spaces more than the parent's there are, which the parser is not shown.
        let header = self.text.as_bytes().get(at + 1..)?.iter();
        let mut header = header.take_while(|byte| !matches!(byte, b'\n' | b'#'));
        if !header.all(|byte| matches!(byte, b'+' | b'-' | b' ')) {
            return None;
        }
        let end = self.asked(at)?;
        // It ends with the text, or behind the spaces of a line.
        let line = self.text[..end].trim_end_matches(' ').len();
        let whole = end == self.text.len() || self.text[..line].ends_with('\n');
        whole.then_some(line)
    }

    /// Whether a plain scalar may start here.
    fn starts_plain(&self, at: usize) -> bool {
        self.byte(at).is_some_and(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => true,
            other => !b"?:,[]{}#&*!|>'\"%@`\n ".contains(&other),
        })
    }

    /// Returns where a plain scalar ends that starts here, if one does: before a comment, a colon or the end of the
    /// line.
    fn plain(&self, at: usize) -> Option<usize> {
        let starts = self.starts_plain(at) && !self.is_item(at);
        starts.then(|| self.plain_until(at, |_| false, |after| self.is_blank(after)))
    }

    /// Returns where a plain scalar ends: before a byte that ends it, or a colon behind which it ends.
    fn plain_until(
        &self,
        at: usize,
        ends: impl Fn(u8) -> bool,
        ends_behind: impl Fn(usize) -> bool,
    ) -> usize {
        let mut end = 0;
        for (index, byte) in self.text.as_bytes()[at..].iter().enumerate() {
            match byte {
                b' ' => continue,
                b'\n' => break,
                b':' if ends_behind(at + index + 1) => break,
                b'#' if end < index => break,
                other if ends(*other) => break,
                _ => end = index + 1,
            }
        }
        at + end
    }

    /// Returns where a quoted scalar ends that starts here, if it is of one line and has no escapes.
    fn quoted(&self, at: usize, quote: u8) -> Option<usize> {
        let rest = &self.text.as_bytes()[at + 1..];
        let length =
            rest.iter().position(|byte| *byte == quote || matches!(byte, b'\n' | b'\\'))?;
        let end = at + 1 + length;
        let sound = self.byte(end) == Some(quote) && self.byte(end + 1) != Some(b'\'');
        sound.then_some(end + 1)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use proptest::collection::vec;
    use proptest::prelude::any;
    use proptest::test_runner::Config;
    use proptest::test_runner::TestRunner;

    use super::super::tree;
    use super::*;
    use crate::Budgets;

    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

    /// How many texts without faults there were, and how many of them were read.
    #[derive(Debug, Default)]
    struct Count {
        sound: usize,
        read: usize,
    }

    /// Reads a text and parses it: what is read must be the same.
    fn compare(text: &str, budget: &Budget, count: &mut Count) -> bool {
        let (mut left, faults) = (budget.clone(), Faults::default());
        let whole = tree::parse_whole(text, 3, &mut left, &faults);
        let sound = whole.is_ok() && faults.is_empty();
        count.sound += usize::from(sound);
        let mut rest = budget.clone();
        let Some(tree) = read(text, 3, &mut rest) else {
            assert_eq!(rest, *budget, "nothing has happened: {text:?}");
            return !sound;
        };
        assert!(sound, "faults were lost: {text:?}");
        let whole = whole.expect("it is sound");
        if tree != whole {
            let mut nodes = tree.nodes.iter().zip(&whole.nodes);
            let first = nodes.find(|(read, parsed)| read != parsed);
            panic!("read otherwise than parsed: {first:?} of {text:?}");
        }
        assert_eq!(rest, left, "{text:?}");
        count.read += 1;
        true
    }

    fn compare_files(folder: &Path, count: &mut Count) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                compare_files(&path, count);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                // Those of `tests/suite` are many files, with such lines between.
                for text in fs::read_to_string(path).unwrap().split("\n### ") {
                    compare(text, &Budget::default(), count);
                }
            }
        }
    }

    #[test]
    fn files_that_are_read_are_those_that_are_parsed() {
        let mut count = Count::default();
        for folder in ["examples", "profiles", "suite", "fuzz/seeds", "crates/koinon-tosca/tests"] {
            compare_files(&Path::new(ROOT).join(folder), &mut count);
        }
        // The others have anchors, tags or what is seldom meant.
        assert!(count.sound > 1_000 && count.read * 10 > count.sound * 9, "{count:?}");
    }

    /// Entries of a map, and what may stand between them. `$` is a name, `^` the start of a line without indentation.
    const SOUND: [&str; 54] = [
        "$: 1",
        "$: 1",
        "$:",
        "_$: word",
        "$: plain\n  goes on\n\n  and on",
        "$: \"quoted\n  over lines\"",
        "$: 'single\n\n  lines'",
        "$: |\n  text\n   more",
        "$: |\n  text\n\n\n",
        "$: |+\n  kept\n\n\n",
        "$: |-\n  cut\n",
        "$: >-\n  folded\n  # no comment",
        "$: >\n\n  late\n   more\n",
        "$: | # comment\n  text",
        "$: {a: 1, b: [2, 3]}",
        "$:\n- a\n- b: 1\n  c: 2",
        "$:\n  - x\n  -\n  - - y",
        "$:\n- $: 1\n-",
        "$:\n  # comment\n  value",
        "$:\n  $: 1\n\n  # end",
        "$:\n  $:\n    $: deep",
        "# comment",
        "^# comment",
        "  # comment",
        "",
        "  ",
        "$: 1 # comment",
        "$: e\u{301}\u{fc} \u{6f22}",
        "e\u{301}$: 1",
        "\"$\": q",
        "'$' : q",
        "<<: {m: 1}",
        "<<: {m: 1, $: 2}",
        "$: {a: 1,\n  $: 2,\n  }",
        "$: \"a\\\n  b\"",
        "$: [a, \"b: c\", { }, [], -1,]",
        "$: {\"a\":1, b : , c:\n  2}",
        "$: \"\\u00e9\\n\" # c",
        "$: 'it''s'",
        "$: |2\n    two",
        "$: |1\n  $: one",
        "$: |\n",
        "$: |+\n\n",
        "$: {a: 1,\n  b: [2,\n^3]}",
        "$: [a,\n^  b: c]",
        "? $\n: v",
        "? $",
        "?\n  $: 1\n  $: 2\n:\n  $: 3",
        "? - a\n: - b",
        "? |\n  block key $\n: 1",
        "? # comment\n  $\n: v",
        "^ \t# comment",
        "\t",
        "$: \t x",
    ];
    /// How many of them, the first, are read: the others are left to the parser.
    const READ: usize = 39;

    /// What is seldom meant, or is an error where it stands.
    const ODD: [&str; 40] = [
        "$: ...\n  more",
        "$: {a:[]}",
        "$: {a:{}}",
        "$: {a:b, c:[d]}",
        "k: twice",
        "$: [a,\n  $: 1\n  $: 2\n^, b]",
        "$: {a: 1,\n  $: 1\n  $: 2\n^, $: 2}",
        "$: {a: 1,\n  $: 1\n  $: 2\n^}",
        "? &n\n$: 1",
        "? !!str\n$: 1",
        "?\n: 1",
        "?\t$\n: 1",
        "$: \"quoted\n  over\n^lines\"",
        "$: |\n^",
        "$: {a: 1,\n$: 2",
        "$: 1 # comment\n  more",
        "^\t$: tab",
        " \t$: tab",
        "$: &n 1",
        "$: &n\n  $: 1",
        "$: *n",
        "<<: *n",
        "<<: 1",
        "&n $: 1",
        "$: !!str 5",
        "$: !x y",
        ": empty",
        "- item",
        "- $: 1\n  $: 2",
        "plain",
        "plain text\n  more",
        "plain\n$: 1",
        "$: ]",
        "$: \"",
        "}",
        "^---",
        "^...",
        "^%YAML 1.2",
        "$: \0",
        "$: \u{feff}",
    ];

    /// Starts and ends of files.
    const STARTS: [&str; 6] =
        ["", "", "\u{feff}", "---\n", "%YAML 1.2\n---\n", "%TAG !! tag:x:\n---\n"];
    const ENDS: [&str; 8] = ["", "\n", "\n\n", "\n# end", "\n  # end\n", " ", "\n...\n", "\n---\n"];

    /// Writes a text as the numbers say: pieces deeper, as deep, or less deep than those before.
    fn write(numbers: &[u8]) -> String {
        let mut numbers = numbers.iter().map(|number| usize::from(*number));
        let mut next = |bound: usize| numbers.next().map(|number| number % bound);
        // Most texts have only what is sound, many only what is read, so that there is something to compare.
        let (odd, sound) = match next(8) {
            Some(0 | 1) => (true, SOUND.len()),
            Some(2 | 3) => (false, SOUND.len()),
            _ => (false, READ),
        };
        let read = sound == READ;
        let mut text = STARTS[next(if read { 2 } else { 6 }).unwrap_or(0)].to_owned();
        let end = ENDS[next(if read { 6 } else { 8 }).unwrap_or(0)];
        let breaks = [["\n"; 3], ["\n", "\r", "\r\n"], ["\r\n"; 3]];
        let breaks = breaks[next(if read { 1 } else { 3 }).unwrap_or(0)];
        let mut lines = 0;
        let mut columns = vec![0];
        let mut name = 0;
        let mut add = |columns: &[usize], piece: &str| {
            for line in piece.split('\n') {
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push_str(breaks[lines % 3]);
                    lines += 1;
                }
                let bare = line.strip_prefix('^');
                let spaces = if bare.is_some() { 0 } else { columns[columns.len() - 1] };
                text.extend(std::iter::repeat_n(' ', spaces));
                for (index, part) in bare.unwrap_or(line).split('$').enumerate() {
                    if index > 0 {
                        name += 1;
                        text.push_str(&format!("k{}", name % 40));
                    }
                    text.push_str(part);
                }
            }
        };
        while let Some(turn) = next(8) {
            match turn {
                0 | 1 => {
                    let (piece, deeper) =
                        [("$:", 1), ("$: # comment", 2), ("$:\n- $: 1", 2), ("? $: 1\n", 2)]
                            [next(if read { 3 } else { 4 }).unwrap_or(0)];
                    add(&columns, piece);
                    columns.push(columns[columns.len() - 1] + deeper);
                }
                2 if columns.len() > 1 => {
                    let less = 1 + next(columns.len() - 1).unwrap_or(0);
                    columns.truncate(columns.len() - less);
                }
                3 if odd => columns.push(next(7).unwrap_or(0)),
                4 if odd => add(&columns, ODD[next(ODD.len()).unwrap_or(0)]),
                _ => add(&columns, SOUND[next(sound).unwrap_or(0)]),
            }
        }
        text + end
    }

    /// What a text of any shape is made of.
    const SHARDS: [&str; 41] = [
        "a", "b", " ", " ", "  ", "\n", "\n", "\n  ", ":", ": ", "a: ", "a:\n", "- ", "-",
        "- a: b", ",", ", ", "[", "]", "{", "}", "#", " # c", "'", "\"", "\\", "|", "|\n", ">\n",
        ">-", "?", "? ", "&", "*", "!", "\t", "---", "é", "...", "{a:[", "]}",
    ];

    /// Runs a property over texts, some of which must be read.
    fn all_texts(write: impl Fn(&[u8]) -> String, bytes: usize, share: usize) {
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
        let count = std::cell::RefCell::new(Count::default());
        let numbers = (vec(any::<u8>(), 0..bytes), 0_u64..150, 1_usize..9);
        let result = runner.run(&numbers, |(numbers, nodes, depth)| {
            let tight = Budgets { nodes, depth, ..Budgets::default() };
            for budget in [Budget::default(), Budget::new(&tight)] {
                compare(&write(&numbers), &budget, &mut count.borrow_mut());
            }
            Ok(())
        });
        result.unwrap();
        let count = count.into_inner();
        println!("{count:?}");
        assert!(count.read * share > count.sound && count.sound > 0, "{count:?}");
    }

    #[test]
    fn texts_of_any_shape_are_read_as_they_are_parsed() {
        let shard = |number: &u8| SHARDS[usize::from(*number) % SHARDS.len()];
        all_texts(|numbers| numbers.iter().map(shard).collect(), 16, 3);
    }

    #[test]
    fn entries_of_all_kinds_are_read_as_they_are_parsed() {
        all_texts(write, 60, 5);
    }
}

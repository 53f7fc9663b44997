//! A fast reader of plain YAML: block maps and lists, flow collections and scalars as templates use
//! them, without anchors, aliases, tags and directives.
//!
//! The parser of all of YAML takes a quarter of the compiler's time, mostly for features that
//! templates do not use. This reader gives the builder the same events as the parser, or gives up.
//! A fault, or anything this reader is not sure of, makes the parser read the file from its start.
//! So the parser alone defines YAML and reports faults; the tests here compare both. Scalars of
//! several lines and scalars with escapes are read by the parser too, one scalar at a time.

mod flow;

use std::ops::Range;

use granit_parser::Event;
use granit_parser::ScalarStyle;

use super::builder::Budget;
use super::builder::Collection;
use super::builder::TreeBuilder;
use super::builder::form_of;
use super::builder::parser;
use super::tree::ScalarForm;
use super::tree::Tree;
use crate::diag::Faults;

/// The most bytes of a text: four bytes can count them with everything that is added.
const MAX_BYTES: usize = 1 << 30;
/// The most bytes of a key on its line, a little less than YAML allows.
const MAX_KEY_BYTES: usize = 1000;

/// Reads a file of one document. Returns `None` if the parser must read it; `budget` is unchanged
/// then.
pub(super) fn read(text: &str, file: u32, budget: &mut Budget) -> Option<Tree> {
    if text.len() > MAX_BYTES || !is_plain(text) {
        return None;
    }
    let (faults, mut left) = (Faults::default(), budget.clone());
    let builder = TreeBuilder::new(file, text.len(), &mut left, &faults);
    let limits = budget.clone();
    let mut reader =
        PlainReader { text, limits, builder, blocks: Vec::new(), missing: None, has_root: false };
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

/// Returns whether a text has no control characters, no line breaks but `\n` and no byte order
/// mark.
fn is_plain(text: &str) -> bool {
    let is_usual = |byte: u8| (byte == b'\n') | ((b' '..=b'~').contains(&byte));
    // Chunks are several times as fast as single bytes.
    let (chunks, rest) = text.as_bytes().as_chunks::<64>();
    let all_usual = |chunk: &[u8; 64]| chunk.iter().fold(true, |all, byte| all & is_usual(*byte));
    (chunks.iter().all(all_usual) && rest.iter().all(|byte| is_usual(*byte)))
        || text.chars().all(|character| match character {
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
            other => u8::try_from(other).is_ok_and(is_usual) || other >= '\u{a0}',
        })
}

/// The start of a line's content.
#[derive(Clone, Copy, Debug)]
struct LineStart {
    at: usize,
    /// The number of spaces before the content.
    column: usize,
}

/// A block map or list without its end yet.
#[derive(Clone, Copy, Debug)]
struct OpenBlock {
    column: usize,
    collection: Collection,
}

/// The end of a key.
#[derive(Clone, Copy, Debug)]
struct KeyEnd {
    /// The end of the key's text.
    end: usize,
    /// The place of its colon.
    colon: usize,
}

struct PlainReader<'t, 'b> {
    text: &'t str,
    limits: Budget,
    builder: TreeBuilder<'b>,
    blocks: Vec<OpenBlock>,
    /// The place of the empty value of the last key or item, unless a value follows.
    missing: Option<usize>,
    has_root: bool,
}

impl PlainReader<'_, '_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Returns whether a place has a space, the end of a line or the end of the text.
    fn is_blank(&self, at: usize) -> bool {
        matches!(self.byte(at), None | Some(b' ' | b'\n'))
    }

    /// Returns whether a token at this place is the dash of a block list.
    fn is_item(&self, at: usize) -> bool {
        self.byte(at) == Some(b'-') && self.is_blank(at + 1)
    }

    /// Returns whether the start of a line may end a document or start another.
    fn is_marker(&self, at: usize) -> bool {
        let rest = &self.text.as_bytes()[at..];
        rest.starts_with(b"---") || rest.starts_with(b"...")
    }

    fn skip_spaces(&self, at: usize) -> usize {
        let rest = &self.text.as_bytes()[at..];
        at + rest.iter().position(|byte| *byte != b' ').unwrap_or(rest.len())
    }

    /// Returns the start of the next line.
    fn skip_line(&self, at: usize) -> usize {
        let rest = &self.text.as_bytes()[at..];
        rest.iter().position(|byte| *byte == b'\n').map_or(self.text.len(), |end| at + end + 1)
    }

    /// Returns the first line with content, from the start of a line on.
    fn next_line(&self, mut start: usize) -> Option<LineStart> {
        loop {
            let at = self.skip_spaces(start);
            match self.byte(at)? {
                b'\n' => start = at + 1,
                b'#' => start = self.skip_line(at),
                _ => return Some(LineStart { at, column: at - start }),
            }
        }
    }

    /// Returns the start of the next line, if only a comment follows a token on its line.
    fn end_of_line(&self, token: usize) -> Option<usize> {
        let at = self.skip_spaces(token);
        match self.byte(at) {
            None => Some(at),
            Some(b'\n') => Some(at + 1),
            Some(b'#') if at > token => Some(self.skip_line(at)),
            Some(_) => None,
        }
    }

    /// Returns the start of the content after a dash on its line, or the end of an empty line.
    fn after_dash(&self, dash: usize) -> usize {
        match self.end_of_line(dash + 1) {
            Some(next) if self.text.as_bytes()[..next].ends_with(b"\n") => next - 1,
            Some(end) => end,
            None => self.skip_spaces(dash + 1),
        }
    }

    fn scalar(&mut self, form: ScalarForm, text: Range<usize>, bytes: Range<usize>) -> Option<()> {
        self.builder.scalar(self.text.get(text)?, form, bytes)
    }

    /// Adds the empty value of a key or an item.
    fn add_empty(&mut self, at: usize) -> Option<()> {
        self.builder.scalar("~", ScalarForm::Plain, at..at)
    }

    fn open(&mut self, block: OpenBlock, at: usize) -> Option<()> {
        self.blocks.push(block);
        self.builder.start(block.collection, at..at)
    }

    /// Reads the content of a line, and returns the start of the next line.
    fn line(&mut self, LineStart { at, column }: LineStart) -> Option<usize> {
        if column == 0 && self.is_marker(at) {
            return None;
        }
        let is_item = self.is_item(at);
        if let Some(missing) = self.missing.take() {
            let top = self.blocks.last()?;
            let is_map = top.collection == Collection::Map;
            if column > top.column || (is_item && is_map && column == top.column) {
                return self.node(at, column);
            }
            self.add_empty(missing)?;
        } else if !std::mem::replace(&mut self.has_root, true) {
            return self.node(at, column);
        }
        while let Some(top) = self.blocks.last()
            && (top.column > column
                || (top.collection == Collection::List && top.column == column && !is_item))
        {
            self.blocks.pop();
            self.builder.finish(at..at)?;
        }
        let top = self.blocks.last()?;
        if top.column != column || (top.collection == Collection::List) != is_item {
            return None;
        }
        if is_item { self.item(at, column) } else { self.key(at) }
    }

    /// Closes everything at the end of the text.
    fn finish(mut self) -> Option<Tree> {
        if let Some(missing) = self.missing {
            self.add_empty(missing)?;
        }
        let end = self.text.len();
        for _ in self.blocks {
            self.builder.finish(end..end)?;
        }
        self.has_root.then(|| self.builder.into_tree())
    }

    /// Reads a list's item from its dash on.
    fn item(&mut self, dash: usize, column: usize) -> Option<usize> {
        let at = self.after_dash(dash);
        match self.end_of_line(dash + 1) {
            Some(next) => {
                self.missing = Some(at);
                Some(next)
            }
            None => self.node(at, column + (at - dash)),
        }
    }

    /// Reads a node that starts a line or follows a dash, and so may be a block map or list.
    fn node(&mut self, mut at: usize, mut column: usize) -> Option<usize> {
        while self.is_item(at) {
            // The parser reports a list that is indented no more than its key at its first item.
            let bare = self.blocks.last().is_some_and(|top| top.column == column);
            let item = self.after_dash(at);
            self.open(
                OpenBlock { column, collection: Collection::List },
                if bare { item } else { at },
            )?;
            if let Some(next) = self.end_of_line(at + 1) {
                self.missing = Some(item);
                return Some(next);
            }
            column += item - at;
            at = item;
        }
        match self.key_end(at) {
            Some(key) => {
                self.open(OpenBlock { column, collection: Collection::Map }, at)?;
                self.entry(at, key)
            }
            None => self.value(at),
        }
    }

    /// Returns the end of the key that starts here, if a key does.
    fn key_end(&self, at: usize) -> Option<KeyEnd> {
        let end = match self.byte(at)? {
            quote @ (b'"' | b'\'') => self.quoted(at, quote)?,
            _ => self.plain(at)?,
        };
        let colon = self.skip_spaces(end);
        let is_key = self.byte(colon) == Some(b':') && self.is_blank(colon + 1);
        (is_key && colon - at <= MAX_KEY_BYTES).then_some(KeyEnd { end, colon })
    }

    /// Reads an entry of a map from its key on.
    fn key(&mut self, at: usize) -> Option<usize> {
        let key = self.key_end(at)?;
        self.entry(at, key)
    }

    /// Reads an entry of a map from its key on, whose end is known.
    fn entry(&mut self, at: usize, key: KeyEnd) -> Option<usize> {
        self.one_line(at, key.end)?;
        if let Some(next) = self.end_of_line(key.colon + 1) {
            self.missing = Some(key.colon);
            return Some(next);
        }
        self.value(self.skip_spaces(key.colon + 1))
    }

    /// Adds a scalar of one line.
    fn one_line(&mut self, at: usize, end: usize) -> Option<()> {
        match self.byte(at)? {
            b'"' | b'\'' => self.scalar(ScalarForm::Text, at + 1..end - 1, at..end),
            _ => self.scalar(ScalarForm::Plain, at..end, at..end),
        }
    }

    /// Reads a value other than a block map or list, and returns the start of the next line.
    fn value(&mut self, at: usize) -> Option<usize> {
        let end = match self.byte(at)? {
            b'{' | b'[' => self.flow(at)?,
            b'|' | b'>' => return self.block_scalar(at),
            quote @ (b'"' | b'\'') => match self.quoted(at, quote) {
                Some(end) => {
                    self.one_line(at, end)?;
                    end
                }
                None => self.parse_scalar(at)?,
            },
            _ => {
                let end = self.plain(at)?;
                let next = self.skip_spaces(end);
                // The text continues if the next line belongs to the value too.
                if matches!(self.byte(next), Some(b'\n')) && self.continues(next + 1) {
                    self.parse_scalar(at)?
                } else {
                    self.one_line(at, end)?;
                    end
                }
            }
        };
        self.end_of_line(end)
    }

    /// Returns the column of the innermost block, or nothing at the root. A value in the block is
    /// indented more.
    fn outer(&self) -> Option<usize> {
        self.blocks.last().map(|block| block.column)
    }

    /// Returns whether the first line with content, from the start of a line on, belongs to the
    /// innermost value.
    fn continues(&self, mut start: usize) -> bool {
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

    /// Returns the start of the first later line that does not belong to the innermost value.
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

    /// Reads the scalar that starts here with the parser, and returns its end.
    fn parse_scalar(&mut self, at: usize) -> Option<usize> {
        // The parser would take a marker at the start of its text for the end of a document.
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
            // The place of an empty block scalar depends on the lines around it.
            if text.bytes().all(|byte| byte == b'\n') {
                return None;
            }
            // A scalar that ends with its lines ends after the spaces of the next line.
            if to == end {
                to = self.skip_spaces(end);
            }
        }
        self.builder.scalar(&text, form_of(style), from..to)?;
        Some(to)
    }

    /// Reads a block scalar, and returns the start of the next line.
    fn block_scalar(&mut self, at: usize) -> Option<usize> {
        // A number in the header counts spaces from the parent's column, which the parser does not
        // see.
        let header = self.text.as_bytes().get(at + 1..)?.iter();
        let mut header = header.take_while(|byte| !matches!(byte, b'\n' | b'#'));
        if !header.all(|byte| matches!(byte, b'+' | b'-' | b' ')) {
            return None;
        }
        let end = self.parse_scalar(at)?;
        // The scalar must end with the text, or after the spaces of a line.
        let line = self.text[..end].trim_end_matches(' ').len();
        let whole = end == self.text.len() || self.text[..line].ends_with('\n');
        whole.then_some(line)
    }

    /// Returns whether a plain scalar may start here.
    fn starts_plain(&self, at: usize) -> bool {
        self.byte(at).is_some_and(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => true,
            other => !b"?:,[]{}#&*!|>'\"%@`\n ".contains(&other),
        })
    }

    /// Returns the end of the plain scalar that starts here, if one does: before a comment, a colon
    /// or the end of the line.
    fn plain(&self, at: usize) -> Option<usize> {
        let starts = self.starts_plain(at) && !self.is_item(at);
        starts.then(|| self.plain_until(at, |_| false, |after| self.is_blank(after)))
    }

    /// Returns the end of a plain scalar: before a byte that `ends` it, or before a colon if it
    /// `ends_behind` the colon.
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

    /// Returns the end of the quoted scalar that starts here, if it is one line without escapes.
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

    use super::super::builder::parse_whole;
    use super::*;
    use crate::Budgets;

    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

    /// The texts compared: those without faults, and those of them that were read.
    #[derive(Debug, Default)]
    struct Compared {
        sound: usize,
        read: usize,
    }

    /// Reads a text with both readers, and compares the trees.
    fn compare(text: &str, budget: &Budget, count: &mut Compared) -> bool {
        let (mut left, faults) = (budget.clone(), Faults::default());
        let whole = parse_whole(text, 3, &mut left, &faults);
        let sound = whole.is_ok() && faults.is_empty();
        count.sound += usize::from(sound);
        let mut rest = budget.clone();
        let Some(tree) = read(text, 3, &mut rest) else {
            assert_eq!(rest, *budget, "the budget changed although nothing was read: {text:?}");
            return !sound;
        };
        assert!(sound, "the reader missed a fault: {text:?}");
        let whole = whole.unwrap();
        if tree != whole {
            let mut nodes = tree.nodes.iter().zip(&whole.nodes);
            let first = nodes.find(|(read, parsed)| read != parsed);
            panic!("the trees differ at {first:?} of {text:?}");
        }
        assert_eq!(rest, left, "{text:?}");
        count.read += 1;
        true
    }

    fn compare_files(folder: &Path, count: &mut Compared) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                compare_files(&path, count);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                // A case of `tests/suite` is several files with a line `### …` before each.
                for text in fs::read_to_string(path).unwrap().split("\n### ") {
                    compare(text, &Budget::default(), count);
                }
            }
        }
    }

    #[test]
    fn files_are_read_as_they_are_parsed() {
        let mut count = Compared::default();
        for folder in ["examples", "profiles", "suite", "fuzz/seeds", "crates/koinon-tosca/tests"] {
            compare_files(&Path::new(ROOT).join(folder), &mut count);
        }
        // Other files have anchors, tags or rare forms.
        assert!(count.sound > 1_000 && count.read * 10 > count.sound * 9, "{count:?}");
    }

    /// Entries of a map, and lines that may stand between them. `$` is a name; `^` is the start of
    /// a line without indentation.
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
    /// The number of entries at the start of [`SOUND`] that the fast reader reads.
    const READ: usize = 39;

    /// Rare forms, and errors.
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

    /// Writes a text from numbers: each piece is deeper than, as deep as, or less deep than the
    /// piece before it.
    fn write(numbers: &[u8]) -> String {
        let mut numbers = numbers.iter().map(|number| usize::from(*number));
        let mut next = |bound: usize| numbers.next().map(|number| number % bound);
        // Most texts are sound and many are read, so that there is something to compare.
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

    /// The pieces of texts of any shape.
    const SHARDS: [&str; 41] = [
        "a", "b", " ", " ", "  ", "\n", "\n", "\n  ", ":", ": ", "a: ", "a:\n", "- ", "-",
        "- a: b", ",", ", ", "[", "]", "{", "}", "#", " # c", "'", "\"", "\\", "|", "|\n", ">\n",
        ">-", "?", "? ", "&", "*", "!", "\t", "---", "é", "...", "{a:[", "]}",
    ];

    /// Compares random texts. One in `share` sound texts must be read.
    fn all_texts(write: impl Fn(&[u8]) -> String, bytes: usize, share: usize) {
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
        let count = std::cell::RefCell::new(Compared::default());
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

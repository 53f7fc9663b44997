//! Where a cursor is in a file's text: the keys and items it is under, and the word it is on.
//!
//! Only text is looked at, and of block style only what stands above the cursor: that works while the file is broken,
//! which it is whenever somebody types.

use std::ops::Range;

/// Where a cursor is.
#[derive(Debug)]
pub(super) struct Cursor<'t> {
    /// What it is under, outermost first.
    pub(super) path: Vec<Level>,
    /// The word it is on, without quotes; empty between words.
    pub(super) word: &'t str,
    /// The word's bytes.
    pub(super) range: Range<usize>,
    pub(super) side: Side,
    /// The map or list that holds the word.
    pub(super) holder: Holder,
}

/// Which part of a map's entry a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Key,
    Value,
    /// It stands alone: a value, or a key whose colon is not there yet.
    Either,
}

/// A key or item on the way from the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) step: Step,
    /// The map or list it is in.
    pub(super) holder: Holder,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    /// An item of a list, counted from 0.
    Item(usize),
}

/// Where a map or list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// In block style: a line of it, and the column of its keys.
    Block { line: usize, column: usize },
    /// In flow style: the byte of its bracket.
    Flow(usize),
}

/// A dash or key that opens something on a line.
#[derive(Clone, Debug)]
struct Opener {
    column: usize,
    kind: Opens,
}

#[derive(Clone, Debug)]
enum Opens {
    Item,
    /// A key, and the byte after its colon.
    Key {
        key: Range<usize>,
        value: usize,
    },
}

/// A line's openers, and where what they do not cover starts.
#[derive(Debug)]
struct Line {
    openers: Vec<Opener>,
    /// The first byte after dashes, or the line's end.
    content: usize,
    end: usize,
}

/// A file's text by lines.
#[derive(Debug)]
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self { text, starts: [0].into_iter().chain(ends.map(|(at, _)| at + 1)).collect() }
    }

    fn of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset) - 1
    }

    fn range(&self, line: usize) -> Range<usize> {
        let start = self.starts[line];
        let end = self.starts.get(line + 1).map_or(self.text.len(), |next| next - 1);
        start..start + self.text[start..end].trim_end_matches('\r').len()
    }

    fn column(&self, line: usize, at: usize) -> usize {
        at - self.starts[line]
    }

    /// Reads the dashes and the key a line starts with; nothing of a blank line, a comment or a document's mark.
    fn line(&self, number: usize) -> Line {
        let range = self.range(number);
        let bytes = self.text.as_bytes();
        let end = range.start + before_comment(&self.text[range.clone()]);
        let mut openers = Vec::new();
        let mut at = range.start;
        let skip = |mut at: usize| {
            while at < end && bytes[at] == b' ' {
                at += 1;
            }
            at
        };
        at = skip(at);
        while at < end && bytes[at] == b'-' && (at + 1 == end || bytes[at + 1] == b' ') {
            openers.push(Opener { column: self.column(number, at), kind: Opens::Item });
            at = skip(at + 1);
        }
        if at < end
            && let Some((key, value)) = key(self.text, at, end)
        {
            let column = self.column(number, at);
            openers.push(Opener { column, kind: Opens::Key { key, value } });
        }
        Line { openers, content: at, end }
    }

    /// Returns the scalar under a key of the map that holds a place.
    pub(super) fn sibling(&self, holder: Holder, name: &str) -> Option<&'t str> {
        match holder {
            Holder::Flow(at) => flow_value(self.text, at, name),
            Holder::Block { line, column } => {
                let above = (0..=line).rev().map(|number| (number, true));
                let below = (line + 1..self.starts.len()).map(|number| (number, false));
                self.scan(above, column, name).or_else(|| self.scan(below, column, name))
            }
        }
    }

    /// Looks for a key at a column until a line leaves the map.
    fn scan(
        &self,
        numbers: impl Iterator<Item = (usize, bool)>,
        column: usize,
        name: &str,
    ) -> Option<&'t str> {
        for (number, upwards) in numbers {
            let line = self.line(number);
            if line.content == line.end && line.openers.is_empty() {
                continue;
            }
            let first = line.openers.first().map(|opener| opener.column);
            let first = first.unwrap_or_else(|| self.column(number, line.content));
            let leaves = first < column;
            if leaves && !upwards {
                return None;
            }
            if let Some(Opener { column: at, kind: Opens::Key { key, value } }) =
                line.openers.last()
                && *at == column
                && unquoted(&self.text[key.clone()]) == name
            {
                return Some(unquoted(self.text[*value..line.end].trim()));
            }
            if leaves {
                return None;
            }
        }
        None
    }
}

/// Finds out where an offset is; nothing in a comment or a text of several lines.
pub(super) fn cursor<'t>(lines: &Lines<'t>, offset: usize) -> Option<Cursor<'t>> {
    let text = lines.text;
    let offset = offset.min(text.len());
    if !text.is_char_boundary(offset) {
        return None;
    }
    let number = lines.of(offset);
    let range = lines.range(number);
    let offset = offset.min(range.end);
    let line = lines.line(number);
    let commented = line.end < range.end && offset > line.end;
    if commented && text[line.end..range.end].trim_start().starts_with('#') {
        let comment = range.end - text[line.end..range.end].trim_start().len();
        if offset > comment {
            return None;
        }
    }
    let mut openers: Vec<Opener> = line.openers.clone();
    // What is behind the cursor opens nothing.
    let on_key = match openers.last() {
        Some(Opener { kind: Opens::Key { key, value }, .. }) if offset < *value => {
            let key = key.clone();
            openers.pop();
            Some(key)
        }
        _ => None,
    };
    openers.retain(|opener| range.start + opener.column < offset);
    let start = match (&on_key, openers.last()) {
        (Some(key), _) => key.start,
        (None, Some(Opener { kind: Opens::Key { value, .. }, .. })) => *value,
        (None, _) => line.content.min(offset),
    };
    let (side, word) = match (&on_key, openers.last()) {
        (Some(key), _) => (Side::Key, key.clone()),
        (None, Some(Opener { kind: Opens::Key { .. }, .. })) => {
            (Side::Value, trimmed(text, start..line.end))
        }
        _ => (Side::Either, trimmed(text, start..line.end)),
    };
    let column = match openers.last() {
        Some(opener) if on_key.is_none() && matches!(opener.kind, Opens::Key { .. }) => {
            opener.column
        }
        _ if word.is_empty() => lines.column(number, offset),
        _ => lines.column(number, word.start.min(offset)),
    };
    let here = Holder::Block { line: number, column };
    let outer = ancestors(lines, number, column, openers)?;
    // The outermost flow that is still open at the cursor says what is in it.
    for (at, (opener, _)) in outer.iter().enumerate() {
        let from = opener.value;
        if let Some(flow) = flow_start(text, from).filter(|flow| *flow < offset) {
            let Some((mut inside, word, side, holder)) = in_flow(text, flow, offset) else {
                continue;
            };
            let mut path: Vec<Level> =
                outer[..=at].iter().map(|(_, level)| level.clone()).collect();
            path.append(&mut inside);
            return Some(found(text, path, word, side, holder, offset));
        }
    }
    // Who is deeper than a scalar is in it.
    for (opener, level) in &outer {
        let Holder::Block { line: at, .. } = level.holder else { continue };
        let value = text[opener.value..lines.line(at).end.max(opener.value)].trim();
        let value = without_properties(value);
        if at < number && !value.is_empty() && matches!(level.step, Step::Key(_)) {
            return None;
        }
    }
    let path = outer.into_iter().map(|(_, level)| level).collect();
    Some(found(text, path, word, side, here, offset))
}

fn found(
    text: &str,
    path: Vec<Level>,
    word: Range<usize>,
    side: Side,
    holder: Holder,
    offset: usize,
) -> Cursor<'_> {
    // Between words there is an empty one, where the cursor is.
    let word = if word.start <= offset && offset <= word.end { word } else { offset..offset };
    let inner = unquoted(&text[word.clone()]);
    let start = word.start + (text[word].find(inner).unwrap_or(0));
    Cursor { path, word: inner, range: start..start + inner.len(), side, holder }
}

/// A level's opener, as far as it matters once it is one: the byte after it.
struct Passed {
    value: usize,
}

/// Collects what a column of a line is under, outermost first. `openers` are those of the line itself.
fn ancestors(
    lines: &Lines<'_>,
    number: usize,
    column: usize,
    openers: Vec<Opener>,
) -> Option<Vec<(Passed, Level)>> {
    let mut path: Vec<(Passed, Level)> = Vec::new();
    let mut climb = Climb { column, item: None };
    climb.line(lines, number, openers, &mut path, true);
    for above in (0..number).rev() {
        if climb.column == 0 && climb.item.is_none() {
            break;
        }
        let line = lines.line(above);
        climb.line(lines, above, line.openers, &mut path, false);
    }
    climb.finish(&mut path);
    path.reverse();
    Some(path)
}

/// A way up: what is left of a column is outside.
struct Climb {
    column: usize,
    /// An item whose number is being counted: its column, its number, and its place in the path.
    item: Option<(usize, usize, usize)>,
}

impl Climb {
    fn line(
        &mut self,
        lines: &Lines<'_>,
        number: usize,
        openers: Vec<Opener>,
        path: &mut Vec<(Passed, Level)>,
        own: bool,
    ) {
        for opener in openers.into_iter().rev() {
            let start = lines.starts[number] + opener.column;
            let holder = Holder::Block { line: number, column: opener.column };
            match opener.kind {
                Opens::Item => {
                    if let Some((column, count, _)) = &mut self.item
                        && *column == opener.column
                    {
                        *count += 1;
                    } else if opener.column < self.column || own {
                        self.finish(path);
                        self.item = Some((opener.column, 0, path.len()));
                        let level = Level { step: Step::Item(0), holder };
                        path.push((Passed { value: start + 1 }, level));
                        self.column = opener.column;
                    }
                }
                Opens::Key { key, value } => {
                    // A list may stand at the column of its key.
                    let outside = match self.item {
                        Some((column, _, _)) => opener.column <= column,
                        None => opener.column < self.column,
                    };
                    if outside || own {
                        self.finish(path);
                        let name = unquoted(&lines.text[key]).to_owned();
                        path.push((Passed { value }, Level { step: Step::Key(name), holder }));
                        self.column = opener.column;
                    }
                }
            }
        }
    }

    fn finish(&mut self, path: &mut [(Passed, Level)]) {
        if let Some((_, count, at)) = self.item.take()
            && let Some((_, level)) = path.get_mut(at)
        {
            level.step = Step::Item(count);
        }
    }
}

/// Returns how much of a line is not comment.
fn before_comment(line: &str) -> usize {
    let bytes = line.as_bytes();
    let mut quote = None;
    for (at, byte) in bytes.iter().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'')
                if at == 0 || matches!(bytes[at - 1], b' ' | b'{' | b'[' | b',') =>
            {
                quote = Some(*byte);
            }
            (None, b'#') if at == 0 || bytes[at - 1] == b' ' => {
                return line[..at].trim_end().len();
            }
            (None, _) => {}
        }
    }
    // A quote that was never closed hides nothing.
    line.trim_end().len()
}

/// Reads a key at a byte of a line: its range, and the byte after its colon.
fn key(text: &str, at: usize, end: usize) -> Option<(Range<usize>, usize)> {
    let bytes = text.as_bytes();
    let after = |colon: usize| {
        bytes[colon] == b':' && (colon + 1 >= end || matches!(bytes[colon + 1], b' ' | b'\t'))
    };
    match bytes[at] {
        quote @ (b'"' | b'\'') => {
            let close = at + 1 + text[at + 1..end].find(char::from(quote))?;
            let colon = close + 1 + text[close + 1..end].find(|one: char| one != ' ')?;
            after(colon).then_some((at..close + 1, colon + 1))
        }
        b'{' | b'[' | b'?' | b'|' | b'>' | b'#' => None,
        _ => {
            let colon = (at..end).find(|colon| after(*colon))?;
            let key = text[at..colon].trim_end();
            (!key.is_empty()).then_some((at..at + key.len(), colon + 1))
        }
    }
}

/// Returns where a flow starts, if that is what comes next.
fn flow_start(text: &str, from: usize) -> Option<usize> {
    let line = text[from..].find('\n').map_or(text.len(), |end| from + end);
    let rest = without_properties(text[from..line].trim_start());
    let at = text[from..line].len() - text[from..line].trim_start().len();
    let skipped = text[from + at..line].len() - rest.len();
    rest.starts_with(['{', '[']).then_some(from + at + skipped)
}

/// Leaves out an anchor and a tag.
fn without_properties(mut value: &str) -> &str {
    while value.starts_with(['&', '!']) {
        value = value.find(' ').map_or("", |end| value[end..].trim_start());
    }
    value
}

/// A bracket that is open.
struct Bracket {
    at: usize,
    list: bool,
    /// The key whose value comes, of a map.
    key: Option<String>,
    /// Items before, of a list.
    items: usize,
}

type InFlow = (Vec<Level>, Range<usize>, Side, Holder);

/// Reads a flow up to the cursor; nothing if it ends before.
fn in_flow(text: &str, start: usize, offset: usize) -> Option<InFlow> {
    let mut open: Vec<Bracket> = Vec::new();
    let mut at = start;
    let mut last: Option<Range<usize>> = None;
    loop {
        let token = flow_token(text, at);
        // The cursor is before what comes next.
        let Some(token) = token.filter(|token| {
            token.start < offset || (token.start == offset && is_word(text, token))
        }) else {
            break;
        };
        at = token.end;
        match text.as_bytes()[token.start] {
            bracket @ (b'{' | b'[') => {
                let list = bracket == b'[';
                open.push(Bracket { at: token.start, list, key: None, items: 0 });
                last = None;
            }
            b'}' | b']' => {
                open.pop();
                open.last()?;
                last = None;
            }
            b',' => {
                if let Some(bracket) = open.last_mut() {
                    bracket.items += 1;
                    bracket.key = None;
                }
                last = None;
            }
            b':' if token.len() == 1 => {
                if let (Some(bracket), Some(key)) = (open.last_mut(), last.take()) {
                    bracket.key = Some(unquoted(&text[key]).to_owned());
                }
            }
            _ => {
                if offset <= token.end {
                    last = Some(token);
                    break;
                }
                last = Some(token);
            }
        }
    }
    let innermost = open.last()?;
    let side = match (innermost.list, &innermost.key) {
        (true, _) => Side::Either,
        (false, Some(_)) => Side::Value,
        (false, None) => Side::Key,
    };
    let holder = Holder::Flow(innermost.at);
    let levels = open.iter().filter_map(|bracket| {
        let step = match (bracket.list, &bracket.key) {
            (true, _) => Step::Item(bracket.items),
            (false, Some(key)) => Step::Key(key.clone()),
            (false, None) => return None,
        };
        Some(Level { step, holder: Holder::Flow(bracket.at) })
    });
    let word = last.filter(|word| offset <= word.end).unwrap_or(offset..offset);
    Some((levels.collect(), word, side, holder))
}

fn is_word(text: &str, token: &Range<usize>) -> bool {
    !matches!(text.as_bytes()[token.start], b'{' | b'[' | b'}' | b']' | b',' | b':')
}

/// Returns the next token of a flow: a bracket, a comma, a colon or a scalar.
fn flow_token(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        match bytes.get(at)? {
            b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            b'#' if at == 0 || bytes[at - 1].is_ascii_whitespace() => {
                at += text[at..].find('\n')?;
            }
            _ => break,
        }
    }
    let ends = |at: usize| bytes.get(at).is_none_or(|byte| b" \t\n\r,]}[{".contains(byte));
    match bytes[at] {
        b'{' | b'[' | b'}' | b']' | b',' => Some(at..at + 1),
        b':' if ends(at + 1) => Some(at..at + 1),
        quote @ (b'"' | b'\'') => {
            let close = text[at + 1..].find([char::from(quote), '\n'])?;
            let close = at + 1 + close;
            Some(at..if bytes[close] == quote { close + 1 } else { close })
        }
        _ => {
            let mut end = at;
            while let Some(byte) = bytes.get(end) {
                let stop = match byte {
                    b',' | b']' | b'}' | b'[' | b'{' | b'\n' => true,
                    b':' => ends(end + 1),
                    b'#' => end > at && bytes[end - 1] == b' ',
                    _ => false,
                };
                if stop {
                    break;
                }
                end += 1;
            }
            let end = at + text[at..end].trim_end().len();
            // A scalar has a byte at least, whatever it is.
            Some(at..end.max(at + 1))
        }
    }
}

/// Returns the items of a list in flow style, as far as they are scalars.
pub(super) fn flow_items(text: &str, start: usize) -> Vec<&str> {
    let mut items = Vec::new();
    let mut at = start + 1;
    while let Some(token) = flow_token(text, at) {
        at = token.end;
        match text.as_bytes()[token.start] {
            b',' => {}
            b'{' | b'[' | b'}' | b']' | b':' => break,
            _ => items.push(unquoted(&text[token])),
        }
    }
    items
}

/// Returns the scalar under a key of a map in flow style.
fn flow_value<'t>(text: &'t str, start: usize, name: &str) -> Option<&'t str> {
    let mut depth = 0_usize;
    let mut at = start;
    let mut last: Option<Range<usize>> = None;
    let mut wanted = false;
    while let Some(token) = flow_token(text, at) {
        at = token.end;
        match text.as_bytes()[token.start] {
            b'{' | b'[' => {
                depth += 1;
                wanted = false;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1).filter(|depth| *depth > 0)?;
            }
            b',' => wanted = false,
            b':' if token.len() == 1 => {
                let key = last.take().map(|key| unquoted(&text[key]));
                wanted = depth == 1 && key == Some(name);
            }
            _ if wanted => return Some(unquoted(&text[token])),
            _ => last = Some(token),
        }
    }
    None
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let range = range.start..range.end.max(range.start);
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

fn unquoted(text: &str) -> &str {
    let Some(quote) = text.chars().next().filter(|one| matches!(one, '"' | '\'')) else {
        return text;
    };
    let inner = &text[1..];
    inner.strip_suffix(quote).unwrap_or(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says where the cursor `|` of a text is: path, side and word.
    fn at(marked: &str) -> String {
        let offset = marked.find('|').unwrap();
        let text = marked.replacen('|', "", 1);
        let Some(cursor) = cursor(&Lines::new(&text), offset) else { return "nowhere".to_owned() };
        let path = cursor.path.iter().map(|level| match &level.step {
            Step::Key(key) => key.clone(),
            Step::Item(at) => at.to_string(),
        });
        let path: Vec<String> = path.collect();
        assert_eq!(&text[cursor.range.clone()], cursor.word);
        format!("{} {:?} {}", path.join("."), cursor.side, cursor.word).trim().to_owned()
    }

    #[test]
    fn block_style() {
        assert_eq!(at("a:\n  b: |\n"), "a.b Value");
        assert_eq!(at("a:\n  b: fo|o # c\n"), "a.b Value foo");
        assert_eq!(at("a:\n  b|b: foo\n"), "a Key bb");
        assert_eq!(at("a:\n  b:\n    c: 1\n  d|\n  e: 2"), "a Either d");
        assert_eq!(at("a:\n  b:\n    |\n"), "a.b Either");
        assert_eq!(at("a:\n  b:\n  |\n"), "a Either");
        assert_eq!(at("a:\n  b: x\n|"), "Either");
        assert_eq!(at("a:\n  # b: x|\n"), "nowhere");
        assert_eq!(at("a: \"x # y|\"\n"), "a Value x # y");
        assert_eq!(at("\"a\":\n  'b': x|\n"), "a.b Value x");
    }

    #[test]
    fn texts_of_several_lines() {
        assert_eq!(at("a: >-\n  x: |\n"), "nowhere");
        assert_eq!(at("a: b\n  c: |\n"), "nowhere");
        assert_eq!(at("a: &x\n  c: |\n"), "a.c Value");
    }

    #[test]
    fn lists() {
        assert_eq!(at("a:\n- x\n- y|\n"), "a.1 Either y");
        assert_eq!(at("a:\n  - x: 1\n  - y: 2\n    z: |\n"), "a.1.z Value");
        assert_eq!(at("a:\n  - x: |\n"), "a.0.x Value");
        assert_eq!(at("a:\n  - x:\n      n|\n"), "a.0.x Either n");
        assert_eq!(at("a:\n- x:\n    b: 1\n    n|: 2\n"), "a.0.x Key n");
        assert_eq!(at("a:\n- - x|\n"), "a.0.0 Either x");
        assert_eq!(at("a:\n- x\nb|\n"), "Either b");
    }

    #[test]
    fn flow_style() {
        assert_eq!(at("a: { b: | }\n"), "a.b Value");
        assert_eq!(at("a: { b: x|y, c: 2 }\n"), "a.b Value xy");
        assert_eq!(at("a: { b: 1, c| }\n"), "a Key c");
        assert_eq!(at("a: { b: [1, { c: d| }] }\n"), "a.b.1.c Value d");
        assert_eq!(at("a: [x, |"), "a.1 Either");
        assert_eq!(at("a: {\n  b: {\n    c: 1,\n    d: |"), "a.b.d Value");
        assert_eq!(at("a:\n  - { x: 1, y: | }\n"), "a.0.y Value");
        assert_eq!(at("a: { b: 1 }\nc: |\n"), "c Value");
        assert_eq!(at("a: { \"b\": '|' }"), "a.b Value");
    }

    #[test]
    fn siblings() {
        let text = "a:\n  type: T # c\n  x:\n    type: U\n  y:\nb:\n  type: V\n";
        let lines = Lines::new(text);
        let holder = |at: &str| cursor(&lines, text.find(at).unwrap()).unwrap().holder;
        assert_eq!(lines.sibling(holder("y:"), "type"), Some("T"));
        assert_eq!(lines.sibling(holder("x:"), "type"), Some("T"));
        assert_eq!(lines.sibling(holder("b:"), "type"), None);
        let text = "- n: 1\n  type: T\n- n: 2\n  type: U\n";
        let lines = Lines::new(text);
        let holder = cursor(&lines, text.rfind("n:").unwrap()).unwrap().holder;
        assert_eq!(lines.sibling(holder, "type"), Some("U"));
        let text = "a: { type: T, x: { type: U, y: 1 } }";
        let lines = Lines::new(text);
        let holder = |at: &str| cursor(&lines, text.find(at).unwrap()).unwrap().holder;
        assert_eq!(lines.sibling(holder("x:"), "type"), Some("T"));
        assert_eq!(lines.sibling(holder("y:"), "type"), Some("U"));
        assert_eq!(flow_items("[SELF, a b, 'c']", 0), ["SELF", "a b", "c"]);
    }
}

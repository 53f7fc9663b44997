//! Finds a cursor's position in a file's text: the keys and items that lead to it, and its word.
//!
//! Only the text is read, and in block style only the lines up to the cursor. This works in a
//! broken file, and a file is broken whenever somebody types in it.

use std::ops::Range;

/// A cursor's position in the structure of a file.
#[derive(Debug)]
pub(super) struct Cursor<'t> {
    /// The keys and items that lead to the word, outermost first.
    pub(super) path: Vec<PathLevel>,
    /// The word at the cursor, without quotes; empty between words.
    pub(super) word: &'t str,
    /// The byte range of the word.
    pub(super) range: Range<usize>,
    pub(super) side: EntrySide,
    /// The map or list that contains the word.
    pub(super) collection: CollectionPosition,
}

/// The part of a map's entry that a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntrySide {
    Key,
    Value,
    /// The word stands alone: a value, or a key whose colon is not written yet.
    Either,
}

/// A key or item on the path from the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathLevel {
    pub(super) step: PathStep,
    /// The map or list that contains the key or item.
    pub(super) collection: CollectionPosition,
}

/// One step down from a map or list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PathStep {
    Key(String),
    /// An item of a list, counted from 0.
    Item(usize),
}

/// The position of a map or list in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CollectionPosition {
    /// In block style: one of its lines, and the column of its keys.
    Block { line: usize, column: usize },
    /// In flow style: the byte of its opening bracket.
    Flow(usize),
}

/// A dash or a key at the start of a line, below which a value may follow.
#[derive(Clone, Debug)]
struct BlockIndicator {
    column: usize,
    kind: BlockIndicatorKind,
}

#[derive(Clone, Debug)]
enum BlockIndicatorKind {
    Item,
    /// A key, and the byte after its colon.
    Key {
        key: Range<usize>,
        value: usize,
    },
}

/// A line's dashes and key, and the rest of the line.
#[derive(Debug)]
struct BlockLine {
    indicators: Vec<BlockIndicator>,
    /// The first byte after the dashes, or the line's end.
    content: usize,
    end: usize,
}

/// The direction of a search through lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

/// A file's text, split into lines.
#[derive(Debug)]
pub(super) struct TextLines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> TextLines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self { text, starts: [0].into_iter().chain(ends.map(|(at, _)| at + 1)).collect() }
    }

    /// Returns the number of the line that contains an offset, from 0.
    fn line_at(&self, offset: usize) -> usize {
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

    /// Reads the dashes and the key that a line starts with. Blank lines, comments and document
    /// markers have none.
    fn line(&self, number: usize) -> BlockLine {
        let range = self.range(number);
        let bytes = self.text.as_bytes();
        let end = range.start + before_comment(&self.text[range.clone()]);
        let mut indicators = Vec::new();
        let mut at = range.start;
        let skip = |mut at: usize| {
            while at < end && bytes[at] == b' ' {
                at += 1;
            }
            at
        };
        at = skip(at);
        while at < end && bytes[at] == b'-' && (at + 1 == end || bytes[at + 1] == b' ') {
            indicators.push(BlockIndicator {
                column: self.column(number, at),
                kind: BlockIndicatorKind::Item,
            });
            at = skip(at + 1);
        }
        if at < end
            && let Some((key, value)) = read_key(self.text, at, end)
        {
            let column = self.column(number, at);
            indicators
                .push(BlockIndicator { column, kind: BlockIndicatorKind::Key { key, value } });
        }
        BlockLine { indicators, content: at, end }
    }

    /// Returns the scalar under a key of a map.
    pub(super) fn sibling(&self, map: CollectionPosition, name: &str) -> Option<&'t str> {
        match map {
            CollectionPosition::Flow(at) => flow_value(self.text, at, name),
            CollectionPosition::Block { line, column } => {
                let above = (0..=line).rev();
                let below = line + 1..self.starts.len();
                let found = self.scan(above, Direction::Up, column, name);
                found.or_else(|| self.scan(below, Direction::Down, column, name))
            }
        }
    }

    /// Searches lines for a key at a column, until a line is outside of the map.
    fn scan(
        &self,
        numbers: impl Iterator<Item = usize>,
        direction: Direction,
        column: usize,
        name: &str,
    ) -> Option<&'t str> {
        for number in numbers {
            let line = self.line(number);
            if line.content == line.end && line.indicators.is_empty() {
                continue;
            }
            let first = line.indicators.first().map(|indicator| indicator.column);
            let first = first.unwrap_or_else(|| self.column(number, line.content));
            let leaves = first < column;
            if leaves && direction == Direction::Down {
                return None;
            }
            if let Some(BlockIndicator { column: at, kind: BlockIndicatorKind::Key { key, value } }) =
                line.indicators.last()
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

/// Returns the cursor at an offset; `None` in a comment or in a scalar of several lines.
pub(super) fn cursor_at<'t>(lines: &TextLines<'t>, offset: usize) -> Option<Cursor<'t>> {
    let text = lines.text;
    let offset = offset.min(text.len());
    if !text.is_char_boundary(offset) {
        return None;
    }
    let number = lines.line_at(offset);
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
    let mut indicators: Vec<BlockIndicator> = line.indicators.clone();
    // Dashes and keys after the cursor do not contain it.
    let on_key = match indicators.last() {
        Some(BlockIndicator { kind: BlockIndicatorKind::Key { key, value }, .. })
            if offset < *value =>
        {
            let key = key.clone();
            indicators.pop();
            Some(key)
        }
        _ => None,
    };
    indicators.retain(|indicator| range.start + indicator.column < offset);
    let start = match (&on_key, indicators.last()) {
        (Some(key), _) => key.start,
        (None, Some(BlockIndicator { kind: BlockIndicatorKind::Key { value, .. }, .. })) => *value,
        (None, _) => line.content.min(offset),
    };
    let (side, word) = match (&on_key, indicators.last()) {
        (Some(key), _) => (EntrySide::Key, key.clone()),
        (None, Some(BlockIndicator { kind: BlockIndicatorKind::Key { .. }, .. })) => {
            (EntrySide::Value, trimmed_range(text, start..line.end))
        }
        _ => (EntrySide::Either, trimmed_range(text, start..line.end)),
    };
    let column = match indicators.last() {
        Some(indicator)
            if on_key.is_none() && matches!(indicator.kind, BlockIndicatorKind::Key { .. }) =>
        {
            indicator.column
        }
        _ if word.is_empty() => lines.column(number, offset),
        _ => lines.column(number, word.start.min(offset)),
    };
    let here = CollectionPosition::Block { line: number, column };
    let outer = ancestors(lines, number, column, indicators);
    // The outermost flow collection that is still open at the cursor decides.
    for (at, ancestor) in outer.iter().enumerate() {
        let flow = flow_start(text, ancestor.value).filter(|flow| *flow < offset);
        if let Some(inside) = flow.and_then(|flow| position_in_flow(text, flow, offset)) {
            let above = outer[..=at].iter().map(|ancestor| ancestor.level.clone());
            let path = above.chain(inside.path).collect();
            return Some(WordPosition { path, ..inside }.cursor(text, offset));
        }
    }
    // Deeper lines after a scalar continue the scalar.
    for ancestor in &outer {
        let level = &ancestor.level;
        let CollectionPosition::Block { line: at, .. } = level.collection else { continue };
        let value = text[ancestor.value..lines.line(at).end.max(ancestor.value)].trim();
        let value = without_properties(value);
        if at < number && !value.is_empty() && matches!(level.step, PathStep::Key(_)) {
            return None;
        }
    }
    let path = outer.into_iter().map(|ancestor| ancestor.level).collect();
    Some(WordPosition { path, word, side, collection: here }.cursor(text, offset))
}

/// The word nearest to a cursor, and the path to it.
struct WordPosition {
    path: Vec<PathLevel>,
    word: Range<usize>,
    side: EntrySide,
    collection: CollectionPosition,
}

impl WordPosition {
    /// Returns the cursor at an offset. Away from the word, the cursor's word is empty.
    fn cursor(self, text: &str, offset: usize) -> Cursor<'_> {
        let Self { path, word, side, collection } = self;
        let word = if word.start <= offset && offset <= word.end { word } else { offset..offset };
        let inner = unquoted(&text[word.clone()]);
        let start = word.start + (text[word].find(inner).unwrap_or(0));
        Cursor { path, word: inner, range: start..start + inner.len(), side, collection }
    }
}

/// A level above the cursor.
struct Ancestor {
    level: PathLevel,
    /// The byte after the dash or colon.
    value: usize,
}

/// Returns the levels above a column of a line, outermost first. `indicators` are those of the line
/// itself.
fn ancestors(
    lines: &TextLines<'_>,
    number: usize,
    column: usize,
    indicators: Vec<BlockIndicator>,
) -> Vec<Ancestor> {
    let mut path: Vec<Ancestor> = Vec::new();
    let mut walk = AncestorWalk { column, item: None };
    walk.visit(lines, number, indicators, &mut path, LineRole::OfCursor);
    for above in (0..number).rev() {
        if walk.column == 0 && walk.item.is_none() {
            break;
        }
        let line = lines.line(above);
        walk.visit(lines, above, line.indicators, &mut path, LineRole::Above);
    }
    walk.finish(&mut path);
    path.reverse();
    path
}

/// A walk from a line upwards. A key or dash further left than `column` contains what was passed.
struct AncestorWalk {
    column: usize,
    item: Option<CountedItem>,
}

/// Whether a line is the cursor's or above it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineRole {
    OfCursor,
    Above,
}

/// A list's item, while the items before it are counted.
struct CountedItem {
    column: usize,
    /// The items before it.
    count: usize,
    /// Its index in the path.
    path_index: usize,
}

impl AncestorWalk {
    /// Adds the dashes and the key of a line that contain what was passed.
    fn visit(
        &mut self,
        lines: &TextLines<'_>,
        number: usize,
        indicators: Vec<BlockIndicator>,
        path: &mut Vec<Ancestor>,
        role: LineRole,
    ) {
        let own = role == LineRole::OfCursor;
        for indicator in indicators.into_iter().rev() {
            let start = lines.starts[number] + indicator.column;
            let collection = CollectionPosition::Block { line: number, column: indicator.column };
            match indicator.kind {
                BlockIndicatorKind::Item => {
                    if let Some(item) = &mut self.item
                        && item.column == indicator.column
                    {
                        item.count += 1;
                    } else if indicator.column < self.column || own {
                        self.finish(path);
                        let (column, path_index) = (indicator.column, path.len());
                        self.item = Some(CountedItem { column, count: 0, path_index });
                        let level = PathLevel { step: PathStep::Item(0), collection };
                        path.push(Ancestor { level, value: start + 1 });
                        self.column = indicator.column;
                    }
                }
                BlockIndicatorKind::Key { key, value } => {
                    // A list may stand at the column of its key.
                    let outside = match &self.item {
                        Some(item) => indicator.column <= item.column,
                        None => indicator.column < self.column,
                    };
                    if outside || own {
                        self.finish(path);
                        let step = PathStep::Key(unquoted(&lines.text[key]).to_owned());
                        path.push(Ancestor { level: PathLevel { step, collection }, value });
                        self.column = indicator.column;
                    }
                }
            }
        }
    }

    /// Writes the number of the counted item into the path.
    fn finish(&mut self, path: &mut [Ancestor]) {
        if let Some(item) = self.item.take()
            && let Some(ancestor) = path.get_mut(item.path_index)
        {
            ancestor.level.step = PathStep::Item(item.count);
        }
    }
}

/// Returns the length of a line without its comment.
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
    // A quote that is never closed hides no comment.
    line.trim_end().len()
}

/// Reads the key at a byte of a line. Returns its range, and the byte after its colon.
fn read_key(text: &str, at: usize, end: usize) -> Option<(Range<usize>, usize)> {
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

/// Returns the byte of the bracket if a flow collection starts after `from`, on the same line.
fn flow_start(text: &str, from: usize) -> Option<usize> {
    let line = text[from..].find('\n').map_or(text.len(), |end| from + end);
    let rest = without_properties(text[from..line].trim_start());
    let at = text[from..line].len() - text[from..line].trim_start().len();
    let skipped = text[from + at..line].len() - rest.len();
    rest.starts_with(['{', '[']).then_some(from + at + skipped)
}

/// Returns a value without the anchor and the tag before it.
fn without_properties(mut value: &str) -> &str {
    while value.starts_with(['&', '!']) {
        value = value.find(' ').map_or("", |end| value[end..].trim_start());
    }
    value
}

/// A bracket that is still open.
struct OpenBracket {
    at: usize,
    list: bool,
    /// In a map, the key whose value follows.
    key: Option<String>,
    /// In a list, the number of items before.
    items: usize,
}

/// Reads a flow collection up to the cursor; `None` if the collection ends before the cursor.
fn position_in_flow(text: &str, start: usize, offset: usize) -> Option<WordPosition> {
    let mut open: Vec<OpenBracket> = Vec::new();
    let mut at = start;
    let mut last: Option<Range<usize>> = None;
    loop {
        let token = flow_token(text, at);
        // The cursor is before the next token.
        let Some(token) = token.filter(|token| {
            token.start < offset || (token.start == offset && is_word(text, token))
        }) else {
            break;
        };
        at = token.end;
        match text.as_bytes()[token.start] {
            bracket @ (b'{' | b'[') => {
                let list = bracket == b'[';
                open.push(OpenBracket { at: token.start, list, key: None, items: 0 });
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
        (true, _) => EntrySide::Either,
        (false, Some(_)) => EntrySide::Value,
        (false, None) => EntrySide::Key,
    };
    let collection = CollectionPosition::Flow(innermost.at);
    let levels = open.iter().filter_map(|bracket| {
        let step = match (bracket.list, &bracket.key) {
            (true, _) => PathStep::Item(bracket.items),
            (false, Some(key)) => PathStep::Key(key.clone()),
            (false, None) => return None,
        };
        Some(PathLevel { step, collection: CollectionPosition::Flow(bracket.at) })
    });
    let word = last.filter(|word| offset <= word.end).unwrap_or(offset..offset);
    Some(WordPosition { path: levels.collect(), word, side, collection })
}

fn is_word(text: &str, token: &Range<usize>) -> bool {
    !matches!(text.as_bytes()[token.start], b'{' | b'[' | b'}' | b']' | b',' | b':')
}

/// Returns the next token of a flow collection: a bracket, a comma, a colon or a scalar.
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
            // A token has at least one byte, so that every caller comes to an end.
            Some(at..end.max(at + 1))
        }
    }
}

/// Returns the items of a list in flow style, up to the first that is not a scalar.
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

fn trimmed_range(text: &str, range: Range<usize>) -> Range<usize> {
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

    /// Returns the path, side and word at the cursor `|` of a text.
    fn at(marked: &str) -> String {
        let offset = marked.find('|').unwrap();
        let text = marked.replacen('|', "", 1);
        let Some(cursor) = cursor_at(&TextLines::new(&text), offset) else {
            return "nowhere".to_owned();
        };
        let path = cursor.path.iter().map(|level| match &level.step {
            PathStep::Key(key) => key.clone(),
            PathStep::Item(at) => at.to_string(),
        });
        let path: Vec<String> = path.collect();
        assert_eq!(&text[cursor.range.clone()], cursor.word);
        format!("{} {:?} {}", path.join("."), cursor.side, cursor.word).trim().to_owned()
    }

    #[test]
    fn cursors_in_block_style_have_the_path_of_keys_above_them() {
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
    fn cursors_in_scalars_of_several_lines_are_nowhere() {
        assert_eq!(at("a: >-\n  x: |\n"), "nowhere");
        assert_eq!(at("a: b\n  c: |\n"), "nowhere");
        assert_eq!(at("a: &x\n  c: |\n"), "a.c Value");
    }

    #[test]
    fn items_of_lists_are_counted() {
        assert_eq!(at("a:\n- x\n- y|\n"), "a.1 Either y");
        assert_eq!(at("a:\n  - x: 1\n  - y: 2\n    z: |\n"), "a.1.z Value");
        assert_eq!(at("a:\n  - x: |\n"), "a.0.x Value");
        assert_eq!(at("a:\n  - x:\n      n|\n"), "a.0.x Either n");
        assert_eq!(at("a:\n- x:\n    b: 1\n    n|: 2\n"), "a.0.x Key n");
        assert_eq!(at("a:\n- - x|\n"), "a.0.0 Either x");
        assert_eq!(at("a:\n- x\nb|\n"), "Either b");
    }

    #[test]
    fn cursors_in_flow_style_have_the_path_of_open_brackets() {
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
    fn siblings_are_keys_of_the_same_map() {
        let text = "a:\n  type: T # c\n  x:\n    type: U\n  y:\nb:\n  type: V\n";
        let lines = TextLines::new(text);
        let map = |at: &str| cursor_at(&lines, text.find(at).unwrap()).unwrap().collection;
        assert_eq!(lines.sibling(map("y:"), "type"), Some("T"));
        assert_eq!(lines.sibling(map("x:"), "type"), Some("T"));
        assert_eq!(lines.sibling(map("b:"), "type"), None);
        let text = "- n: 1\n  type: T\n- n: 2\n  type: U\n";
        let lines = TextLines::new(text);
        let map = cursor_at(&lines, text.rfind("n:").unwrap()).unwrap().collection;
        assert_eq!(lines.sibling(map, "type"), Some("U"));
        let text = "a: { type: T, x: { type: U, y: 1 } }";
        let lines = TextLines::new(text);
        let map = |at: &str| cursor_at(&lines, text.find(at).unwrap()).unwrap().collection;
        assert_eq!(lines.sibling(map("x:"), "type"), Some("T"));
        assert_eq!(lines.sibling(map("y:"), "type"), Some("U"));
        assert_eq!(flow_items("[SELF, a b, 'c']", 0), ["SELF", "a b", "c"]);
    }
}

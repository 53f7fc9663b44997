//! The text of a document, and its positions as the protocol counts them.

use std::ops::Range;
use std::sync::Arc;

use gen_lsp_types::Position;
use gen_lsp_types::PositionEncodingKind;
use gen_lsp_types::TextDocumentContentChangeEvent as TextChange;

/// The unit of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf16,
}

impl Encoding {
    /// Chooses one that the client knows; UTF-16 is the default of the protocol.
    pub(crate) fn choose(known: &[String]) -> Self {
        if known.iter().any(|one| one == "utf-8") { Self::Utf8 } else { Self::Utf16 }
    }

    pub(crate) fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
        }
    }

    fn width(self, one: char) -> usize {
        match self {
            Self::Utf8 => one.len_utf8(),
            Self::Utf16 => one.len_utf16(),
        }
    }

    /// Returns the column of a byte of a line.
    pub(crate) fn column(self, line: &str, at: usize) -> u32 {
        let before = line.char_indices().take_while(|(start, _)| *start < at);
        number(before.map(|(_, one)| self.width(one)).sum())
    }

    /// Returns the byte at a column of a line; the end of the line if it is shorter.
    fn byte(self, line: &str, column: u32) -> usize {
        let mut passed = 0;
        for (at, one) in line.char_indices() {
            if passed >= column as usize {
                return at;
            }
            passed += self.width(one);
        }
        line.len()
    }
}

/// A text and the offsets of its lines.
#[derive(Clone, Debug)]
pub(crate) struct DocumentText {
    pub(crate) text: Arc<str>,
    starts: Vec<usize>,
}

impl DocumentText {
    pub(crate) fn new(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = [0].into_iter().chain(ends.map(|(at, _)| at + 1)).collect();
        Self { text: text.into(), starts }
    }

    /// Returns a line without its line end.
    fn line(&self, number: usize) -> &str {
        let Some(start) = self.starts.get(number) else { return "" };
        let end = self.starts.get(number + 1).map_or(self.text.len(), |next| next - 1);
        self.text[*start..end].trim_end_matches('\r')
    }

    /// Returns the byte at a position, clamped to the text.
    pub(crate) fn offset(&self, position: Position, encoding: Encoding) -> usize {
        let line = position.line as usize;
        match self.starts.get(line) {
            Some(start) => start + encoding.byte(self.line(line), position.character),
            None => self.text.len(),
        }
    }

    pub(crate) fn position(&self, offset: usize, encoding: Encoding) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset) - 1;
        let character = encoding.column(self.line(line), offset - self.starts[line]);
        Position { line: number(line), character }
    }

    pub(crate) fn range(&self, range: &Range<usize>, encoding: Encoding) -> gen_lsp_types::Range {
        let start = self.position(range.start, encoding);
        gen_lsp_types::Range { start, end: self.position(range.end, encoding) }
    }

    /// Returns the text after an edit.
    pub(crate) fn edited(&self, change: TextChange, encoding: Encoding) -> Self {
        match change {
            TextChange::TextDocumentContentChangeWholeDocument(whole) => Self::new(&whole.text),
            TextChange::TextDocumentContentChangePartial(part) => {
                let start = self.offset(part.range.start, encoding);
                let end = self.offset(part.range.end, encoding).max(start);
                let (before, after) = (&self.text[..start], &self.text[end..]);
                Self::new(&[before, part.text.as_str(), after].concat())
            }
        }
    }
}

pub(crate) fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use gen_lsp_types::TextDocumentContentChangePartial;

    use super::*;

    #[test]
    fn positions_count_in_the_negotiated_encoding() {
        let text = DocumentText::new("a\r\nä𝄞x\n");
        let at = |character| Position { line: 1, character };
        for (encoding, columns) in [(Encoding::Utf16, [0, 1, 3, 4]), (Encoding::Utf8, [0, 2, 6, 7])]
        {
            for (offset, column) in [3, 5, 9, 10].into_iter().zip(columns) {
                assert_eq!(text.position(offset, encoding), at(column));
                assert_eq!(text.offset(at(column), encoding), offset);
            }
            assert_eq!(text.offset(at(99), encoding), 10);
            assert_eq!(text.offset(Position { line: 0, character: 9 }, encoding), 1);
            assert_eq!(text.offset(Position { line: 9, character: 0 }, encoding), 11);
        }
    }

    #[test]
    fn edits_replace_ranges() {
        let start = Position { line: 1, character: 1 };
        let end = Position { line: 2, character: 1 };
        let range = gen_lsp_types::Range { start, end };
        let text = "X".to_owned();
        let change = TextDocumentContentChangePartial { range, text, ..<_>::default() };
        let edited = DocumentText::new("a\nbc\nde\n").edited(change.into(), Encoding::Utf16);
        assert_eq!(&*edited.text, "a\nbXe\n");
        assert_eq!(edited.position(6, Encoding::Utf16), Position { line: 2, character: 0 });
    }
}

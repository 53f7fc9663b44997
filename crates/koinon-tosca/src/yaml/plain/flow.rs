//! Flow collections.

use super::Collection;
use super::KeyEnd;
use super::MAX_KEY_BYTES;
use super::PlainReader;

/// The token that a flow collection expects next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExpectedToken {
    /// A list's item or a map's key, or the end.
    First,
    /// A comma or the end.
    Comma,
    /// A map's value, after the colon here.
    Value(usize),
}

impl PlainReader<'_, '_> {
    /// Reads a flow collection, and returns its end.
    pub(super) fn flow(&mut self, start: usize) -> Option<usize> {
        let mut open: Vec<Collection> = Vec::new();
        let mut at = start;
        let mut next = ExpectedToken::Value(start);
        loop {
            let byte = self.byte(at)?;
            let in_map = open.last() == Some(&Collection::Map);
            match (byte, next) {
                (b']' | b'}', ExpectedToken::First | ExpectedToken::Comma) => {
                    let closed = if byte == b']' { Collection::List } else { Collection::Map };
                    if open.pop()? != closed {
                        return None;
                    }
                    at += 1;
                    self.builder.finish(at - 1..at)?;
                    if open.is_empty() {
                        return Some(at);
                    }
                    next = ExpectedToken::Comma;
                }
                (b',', ExpectedToken::Comma) => {
                    at += 1;
                    next = ExpectedToken::First;
                }
                (_, ExpectedToken::Comma) => return None,
                (b',' | b'}', ExpectedToken::Value(colon)) => {
                    self.add_empty(colon)?;
                    next = ExpectedToken::Comma;
                }
                (b'[' | b'{', ExpectedToken::First) if in_map => return None,
                (b'[' | b'{', _) => {
                    let opened = if byte == b'[' { Collection::List } else { Collection::Map };
                    open.push(opened);
                    at += 1;
                    self.builder.start(opened, at - 1..at)?;
                    next = ExpectedToken::First;
                }
                (_, ExpectedToken::First) if in_map => {
                    let KeyEnd { end, colon } = self.key_in_flow(at)?;
                    self.one_line(at, end)?;
                    at = colon + 1;
                    next = ExpectedToken::Value(colon);
                }
                (_, ExpectedToken::First | ExpectedToken::Value(_)) => {
                    let end = self.end_in_flow(at)?;
                    self.one_line(at, end)?;
                    at = end;
                    next = ExpectedToken::Comma;
                }
            }
            at = self.skip_in_flow(at)?;
        }
    }

    /// Returns the end of the key of a flow map that starts here.
    fn key_in_flow(&self, at: usize) -> Option<KeyEnd> {
        let end = self.end_in_flow(at)?;
        let colon = self.skip_spaces(end);
        let ends = match (self.byte(at)?, self.byte(colon + 1)) {
            (b'"' | b'\'', _) => true,
            // YAML accepts this, but the parser does not.
            (_, Some(b'[' | b'{')) => false,
            _ => self.is_end_in_flow(colon + 1),
        };
        let is_key = self.byte(colon) == Some(b':') && ends;
        (is_key && colon - at <= MAX_KEY_BYTES).then_some(KeyEnd { end, colon })
    }

    /// Returns the end of a scalar in a flow collection.
    fn end_in_flow(&self, at: usize) -> Option<usize> {
        match self.byte(at)? {
            quote @ (b'"' | b'\'') => self.quoted(at, quote),
            _ => self.plain_in_flow(at),
        }
    }

    /// Returns whether a token of a flow collection may end before this place.
    fn is_end_in_flow(&self, at: usize) -> bool {
        self.is_blank(at) || matches!(self.byte(at), Some(b',' | b'[' | b']' | b'{' | b'}'))
    }

    /// Skips spaces, ends of lines and comments. Returns `None` where a line is not indented
    /// enough.
    fn skip_in_flow(&self, token: usize) -> Option<usize> {
        let mut at = self.skip_spaces(token);
        if self.byte(at) == Some(b'#') && at == token {
            return None;
        }
        while let Some(b'\n' | b'#') = self.byte(at) {
            let start = self.skip_line(at);
            at = self.skip_spaces(start);
            let belongs = self.outer().is_none_or(|outer| at - start > outer);
            let blank = matches!(self.byte(at), None | Some(b'\n' | b'#'));
            if !blank && (!belongs || (at == start && self.is_marker(at))) {
                return None;
            }
        }
        Some(at)
    }

    /// Returns the end of the plain scalar of a flow collection that starts here, if one does.
    fn plain_in_flow(&self, at: usize) -> Option<usize> {
        let dash = self.byte(at) == Some(b'-') && self.is_end_in_flow(at + 1);
        let ends = |byte| matches!(byte, b',' | b'[' | b']' | b'{' | b'}');
        let starts = self.starts_plain(at) && !dash;
        starts.then(|| self.plain_until(at, ends, |after| self.is_end_in_flow(after)))
    }
}

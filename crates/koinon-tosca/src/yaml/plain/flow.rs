//! Flow collections.

use super::KEY;
use super::Reader;

/// What may come next in a flow collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// A list's item or a map's key, or the end.
    First,
    /// A comma or the end.
    Comma,
    /// A map's value, after the colon here.
    Value(usize),
}

impl Reader<'_, '_> {
    /// Reads a flow collection, and returns where it ends.
    pub(super) fn flow(&mut self, start: usize) -> Option<usize> {
        // Whether each open collection is a list.
        let mut open: Vec<bool> = Vec::new();
        let (mut at, mut next) = (start, Next::Value(start));
        loop {
            let byte = self.byte(at)?;
            let in_map = open.last() == Some(&false);
            match (byte, next) {
                (b']' | b'}', Next::First | Next::Comma) => {
                    if open.pop()? != (byte == b']') {
                        return None;
                    }
                    at += 1;
                    self.builder.finish(at - 1..at)?;
                    if open.is_empty() {
                        return Some(at);
                    }
                    next = Next::Comma;
                }
                (b',', Next::Comma) => {
                    at += 1;
                    next = Next::First;
                }
                (_, Next::Comma) => return None,
                (b',' | b'}', Next::Value(colon)) => {
                    self.empty(colon)?;
                    next = Next::Comma;
                }
                (b'[' | b'{', Next::First) if in_map => return None,
                (b'[' | b'{', _) => {
                    open.push(byte == b'[');
                    at += 1;
                    self.builder.start(byte == b'[', at - 1..at)?;
                    next = Next::First;
                }
                (_, Next::First) if in_map => {
                    let (end, colon) = self.key_in_flow(at)?;
                    self.one_line(at, end)?;
                    at = colon + 1;
                    next = Next::Value(colon);
                }
                (_, Next::First | Next::Value(_)) => {
                    let end = self.end_in_flow(at)?;
                    self.one_line(at, end)?;
                    at = end;
                    next = Next::Comma;
                }
            }
            at = self.skip_in_flow(at)?;
        }
    }

    /// Returns where a key of a flow map ends, and where its colon is.
    fn key_in_flow(&self, at: usize) -> Option<(usize, usize)> {
        let end = self.end_in_flow(at)?;
        let colon = self.skip_spaces(end);
        let ends = match (self.byte(at)?, self.byte(colon + 1)) {
            (b'"' | b'\'', _) => true,
            // What YAML would allow, the parser does not.
            (_, Some(b'[' | b'{')) => false,
            _ => self.is_end_in_flow(colon + 1),
        };
        let is_key = self.byte(colon) == Some(b':') && ends;
        (is_key && colon - at <= KEY).then_some((end, colon))
    }

    /// Returns where a scalar in a flow collection ends.
    fn end_in_flow(&self, at: usize) -> Option<usize> {
        match self.byte(at)? {
            quote @ (b'"' | b'\'') => self.quoted(at, quote),
            _ => self.plain_in_flow(at),
        }
    }

    /// Whether a token of a flow collection may end before this place.
    fn is_end_in_flow(&self, at: usize) -> bool {
        self.is_blank(at) || matches!(self.byte(at), Some(b',' | b'[' | b']' | b'{' | b'}'))
    }

    /// Skips spaces, ends of lines and comments; `None` where a line is not indented enough.
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

    /// Returns where a plain scalar ends that starts here in a flow collection, if one does.
    fn plain_in_flow(&self, at: usize) -> Option<usize> {
        let dash = self.byte(at) == Some(b'-') && self.is_end_in_flow(at + 1);
        let ends = |byte| matches!(byte, b',' | b'[' | b']' | b'{' | b'}');
        let starts = self.starts_plain(at) && !dash;
        starts.then(|| self.plain_until(at, ends, |after| self.is_end_in_flow(after)))
    }
}

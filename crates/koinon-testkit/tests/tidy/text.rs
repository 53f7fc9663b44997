//! Reading Rust and Solidity as text.

use std::ops::Range;

use crate::repository::Source;

/// Blanks comments, and the contents of strings too if asked; every other byte stays in its place.
pub(crate) fn blank(text: &str, strings: bool) -> String {
    let mut out = text.as_bytes().to_vec();
    let mut at = 0;
    while at < out.len() {
        let (end, keep) = token(text, at);
        let keep = keep || (!strings && !text[at..].starts_with('/'));
        if !keep {
            out[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
        at = end;
    }
    String::from_utf8(out).unwrap()
}

/// Returns where the token at `at` ends and whether it is code.
pub(crate) fn token(text: &str, at: usize) -> (usize, bool) {
    let rest = &text[at..];
    let starts_word = !text[..at].ends_with(is_word);
    let until = |length: Option<usize>| at + length.unwrap_or(rest.len());
    if rest.starts_with("//") {
        return (until(rest.find('\n')), false);
    }
    if rest.starts_with("/*") {
        return (at + block_comment(rest), false);
    }
    if let Some(hashes) = raw_string(rest).filter(|_| starts_word) {
        let close = format!("\"{}", "#".repeat(hashes));
        let open = rest.find('"').unwrap() + 1;
        return (until(rest[open..].find(&close).map(|end| open + end + close.len())), false);
    }
    if rest.starts_with('"') {
        return (at + quoted(rest), false);
    }
    if let Some(letter) = rest.strip_prefix('\'') {
        // A lifetime has no second quote right after its first letter.
        let first = letter.chars().next().map_or(0, char::len_utf8);
        if letter.starts_with('\\') {
            return (until(letter[2..].find('\'').map(|end| end + 4)), false);
        }
        if letter[first..].starts_with('\'') {
            return (at + first + 2, false);
        }
    }
    (at + rest.chars().next().map_or(1, char::len_utf8), true)
}

pub(crate) fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let (step, change) = match text.as_bytes()[at..] {
            [b'/', b'*', ..] => (2, 1),
            [b'*', b'/', ..] => (2, -1),
            _ => (1, 0),
        };
        depth += change;
        at += step;
        if depth == 0 {
            break;
        }
    }
    at
}

/// Returns the number of hashes if a raw string starts here.
pub(crate) fn raw_string(text: &str) -> Option<usize> {
    let raw = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    raw[hashes..].starts_with('"').then_some(hashes)
}

pub(crate) fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        if letter == '"' && !escaped {
            return at + 1;
        }
        escaped = letter == '\\' && !escaped;
    }
    text.len()
}

/// Returns where the items under `#[cfg(test)]` are in code whose comments and strings are blank.
pub(crate) fn test_items(code: &str) -> Vec<Range<usize>> {
    let starts = code.match_indices("#[cfg(test)]").map(|(at, _)| at);
    starts.map(|at| at..item_end(code, at)).collect()
}

/// Returns the end of the item at `at`: after its block, or its semicolon if that comes first.
pub(crate) fn item_end(code: &str, at: usize) -> usize {
    let mut depth = 0;
    for (index, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b';' if depth == 0 => return index + 1,
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return index + 1;
        }
    }
    code.len()
}

/// Blanks the code inside of the ranges, or outside of them.
pub(crate) fn cut(code: &str, ranges: &[Range<usize>], inside: bool) -> String {
    let blanked = |at: usize| ranges.iter().any(|range| range.contains(&at)) == inside;
    let bytes = code.bytes().enumerate();
    let kept = bytes.map(|(at, byte)| if byte != b'\n' && blanked(at) { b' ' } else { byte });
    String::from_utf8(kept.collect()).unwrap()
}

/// Returns what ships: code without comments, strings and tests.
pub(crate) fn shipped(source: &Source) -> String {
    let code = blank(&source.text, true);
    let tests = test_items(&code);
    cut(&code, &tests, true)
}

/// Returns where `word` stands as a whole word.
pub(crate) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        !text[..*at].ends_with(is_word) && !text[at + word.len()..].starts_with(is_word)
    })
}

pub(crate) fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

pub(crate) fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Returns the line that holds `needle`, or the first.
pub(crate) fn line_of(text: &str, needle: &str) -> usize {
    text.find(needle).map_or(1, |at| line(text, at))
}

//! Text that others wrote on the chain, made safe to show.

use alloy::primitives::B256;
use alloy::primitives::U256;
use koinon_model::is_harmful;

/// Replaces each character that could mislead a terminal or its reader with `?`.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|character| if is_harmful(character) { '?' } else { character }).collect()
}

/// Returns the beginning of a text, on one line, to be shown in an error.
pub(crate) fn excerpt(text: &str) -> String {
    /// Characters up to which a text is shown whole.
    const WHOLE: usize = 300;
    let mut shown: String = printable(text).chars().take(WHOLE).collect();
    if text.chars().nth(WHOLE).is_some() {
        shown.push('…');
    }
    shown
}

/// Returns the text of a `bytes32`: its bytes up to the last that is not zero.
pub(crate) fn word_text(word: B256) -> String {
    let end = word.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    printable(&String::from_utf8_lossy(&word[..end]))
}

/// Shortens a proposal's number, of up to 77 digits, to `2741…93`.
pub(crate) fn short_number(id: U256) -> String {
    /// Digits up to which a number is shown whole.
    const WHOLE: usize = 12;
    let digits = id.to_string();
    if digits.len() <= WHOLE {
        return digits;
    }
    format!("{}…{}", &digits[..4], &digits[digits.len() - 2..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_the_chain_is_printable() {
        assert_eq!(printable("a\u{1b}[2J\r\nb"), "a?[2J??b");
        assert_eq!(printable("a\u{202e}b"), "a?b");
        assert_eq!(word_text(B256::right_padding_from(b"mapper")), "mapper");
        assert_eq!(word_text(B256::right_padding_from(b"a\0b")), "a?b");
        assert_eq!(word_text(B256::repeat_byte(0xff)), "\u{fffd}".repeat(32));
        assert_eq!(word_text(B256::ZERO), "");
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(excerpt("a\nb"), "a?b");
        assert_eq!(excerpt(&"x".repeat(300)), "x".repeat(300));
        assert_eq!(excerpt(&"[".repeat(4_000_000)), "[".repeat(300) + "…");
    }

    #[test]
    fn long_numbers_are_shortened() {
        assert_eq!(short_number(U256::from(7)), "7");
        assert_eq!(short_number(U256::from(999_999_999_999_u64)), "999999999999");
        assert_eq!(short_number(U256::MAX), "1157…35");
    }
}

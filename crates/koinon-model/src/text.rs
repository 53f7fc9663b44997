//! Characters of hostile text.

/// Returns whether a character can command a terminal, hide itself or reorder its neighbours.
///
/// Every control character counts, line feed and tab among them: a caller that lays out lines
/// itself excepts the ones it writes.
pub fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' // soft hyphen
                | '\u{61c}' // Arabic letter mark
                | '\u{180e}' // Mongolian vowel separator
                | '\u{200b}'..='\u{200f}' // zero width and directional marks
                | '\u{2028}'..='\u{202e}' // line separators, bidi embeddings and overrides
                | '\u{2060}'..='\u{206f}' // invisible operators, bidi isolates
                | '\u{feff}' // zero width no-break space
                | '\u{fff9}'..='\u{fffb}' // interlinear annotation
                | '\u{e0000}'..='\u{e007f}' // tags
        )
}

#[cfg(test)]
mod tests {
    use super::is_harmful;

    /// First and last character of every range that the Unicode Standard gives a control, hidden
    /// or reordering function: general categories Cc, Zl and Zp; Bidi_Control (UAX 9); the zero
    /// width, annotation and tag characters of chapters 23.2 to 23.9.
    const HARMFUL: [(char, char); 12] = [
        ('\0', '\u{1f}'),
        ('\u{7f}', '\u{9f}'),
        ('\u{ad}', '\u{ad}'),
        ('\u{61c}', '\u{61c}'),
        ('\u{180e}', '\u{180e}'),
        ('\u{200b}', '\u{200f}'),
        ('\u{2028}', '\u{2029}'),
        ('\u{202a}', '\u{202e}'),
        ('\u{2060}', '\u{206f}'),
        ('\u{feff}', '\u{feff}'),
        ('\u{fff9}', '\u{fffb}'),
        ('\u{e0000}', '\u{e007f}'),
    ];

    #[test]
    fn just_the_characters_of_the_table_are_harmful() {
        for character in '\0'..=char::MAX {
            let listed = HARMFUL.iter().any(|(first, last)| (*first..=*last).contains(&character));
            assert_eq!(is_harmful(character), listed, "{}", character.escape_unicode());
        }
    }
}

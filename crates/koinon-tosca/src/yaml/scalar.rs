//! The meaning of scalars: YAML's core schema, narrowed by TOSCA.

use koinon_model::Number;

/// A scalar's meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scalar<'a> {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`, and nothing else (TOSCA 2.0, 9.1.1.4).
    Bool(bool),
    /// A number, in JSON's grammar.
    Number(Number),
    /// A number without a form in JSON: an infinity, not-a-number, or a number of absurd length.
    NoNumber,
    /// Any other plain scalar, and every quoted scalar.
    String(&'a str),
}

impl<'a> Scalar<'a> {
    /// Resolves a plain scalar.
    pub(crate) fn plain(text: &'a str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::Null,
            "true" => return Self::Bool(true),
            "false" => return Self::Bool(false),
            _ => {}
        }
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
        {
            return Self::NoNumber;
        }
        if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
            return Self::String(text);
        }
        // Most numbers need no rewriting.
        if text.len() < 20 && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()) {
            return Number::parse(text).map_or(Self::NoNumber, Self::Number);
        }
        match json_number(text, unsigned) {
            Some(number) => Number::parse(&number).map_or(Self::NoNumber, Self::Number),
            None => Self::String(text),
        }
    }
}

/// Rewrites a number of YAML's core schema in JSON's grammar. Returns `None` for other texts.
///
/// Digits do not change (`1.10` may be a version), but JSON has no plus sign, no leading zeros, and
/// no dot without digits on one side. Octal and hexadecimal integers become decimal.
fn json_number(text: &str, unsigned: &str) -> Option<String> {
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let valid = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
            return valid.then(|| {
                // A number that is too large becomes a text that `Number` rejects, not a string.
                u128::from_str_radix(digits, radix)
                    .map_or("-".to_owned(), |value| value.to_string())
            });
        }
    }
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], &unsigned[at..]),
        None => (unsigned, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !exponent.is_empty() {
        let power = exponent[1..].strip_prefix(['+', '-']).unwrap_or(&exponent[1..]);
        if power.is_empty() || !digits(power) {
            return None;
        }
    }
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let empty = whole.is_empty() && fraction.is_none_or(str::is_empty);
    if empty || !digits(whole) || !fraction.is_none_or(digits) {
        return None;
    }
    let trimmed = whole.trim_start_matches('0');
    let whole = if trimmed.is_empty() { "0" } else { trimmed };
    let fraction = match fraction {
        None => String::new(),
        Some("") => ".0".to_owned(),
        Some(digits) => format!(".{digits}"),
    };
    let integer = fraction.is_empty() && exponent.is_empty();
    let sign = if text.starts_with('-') && !(integer && whole == "0") { "-" } else { "" };
    Some(format!("{sign}{whole}{fraction}{exponent}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        let number = |text: &str| Scalar::Number(Number::parse(text).unwrap());
        let numbers = [
            ("0", "0"),
            ("-0", "0"),
            ("+12", "12"),
            ("007", "7"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("1.10", "1.10"),
            (".5", "0.5"),
            ("-.5", "-0.5"),
            ("5.", "5.0"),
            ("1e9", "1e9"),
            ("1.E+3", "1.0E+3"),
            ("99999999999999999999", "99999999999999999999"),
        ];
        for (text, expected) in numbers {
            assert_eq!(Scalar::plain(text), number(expected), "{text}");
        }
        for text in [
            "True",
            "yes",
            "1.2.3",
            "1_000",
            "0x",
            "0xg",
            "-",
            "+",
            ".",
            "1e",
            "-a",
            "12 s",
            "2024-01-01",
        ] {
            assert_eq!(Scalar::plain(text), Scalar::String(text));
        }
        assert_eq!(Scalar::plain("~"), Scalar::Null);
        assert_eq!(Scalar::plain("true"), Scalar::Bool(true));
        assert_eq!(Scalar::plain(".inf"), Scalar::NoNumber);
        assert_eq!(Scalar::plain("-.INF"), Scalar::NoNumber);
        assert_eq!(Scalar::plain(&"9".repeat(300)), Scalar::NoNumber);
    }
}

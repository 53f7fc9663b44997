//! Values of objects: JSON's data model with exact numbers.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde::Serializer;
use serde::ser::SerializeMap;
use serde::ser::SerializeSeq;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// A value of an object: JSON's data model, numbers kept exactly as written, maps sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// TOSCA's `nil`.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, exact.
    Number(Number),
    /// A string in Unicode NFC.
    String(String),
    /// A list.
    List(Vec<Self>),
    /// A map with string keys in Unicode NFC; its order is the order of the keys' bytes.
    Map(BTreeMap<String, Self>),
}

impl Value {
    /// Makes a string, normalised to NFC.
    pub fn string(text: &str) -> Self {
        Self::String(if text.is_ascii() { text.to_owned() } else { text.nfc().collect() })
    }

    /// Returns the string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// Returns the boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// Returns the integer, if it is a number without fraction or exponent that fits.
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Number(number) = self { number.as_i64() } else { None }
    }

    /// Returns the natural number, if it is one.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_i64().and_then(|number| u64::try_from(number).ok())
    }

    /// Returns the list, if it is one.
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// Returns the map, if it is one.
    pub fn as_map(&self) -> Option<&BTreeMap<String, Self>> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }

    /// Returns the value under a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map().and_then(|map| map.get(key))
    }

    /// Returns the name of its kind, for messages: `null`, `boolean`, `number`, `string`, `list` or
    /// `map`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(Number::from(number))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

impl<const N: usize> From<[(&str, Self); N]> for Value {
    fn from(entries: [(&str, Self); N]) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.nfc().collect(), value)).collect())
    }
}

impl FromIterator<(String, Self)> for Value {
    fn from_iter<I: IntoIterator<Item = (String, Self)>>(entries: I) -> Self {
        Self::Map(entries.into_iter().collect())
    }
}

impl Serialize for Value {
    /// Serialises for people and tools; canonical bytes come from [`Value::to_json`].
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => match number.as_i64() {
                Some(integer) => serializer.serialize_i64(integer),
                None => serializer.serialize_str(number.as_str()),
            },
            Self::String(text) => serializer.serialize_str(text),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

/// A number as text: JSON's grammar, never rounded (`1.10` stays `1.10`: it may be a version).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(String);

/// The text is not a JSON number, or is longer than 256 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected a number, found `{0}`")]
pub struct NumberError(String);

impl Number {
    /// Most bytes of a number: longer ones cost time, and no real value needs them.
    const MAX_LEN: usize = 256;

    /// Parses JSON's number grammar (RFC 8259 section 6).
    ///
    /// # Errors
    /// [`NumberError`] for any other text, and for more than 256 bytes.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        if text.len() <= Self::MAX_LEN && is_json_number(text.as_bytes()) {
            return Ok(Self(text.to_owned()));
        }
        Err(NumberError(text.chars().take(40).collect()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the integer, if there is neither fraction nor exponent and it fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self(number.to_string())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
fn is_json_number(text: &[u8]) -> bool {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && text[at] == b'0') || text == b"-0" {
        return false;
    }
    at += whole;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return false;
        }
        at += 1 + fraction;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at);
        if exponent == 0 {
            return false;
        }
        at += exponent;
    }
    at == text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_rfc_8259() {
        for good in ["0", "7", "-7", "1.10", "0.5", "1e9", "1E-9", "-0.0", "9223372036854775808"] {
            assert_eq!(Number::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-", "01", "-0", "+1", "1.", ".5", "1e", "0x1f", "1_000", "NaN", "1 "] {
            assert_eq!(Number::parse(bad), Err(NumberError(bad.to_owned())), "{bad}");
        }
    }

    #[test]
    fn strings_are_normalised() {
        assert_eq!(Value::string("e\u{301}"), Value::String("\u{e9}".to_owned()));
    }
}

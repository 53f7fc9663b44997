//! Canonical JSON: the one byte sequence of a value.
//!
//! Keys sorted by bytes, no white space, numbers as written, strings in NFC with the shortest
//! escapes of RFC 8785 (JCS). The reader accepts any JSON text within limits, but rejects duplicate
//! keys and strings that are not in NFC.

use std::collections::BTreeMap;

use thiserror::Error;
use unicode_normalization::is_nfc;

use crate::value::Number;
use crate::value::Value;

/// Why bytes are rejected as a JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what} at byte {at}")]
pub struct JsonError {
    /// The fault, or what was expected.
    pub what: &'static str,
    /// Its byte offset.
    pub at: usize,
}

/// Limits of the cost of reading.
#[derive(Clone, Copy, Debug)]
pub struct JsonLimits {
    /// Most bytes of input.
    pub bytes: usize,
    /// Most nested lists and maps.
    pub depth: usize,
}

impl Default for JsonLimits {
    /// Returns 16 MiB and 64 levels: far more than any service needs, and too little to do harm.
    fn default() -> Self {
        Self { bytes: 16 << 20, depth: 64 }
    }
}

impl Value {
    /// Writes the canonical JSON.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        write_value(self, &mut out);
        out
    }

    /// Reads a JSON text, canonical or not.
    ///
    /// # Errors
    /// [`JsonError`] for bad syntax, a duplicate key, a string that is not in NFC, or a passed
    /// limit.
    pub fn from_json(text: &[u8], limits: JsonLimits) -> Result<Self, JsonError> {
        if text.len() > limits.bytes {
            return Err(JsonError { what: "too many bytes", at: limits.bytes });
        }
        let text = std::str::from_utf8(text)
            .map_err(|error| JsonError { what: "invalid UTF-8", at: error.valid_up_to() })?;
        let mut reader = JsonReader { text, at: 0 };
        let value = reader.value(limits.depth)?;
        reader.space();
        if reader.at == text.len() { Ok(value) } else { Err(reader.error("trailing text")) }
    }
}

pub(crate) fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(number.as_str()),
        Value::String(text) => write_string(text, out),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Map(entries) => {
            out.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_value(item, out);
            }
            out.push('}');
        }
    }
}

/// Writes a JSON string with the escapes of RFC 8785 section 3.2.2.2.
pub(crate) fn write_string(text: &str, out: &mut String) {
    // All bytes are tested without a branch, which is several times faster: few strings need an
    // escape.
    let plain = |byte: u8| (byte >= 0x20) & (byte != b'"') & (byte != b'\\');
    out.reserve(text.len() + 2);
    out.push('"');
    if text.bytes().fold(true, |all, byte| all & plain(byte)) {
        out.push_str(text);
        out.push('"');
        return;
    }
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            0x8 => "\\b",
            b'\t' => "\\t",
            b'\n' => "\\n",
            0xc => "\\f",
            b'\r' => "\\r",
            0..0x20 => "",
            _ => continue,
        };
        // Only ASCII is escaped, so both ends are boundaries of characters.
        out.push_str(&text[from..at]);
        from = at + 1;
        if escape.is_empty() {
            out.push_str(&format!("\\u{byte:04x}"));
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[from..]);
    out.push('"');
}

struct JsonReader<'a> {
    text: &'a str,
    at: usize,
}

impl JsonReader<'_> {
    fn error(&self, what: &'static str) -> JsonError {
        JsonError { what, at: self.at }
    }

    fn rest(&self) -> &[u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn space(&mut self) {
        self.at += self.rest().iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
    }

    /// Skips white space, and `byte` if it is next; returns whether it was.
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.rest().first() == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.error("expected a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.space();
        match self.rest().first() {
            Some(b'{' | b'[') if depth == 0 => Err(self.error("too deeply nested")),
            Some(b'{') => self.map(depth - 1),
            Some(b'[') => self.list(depth - 1),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(_) => self.number(),
            None => Err(self.error("expected a value, found the end")),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.take(b']') {
                return Ok(Value::List(items));
            }
            if !self.take(b',') {
                return Err(self.error("expected `,` or `]`"));
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut entries = BTreeMap::new();
        if self.take(b'}') {
            return Ok(Value::Map(entries));
        }
        loop {
            self.space();
            let start = self.at;
            let key = self.string()?;
            if !self.take(b':') {
                return Err(self.error("expected `:`"));
            }
            if entries.insert(key, self.value(depth)?).is_some() {
                return Err(JsonError { what: "duplicate key", at: start });
            }
            if self.take(b'}') {
                return Ok(Value::Map(entries));
            }
            if !self.take(b',') {
                return Err(self.error("expected `,` or `}`"));
            }
        }
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let length = self
            .rest()
            .iter()
            .take_while(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte))
            .count();
        let number = Number::parse(&self.text[self.at..self.at + length])
            .map_err(|_| self.error("expected a value"))?;
        self.at += length;
        Ok(Value::Number(number))
    }

    fn string(&mut self) -> Result<String, JsonError> {
        let start = self.at;
        if self.rest().first() != Some(&b'"') {
            return Err(self.error("expected a string"));
        }
        self.at += 1;
        let mut out = String::new();
        loop {
            let plain = self
                .rest()
                .iter()
                .take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20))
                .count();
            out.push_str(&self.text[self.at..self.at + plain]);
            self.at += plain;
            match self.rest().first() {
                Some(b'"') => break,
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(self.error("control character in a string")),
                None => return Err(self.error("unclosed string")),
            }
        }
        self.at += 1;
        if is_nfc(&out) {
            Ok(out)
        } else {
            Err(JsonError { what: "string is not in NFC", at: start })
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let escaped = self.rest().get(1).copied();
        self.at += 2;
        match escaped {
            Some(b'"') => Ok('"'),
            Some(b'\\') => Ok('\\'),
            Some(b'/') => Ok('/'),
            Some(b'b') => Ok('\u{8}'),
            Some(b'f') => Ok('\u{c}'),
            Some(b'n') => Ok('\n'),
            Some(b'r') => Ok('\r'),
            Some(b't') => Ok('\t'),
            Some(b'u') => self.code_point(),
            Some(_) | None => {
                self.at -= 2;
                Err(self.error("unknown escape"))
            }
        }
    }

    fn code_point(&mut self) -> Result<char, JsonError> {
        let first = self.hex4()?;
        if (0xd800..0xdc00).contains(&first) && self.rest().starts_with(b"\\u") {
            self.at += 2;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return char::from_u32(code).ok_or_else(|| self.error("invalid code point"));
            }
            return Err(self.error("lone surrogate"));
        }
        char::from_u32(first).ok_or_else(|| self.error("lone surrogate"))
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let digits = self.rest().get(..4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let text = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let code = text.and_then(|text| u32::from_str_radix(text, 16).ok());
        let code = code.ok_or_else(|| self.error("expected four hexadecimal digits"))?;
        self.at += 4;
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, JsonError> {
        Value::from_json(text.as_bytes(), JsonLimits { bytes: 1000, depth: 3 })
    }

    #[test]
    fn json_is_written_with_sorted_keys_and_no_spaces() {
        let value =
            read(" { \"b\" : [ 1.10 , null, true ], \"a\" : \"\\u0041\\n\\u001f/\" } ").unwrap();
        assert_eq!(value.to_json(), r#"{"a":"A\n\u001f/","b":[1.10,null,true]}"#);
    }

    #[test]
    fn errors_have_the_byte_offset() {
        let cases = [
            ("", "expected a value, found the end", 0),
            ("[1,]", "expected a value", 3),
            ("{\"a\":1,\"a\":2}", "duplicate key", 7),
            ("[[[[1]]]]", "too deeply nested", 3),
            ("\"e\u{301}\"", "string is not in NFC", 0),
            ("\"\\ud800x\"", "lone surrogate", 7),
            ("\"\\", "unknown escape", 1),
            ("\"a", "unclosed string", 2),
            ("\"\u{1}\"", "control character in a string", 1),
            ("1 2", "trailing text", 2),
            ("01", "expected a value", 0),
            ("nul", "expected a value", 0),
        ];
        for (text, what, at) in cases {
            assert_eq!(read(text), Err(JsonError { what, at }), "{text}");
        }
        assert_eq!(read("\"\\ud83d\\ude00\"").unwrap(), Value::string("😀"));
    }
}

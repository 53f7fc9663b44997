//! Canonical JSON written straight from structs, without a tree of values in between.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use alloy_primitives::B256;
use alloy_primitives::hex;

use crate::json::write_string;
use crate::json::write_value;
use crate::value::Value;

/// Bytes that are passed on at once.
const PIECE: usize = 64 << 10;

/// Writes canonical JSON piece by piece. Whoever calls it gives keys in the order of their bytes and strings in NFC.
#[derive(Debug, Default)]
pub struct JsonWriter {
    out: String,
    /// Where things were written that are shared, by their address.
    shared: HashMap<usize, Range<usize>>,
    /// Who gets what is written, and how much of it was passed on.
    reader: Option<(Sender<Vec<u8>>, usize)>,
}

impl JsonWriter {
    /// Starts with room for a number of bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: String::with_capacity(bytes), ..Self::default() }
    }

    /// Passes on what is written, in order, whenever [`Self::pass`] finds enough of it and at the end.
    #[must_use]
    pub fn passing_to(self, reader: Sender<Vec<u8>>) -> Self {
        Self { reader: Some((reader, 0)), ..self }
    }

    /// Passes on what was written since the last time, if it is worth it and somebody reads it.
    pub fn pass(&mut self) {
        self.pass_from(PIECE);
    }

    fn pass_from(&mut self, bytes: usize) {
        let Some((reader, passed)) = &mut self.reader else { return };
        let new = &self.out.as_bytes()[*passed..];
        if new.len() < bytes {
            return;
        }
        let gone = reader.send(new.to_vec()).is_err();
        *passed = self.out.len();
        if gone {
            self.reader = None;
        }
    }

    /// Returns what was written.
    pub fn finish(mut self) -> String {
        self.pass_from(1);
        self.out
    }

    /// Writes a map; `entries` writes keys and values in turn.
    pub fn map(&mut self, entries: impl FnOnce(&mut Self)) {
        self.separate();
        self.out.push('{');
        entries(self);
        self.out.push('}');
    }

    /// Writes a list; `items` writes its values.
    pub fn list(&mut self, items: impl FnOnce(&mut Self)) {
        self.separate();
        self.out.push('[');
        items(self);
        self.out.push(']');
    }

    /// Writes the key of the value that follows.
    pub fn key(&mut self, key: &str) -> &mut Self {
        self.string(key);
        self.out.push(':');
        self
    }

    /// Writes a string.
    pub fn string(&mut self, text: &str) {
        self.separate();
        write_string(text, &mut self.out);
    }

    /// Writes 32 bytes as `0x` and 64 hexadecimal digits.
    pub fn hash(&mut self, hash: &B256) {
        self.separate();
        self.out.push('"');
        self.out.push_str(hex::Buffer::<32, true>::new().format(hash));
        self.out.push('"');
    }

    /// Writes a key that [`Self::hash`] writes.
    pub fn hash_key(&mut self, hash: &B256) -> &mut Self {
        self.hash(hash);
        self.out.push(':');
        self
    }

    /// Writes a natural number.
    pub fn number(&mut self, number: u64) {
        self.separate();
        let mut digits = [0u8; 20];
        let mut at = digits.len();
        let mut left = number;
        loop {
            at -= 1;
            digits[at] = b"0123456789"[(left % 10) as usize];
            left /= 10;
            if left == 0 {
                break;
            }
        }
        self.out.push_str(std::str::from_utf8(&digits[at..]).expect("digits are ASCII"));
    }

    /// Writes a value.
    pub fn value(&mut self, value: &Value) {
        self.separate();
        write_value(value, &mut self.out);
    }

    /// Writes what others may share as well. What was written of it once is copied: it has to stay where it is for as
    /// long as this writer is used.
    pub fn shared<T>(&mut self, value: &Arc<T>, write: impl FnOnce(&T, &mut Self)) {
        if Arc::strong_count(value) == 1 {
            return write(value, self);
        }
        let address = Arc::as_ptr(value) as usize;
        match self.shared.get(&address) {
            Some(range) => {
                let range = range.clone();
                self.separate();
                self.out.extend_from_within(range);
            }
            None => {
                self.separate();
                let start = self.out.len();
                write(value, self);
                self.shared.insert(address, start..self.out.len());
            }
        }
    }

    /// A comma goes before everything but the first of a list or map and what follows its key.
    fn separate(&mut self) {
        if !matches!(self.out.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.out.push(',');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_on_all_that_is_written() {
        let (reader, passed) = std::sync::mpsc::channel();
        let mut writer = JsonWriter::default().passing_to(reader);
        writer.list(|writer| {
            for number in 0..50_000 {
                writer.number(number);
                writer.pass();
            }
        });
        let text = writer.finish();
        let pieces: Vec<Vec<u8>> = passed.into_iter().collect();
        assert!(pieces.len() > 3);
        assert_eq!(pieces.concat(), text.as_bytes());
    }

    #[test]
    fn writes_what_a_value_writes() {
        let mut writer = JsonWriter::default();
        writer.map(|writer| {
            writer.key("a:").list(|writer| {
                writer.number(0);
                writer.number(u64::MAX);
                writer.list(|_| {});
                writer.hash(&B256::repeat_byte(0x1f));
            });
            writer.key("b{").map(|_| {});
            writer.key("c").value(&Value::Null);
            writer.key("d").string("[\"\u{1}é");
        });
        let text = writer.finish();
        let value = Value::from_json(text.as_bytes(), crate::Limits::default()).unwrap();
        assert_eq!(value.to_json(), text);
        let hash = "1f".repeat(32);
        let expected = format!(
            r#"{{"a:":[0,18446744073709551615,[],"0x{hash}"],"b{{":{{}},"c":null,"d":"[\"\u0001é"}}"#
        );
        assert_eq!(text, expected);
    }
}

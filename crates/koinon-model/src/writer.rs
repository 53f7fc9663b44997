//! Canonical JSON written straight from structs, without a tree of values in between.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use alloy_primitives::B256;
use alloy_primitives::hex;

use crate::json::write_string;
use crate::json::write_value;
use crate::value::Value;

/// Bytes that are passed on at once.
const PIECE: usize = 64 << 10;
/// Room of a piece: it is passed on between two elements, so that it holds a little more.
const ROOM: usize = PIECE + (16 << 10);

/// Writes canonical JSON piece by piece. Whoever calls it gives keys in the order of their bytes and strings in NFC.
#[derive(Debug, Default)]
pub struct JsonWriter {
    out: String,
    /// Where in `kept` what others share is, by its address.
    shared: HashMap<usize, Range<usize>>,
    kept: String,
    /// Who gets what is written.
    reader: Option<SyncSender<Arc<String>>>,
    /// All that was passed on.
    pieces: Vec<Arc<String>>,
    /// The last byte that was passed on.
    passed: Option<u8>,
}

impl JsonWriter {
    /// Starts with room for a number of bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: String::with_capacity(bytes), ..Self::default() }
    }

    /// Starts a text that is passed on in pieces, in order, whenever [`Self::pass`] finds enough of it, and the rest by
    /// [`Self::pieces`].
    pub fn passing_to(reader: SyncSender<Arc<String>>) -> Self {
        Self { reader: Some(reader), ..Self::with_capacity(ROOM) }
    }

    /// Passes on what was written since the last time, if it is worth it and somebody reads it.
    pub fn pass(&mut self) {
        self.pass_from(PIECE);
    }

    fn pass_from(&mut self, bytes: usize) {
        let Some(reader) = &self.reader else { return };
        if self.out.len() < bytes {
            return;
        }
        self.passed = self.out.as_bytes().last().copied();
        let piece = Arc::new(std::mem::replace(&mut self.out, String::with_capacity(ROOM)));
        // A reader that is gone needs no more of it.
        drop(reader.send(Arc::clone(&piece)));
        self.pieces.push(piece);
    }

    /// Returns what was written, if it was not passed on.
    pub fn finish(self) -> String {
        self.out
    }

    /// Passes on the rest, and returns all that was passed on.
    pub fn pieces(mut self) -> Vec<Arc<String>> {
        self.pass_from(1);
        self.pieces
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

    /// Writes the key of the value that follows: a word of the format, with nothing to escape.
    pub fn key(&mut self, key: &'static str) -> &mut Self {
        debug_assert!(key.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase()));
        self.separate();
        self.out.reserve(key.len() + 3);
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
        self
    }

    /// Writes the name of the value that follows.
    pub fn name(&mut self, name: &str) -> &mut Self {
        self.string(name);
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
        self.separate();
        if let Some(range) = self.shared.get(&address) {
            self.out.push_str(&self.kept[range.clone()]);
            return;
        }
        let (start, kept) = (self.out.len(), self.kept.len());
        // Nothing of it may be passed on before it is whole.
        let reader = self.reader.take();
        write(value, self);
        self.reader = reader;
        self.kept.push_str(&self.out[start..]);
        self.shared.insert(address, kept..self.kept.len());
    }

    /// A comma goes before everything but the first of a list or map, what follows its key, and what has one.
    fn separate(&mut self) {
        let last = self.out.as_bytes().last().copied().or(self.passed);
        if !matches!(last, None | Some(b'{' | b'[' | b':' | b',')) {
            self.out.push(',');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_on_all_that_is_written() {
        let write = |mut writer: JsonWriter| {
            let shared = Arc::new("[\"shared\"");
            let large = Arc::clone(&shared);
            let other = Arc::new(());
            let small = Arc::clone(&other);
            writer.list(|writer| {
                for number in 0..20_000 {
                    writer.list(|writer| writer.number(number));
                    writer.pass();
                    writer.shared(&small, |(), writer| writer.number(7));
                    if number % 4_000 == 0 {
                        writer.shared(&large, |text, writer| {
                            writer.list(|writer| {
                                for _ in 0..10_000 {
                                    writer.string(text);
                                    writer.pass();
                                }
                            });
                        });
                    }
                    writer.pass();
                }
            });
            writer
        };
        let (send, passed) = std::sync::mpsc::sync_channel(100);
        let pieces = write(JsonWriter::passing_to(send)).pieces();
        assert_eq!(pieces, passed.into_iter().collect::<Vec<_>>());
        assert!(pieces.len() > 3);
        let text: String = pieces.iter().map(|piece| piece.as_str()).collect();
        assert_eq!(text, write(JsonWriter::default()).finish());
        let value = Value::from_json(text.as_bytes(), crate::Limits::default()).unwrap();
        assert_eq!(value.to_json(), text);
        assert_eq!(value.as_list().map(<[Value]>::len), Some(2 * 20_000 + 5));
    }

    #[test]
    fn writes_what_a_value_writes() {
        let mut writer = JsonWriter::default();
        writer.map(|writer| {
            writer.name("a:").list(|writer| {
                writer.number(0);
                writer.number(u64::MAX);
                writer.list(|_| {});
                writer.hash(&B256::repeat_byte(0x1f));
            });
            writer.name("b{").map(|_| {});
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

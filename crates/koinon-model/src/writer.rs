//! Writes canonical JSON directly from structs, without a tree of values in between.

use alloy_primitives::B256;
use alloy_primitives::hex;

use crate::json::write_string;
use crate::json::write_value;
use crate::value::Value;

/// Least bytes of a piece that is handed over.
const PIECE_BYTES: usize = 64 << 10;
/// Capacity of a piece: pieces are handed over between two elements, so they get a little longer.
const PIECE_CAPACITY: usize = PIECE_BYTES + (16 << 10);

/// Writes canonical JSON. The caller writes keys in the order of their bytes and strings in NFC.
#[derive(Debug, Default)]
pub struct JsonWriter {
    out: String,
    /// The last byte that was handed over.
    passed: Option<u8>,
}

impl JsonWriter {
    /// Makes a writer with room for a number of bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: String::with_capacity(bytes), passed: None }
    }

    /// Makes a writer with room for one piece.
    pub fn in_pieces() -> Self {
        Self::with_capacity(PIECE_CAPACITY)
    }

    /// Hands over the text since the last piece, if it is long enough for a piece.
    pub fn pass(&mut self, reader: impl FnOnce(String)) {
        if self.out.len() >= PIECE_BYTES {
            self.passed = self.out.as_bytes().last().copied();
            reader(std::mem::replace(&mut self.out, String::with_capacity(PIECE_CAPACITY)));
        }
    }

    /// Returns the text that was not handed over.
    pub fn finish(self) -> String {
        self.out
    }

    /// Returns the number of bytes that were not handed over.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// Returns the text after the first `len` bytes.
    pub(crate) fn since(&self, len: usize) -> &str {
        &self.out[len..]
    }

    /// Removes the text after the first `len` bytes.
    pub(crate) fn take_back(&mut self, len: usize) {
        self.out.truncate(len);
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
        self.out.push_str(itoa::Buffer::new().format(number));
    }

    /// Writes a value.
    pub fn value(&mut self, value: &Value) {
        self.separate();
        write_value(value, &mut self.out);
    }

    /// Writes text that has values with commas between.
    pub(crate) fn written(&mut self, values: &str) {
        if !values.is_empty() {
            self.separate();
            self.out.push_str(values);
        }
    }

    /// Writes a comma, unless the text ends with the start of a list or map, a key or a comma.
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
    fn streaming_writes_the_same_json() {
        let write = |reader: &mut dyn FnMut(String)| {
            let mut writer = JsonWriter::in_pieces();
            writer.list(|writer| {
                for number in 0..20_000 {
                    writer.list(|writer| writer.number(number));
                    writer.pass(&mut *reader);
                    writer.string("word");
                    writer.pass(&mut *reader);
                }
            });
            writer.finish()
        };
        let mut pieces = Vec::new();
        let rest = write(&mut |piece| pieces.push(piece));
        assert!(pieces.len() > 3 && pieces.iter().all(|piece| piece.len() >= PIECE_BYTES));
        let text = pieces.concat() + &rest;
        let items = (0..20_000).map(|number| format!("[{number}],\"word\""));
        assert_eq!(text, format!("[{}]", items.collect::<Vec<_>>().join(",")));
    }

    #[test]
    fn the_writer_and_a_value_write_the_same_json() {
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
            writer.key("e").list(|writer| writer.written("1,[2]"));
            writer.key("f").list(|writer| writer.written(""));
        });
        let text = writer.finish();
        let value = Value::from_json(text.as_bytes(), crate::JsonLimits::default()).unwrap();
        assert_eq!(value.to_json(), text);
        let hash = "1f".repeat(32);
        let expected = format!(
            r#"{{"a:":[0,18446744073709551615,[],"0x{hash}"],"b{{":{{}},"c":null,"d":"[\"\u0001é","e":[1,[2]],"f":[]}}"#
        );
        assert_eq!(text, expected);
    }
}

//! Canonical YAML: one text for one value.
//!
//! Block style with two spaces, keys sorted by bytes, but a root map's `tosca_definitions_version`
//! first. A string is plain if every YAML version reads it as a string, a literal block if it has
//! several printable lines, and double-quoted otherwise. Reading the text gives the same value.

use std::fmt::Write;

use koinon_model::Value;

/// The most bytes of a simple key. YAML's limit is 1024 characters.
const MAX_SIMPLE_KEY_BYTES: usize = 1000;

/// Writes a value.
pub(crate) fn write_yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Map(entries) if !entries.is_empty() => {
            let first = "tosca_definitions_version";
            if let Some((key, value)) = entries.get_key_value(first) {
                write_entry(key, value, 0, &mut out);
            }
            for (key, value) in entries.iter().filter(|(key, _)| *key != first) {
                write_entry(key, value, 0, &mut out);
            }
        }
        Value::List(items) if !items.is_empty() => write_items(items, 0, &mut out),
        _ => {
            write_scalar(value, 0, &mut out);
            out.push('\n');
        }
    }
    out
}

fn indent(levels: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", levels));
}

/// Writes `key: value`; the cursor is already at the key's column.
fn write_entry(key: &str, value: &Value, level: usize, out: &mut String) {
    let key = inline(key);
    if key.len() > MAX_SIMPLE_KEY_BYTES {
        out.push_str("? ");
        out.push_str(&key);
        out.push('\n');
        indent(level, out);
        out.push(':');
    } else {
        out.push_str(&key);
        out.push(':');
    }
    match value {
        Value::Map(entries) if !entries.is_empty() => {
            out.push('\n');
            indent(level + 1, out);
            write_entries(entries, level + 1, out);
        }
        Value::List(items) if !items.is_empty() => {
            out.push('\n');
            indent(level + 1, out);
            write_items(items, level + 1, out);
        }
        _ => {
            out.push(' ');
            write_scalar(value, level + 1, out);
            out.push('\n');
        }
    }
}

/// Writes entries; the cursor is already at their column.
fn write_entries(
    entries: &std::collections::BTreeMap<String, Value>,
    level: usize,
    out: &mut String,
) {
    for (index, (key, value)) in entries.iter().enumerate() {
        if index > 0 {
            indent(level, out);
        }
        write_entry(key, value, level, out);
    }
}

/// Writes items; the cursor is already at their column.
fn write_items(items: &[Value], level: usize, out: &mut String) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            indent(level, out);
        }
        out.push_str("- ");
        match item {
            Value::Map(entries) if !entries.is_empty() => write_entries(entries, level + 1, out),
            Value::List(items) if !items.is_empty() => write_items(items, level + 1, out),
            _ => {
                write_scalar(item, level + 1, out);
                out.push('\n');
            }
        }
    }
}

/// Writes a scalar or an empty collection, without the line's end.
fn write_scalar(value: &Value, level: usize, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(number.as_str()),
        Value::String(text) if is_literal(text) => write_literal(text, level.max(1), out),
        Value::String(text) => out.push_str(&inline(text)),
        Value::List(_) => out.push_str("[]"),
        Value::Map(_) => out.push_str("{}"),
    }
}

/// Returns whether a literal block keeps the text exactly: printable lines, none with white space
/// at an edge, one line break or none at the end.
fn is_literal(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let printable = |line: &str| line.chars().all(|one| !escaped(one) && one != '\u{feff}');
    let edges = |line: &str| line.trim_matches([' ', '\t']) == line;
    body.contains('\n')
        && !body.starts_with('\n')
        && !body.ends_with('\n')
        && body.split('\n').all(|line| printable(line) && edges(line))
}

fn write_literal(text: &str, level: usize, out: &mut String) {
    out.push_str(if text.ends_with('\n') { "|" } else { "|-" });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            indent(level, out);
            out.push_str(line);
        }
    }
}

/// Writes a string on one line.
fn inline(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// Returns whether every YAML version reads the text without quotes as a string.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let starts =
        text.starts_with(|first: char| first.is_ascii_alphabetic() || "_/$".contains(first));
    let inner = |one: char| one.is_ascii_alphanumeric() || " _./@+-,;:()'=$%<>!?*&^~".contains(one);
    starts
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && text.chars().all(inner)
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// Returns whether a character is written as an escape.
fn escaped(one: char) -> bool {
    one.is_control()
        || matches!(one, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for one in text.chars() {
        match one {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            one if escaped(one) => {
                let code = u32::from(one);
                // Writing to a string cannot fail.
                let _: Result<(), std::fmt::Error> = write!(out, "\\u{code:04x}");
            }
            one => out.push(one),
        }
    }
    out.push('"');
    out
}

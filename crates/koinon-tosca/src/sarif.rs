//! Writes diagnostics as SARIF 2.1.0, which code hosts and editors read.

use std::collections::BTreeSet;
use std::fmt::Write;

use koinon_model::Value;
use koinon_model::is_harmful;

use crate::code::Code;
use crate::diag::Diagnostic;
use crate::diag::Diagnostics;
use crate::diag::SourceRange;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

impl Diagnostics {
    /// Writes a SARIF 2.1.0 log of one run: canonical JSON on one line. Its rules are the codes
    /// that occur, each with its page. Columns count characters (`unicodeCodePoints`), and files
    /// are relative to the service's folder.
    ///
    /// Rules have no `helpUri`, which must be absolute (SARIF 3.49.12); their help is the page's
    /// text.
    pub fn to_sarif(&self, tool_version: &str) -> String {
        let codes: BTreeSet<Code> = self.iter().map(|one| one.code).collect();
        let codes: Vec<Code> = codes.into_iter().collect();
        let driver = Value::from([
            ("name", "koinon".into()),
            ("version", tool_version.into()),
            ("informationUri", env!("CARGO_PKG_REPOSITORY").into()),
            ("rules", Value::List(codes.iter().map(|code| rule(*code)).collect())),
        ]);
        let results: Vec<Value> = self.iter().map(|one| result(one, &codes)).collect();
        let run = Value::from([
            ("tool", Value::from([("driver", driver)])),
            ("columnKind", "unicodeCodePoints".into()),
            ("results", Value::List(results)),
        ]);
        let log = Value::from([
            ("$schema", SCHEMA.into()),
            ("version", "2.1.0".into()),
            ("runs", Value::List(vec![run])),
        ]);
        harmless_json(&log.to_json())
    }
}

fn rule(code: Code) -> Value {
    let page = code.page();
    Value::from([
        ("id", code.as_str().into()),
        ("shortDescription", text(code.title())),
        ("help", Value::from([("text", page.into()), ("markdown", page.into())])),
        ("defaultConfiguration", Value::from([("level", "error".into())])),
    ])
}

fn result(diagnostic: &Diagnostic, codes: &[Code]) -> Value {
    let mut message = diagnostic.message.clone();
    for hint in &diagnostic.hints {
        // Writing to a string cannot fail.
        let _: std::fmt::Result = write!(message, "\nhelp: {hint}");
    }
    let rule =
        codes.binary_search(&diagnostic.code).expect("BUG: every diagnostic's code is a rule");
    let related = diagnostic.related.iter().zip(1_i64..).map(|(related, id)| {
        Value::from([
            ("id", id.into()),
            ("message", text(&related.text)),
            ("physicalLocation", location(&related.place)),
        ])
    });
    let related: Vec<Value> = related.collect();
    Value::from([
        ("ruleId", diagnostic.code.as_str().into()),
        ("ruleIndex", i64::try_from(rule).expect("BUG: there are few codes").into()),
        ("level", "error".into()),
        ("message", text(&message)),
        (
            "locations",
            Value::List(vec![Value::from([("physicalLocation", location(&diagnostic.place))])]),
        ),
        ("relatedLocations", Value::List(related)),
    ])
}

fn text(text: &str) -> Value {
    Value::from([("text", text.into())])
}

fn location(place: &SourceRange) -> Value {
    let region = Value::from([
        ("startLine", i64::from(place.line).into()),
        ("startColumn", i64::from(place.column).into()),
        ("endLine", i64::from(place.end_line).into()),
        ("endColumn", i64::from(place.end_column).into()),
    ]);
    let uri = uri(&place.file);
    Value::from([
        ("artifactLocation", Value::from([("uri", uri.as_str().into())])),
        ("region", region),
    ])
}

/// Returns a path as a relative reference (RFC 3986, section 4.2). All but slashes and unreserved
/// characters is escaped; a colon would end a scheme.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            byte => {
                // Writing to a string cannot fail.
                let _: std::fmt::Result = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// Escapes characters of JSON text that control a terminal, are invisible or reorder text. They
/// occur only in strings, where an escape means the same. Newlines between values stay.
pub fn harmless_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if matches!(character, '\n' | '\t') || !is_harmful(character) {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _: std::fmt::Result = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_relative_references() {
        assert_eq!(uri("parts/types.yaml"), "parts/types.yaml");
        assert_eq!(uri("profile org.koinon:1.0"), "profile%20org.koinon%3A1.0");
        assert_eq!(uri("größe%.yaml"), "gr%C3%B6%C3%9Fe%25.yaml");
    }

    #[test]
    fn json_is_harmless() {
        assert_eq!(
            harmless_json("{\"a\":\"\u{202e}\u{9b}\u{e0001}b\"}"),
            r#"{"a":"\u202e\u009b\udb40\udc01b"}"#
        );
    }
}

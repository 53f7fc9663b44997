//! Maps with fixed keynames, maps of named things, lists of words.

use std::collections::BTreeMap;

use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::diag::article;
use crate::yaml::Yaml;

/// Longest name of a type, template or property. Some become paths of objects, which contracts bound.
const MAX_NAME: usize = 100;

/// A name or reference with its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'a> {
    pub(crate) text: &'a str,
    pub(crate) span: Span,
}

/// A map with fixed keynames.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    pub(crate) span: Span,
    entries: BTreeMap<&'a str, Yaml<'a>>,
}

impl<'a> Fields<'a> {
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    pub(crate) fn get(&self, key: &str) -> Option<Yaml<'a>> {
        self.entries.get(key).copied()
    }

    /// Returns the string under a key.
    pub(crate) fn word(&self, key: &str, faults: &Faults) -> Option<Word<'a>> {
        let value = self.get(key)?;
        let word = text_of(value);
        if word.is_none() {
            faults.push(wrong_kind(value, key, "string"));
        }
        word
    }

    /// Returns the string under a mandatory key.
    pub(crate) fn mandatory(&self, key: &str, what: &str, faults: &Faults) -> Option<Word<'a>> {
        if !self.has(key) {
            faults.push(Fault::new(
                Code::MissingKey,
                self.span,
                format!("expected `{key}` in {}", article(what)),
            ));
        }
        self.word(key, faults)
    }

    /// Returns the boolean under a key.
    pub(crate) fn boolean(&self, key: &str, faults: &Faults) -> Option<bool> {
        let value = self.get(key)?;
        if let Some(crate::yaml::Scalar::Bool(boolean)) = value.scalar() {
            return Some(boolean);
        }
        faults.push(wrong_kind(value, key, "boolean"));
        None
    }

    /// Returns the list of strings under a key.
    pub(crate) fn words(&self, key: &str, faults: &Faults) -> Option<Vec<Word<'a>>> {
        self.get(key).map(|value| words(value, key, faults))
    }
}

/// Reads a map with fixed keynames: `known` ones, and those that TOSCA has but this compiler does not yet.
pub(crate) fn fields<'a>(
    yaml: Yaml<'a>,
    what: &str,
    known: &[&str],
    later: &[&str],
    faults: &Faults,
) -> Option<Fields<'a>> {
    let Some(map) = yaml.map() else {
        faults.push(wrong_kind(yaml, what, "map"));
        return None;
    };
    let mut entries = BTreeMap::new();
    for (key, value) in map {
        let Some(name) = key.text() else {
            faults.push(wrong_kind(key, "a keyname", "string"));
            continue;
        };
        if known.contains(&name) {
            entries.insert(name, value);
        } else if later.contains(&name) {
            let message = format!("`{name}` in {} is not supported yet", article(what));
            faults.push(Fault::new(Code::NotSupported, key.span(), message));
        } else {
            let message = format!("unknown keyname `{name}` in {}", article(what));
            let fault = Fault::new(Code::UnknownKey, key.span(), message);
            faults.push(fault.near(name, known.iter().copied()));
        }
    }
    Some(Fields { span: yaml.span(), entries })
}

/// Reads a map from names to anything.
pub(crate) fn named<'a>(
    yaml: Option<Yaml<'a>>,
    what: &str,
    faults: &Faults,
) -> Vec<(Word<'a>, Yaml<'a>)> {
    let Some(yaml) = yaml else { return Vec::new() };
    let Some(map) = yaml.map() else {
        faults.push(wrong_kind(yaml, what, "map"));
        return Vec::new();
    };
    map.filter_map(|(key, value)| name_of(key, what, faults).map(|name| (name, value))).collect()
}

/// Reads a list of maps with one name each, TOSCA's form of an ordered map.
pub(crate) fn named_list<'a>(
    yaml: Option<Yaml<'a>>,
    what: &str,
    faults: &Faults,
) -> Vec<(Word<'a>, Yaml<'a>)> {
    let Some(yaml) = yaml else { return Vec::new() };
    let Some(list) = yaml.list() else {
        faults.push(wrong_kind(yaml, what, "list"));
        return Vec::new();
    };
    let mut entries = Vec::new();
    for item in list {
        match item.map() {
            Some(mut map) if map.len() == 1 => {
                let entry = map.next();
                entries.extend(
                    entry.and_then(|(key, value)| Some((name_of(key, what, faults)?, value))),
                );
            }
            _ => faults.push(wrong_kind(item, what, "map with one name")),
        }
    }
    entries
}

/// Reads a list of strings.
pub(crate) fn words<'a>(yaml: Yaml<'a>, what: &str, faults: &Faults) -> Vec<Word<'a>> {
    let Some(list) = yaml.list() else {
        faults.push(wrong_kind(yaml, what, "list of strings"));
        return Vec::new();
    };
    let read = |item: Yaml<'a>| {
        let word = text_of(item);
        if word.is_none() {
            faults.push(wrong_kind(item, what, "string"));
        }
        word
    };
    list.filter_map(read).collect()
}

/// Returns the string, if it is one.
pub(crate) fn text_of(yaml: Yaml<'_>) -> Option<Word<'_>> {
    yaml.string().map(|text| Word { text, span: yaml.span() })
}

/// Reads the key that names something. Names become paths of objects, so they have no `/`, no white space and a
/// bounded length.
fn name_of<'a>(key: Yaml<'a>, what: &str, faults: &Faults) -> Option<Word<'a>> {
    let Some(text) = key.text() else {
        faults.push(wrong_kind(key, &format!("a name in {what}"), "string"));
        return None;
    };
    let bad = |one: char| one == '/' || one.is_whitespace() || one.is_control();
    if text.is_empty() || text.len() > MAX_NAME || text.contains(bad) {
        let shown: String = text.chars().take(MAX_NAME).collect();
        let message = format!("`{shown}` cannot be a name");
        let hint = format!("names have 1 to {MAX_NAME} bytes without `/` and white space");
        faults.push(Fault::new(Code::InvalidName, key.span(), message).hint(hint));
        return None;
    }
    Some(Word { text, span: key.span() })
}

/// Makes the fault "expected X, found Y".
pub(crate) fn wrong_kind(yaml: Yaml<'_>, what: &str, expected: &str) -> Fault {
    let found = yaml.kind_name();
    let fault = Fault::new(
        Code::WrongKind,
        yaml.span(),
        format!("expected a {expected} for {what}, found a {found}"),
    );
    if expected == "string" && matches!(found, "number" | "boolean" | "null") {
        return fault.hint("put it in quotes to make it a string");
    }
    fault
}

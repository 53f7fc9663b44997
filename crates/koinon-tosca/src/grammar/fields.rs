//! Maps with fixed keynames, checked against their tables; maps and lists with names.

use crate::builtin::version_key;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::diag::article;
use crate::hash::HashMap;
use crate::keynames::Entity;
use crate::keynames::KeynameKind;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

/// The most bytes of the name of a type, template or property. Some names become paths of objects,
/// and contracts limit paths.
const MAX_NAME_BYTES: usize = 100;

/// The most entries of a map that is searched in order: larger maps have an index.
const MAX_UNINDEXED: usize = 12;

/// A name or reference with its place. The file of the place decides in which namespace the name is
/// looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'a> {
    pub(crate) text: &'a str,
    pub(crate) span: Span,
}

/// Values by name, in the order of the file.
#[derive(Clone, Debug)]
pub(crate) struct NamedMap<'a, T> {
    entries: Vec<(Word<'a>, T)>,
    /// The indices of names in a large map.
    index: Option<Box<HashMap<&'a str, usize>>>,
}

impl<T> Default for NamedMap<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, T> FromIterator<(Word<'a>, T)> for NamedMap<'a, T> {
    /// Lookups find the first of several entries with one name.
    fn from_iter<I: IntoIterator<Item = (Word<'a>, T)>>(entries: I) -> Self {
        let read = entries.into_iter();
        // The exact capacity saves memory: a large service has a hundred thousand maps. An unknown
        // number of entries only costs growth.
        let mut entries = Vec::with_capacity(read.size_hint().1.unwrap_or(0));
        entries.extend(read);
        Self::from(entries)
    }
}

impl<'a, T> From<Vec<(Word<'a>, T)>> for NamedMap<'a, T> {
    /// Lookups find the first of several entries with one name.
    fn from(entries: Vec<(Word<'a>, T)>) -> Self {
        let index = (entries.len() > MAX_UNINDEXED).then(|| {
            let mut index = HashMap::with_capacity_and_hasher(entries.len(), Default::default());
            for (at, (word, _)) in entries.iter().enumerate() {
                index.entry(word.text).or_insert(at);
            }
            Box::new(index)
        });
        Self { entries, index }
    }
}

impl<'a, T> NamedMap<'a, T> {
    /// Returns a map without entries.
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new(), index: None }
    }

    /// Returns the index of the entry with this name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.entries.iter().position(|(word, _)| word.text == name),
        }
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&(Word<'a>, T)> {
        self.position(name).map(|at| &self.entries[at])
    }

    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        self.entry(name).map(|(_, value)| value)
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &(Word<'a>, T)> + Clone {
        self.entries.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn values(&self) -> impl ExactSizeIterator<Item = &T> + Clone {
        self.entries.iter().map(|(_, value)| value)
    }

    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &'a str> + Clone {
        self.entries.iter().map(|(word, _)| word.text)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The keynames of an entity. It has only values of the kinds in the entity's table.
#[derive(Debug)]
pub(crate) struct EntityFields<'a> {
    /// The place of faults about missing keynames.
    pub(crate) span: Span,
    entries: Vec<(&'static str, Yaml<'a>)>,
}

impl<'a> EntityFields<'a> {
    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(crate) fn get(&self, key: &str) -> Option<Yaml<'a>> {
        self.entries.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }

    /// Returns the string under a key.
    pub(crate) fn word(&self, key: &str) -> Option<Word<'a>> {
        self.get(key).and_then(text_of)
    }

    /// Returns the boolean under a key.
    pub(crate) fn boolean(&self, key: &str) -> Option<bool> {
        match self.get(key)?.scalar() {
            Some(Scalar::Bool(boolean)) => Some(boolean),
            _ => None,
        }
    }

    /// Returns the list of strings under a key.
    pub(crate) fn words(&self, key: &str) -> Option<Vec<Word<'a>>> {
        Some(self.get(key)?.list()?.filter_map(text_of).collect())
    }

    /// Reports a missing key.
    pub(crate) fn require(&self, key: &str, entity: &Entity, faults: &Faults) {
        if !self.has(key) {
            faults.push(missing(key, entity, self.span));
        }
    }
}

/// Returns the fault that a key is missing.
pub(crate) fn missing(key: &str, entity: &Entity, span: Span) -> Fault {
    Fault::new(Code::MissingKey, span, format!("expected `{key}` in {}", article(entity.name)))
}

/// Reads an entity. Unknown keynames, missing keynames and values of another kind are faults.
/// `owner` is the place of the entity's name, where missing keynames are reported.
pub(crate) fn read_fields<'a>(
    yaml: Yaml<'a>,
    entity: &'static Entity,
    owner: Span,
    faults: &Faults,
) -> Option<EntityFields<'a>> {
    let Some(map) = yaml.map() else {
        faults.push(wrong_kind(yaml, entity.name, "map"));
        return None;
    };
    let mut entries = Vec::with_capacity(map.len());
    let mut broken = Vec::new();
    for (key, value) in map {
        let Some(name) = key.text() else {
            faults.push(wrong_kind(key, "a keyname", "string"));
            continue;
        };
        let Some(known) = entity.key(name) else {
            let message = format!("unknown keyname `{name}` in {}", article(entity.name));
            let fault = Fault::new(Code::UnknownKey, key.span(), message);
            faults.push(fault.near(name, entity.keys.iter().map(|key| key.name)));
            continue;
        };
        match check(value, known.name, known.kind) {
            Ok(()) => entries.push((known.name, value)),
            Err(fault) => {
                faults.push(fault);
                broken.push(known.name);
            }
        }
    }
    let fields = EntityFields { span: owner, entries };
    for key in entity.keys.iter().filter(|key| key.mandatory && !broken.contains(&key.name)) {
        fields.require(key.name, entity, faults);
    }
    Some(fields)
}

/// Checks the kind of a keyname's value, unless the value's reader checks it.
fn check(value: Yaml<'_>, name: &str, kind: KeynameKind) -> Result<(), Fault> {
    let wrong = |expected: &str| Err(wrong_kind(value, name, expected));
    match kind {
        KeynameKind::Text => match value.string() {
            Some(_) => Ok(()),
            None => wrong("string"),
        },
        KeynameKind::Type(_) => match value.string() {
            Some("") => Err(Fault::new(
                Code::InvalidName,
                value.span(),
                format!("expected the name of a type for {name}, found an empty string"),
            )),
            Some(_) => Ok(()),
            None => wrong("string"),
        },
        KeynameKind::Boolean => match value.scalar() {
            Some(Scalar::Bool(_)) => Ok(()),
            _ => wrong("boolean"),
        },
        KeynameKind::Version => match value.string() {
            Some(text) if version_key(text).is_some() => Ok(()),
            Some(text) => Err(Fault::new(
                Code::WrongKind,
                value.span(),
                format!("expected a version such as 1.0.2 for {name}, found `{text}`"),
            )),
            None => wrong("string"),
        },
        KeynameKind::Metadata => {
            let Some(mut map) = value.map() else { return wrong("map") };
            match map.find(|(key, _)| key.string().is_none()) {
                Some((key, _)) => Err(wrong_kind(key, "a key of metadata", "string")),
                None => Ok(()),
            }
        }
        KeynameKind::Words | KeynameKind::Types(_) => {
            let Some(mut list) = value.list() else { return wrong("list of strings") };
            match list.find(|item| item.string().is_none()) {
                Some(item) => Err(wrong_kind(item, name, "string")),
                None => Ok(()),
            }
        }
        KeynameKind::Values | KeynameKind::Map(_) => match value.map() {
            Some(_) => Ok(()),
            None => wrong("map"),
        },
        KeynameKind::Sequence(_) | KeynameKind::List(_) => match value.list() {
            Some(_) => Ok(()),
            None => wrong("list"),
        },
        KeynameKind::Any
        | KeynameKind::Value
        | KeynameKind::Condition
        | KeynameKind::One(_)
        | KeynameKind::Special => Ok(()),
    }
}

/// Reads a map from names to values of any kind.
pub(crate) fn read_named_map<'a>(
    yaml: Option<Yaml<'a>>,
    what: &str,
    faults: &Faults,
) -> Vec<(Word<'a>, Yaml<'a>)> {
    let Some(map) = yaml.and_then(Yaml::map) else { return Vec::new() };
    let mut entries = Vec::with_capacity(map.len());
    entries.extend(
        map.filter_map(|(key, value)| name_of(key, what, faults).map(|name| (name, value))),
    );
    entries
}

/// Reads a list of maps with one name each: TOSCA's form of an ordered map.
pub(crate) fn read_named_list<'a>(
    yaml: Option<Yaml<'a>>,
    what: &str,
    faults: &Faults,
) -> Vec<(Word<'a>, Yaml<'a>)> {
    let Some(list) = yaml.and_then(Yaml::list) else { return Vec::new() };
    let mut entries = Vec::with_capacity(list.len());
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

/// Returns the text of a string.
pub(crate) fn text_of(yaml: Yaml<'_>) -> Option<Word<'_>> {
    yaml.string().map(|text| Word { text, span: yaml.span() })
}

/// Reads a key that is a name. Names become paths of objects, so they have no `/`, no white space,
/// no control characters and a bounded length.
pub(crate) fn name_of<'a>(key: Yaml<'a>, what: &str, faults: &Faults) -> Option<Word<'a>> {
    let Some(text) = key.string() else {
        faults.push(wrong_kind(key, &format!("a name in {what}"), "string"));
        return None;
    };
    let bad = |c: char| c == '/' || c.is_whitespace() || c.is_control();
    if text.is_empty() || text.len() > MAX_NAME_BYTES || text.contains(bad) {
        let shown: String = text.chars().take(MAX_NAME_BYTES).collect();
        let message = format!("`{shown}` cannot be a name");
        let hint = format!("names have 1 to {MAX_NAME_BYTES} bytes without `/` and white space");
        faults.push(Fault::new(Code::InvalidName, key.span(), message).hint(hint));
        return None;
    }
    Some(Word { text, span: key.span() })
}

/// Returns the fault "expected X, found Y".
pub(crate) fn wrong_kind(yaml: Yaml<'_>, what: &str, expected: &str) -> Fault {
    let found = yaml.kind_name();
    let fault = Fault::new(
        Code::WrongKind,
        yaml.span(),
        format!("expected {} for {what}, found {}", article(expected), article(found)),
    );
    if expected == "string" && matches!(found, "number" | "boolean" | "null") {
        return fault.hint("put it in quotes to make it a string");
    }
    fault
}

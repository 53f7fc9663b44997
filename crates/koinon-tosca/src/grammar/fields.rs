//! Maps with fixed keynames, checked against their tables; maps and lists of named things.

use crate::check::version_key;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::diag::article;
use crate::hash::HashMap;
use crate::keynames::Entity;
use crate::keynames::Kind;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

/// Longest name of a type, template or property. Some become paths of objects, which contracts bound.
const MAX_NAME: usize = 100;

/// Entries of a map above which names are looked up by hash.
const MANY: usize = 12;

/// A name or reference with its place. The place says in which file's namespace it is looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'a> {
    pub(crate) text: &'a str,
    pub(crate) span: Span,
}

/// Things by name, in the order of the file.
#[derive(Clone, Debug)]
pub(crate) struct Named<'a, T> {
    entries: Vec<(Word<'a>, T)>,
    /// Where names are, if there are many.
    index: Option<Box<HashMap<&'a str, usize>>>,
}

impl<T> Default for Named<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, T> FromIterator<(Word<'a>, T)> for Named<'a, T> {
    /// The first of several entries with one name counts.
    fn from_iter<I: IntoIterator<Item = (Word<'a>, T)>>(entries: I) -> Self {
        let read = entries.into_iter();
        // No more room than that: a large service has a hundred thousand of these.
        let mut entries = Vec::with_capacity(read.size_hint().1.unwrap_or_default());
        entries.extend(read);
        Self::from(entries)
    }
}

impl<'a, T> From<Vec<(Word<'a>, T)>> for Named<'a, T> {
    /// The first of several entries with one name counts.
    fn from(entries: Vec<(Word<'a>, T)>) -> Self {
        let index = (entries.len() > MANY).then(|| {
            let mut index = HashMap::with_capacity_and_hasher(entries.len(), Default::default());
            for (at, (word, _)) in entries.iter().enumerate() {
                index.entry(word.text).or_insert(at);
            }
            Box::new(index)
        });
        Self { entries, index }
    }
}

impl<'a, T> Named<'a, T> {
    /// Makes one without entries.
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new(), index: None }
    }

    /// Returns the number of the entry with this name.
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

/// A map with fixed keynames. What is under one has the kind its table says, or is not here.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    /// Where it is, for what is missing.
    pub(crate) span: Span,
    entries: Vec<(&'static str, Yaml<'a>)>,
}

impl<'a> Fields<'a> {
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

    /// Makes the fault that a key is missing, if it is.
    pub(crate) fn require(&self, key: &str, entity: &Entity, faults: &Faults) {
        if !self.has(key) {
            faults.push(missing(key, entity, self.span));
        }
    }
}

/// Makes the fault that a key is missing.
pub(crate) fn missing(key: &str, entity: &Entity, span: Span) -> Fault {
    Fault::new(Code::MissingKey, span, format!("expected `{key}` in {}", article(entity.name)))
}

/// Reads an entity: unknown keynames, missing ones and those with something of another kind under them are faults.
/// `owner` is where the entity is named, the place of what is missing.
pub(crate) fn fields<'a>(
    yaml: Yaml<'a>,
    entity: &'static Entity,
    owner: Span,
    faults: &Faults,
) -> Option<Fields<'a>> {
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
    let fields = Fields { span: owner, entries };
    for key in entity.keys.iter().filter(|key| key.mandatory && !broken.contains(&key.name)) {
        fields.require(key.name, entity, faults);
    }
    Some(fields)
}

/// Checks the kind of what is under a keyname, as far as its reader does not.
fn check(value: Yaml<'_>, name: &str, kind: Kind) -> Result<(), Fault> {
    let wrong = |expected: &str| Err(wrong_kind(value, name, expected));
    match kind {
        Kind::Text => match value.string() {
            Some(_) => Ok(()),
            None => wrong("string"),
        },
        Kind::Type(_) => match value.string() {
            Some("") => Err(Fault::new(
                Code::InvalidName,
                value.span(),
                format!("expected the name of a type for {name}, found an empty string"),
            )),
            Some(_) => Ok(()),
            None => wrong("string"),
        },
        Kind::Boolean => match value.scalar() {
            Some(Scalar::Bool(_)) => Ok(()),
            _ => wrong("boolean"),
        },
        Kind::Version => match value.string() {
            Some(text) if version_key(text).is_some() => Ok(()),
            Some(text) => Err(Fault::new(
                Code::WrongKind,
                value.span(),
                format!("expected a version such as 1.0.2 for {name}, found `{text}`"),
            )),
            None => wrong("string"),
        },
        Kind::Metadata => {
            let Some(mut map) = value.map() else { return wrong("map") };
            match map.find(|(key, _)| key.string().is_none()) {
                Some((key, _)) => Err(wrong_kind(key, "a key of metadata", "string")),
                None => Ok(()),
            }
        }
        Kind::Words | Kind::Types(_) => {
            let Some(mut list) = value.list() else { return wrong("list of strings") };
            match list.find(|item| item.string().is_none()) {
                Some(item) => Err(wrong_kind(item, name, "string")),
                None => Ok(()),
            }
        }
        Kind::Values | Kind::Map(_) => match value.map() {
            Some(_) => Ok(()),
            None => wrong("map"),
        },
        Kind::Sequence(_) | Kind::List(_) => match value.list() {
            Some(_) => Ok(()),
            None => wrong("list"),
        },
        Kind::Any | Kind::Value | Kind::Condition | Kind::One(_) | Kind::Special => Ok(()),
    }
}

/// Reads a map from names to anything.
pub(crate) fn named<'a>(
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

/// Reads a list of maps with one name each, TOSCA's form of an ordered map.
pub(crate) fn named_list<'a>(
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

/// Returns the string, if it is one.
pub(crate) fn text_of(yaml: Yaml<'_>) -> Option<Word<'_>> {
    yaml.string().map(|text| Word { text, span: yaml.span() })
}

/// Reads the key that names something. Names become paths of objects, so they have no `/`, no white space at their
/// ends, no control characters and a bounded length.
pub(crate) fn name_of<'a>(key: Yaml<'a>, what: &str, faults: &Faults) -> Option<Word<'a>> {
    let Some(text) = key.string() else {
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
        format!("expected {} for {what}, found {}", article(expected), article(found)),
    );
    if expected == "string" && matches!(found, "number" | "boolean" | "null") {
        return fault.hint("put it in quotes to make it a string");
    }
    fault
}

//! Random infrastructures of a given size: documents of typed nodes, inputs and outputs that
//! compile.

use std::collections::BTreeMap;

use koinon_model::Content;
use koinon_model::ContentChange;
use koinon_model::Value;
use koinon_model::keccak256;

/// Objects one revision may have: their update stays far below the gas of one transaction.
const MAX_OBJECTS: usize = 60;
/// Bytes of a small object with its path.
const SMALL_OBJECT_BYTES: usize = 170;
/// Bytes kept for the last object, which fills the document up to the byte.
const LAST_OBJECT_BYTES: usize = 110;

/// The words of descriptions and values.
const WORDS: [&str; 32] = [
    "shard", "ledger", "relay", "edge", "quorum", "vault", "beacon", "replica", "cache", "gateway",
    "stream", "anchor", "oracle", "index", "pulse", "harbor", "signal", "mirror", "forge",
    "bridge", "lattice", "prism", "queue", "tally", "orbit", "delta", "cobalt", "ember", "willow",
    "summit", "meadow", "north",
];

/// A stream of numbers that depends on its seed only.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    seed: u64,
    drawn: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// Draws a number below `end`, which must be at least 1.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.drawn += 1;
        let hash = keccak256(&[self.seed.to_be_bytes(), self.drawn.to_be_bytes()].concat());
        let number = hash.0[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        number % end
    }

    fn word(&mut self) -> &'static str {
        // There are 32 words.
        WORDS[self.below(WORDS.len() as u64) as usize]
    }

    fn text(&mut self, words: u64) -> String {
        (0..words).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }
}

/// A named entity and its section of the document.
struct DocumentEntity {
    section: DocumentSection,
    name: String,
    value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum DocumentSection {
    NodeTypes,
    NodeTemplates,
    Inputs,
    Outputs,
}

impl DocumentSection {
    fn key(self) -> &'static str {
        match self {
            Self::NodeTypes => "node_types",
            Self::NodeTemplates => "node_templates",
            Self::Inputs => "inputs",
            Self::Outputs => "outputs",
        }
    }

    fn module(self) -> &'static str {
        match self {
            Self::NodeTypes => "topology",
            Self::NodeTemplates => "templates",
            Self::Inputs | Self::Outputs => "core",
        }
    }
}

impl DocumentEntity {
    /// Bytes of the key and the value it becomes on chain.
    fn size(&self) -> usize {
        let path = self.section.module().len() + self.section.key().len() + self.name.len() + 2;
        path + self.value.to_json().len()
    }
}

/// Adds a random infrastructure to a base document, so that the key-value pairs added have `bytes`
/// bytes.
pub(crate) fn generate(base: &Value, bytes: usize, seed: u64) -> Value {
    let random = &mut Random::new(seed);
    let share = SMALL_OBJECT_BYTES.max(bytes / MAX_OBJECTS);
    let mut entities = vec![node_type(random, 0, share)];
    let mut used = entities[0].size();
    let mut types = 1;
    for number in 1.. {
        let entity = match number % 8 {
            3 => input(random, number),
            6 => output(random, number),
            4 => {
                types += 1;
                node_type(random, types - 1, share)
            }
            _ => node(random, number, types, share),
        };
        if used + entity.size() + LAST_OBJECT_BYTES > bytes {
            break;
        }
        used += entity.size();
        entities.push(entity);
    }
    entities.push(filler(random, bytes.saturating_sub(used)));
    document(base, entities)
}

/// Bytes of the key-value pairs a change writes: paths with canonical JSON, names with numbers.
pub(crate) fn size(change: &ContentChange, new: &Content) -> usize {
    let objects = change.edits.iter().filter_map(|edit| {
        let object = new.objects.get(&(edit.module, edit.path.clone()))?;
        Some(edit.module.as_str().len() + 1 + edit.path.len() + object.bytes().len())
    });
    let parameters = change
        .parameters
        .iter()
        .filter_map(|(name, value)| Some(name.as_str().len() + (*value)?.to_string().len()));
    objects.chain(parameters).sum()
}

fn document(base: &Value, entities: Vec<DocumentEntity>) -> Value {
    let mut root = base.as_map().cloned().unwrap_or_default();
    let mut service =
        root.get("service_template").and_then(Value::as_map).cloned().unwrap_or_default();
    let mut sections: BTreeMap<DocumentSection, BTreeMap<String, Value>> = BTreeMap::new();
    for DocumentEntity { section, name, value } in entities {
        sections.entry(section).or_default().insert(name, value);
    }
    for (section, entries) in sections {
        let home = if section == DocumentSection::NodeTypes { &mut root } else { &mut service };
        match home.entry(section.key().to_owned()).or_insert_with(|| Value::Map(BTreeMap::new())) {
            Value::Map(section) => section.extend(entries),
            other => *other = Value::Map(entries),
        }
    }
    root.insert("service_template".to_owned(), Value::Map(service));
    Value::Map(root)
}

/// A node type whose properties all have defaults; `level` is one of them, for the templates.
fn node_type(random: &mut Random, number: usize, share: usize) -> DocumentEntity {
    let mut properties = BTreeMap::from([("level".to_owned(), integer(random))]);
    let entity = |properties: &BTreeMap<String, Value>| DocumentEntity {
        section: DocumentSection::NodeTypes,
        name: format!("Kind{number}"),
        value: Value::from([("properties", Value::Map(properties.clone()))]),
    };
    let mut size = entity(&properties).size();
    while size + 90 < share {
        let name = format!("{}{}", random.word(), properties.len());
        let property = match random.below(3) {
            0 => integer(random),
            1 => typed("boolean", (random.below(2) == 0).into(), &random.text(3)),
            _ => typed("string", random.text(2).as_str().into(), &random.text(4)),
        };
        size += name.len() + property.to_json().len() + 4;
        properties.insert(name, property);
    }
    entity(&properties)
}

fn integer(random: &mut Random) -> Value {
    let number = i64::try_from(random.below(10_000)).unwrap_or_default();
    typed("integer", number.into(), &random.text(3))
}

fn typed(name: &str, default: Value, description: &str) -> Value {
    Value::from([("type", name.into()), ("default", default), ("description", description.into())])
}

fn node(random: &mut Random, number: usize, types: usize, share: usize) -> DocumentEntity {
    let kind = random.below(types as u64);
    let level = i64::try_from(random.below(10_000)).unwrap_or_default();
    let mut metadata = BTreeMap::new();
    let mut size = 110;
    while size < share {
        let name = format!("{}{}", random.word(), metadata.len());
        let text = random.text(3);
        size += name.len() + text.len() + 6;
        metadata.insert(name, text.as_str().into());
    }
    let mut value = BTreeMap::from([
        ("type".to_owned(), Value::from(format!("Kind{kind}").as_str())),
        ("properties".to_owned(), Value::from([("level", level.into())])),
    ]);
    if !metadata.is_empty() {
        value.insert("metadata".to_owned(), Value::Map(metadata));
    }
    DocumentEntity {
        section: DocumentSection::NodeTemplates,
        name: format!("{}{number}", random.word()),
        value: Value::Map(value),
    }
}

fn input(random: &mut Random, number: usize) -> DocumentEntity {
    let value = typed("string", random.text(3).as_str().into(), &random.text(6));
    DocumentEntity {
        section: DocumentSection::Inputs,
        name: format!("{}{number}", random.word()),
        value,
    }
}

fn output(random: &mut Random, number: usize) -> DocumentEntity {
    let value = Value::from([
        ("description", random.text(5).as_str().into()),
        ("value", random.text(3).as_str().into()),
    ]);
    DocumentEntity {
        section: DocumentSection::Outputs,
        name: format!("{}{number}", random.word()),
        value,
    }
}

/// Returns a node of exactly `bytes` bytes, or the smallest if that is larger.
fn filler(random: &mut Random, bytes: usize) -> DocumentEntity {
    let entity = |note: &str| DocumentEntity {
        section: DocumentSection::NodeTemplates,
        name: "remainder".to_owned(),
        value: Value::from([("type", "Kind0".into()), ("description", note.into())]),
    };
    let room = bytes.saturating_sub(entity("").size());
    let mut note = String::new();
    while note.len() < room {
        note.push_str(random.word());
        note.push(' ');
    }
    note.truncate(room);
    // A dash instead of a blank at the end keeps the byte count and is visible.
    let note = note.trim_end().to_owned() + &"-".repeat(note.len() - note.trim_end().len());
    entity(&note)
}

#[cfg(test)]
mod tests {
    use koinon_tosca::compile_document;
    use koinon_tosca::join;
    use koinon_tosca::split;
    use koinon_tosca::to_yaml;

    use super::*;
    use crate::documents::base;
    use crate::import::SIZES;

    #[test]
    fn documents_have_the_requested_size_and_survive_split_and_join() {
        let base = base(&[alloy::primitives::Address::repeat_byte(7)]);
        let before = split(&compile_document(&base).unwrap());
        for bytes in SIZES {
            for seed in 0..3 {
                let document = generate(&base, bytes, seed);
                let service = compile_document(&document).unwrap();
                let after = split(&service);
                let change = before.change_to(&after);
                assert_eq!(size(&change, &after), bytes, "seed {seed}");
                assert!(change.permissions.is_empty() && change.sets.is_none());
                assert!(change.edits.len() <= MAX_OBJECTS + 20, "{}", change.edits.len());
                after.check().unwrap();
                assert_eq!(to_yaml(&join(&after).unwrap()), to_yaml(&service.document));
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_document() {
        let base = base(&[]);
        assert_eq!(generate(&base, 4_300, 5), generate(&base, 4_300, 5));
        assert_ne!(generate(&base, 4_300, 5), generate(&base, 4_300, 6));
        let mut random = Random::new(1);
        // keccak256(0x0000000000000001 0000000000000001) begins with these eight bytes.
        let expected = keccak256(&[[0, 0, 0, 0, 0, 0, 0, 1]; 2].concat());
        let expected = u64::from_be_bytes(expected[..8].try_into().unwrap());
        assert_eq!(random.below(u64::MAX), expected % u64::MAX);
    }
}

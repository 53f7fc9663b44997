//! The canonical JSON of a representation.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::sync_channel;

use alloy_primitives::B256;

use super::Artifact;
use super::AttributePath;
use super::Capability;
use super::ElementId;
use super::Entries;
use super::Group;
use super::Implementation;
use super::Interface;
use super::Interfaces;
use super::Node;
use super::Operation;
use super::Origin;
use super::Policy;
use super::PolicyVerdict;
use super::Properties;
use super::Property;
use super::Relationship;
use super::Representation;
use super::Term;
use super::Unresolved;
use super::shared::SharedWriter;
use crate::id::Digest;
use crate::id::DocumentHasher;
use crate::value::Value;
use crate::writer::JsonWriter;

/// Elements whose JSON takes longer to hash than a thread takes to start.
const MIN_ELEMENTS_FOR_THREAD: usize = 256;

/// Pieces that may wait to be hashed: some 32 MiB, unless single elements are large.
const MAX_QUEUED_PIECES: usize = 512;

impl Representation {
    /// Writes the canonical JSON.
    pub fn to_json(&self) -> String {
        // The average of the benchmark's elements, so that the text is rarely moved while it grows.
        let mut writer = JsonWriter::with_capacity(4096 + 512 * self.elements());
        self.write(&mut writer, &mut |_| {});
        writer.finish()
    }

    /// Writes the canonical JSON in pieces, and returns its digest.
    pub fn write_json(&self, mut on_piece: impl FnMut(&str)) -> Digest {
        let mut hasher = DocumentHasher::default();
        self.write_pieces(|piece| {
            hasher.update(piece.as_bytes());
            on_piece(&piece);
        });
        hasher.finish()
    }

    /// Writes as [`Self::write_json`] does, while a second thread hashes the pieces and passes them
    /// to `on_piece`. After writing, this thread runs `meanwhile`, which may ask for the
    /// digest.
    pub fn write_hashed<T>(
        &self,
        on_piece: impl FnMut(&str) + Send,
        meanwhile: impl FnOnce(&mut dyn FnMut() -> Digest) -> T,
    ) -> T {
        let on_piece = Mutex::new(on_piece);
        let hand_over =
            |piece: &str| on_piece.lock().unwrap_or_else(PoisonError::into_inner)(piece);
        std::thread::scope(|scope| {
            let (pass, passed) = sync_channel::<String>(MAX_QUEUED_PIECES);
            let hash = move || {
                let mut hasher = DocumentHasher::default();
                for piece in passed {
                    hasher.update(piece.as_bytes());
                    hand_over(&piece);
                }
                hasher.finish()
            };
            // If no thread can be started, this thread does everything.
            let spawn = || std::thread::Builder::new().spawn_scoped(scope, hash).ok();
            let Some(other) = (self.elements() >= MIN_ELEMENTS_FOR_THREAD).then(spawn).flatten()
            else {
                let digest = self.write_json(hand_over);
                return meanwhile(&mut || digest);
            };
            // Sending fails only if the other thread has panicked; `join` reports that.
            self.write_pieces(|piece| drop(pass.send(piece)));
            drop(pass);
            let (mut other, mut known) = (Some(other), B256::ZERO);
            let mut digest = || {
                if let Some(other) = other.take() {
                    known = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                }
                known
            };
            let done = meanwhile(&mut digest);
            digest();
            done
        })
    }

    fn write_pieces(&self, mut reader: impl FnMut(String)) {
        let mut writer = JsonWriter::in_pieces();
        self.write(&mut writer, &mut |writer| writer.pass(&mut reader));
        reader(writer.finish());
    }

    fn elements(&self) -> usize {
        self.nodes.len() + self.relationships.len()
    }

    /// Writes the JSON; `pass` may hand over the text after each element.
    fn write(&self, writer: &mut JsonWriter, pass: &mut dyn FnMut(&mut JsonWriter)) {
        let mut shared = SharedWriter::default();
        writer.map(|writer| {
            writer.key("format").number(u64::from(super::FORMAT));
            map(writer, "groups", &self.groups, Group::write);
            map(writer, "inputs", &self.inputs, |value, writer| writer.value(value));
            list(writer, "nodes", &self.nodes, |node, writer| {
                node.write(writer, &mut shared);
                pass(writer);
            });
            map(writer, "outputs", &self.outputs, Term::write);
            list(writer, "policies", &self.policies, Policy::write);
            list(writer, "relationships", &self.relationships, |relationship, writer| {
                relationship.write(writer, &mut shared);
                pass(writer);
            });
            if let Some(seed) = &self.seed {
                writer.key("seed").hash(seed);
            }
            writer.key("service").string(&self.service);
            shared.write(writer);
            list(writer, "sources", &self.sources, |source, writer| {
                writer.map(|writer| {
                    writer.key("digest").hash(&source.digest);
                    writer.key("path").string(&source.path);
                });
            });
            if !self.substitutions.is_empty() {
                writer.key("substitutions").map(|writer| {
                    for (node, inner) in &self.substitutions {
                        writer.hash_key(&node.0);
                        inner.write(writer, pass);
                    }
                });
            }
            map(writer, "types", &self.types, |ancestors, writer| {
                writer.list(|writer| ancestors.iter().for_each(|name| writer.string(name)));
            });
            list(writer, "unresolved", &self.unresolved, Unresolved::write);
            map(writer, "workflows", &self.workflows, |value, writer| writer.value(value));
        });
    }
}

/// Writes a map under a key, unless it is empty.
fn map<'a, T: 'a>(
    writer: &mut JsonWriter,
    key: &'static str,
    entries: impl IntoIterator<Item = (&'a Arc<str>, &'a T), IntoIter: ExactSizeIterator>,
    mut write: impl FnMut(&T, &mut JsonWriter),
) {
    let entries = entries.into_iter();
    if entries.len() == 0 {
        return;
    }
    writer.key(key).map(|writer| {
        for (name, entry) in entries {
            write(entry, writer.name(name));
        }
    });
}

/// Writes a list under a key, unless it is empty.
fn list<T>(
    writer: &mut JsonWriter,
    key: &'static str,
    items: &[T],
    mut write: impl FnMut(&T, &mut JsonWriter),
) {
    if items.is_empty() {
        return;
    }
    writer.key(key).list(|writer| items.iter().for_each(|item| write(item, writer)));
}

/// Writes a string under a key, if there is one.
fn text(writer: &mut JsonWriter, key: &'static str, text: Option<&Arc<str>>) {
    if let Some(text) = text {
        writer.key(key).string(text);
    }
}

fn properties(writer: &mut JsonWriter, key: &'static str, entries: &Properties) {
    map(writer, key, entries, Property::write);
}

fn values(writer: &mut JsonWriter, key: &'static str, entries: &Entries<Value>) {
    map(writer, key, entries, |value, writer| writer.value(value));
}

/// Writes the position of an element's attributes in `shared`, unless it has none.
fn attributes(writer: &mut JsonWriter, entries: &Arc<Properties>, shared: &mut SharedWriter) {
    if !entries.is_empty() {
        let place = shared.attributes.place_of(entries, |entries, writer| {
            writer.map(|writer| {
                for (name, property) in entries {
                    property.write(writer.name(name));
                }
            });
        });
        writer.key("attributes").number(place);
    }
}

fn interfaces(writer: &mut JsonWriter, entries: &Interfaces, shared: &mut SharedWriter) {
    map(writer, "interfaces", entries, |interface, writer| {
        writer.number(shared.interfaces.place_of(interface, Interface::write));
    });
}

fn ids(writer: &mut JsonWriter, key: &'static str, ids: &[ElementId]) {
    list(writer, key, ids, |id, writer| writer.hash(&id.0));
}

impl Node {
    fn write(&self, writer: &mut JsonWriter, shared: &mut SharedWriter) {
        writer.map(|writer| {
            map(writer, "artifacts", &self.artifacts, |artifact, writer| artifact.write(writer));
            attributes(writer, &self.attributes, shared);
            map(writer, "capabilities", &self.capabilities, |capability, writer| {
                writer.number(shared.capabilities.place_of(capability, Capability::write));
            });
            list(writer, "directives", &self.directives, |name, writer| writer.string(name));
            writer.key("id").hash(&self.id.0);
            writer.key("index").number(u64::from(self.index));
            interfaces(writer, &self.interfaces, shared);
            text(writer, "operator", self.operator.as_ref());
            properties(writer, "properties", &self.properties);
            writer.key("template").string(&self.template);
            writer.key("type").string(&self.node_type);
        });
    }
}

impl Relationship {
    fn write(&self, writer: &mut JsonWriter, shared: &mut SharedWriter) {
        writer.map(|writer| {
            values(writer, "allocation", &self.allocation);
            attributes(writer, &self.attributes, shared);
            writer.key("capability").string(&self.capability);
            writer.key("choice").map(|writer| {
                if let Some(candidates) = &self.choice.candidates {
                    writer.key("candidates").number(u64::from(candidates.count));
                    writer.key("digest").hash(&candidates.digest);
                }
                if let Some(seed) = &self.choice.seed {
                    writer.key("seed").hash(seed);
                }
                writer.key("why").string(self.choice.why.as_str());
            });
            writer.key("id").hash(&self.id.0);
            writer.key("index").number(u64::from(self.index));
            interfaces(writer, &self.interfaces, shared);
            properties(writer, "properties", &self.properties);
            writer.key("requirement").string(&self.requirement);
            writer.key("source").hash(&self.source.0);
            writer.key("target").hash(&self.target.0);
            writer.key("type").string(&self.relationship_type);
        });
    }
}

impl Capability {
    fn write(&self, writer: &mut JsonWriter) {
        writer.map(|writer| {
            properties(writer, "attributes", &self.attributes);
            if let Some((node, capability)) = &self.inner {
                writer.key("inner").map(|writer| {
                    writer.key("capability").string(capability);
                    writer.key("node").hash(&node.0);
                });
            }
            properties(writer, "properties", &self.properties);
            values(writer, "remaining", &self.remaining);
            writer.key("type").string(&self.capability_type);
        });
    }
}

impl Artifact {
    /// Writes its JSON as in the representation.
    pub fn write(&self, writer: &mut JsonWriter) {
        writer.map(|writer| {
            if let Some((algorithm, checksum)) = &self.checksum {
                writer.key("checksum").string(checksum);
                writer.key("checksum_algorithm").string(algorithm);
            }
            writer.key("file").string(&self.file);
            map(writer, "properties", &self.properties, Term::write);
            text(writer, "repository", self.repository.as_ref());
            writer.key("type").string(&self.artifact_type);
            text(writer, "version", self.version.as_ref());
        });
    }
}

impl Interface {
    /// Writes its JSON as in the representation.
    pub fn write(&self, writer: &mut JsonWriter) {
        writer.map(|writer| {
            map(writer, "notifications", &self.notifications, Operation::write);
            map(writer, "operations", &self.operations, Operation::write);
            writer.key("type").string(&self.interface_type);
        });
    }
}

impl Operation {
    fn write(&self, writer: &mut JsonWriter) {
        writer.map(|writer| {
            if let Some(implementation) = &self.implementation {
                implementation.write(writer.key("implementation"));
            }
            map(writer, "inputs", &self.inputs, Term::write);
            map(writer, "outputs", &self.outputs, AttributePath::write);
            text(writer, "workflow", self.workflow.as_ref());
        });
    }
}

impl Implementation {
    fn write(&self, writer: &mut JsonWriter) {
        writer.map(|writer| {
            list(writer, "dependencies", &self.dependencies, |artifact, writer| {
                artifact.write(writer);
            });
            text(writer, "host", self.host.as_ref());
            if let Some(artifact) = &self.primary {
                artifact.write(writer.key("primary"));
            }
            if let Some(seconds) = self.timeout {
                writer.key("timeout").number(seconds);
            }
        });
    }
}

impl AttributePath {
    /// Writes its JSON as in the representation.
    pub fn write(&self, writer: &mut JsonWriter) {
        writer.map(|writer| {
            writer.key("attribute").string(&self.attribute);
            text(writer, "capability", self.capability.as_ref());
            if let Some(element) = &self.element {
                writer.key("element").hash(&element.0);
            }
            list(writer, "path", &self.path, |value, writer| writer.value(value));
        });
    }
}

impl Term {
    /// Writes `{"value": …}`, or `{"pending": …}` with the expression.
    pub fn write(&self, writer: &mut JsonWriter) {
        writer.map(|writer| self.write_entry(writer));
    }

    fn write_entry(&self, writer: &mut JsonWriter) {
        match self {
            Self::Known(value) => writer.key("value").value(value),
            Self::Pending(expression) => writer.key("pending").value(expression),
        }
    }
}

impl Property {
    fn write(&self, writer: &mut JsonWriter) {
        writer.map(|writer| {
            if let Some(Origin { file, line, column }) = self.origin {
                writer.key("origin").list(|writer| {
                    for number in [file, line, column] {
                        writer.number(u64::from(number));
                    }
                });
            }
            self.value.write_entry(writer);
        });
    }
}

impl Group {
    fn write(&self, writer: &mut JsonWriter) {
        writer.map(|writer| {
            properties(writer, "attributes", &self.attributes);
            ids(writer, "members", &self.members);
            properties(writer, "properties", &self.properties);
            writer.key("type").string(&self.group_type);
        });
    }
}

impl Policy {
    fn write(&self, writer: &mut JsonWriter) {
        writer.map(|writer| {
            writer.key("name").string(&self.name);
            properties(writer, "properties", &self.properties);
            ids(writer, "targets", &self.targets);
            map(writer, "triggers", &self.triggers, |value, writer| writer.value(value));
            writer.key("type").string(&self.policy_type);
            writer.key("verdict");
            match &self.verdict {
                PolicyVerdict::Holds => writer.string("holds"),
                PolicyVerdict::Broken(reason) => {
                    writer.map(|writer| writer.key("broken").string(reason));
                }
                PolicyVerdict::Open => writer.string("open"),
            }
        });
    }
}

impl Unresolved {
    fn write(&self, writer: &mut JsonWriter) {
        writer.map(|writer| {
            writer.key("index").number(u64::from(self.index));
            writer.key("reason").string(&self.reason);
            writer.key("requirement").string(&self.requirement);
            writer.key("source").hash(&self.source.0);
        });
    }
}

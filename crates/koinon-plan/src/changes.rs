//! The differences between two versions of an element.
//!
//! Compared are the decisions of an author or a resolver: types, properties, capabilities,
//! interfaces, artifacts, the operator, the target and the allocation from it. Left out are
//! attributes, which running nodes change, the remaining capacity of a capability, which other
//! relationships change, and origins in files.

use std::collections::BTreeSet;
use std::sync::Arc;

use koinon_model::JsonLimits;
use koinon_model::JsonWriter;
use koinon_model::Value;
use koinon_model::representation::Artifact;
use koinon_model::representation::Capability;
use koinon_model::representation::Entries;
use koinon_model::representation::Interface;
use koinon_model::representation::Interfaces;
use koinon_model::representation::Node;
use koinon_model::representation::Operation;
use koinon_model::representation::Properties;
use koinon_model::representation::Relationship;
use koinon_model::representation::Term;

/// A difference between two versions of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementChange {
    /// Its keys from the outside in, such as `properties`, `ports`, `http`.
    pub path: Vec<Arc<str>>,
    /// The old value; `None` if there was none.
    pub before: Option<Term>,
    /// The new value; `None` if there is none.
    pub after: Option<Term>,
}

impl ElementChange {
    /// Returns whether the change is at a path of the form `properties.ports`, or below it.
    pub(crate) fn is_under(&self, path: &str) -> bool {
        let mut keys = self.path.iter();
        path.split('.').all(|wanted| keys.next().is_some_and(|key| &**key == wanted))
    }
}

/// Collects the differences at and below a path.
struct ChangeCollector {
    path: Vec<Arc<str>>,
    found: Vec<ElementChange>,
}

/// Returns the differences between two versions of a node, by path.
pub(crate) fn node_changes(old: &Node, new: &Node) -> Vec<ElementChange> {
    let mut changes = ChangeCollector { path: Vec::new(), found: Vec::new() };
    changes.under("artifacts", |changes| {
        changes.entries(&old.artifacts, &new.artifacts, ChangeCollector::artifacts);
    });
    changes.under("capabilities", |changes| {
        changes.entries(&old.capabilities, &new.capabilities, ChangeCollector::capabilities);
    });
    changes.under("directives", |changes| {
        let list = |names: &[Arc<str>]| {
            let values = names.iter().map(|name| Value::string(name));
            (!names.is_empty()).then(|| Value::List(values.collect()))
        };
        if old.directives != new.directives {
            changes.values(list(&old.directives).as_ref(), list(&new.directives).as_ref());
        }
    });
    changes.interfaces(&old.interfaces, &new.interfaces);
    changes.text("operator", old.operator.as_ref(), new.operator.as_ref());
    changes.under("properties", |changes| changes.properties(&old.properties, &new.properties));
    changes.text("type", Some(&old.node_type), Some(&new.node_type));
    changes.found
}

/// Returns the differences between two versions of a relationship, by path.
pub(crate) fn relationship_changes(old: &Relationship, new: &Relationship) -> Vec<ElementChange> {
    let mut changes = ChangeCollector { path: Vec::new(), found: Vec::new() };
    changes.under("allocation", |changes| {
        changes.entries(&old.allocation, &new.allocation, ChangeCollector::values);
    });
    changes.text("capability", Some(&old.capability), Some(&new.capability));
    changes.interfaces(&old.interfaces, &new.interfaces);
    changes.under("properties", |changes| changes.properties(&old.properties, &new.properties));
    if old.target != new.target {
        let name = |side: &Relationship| Arc::from(side.target.to_string());
        changes.text("target", Some(&name(old)), Some(&name(new)));
    }
    changes.text("type", Some(&old.relationship_type), Some(&new.relationship_type));
    changes.found
}

impl ChangeCollector {
    fn under(&mut self, key: &str, inner: impl FnOnce(&mut Self)) {
        self.path.push(key.into());
        inner(self);
        self.path.pop();
    }

    fn push(&mut self, before: Option<Term>, after: Option<Term>) {
        self.found.push(ElementChange { path: self.path.clone(), before, after });
    }

    fn text(&mut self, key: &str, old: Option<&Arc<str>>, new: Option<&Arc<str>>) {
        if old != new {
            let term = |text: &Arc<str>| Term::Known(Arc::new(Value::string(text)));
            self.under(key, |changes| changes.push(old.map(term), new.map(term)));
        }
    }

    /// Compares the entries of two maps; `inner` looks into those that differ.
    fn entries<T: PartialEq>(
        &mut self,
        old: &Entries<T>,
        new: &Entries<T>,
        inner: impl Fn(&mut Self, Option<&T>, Option<&T>),
    ) {
        if old == new {
            return;
        }
        let names: BTreeSet<&Arc<str>> = old.keys().chain(new.keys()).collect();
        for name in names {
            let (before, after) = (old.get(name), new.get(name));
            if before != after {
                self.under(name, |changes| inner(changes, before, after));
            }
        }
    }

    fn properties(&mut self, old: &Properties, new: &Properties) {
        self.entries(old, new, |changes, before, after| {
            let (before, after) = (before.map(|side| &side.value), after.map(|side| &side.value));
            match (before, after) {
                // They differ only in their origins.
                (Some(before), Some(after)) if before == after => {}
                (Some(Term::Known(before)), Some(Term::Known(after))) => {
                    changes.values(Some(before), Some(after));
                }
                _ => changes.push(before.cloned(), after.cloned()),
            }
        });
    }

    /// Compares maps by entry, and all other values as a whole.
    fn values(&mut self, old: Option<&Value>, new: Option<&Value>) {
        if let (Some(Value::Map(before)), Some(Value::Map(after))) = (old, new) {
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names {
                let (before, after) = (before.get(name), after.get(name));
                if before != after {
                    self.under(name, |changes| changes.values(before, after));
                }
            }
            return;
        }
        let term = |value: &Value| Term::Known(Arc::new(value.clone()));
        self.push(old.map(term), new.map(term));
    }

    /// Compares two values by the JSON they write.
    fn written<T>(
        &mut self,
        old: Option<&T>,
        new: Option<&T>,
        write: impl Fn(&T, &mut JsonWriter),
    ) {
        let value = |side: &T| {
            let mut writer = JsonWriter::default();
            write(side, &mut writer);
            let json = writer.finish();
            let limits = JsonLimits { bytes: usize::MAX, ..JsonLimits::default() };
            // JSON that is too deep, or has names that are not in NFC, is compared as a whole.
            Value::from_json(json.as_bytes(), limits).unwrap_or_else(|_| Value::string(&json))
        };
        self.values(old.map(value).as_ref(), new.map(value).as_ref());
    }

    fn capabilities(&mut self, old: Option<&Arc<Capability>>, new: Option<&Arc<Capability>>) {
        let none = Properties::new();
        let before = old.map_or(&none, |side| &side.properties);
        let after = new.map_or(&none, |side| &side.properties);
        self.under("properties", |changes| changes.properties(before, after));
        let name = |side: &Arc<Capability>| Arc::clone(&side.capability_type);
        self.text("type", old.map(name).as_ref(), new.map(name).as_ref());
    }

    fn artifacts(&mut self, old: Option<&Arc<Artifact>>, new: Option<&Arc<Artifact>>) {
        self.written(old, new, |artifact, writer| artifact.write(writer));
    }

    /// Compares the operations that do something. Older representations also have operations that
    /// do nothing.
    fn interfaces(&mut self, old: &Interfaces, new: &Interfaces) {
        if old == new {
            return;
        }
        let (old, new) = (doing(old), doing(new));
        self.under("interfaces", |changes| {
            changes.entries(&old, &new, |changes, old, new| {
                changes.written(old, new, |interface: &Arc<Interface>, writer| {
                    interface.write(writer);
                });
            });
        });
    }
}

/// Returns the operations that do something, by interface.
fn doing(interfaces: &Interfaces) -> Interfaces {
    let does =
        |operation: &Operation| operation.implementation.is_some() || operation.workflow.is_some();
    let of = |interface: &Arc<Interface>| {
        let mut interface = Interface::clone(interface);
        interface.operations.retain(|_, operation| does(operation));
        interface.notifications.retain(|_, operation| does(operation));
        Some(Arc::new(interface))
            .filter(|kept| !kept.operations.is_empty() || !kept.notifications.is_empty())
    };
    let named = interfaces.iter().map(|(name, interface)| (name, of(interface)));
    named.filter_map(|(name, interface)| Some((Arc::clone(name), interface?))).collect()
}

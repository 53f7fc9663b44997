//! The content of a service on chain, and the change that turns one content into another.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use alloy_primitives::Address;
use thiserror::Error;

use crate::allocation::SetTemplate;
use crate::id::Digest;
use crate::id::Module;
use crate::id::Name;
use crate::id::keccak256;
use crate::value::Value;

/// The content of a service: objects, and the facts that contracts read.
///
/// Parameters are the integer inputs and are stored nowhere else. Sets, bans and permissions follow
/// from the objects: a reader of a chain derives them again, and rejects the content if they
/// differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Objects by module and path.
    pub objects: BTreeMap<(Module, String), Object>,
    /// Integer inputs of the service template.
    pub parameters: BTreeMap<Name, i64>,
    /// Node sets in the order that numbers them for the deal.
    pub sets: Vec<SetTemplate>,
    /// Bans in force.
    pub bans: BTreeSet<Ban>,
    /// Modules that accounts besides governance may update.
    pub permissions: BTreeMap<Module, Permission>,
}

/// A named TOSCA entity: its value and the hash of its canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    value: Value,
    bytes: String,
    blob: Digest,
}

impl Object {
    /// Most bytes of an object's canonical JSON: the code of one contract holds no more.
    pub const MAX_BYTES: usize = 24_575;
    /// Most bytes of a path.
    pub const MAX_PATH: usize = 255;

    /// Makes an object of a value.
    pub fn new(value: Value) -> Self {
        let bytes = value.to_json();
        let blob = keccak256(bytes.as_bytes());
        Self { value, bytes, blob }
    }

    /// Makes a placeholder for an object whose bytes were rejected. Its value is null.
    pub fn unreadable(blob: Digest) -> Self {
        Self { value: Value::Null, bytes: String::new(), blob }
    }

    /// Returns the value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Returns the canonical JSON.
    pub fn bytes(&self) -> &str {
        &self.bytes
    }

    /// Returns the hash of the canonical JSON.
    pub fn blob(&self) -> Digest {
        self.blob
    }
}

/// A ban. It names an operator by the hash of its name in the template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ban {
    /// All units of an operator.
    Operator(Digest),
    /// One unit of an operator, by its number.
    Node(Digest, u32),
    /// The account that has the certificate with this SHA-256 fingerprint.
    Credential(Digest),
}

/// The accounts that may update a module besides governance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The way it may be updated.
    pub mode: UpdateMode,
}

/// The way a module may be updated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateMode {
    /// Only after a vote.
    Governance,
    /// After a vote, or by any of these accounts.
    Admins(BTreeSet<Address>),
}

/// The addition, replacement or removal of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectEdit {
    /// The module.
    pub module: Module,
    /// The object's path in it.
    pub path: String,
    was: Option<Digest>,
    blob: Option<Digest>,
}

impl ObjectEdit {
    /// Makes the edit that replaces `was` by `blob`; `None` if the two are equal, which contracts
    /// reject (`ModuleNoChange`).
    pub fn new(
        module: Module,
        path: String,
        was: Option<Digest>,
        blob: Option<Digest>,
    ) -> Option<Self> {
        (was != blob).then_some(Self { module, path, was, blob })
    }

    /// Returns the blob that is replaced; `None` if the object is added.
    pub fn was(&self) -> Option<Digest> {
        self.was
    }

    /// Returns the new blob; `None` if the object is removed.
    pub fn blob(&self) -> Option<Digest> {
        self.blob
    }
}

/// The differences between two contents, which make one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentChange {
    /// Edits of objects, by module and path.
    pub edits: Vec<ObjectEdit>,
    /// New values of parameters; `None` removes one.
    pub parameters: BTreeMap<Name, Option<i64>>,
    /// The new node sets, if they differ.
    pub sets: Option<Vec<SetTemplate>>,
    /// Bans to add (`true`) or to lift (`false`).
    pub bans: BTreeMap<Ban, bool>,
    /// Permissions to set.
    pub permissions: BTreeMap<Module, Permission>,
}

/// Why contracts would reject a content.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ContentError {
    /// The object is larger than the code of one contract.
    #[error(
        "object {module}/{path} has {bytes} bytes of canonical JSON, at most {} fit: split it",
        Object::MAX_BYTES
    )]
    TooLarge {
        /// The module.
        module: Module,
        /// The path.
        path: String,
        /// The bytes of its canonical JSON.
        bytes: usize,
    },
    /// The path is longer than contracts accept.
    #[error(
        "path of {bytes} bytes in {module} is over {}: shorten the name {path}",
        Object::MAX_PATH
    )]
    PathTooLong {
        /// The module.
        module: Module,
        /// The path.
        path: String,
        /// Its length in bytes.
        bytes: usize,
    },
}

impl Content {
    /// Checks the sizes that contracts check.
    ///
    /// # Errors
    /// [`ContentError::TooLarge`] for the first object that is too large,
    /// [`ContentError::PathTooLong`] for the first path that is too long or empty.
    pub fn check(&self) -> Result<(), ContentError> {
        for ((module, path), object) in &self.objects {
            let (module, path) = (*module, path.clone());
            if object.bytes.len() > Object::MAX_BYTES {
                return Err(ContentError::TooLarge { module, path, bytes: object.bytes.len() });
            }
            if path.is_empty() || path.len() > Object::MAX_PATH {
                let bytes = path.len();
                return Err(ContentError::PathTooLong { module, path, bytes });
            }
        }
        Ok(())
    }

    /// Returns the change that turns `self` into `new`.
    pub fn change_to(&self, new: &Self) -> ContentChange {
        let mut keys: BTreeSet<&(Module, String)> = self.objects.keys().collect();
        keys.extend(new.objects.keys());
        let edits = keys.into_iter().filter_map(|key| {
            let was = self.objects.get(key).map(Object::blob);
            let blob = new.objects.get(key).map(Object::blob);
            let (module, path) = key.clone();
            ObjectEdit::new(module, path, was, blob)
        });
        ContentChange {
            edits: edits.collect(),
            parameters: changed(&self.parameters, &new.parameters),
            sets: (self.sets != new.sets).then(|| new.sets.clone()),
            bans: self
                .bans
                .symmetric_difference(&new.bans)
                .map(|ban| (ban.clone(), new.bans.contains(ban)))
                .collect(),
            permissions: changed(&self.permissions, &new.permissions)
                .into_iter()
                .map(|(module, set)| {
                    (module, set.unwrap_or(Permission { mode: UpdateMode::Governance }))
                })
                .collect(),
        }
    }
}

impl ContentChange {
    /// Returns whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the modules whose update the change needs.
    pub fn modules(&self) -> BTreeSet<Module> {
        let mut modules: BTreeSet<Module> = self.edits.iter().map(|edit| edit.module).collect();
        modules.extend((!self.parameters.is_empty()).then_some(Module::Core));
        modules.extend(self.sets.is_some().then_some(Module::Topology));
        modules.extend(
            (!self.bans.is_empty() || !self.permissions.is_empty()).then_some(Module::Security),
        );
        modules
    }
}

/// Returns the keys whose values differ, with their new values.
fn changed<K: Ord + Clone, V: PartialEq + Clone>(
    old: &BTreeMap<K, V>,
    new: &BTreeMap<K, V>,
) -> BTreeMap<K, Option<V>> {
    let keys: BTreeSet<&K> = old.keys().chain(new.keys()).collect();
    let differing = keys.into_iter().filter(|key| old.get(key) != new.get(key));
    differing.map(|key| (key.clone(), new.get(key).cloned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(objects: &[(&str, i64)], parameters: &[(&str, i64)]) -> Content {
        let object = |(path, value): &(&str, i64)| {
            ((Module::Core, (*path).to_owned()), Object::new((*value).into()))
        };
        let parameter = |(name, value): &(&str, i64)| (name.parse().unwrap(), *value);
        Content {
            objects: objects.iter().map(object).collect(),
            parameters: parameters.iter().map(parameter).collect(),
            ..Content::default()
        }
    }

    #[test]
    fn a_change_lists_only_differences() {
        let old = content(&[("a", 1), ("b", 2), ("c", 3)], &[("n", 4), ("m", 5)]);
        let new = content(&[("a", 1), ("b", 7), ("d", 9)], &[("n", 6), ("k", 0)]);
        let blob = |number: i64| Some(keccak256(number.to_string().as_bytes()));
        let edit = |path: &str, was, blob| {
            ObjectEdit::new(Module::Core, path.to_owned(), was, blob).unwrap()
        };
        let change = old.change_to(&new);
        assert_eq!(
            change.edits,
            [edit("b", blob(2), blob(7)), edit("c", blob(3), None), edit("d", None, blob(9))]
        );
        let name = |text: &str| text.parse::<Name>().unwrap();
        let parameters = [(name("k"), Some(0)), (name("m"), None), (name("n"), Some(6))];
        assert_eq!(change.parameters, parameters.into());
        assert!(new.change_to(&new).is_empty());
        assert_eq!(change.modules(), [Module::Core].into());
    }

    #[test]
    fn too_large_objects_are_named() {
        let mut content = content(&[], &[]);
        let object = Object::new(Value::string(&"x".repeat(Object::MAX_BYTES - 1)));
        content.objects.insert((Module::Topology, "a".to_owned()), object);
        let (module, path) = (Module::Topology, "a".to_owned());
        assert_eq!(content.check(), Err(ContentError::TooLarge { module, path, bytes: 24_576 }));
    }
}

//! Service to objects and back: a bijection between places of the canonical document and pairs of a
//! module and a path.
//!
//! | place of the document | module | path |
//! |---|---|---|
//! | `SECTION.NAME`, with SECTION `node_types` … | topology | `SECTION/NAME` |
//! | any other `KEY` of the root | core | `KEY` |
//! | `service_template.inputs.NAME`, `outputs.NAME` | core | `inputs/NAME`, `outputs/NAME` |
//! | `service_template.node_templates.NAME`, an operator | identity | `operators/NAME` |
//! | `service_template.node_templates.NAME`, other nodes | templates | `node_templates/NAME` |
//! | `….node_templates.NODE.artifacts.NAME` | artifacts | `NODE/NAME` |
//! | `service_template.relationship_templates.NAME` | templates | `relationship_templates/NAME` |
//! | `service_template.groups.NAME` | topology | `groups/NAME` |
//! | `service_template.policies.NAME`, of Koinon's security policies | security | `policies/NAME` |
//! | `service_template.policies.NAME`, other policies | topology | `policies/NAME` |
//! | any other `service_template.KEY` | core | `service_template/KEY` |
//!
//! An empty map or list is an object at the path without a name. The object of an input that is a
//! parameter has no default: contracts hold its value as a number.

use std::collections::BTreeMap;

use koinon_model::Content;
use koinon_model::Module;
use koinon_model::Object;
use koinon_model::Service;
use koinon_model::Value;
use thiserror::Error;

use crate::canonical::policy_name;
use crate::diag::Diagnostics;
use crate::keynames::TypeKind;

type Map = BTreeMap<String, Value>;

/// Policy types of Koinon's profile that the security module holds.
const SECURITY: [&str; 3] = ["Blacklist", "Permissions", "Governance"];

/// Maps of the service template that are split by name, with the module of their entries.
const NAMED: [(&str, Module); 4] = [
    ("inputs", Module::Core),
    ("outputs", Module::Core),
    ("relationship_templates", Module::Templates),
    ("groups", Module::Topology),
];

/// The error of objects that do not form a document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JoinError {
    /// No place of a document has this path.
    #[error("object {module}/{path} has no place in a service")]
    UnknownPath {
        /// The module.
        module: Module,
        /// The path.
        path: String,
    },
    /// Another object has the same place, or a place that excludes this object.
    #[error("object {module}/{path} conflicts with another object")]
    Conflict {
        /// The module.
        module: Module,
        /// The path.
        path: String,
    },
    /// The object is not a map, but its place needs a map.
    #[error("object {module}/{path} is not a map")]
    NotAMap {
        /// The module.
        module: Module,
        /// The path.
        path: String,
    },
    /// The node template of the artifact does not exist.
    #[error("object artifacts/{path} belongs to a node template that does not exist")]
    NoNode {
        /// The artifact's path.
        path: String,
    },
    /// The service has no input with the parameter's name, or the input has a default already.
    #[error("parameter {0} has no input without a default")]
    NoInput(String),
}

/// Splits a service into the objects of its modules and the facts that contracts read.
pub fn split(service: &Service) -> Content {
    let mut objects = Objects(BTreeMap::new());
    let root = service.document.as_map().cloned().unwrap_or_default();
    for (key, value) in &root {
        match value {
            Value::Map(service_template)
                if key == "service_template" && !service_template.is_empty() =>
            {
                split_service(service, service_template.clone(), &mut objects);
            }
            Value::Map(types) if is_section(key) => {
                objects.named(Module::Topology, key, types.clone());
            }
            value => objects.add(Module::Core, key.clone(), value.clone()),
        }
    }
    Content {
        objects: objects.0,
        parameters: service.parameters.clone(),
        sets: service.sets.clone(),
        bans: service.bans.clone(),
        permissions: service.permissions.clone(),
    }
}

fn is_section(key: &str) -> bool {
    TypeKind::ALL.iter().any(|section| section.key() == key)
}

struct Objects(BTreeMap<(Module, String), Object>);

impl Objects {
    fn add(&mut self, module: Module, path: String, value: Value) {
        self.0.insert((module, path), Object::new(value));
    }

    fn named(&mut self, module: Module, key: &str, entries: Map) {
        if entries.is_empty() {
            self.add(module, key.to_owned(), Value::Map(entries));
            return;
        }
        for (name, value) in entries {
            self.add(module, format!("{key}/{name}"), value);
        }
    }
}

fn split_service(service: &Service, template: Map, objects: &mut Objects) {
    for (key, value) in template {
        match (key.as_str(), value) {
            ("inputs", Value::Map(mut inputs)) => {
                for name in service.parameters.keys() {
                    if let Some(Value::Map(input)) = inputs.get_mut(name.as_str()) {
                        input.remove("default");
                    }
                }
                objects.named(Module::Core, &key, inputs);
            }
            ("node_templates", Value::Map(nodes)) if !nodes.is_empty() => {
                for (name, node) in nodes {
                    split_node(service, name, node, objects);
                }
            }
            ("policies", Value::List(policies)) if !policies.is_empty() => {
                for policy in policies {
                    let name = policy_name(&policy);
                    let Value::Map(mut entry) = policy else { continue };
                    let value = entry.remove(&name).unwrap_or_default();
                    let module = policy_module(&service.document, &value);
                    objects.add(module, format!("policies/{name}"), value);
                }
            }
            (_, value) => match (NAMED.iter().find(|(named, _)| *named == key), value) {
                (Some((_, module)), Value::Map(entries)) => objects.named(*module, &key, entries),
                (_, value) => objects.add(Module::Core, format!("service_template/{key}"), value),
            },
        }
    }
}

fn split_node(service: &Service, name: String, mut node: Value, objects: &mut Objects) {
    if let Value::Map(fields) = &mut node
        && let Some(Value::Map(artifacts)) = fields.get("artifacts")
        && !artifacts.is_empty()
    {
        for (artifact, value) in artifacts.clone() {
            objects.add(Module::Artifacts, format!("{name}/{artifact}"), value);
        }
        fields.remove("artifacts");
    }
    if service.operators.contains_key(&name) {
        objects.add(Module::Identity, format!("operators/{name}"), node);
    } else {
        objects.add(Module::Templates, format!("node_templates/{name}"), node);
    }
}

/// Returns the module of a policy: of the type of Koinon's profile it derives from. No document
/// defines such a type itself.
fn policy_module(document: &Value, policy: &Value) -> Module {
    let types = document.get("policy_types");
    let mut name = policy.get("type").and_then(Value::as_str);
    // A valid document has no cycles and few levels. The bound ends the search in invalid
    // documents.
    for _ in 0..128 {
        let Some(current) = name else { break };
        match types.and_then(|types| types.get(current)) {
            Some(def) => name = def.get("derived_from").and_then(Value::as_str),
            None if SECURITY.contains(&current) => return Module::Security,
            None => break,
        }
    }
    Module::Topology
}

/// The error of opening the content of a chain as a service.
#[derive(Debug, Error)]
pub enum ServiceOpenError {
    /// The objects do not form a document.
    #[error("the objects do not form a document")]
    Join(#[from] JoinError),
    /// The document does not compile.
    #[error("the document does not compile")]
    Compile(#[from] Diagnostics),
    /// The content differs from the split of its own document: an object is in the wrong module or
    /// not canonical, or sets, bans, parameters or permissions do not follow from the objects.
    #[error("{0} on chain differs from the service that the objects describe")]
    Differs(String),
}

/// Returns the service of a chain's content, and checks that the service splits into exactly this
/// content.
///
/// # Errors
/// [`ServiceOpenError`]: the caller must not act on the content.
pub fn open(content: &Content) -> Result<Service, ServiceOpenError> {
    let service = crate::compile_document(&join(content)?)?;
    let change = content.change_to(&split(&service));
    let differs = if let Some(edit) = change.edits.first() {
        format!("object {}/{}", edit.module, edit.path)
    } else if let Some(name) = change.parameters.keys().next() {
        format!("parameter {name}")
    } else if change.sets.is_some() {
        "the list of node sets".to_owned()
    } else if !change.bans.is_empty() {
        "the list of bans".to_owned()
    } else if let Some(module) = change.permissions.keys().next() {
        format!("the permission of {module}")
    } else {
        return Ok(service);
    };
    Err(ServiceOpenError::Differs(differs))
}

/// Joins objects into the canonical document. Objects come from a chain, so every property of them
/// is checked.
///
/// # Errors
/// [`JoinError`] if an object has no place, or if two objects claim the same place.
pub fn join(content: &Content) -> Result<Value, JoinError> {
    let mut joined = Joined::default();
    for ((module, path), object) in &content.objects {
        // Artifacts go into nodes, so nodes come first.
        if *module != Module::Artifacts {
            joined.place(*module, path, object.value().clone())?;
        }
    }
    for ((module, path), object) in &content.objects {
        if *module == Module::Artifacts {
            joined.artifact(path, object.value().clone())?;
        }
    }
    for (name, value) in &content.parameters {
        joined.parameter(name.as_str(), *value)?;
    }
    let Joined { mut root, mut service, policies, .. } = joined;
    if let Some(policies) = policies {
        let entry = |(name, value)| Value::Map(BTreeMap::from([(name, value)]));
        service
            .insert("policies".to_owned(), Value::List(policies.into_iter().map(entry).collect()));
    }
    if !service.is_empty() {
        root.insert("service_template".to_owned(), Value::Map(service));
    }
    Ok(Value::Map(root))
}

#[derive(Default)]
struct Joined {
    root: Map,
    service: Map,
    policies: Option<Map>,
}

impl Joined {
    fn place(&mut self, module: Module, path: &str, value: Value) -> Result<(), JoinError> {
        let unknown = || JoinError::UnknownPath { module, path: path.to_owned() };
        let conflict = JoinError::Conflict { module, path: path.to_owned() };
        let (key, name) = match path.split_once('/') {
            Some((key, name)) if !name.is_empty() && !name.contains('/') => (key, Some(name)),
            Some(_) => return Err(unknown()),
            None => (path, None),
        };
        match (module, key, name) {
            (Module::Topology, key, name) if is_section(key) => {
                insert(&mut self.root, key, name, value, conflict)
            }
            (Module::Core, "service_template", None) => {
                if value != Value::Map(Map::new()) {
                    return Err(unknown());
                }
                insert_new(&mut self.root, key, value, conflict)
            }
            (Module::Core, "service_template", Some(key)) => {
                if is_split(key, &value) {
                    return Err(unknown());
                }
                insert_new(&mut self.service, key, value, conflict)
            }
            (Module::Core, "inputs" | "outputs", name)
            | (Module::Templates, "relationship_templates", name)
            | (Module::Topology, "groups", name) => {
                insert(&mut self.service, key, name, value, conflict)
            }
            (Module::Core, key, None) => {
                if is_section(key) && value.as_map().is_some() {
                    return Err(unknown());
                }
                insert_new(&mut self.root, key, value, conflict)
            }
            (Module::Identity, "operators", name @ Some(_))
            | (Module::Templates, "node_templates", name @ Some(_)) => {
                insert(&mut self.service, "node_templates", name, value, conflict)
            }
            (Module::Topology | Module::Security, "policies", Some(name)) => {
                if self.service.contains_key("policies") {
                    return Err(conflict);
                }
                insert_new(self.policies.get_or_insert_default(), name, value, conflict)
            }
            _ => Err(unknown()),
        }
    }

    fn artifact(&mut self, path: &str, value: Value) -> Result<(), JoinError> {
        let module = Module::Artifacts;
        let Some((node, name)) =
            path.split_once('/').filter(|(_, name)| !name.is_empty() && !name.contains('/'))
        else {
            return Err(JoinError::UnknownPath { module, path: path.to_owned() });
        };
        let nodes = match self.service.get_mut("node_templates") {
            Some(Value::Map(nodes)) => nodes.get_mut(node),
            _ => None,
        };
        match nodes {
            Some(Value::Map(node)) => {
                let conflict = JoinError::Conflict { module, path: path.to_owned() };
                insert(node, "artifacts", Some(name), value, conflict)
            }
            Some(_) => Err(JoinError::NotAMap { module, path: path.to_owned() }),
            None => Err(JoinError::NoNode { path: path.to_owned() }),
        }
    }

    fn parameter(&mut self, name: &str, value: i64) -> Result<(), JoinError> {
        let input = match self.service.get_mut("inputs") {
            Some(Value::Map(inputs)) => inputs.get_mut(name),
            _ => None,
        };
        match input {
            Some(Value::Map(input)) if !input.contains_key("default") => {
                input.insert("default".to_owned(), value.into());
                Ok(())
            }
            _ => Err(JoinError::NoInput(name.to_owned())),
        }
    }
}

/// Returns whether a value of the service template is split, and so cannot be one object.
fn is_split(key: &str, value: &Value) -> bool {
    match (key, value) {
        ("inputs" | "outputs" | "relationship_templates" | "groups", Value::Map(_)) => true,
        ("node_templates", Value::Map(nodes)) => !nodes.is_empty(),
        ("policies", Value::List(policies)) => !policies.is_empty(),
        _ => false,
    }
}

/// Puts a value at `key` or `key.name`.
fn insert(
    map: &mut Map,
    key: &str,
    name: Option<&str>,
    value: Value,
    conflict: JoinError,
) -> Result<(), JoinError> {
    let Some(name) = name else {
        // Only an empty map has no name.
        let empty = value == Value::Map(Map::new());
        return if empty { insert_new(map, key, value, conflict) } else { Err(conflict) };
    };
    match map.get_mut(key) {
        None => insert_new(map, key, Value::Map(Map::from([(name.to_owned(), value)])), conflict),
        // An empty map is an object itself, which excludes entries.
        Some(Value::Map(entries)) if !entries.is_empty() => {
            insert_new(entries, name, value, conflict)
        }
        Some(_) => Err(conflict),
    }
}

fn insert_new(
    map: &mut Map,
    key: &str,
    value: Value,
    conflict: JoinError,
) -> Result<(), JoinError> {
    if map.contains_key(key) {
        return Err(conflict);
    }
    map.insert(key.to_owned(), value);
    Ok(())
}

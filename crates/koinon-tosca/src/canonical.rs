//! The canonical document: one value for one service.
//!
//! Aliases and merges are resolved, and local imports are flattened. `dsl_definitions` are removed,
//! and so are metadata and descriptions of imported files. Profiles stay imports. Inputs have their
//! values as defaults. Policies, whose order means nothing to Koinon, are sorted by name. The
//! paper's `"{{core.x}}"` becomes `$get_input`. Everything else is unchanged.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use koinon_model::Name;
use koinon_model::Value;

use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::grammar::convert;
use crate::grammar::paper_input;
use crate::keynames::TypeKind;
use crate::loaded::LoadedFiles;
use crate::yaml::Yaml;

/// Returns the canonical document of a checked program.
pub(crate) fn canonical(
    loaded: &LoadedFiles,
    inputs: &BTreeMap<String, Value>,
    faults: &Faults,
) -> Value {
    let mut document = BTreeMap::new();
    let mut profiles = BTreeSet::new();
    for (at, (_, file)) in loaded.iter().enumerate() {
        for import in &file.imports {
            let imported = loaded.get(import.file);
            let builtin = imported.is_some_and(|imported| imported.builtin);
            let Some(profile) = imported.and_then(|file| file.profile.clone()) else {
                if import.namespace.is_some() {
                    faults.push(namespaced(import.span));
                }
                continue;
            };
            if builtin && (at == 0 || import.namespace.is_none()) {
                profiles.insert((profile, import.namespace.clone()));
            } else if import.namespace.is_some() {
                faults.push(namespaced(import.span));
            }
        }
        if file.builtin {
            continue;
        }
        for (key, value) in file.tree.root().map().into_iter().flatten() {
            let Some(key) = key.text() else { continue };
            if TypeKind::ALL.iter().any(|section| section.key() == key) || key == "functions" {
                merge(&mut document, key, value, faults);
            } else if at == 0 && !matches!(key, "imports" | "dsl_definitions" | "profile") {
                document.insert(key.to_owned(), expression(value, faults));
            }
        }
    }
    if !profiles.is_empty() {
        let import = |(profile, namespace): (String, Option<String>)| {
            let mut import = BTreeMap::from([("profile".to_owned(), Value::from(&*profile))]);
            let namespace = namespace.map(|name| ("namespace".to_owned(), Value::from(&*name)));
            import.extend(namespace);
            Value::Map(import)
        };
        let imports = profiles.into_iter().map(import).collect();
        document.insert("imports".to_owned(), Value::List(imports));
    }
    if let Some(Value::Map(service)) = document.get_mut("service_template") {
        bind(service, inputs);
        if let Some(Value::List(policies)) = service.get_mut("policies") {
            policies.sort_by_cached_key(policy_name);
        }
    }
    Value::Map(document)
}

/// Returns the fault that types of a namespace cannot be flattened.
fn namespaced(span: Span) -> Fault {
    let message = "a service kept by contracts cannot import its own types into a namespace yet";
    Fault::new(Code::NotSupported, span, message)
}

/// Returns the name of an entry of `policies`.
pub(crate) fn policy_name(policy: &Value) -> String {
    policy.as_map().and_then(|map| map.keys().next()).cloned().unwrap_or_default()
}

/// Adds the definitions of a file. Two files may define one name differently, each for itself, but
/// a document cannot.
fn merge(document: &mut BTreeMap<String, Value>, key: &str, yaml: Yaml<'_>, faults: &Faults) {
    match (document.get_mut(key), expression(yaml, faults)) {
        (Some(Value::Map(all)), Value::Map(more)) => {
            let other = |name: &str| all.get(name).is_some_and(|old| more.get(name) != Some(old));
            for (name, _) in yaml.map().into_iter().flatten() {
                if let Some(text) = name.text().filter(|text| other(text)) {
                    let message = format!(
                        "a service kept by contracts cannot have two definitions of `{text}`"
                    );
                    faults.push(Fault::new(Code::NotSupported, name.span(), message));
                }
            }
            all.extend(more);
        }
        (_, value) => {
            document.insert(key.to_owned(), value);
        }
    }
}

/// Writes the values of parameters as plain numbers in the place of their default expressions, as
/// contracts return them.
pub(crate) fn bind_parameters(document: &mut Value, parameters: &BTreeMap<Name, i64>) {
    let Value::Map(root) = document else { return };
    let Some(Value::Map(service)) = root.get_mut("service_template") else { return };
    let Some(Value::Map(inputs)) = service.get_mut("inputs") else { return };
    for (name, value) in parameters {
        if let Some(Value::Map(input)) = inputs.get_mut(name.as_str()) {
            input.insert("default".to_owned(), (*value).into());
        }
    }
}

/// Makes the given values the defaults of their inputs.
fn bind(service: &mut BTreeMap<String, Value>, inputs: &BTreeMap<String, Value>) {
    let Some(Value::Map(definitions)) = service.get_mut("inputs") else { return };
    for (name, value) in inputs {
        if let Some(Value::Map(definition)) = definitions.get_mut(name) {
            definition.insert("default".to_owned(), escaped(value));
            // An input with a value is required: TOSCA accepts no default of an optional input.
            if definition.get("required") == Some(&Value::Bool(false)) {
                definition.remove("required");
            }
        }
    }
}

/// Writes a literal value so that nothing in it reads as a function.
fn escaped(value: &Value) -> Value {
    let text = |text: &str| {
        let function = text.starts_with('$');
        if function { format!("${text}") } else { text.to_owned() }
    };
    match value {
        // The paper's notation has no escape, but its two halves have no meaning.
        Value::String(string) if paper_input(string).is_some() => {
            let (left, right) = string.split_at(1);
            Value::from([("$concat", Value::List(vec![left.into(), right.into()]))])
        }
        Value::String(string) => Value::String(text(string)),
        Value::List(items) => Value::List(items.iter().map(escaped).collect()),
        Value::Map(entries) => {
            entries.iter().map(|(key, value)| (text(key), escaped(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Converts a tree that may contain expressions.
fn expression(yaml: Yaml<'_>, faults: &Faults) -> Value {
    let paper =
        |text: &str| paper_input(text).map(|input| Value::from([("$get_input", input.into())]));
    convert(yaml, &paper, faults)
}

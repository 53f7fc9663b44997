//! Data types as 1.3 and its processors know them: a type that derives from a simple type becomes
//! the simple type.

use std::collections::BTreeMap;

use koinon_model::Value;

use super::constraints::constraints;

/// The most levels of derivation that are followed. A checked document has fewer.
const MAX_DERIVATIONS: usize = 64;

/// The simple types of 1.3.
const SIMPLE_TYPES: [&str; 13] = [
    "string",
    "integer",
    "float",
    "boolean",
    "timestamp",
    "version",
    "list",
    "map",
    "range",
    "null",
    "scalar-unit.size",
    "scalar-unit.time",
    "scalar-unit.frequency",
];

/// The types of a document and of the profiles it imports, in the order of lookup.
#[derive(Clone, Debug)]
pub(super) struct DataTypes<'d> {
    pub(super) documents: Vec<&'d Value>,
}

/// The name of a type, with its section of a file.
#[derive(Clone, Copy, Debug)]
struct TypeName<'a> {
    section: &'a str,
    name: &'a str,
}

impl<'d> DataTypes<'d> {
    fn find(&self, section: &str, name: &str) -> Option<&'d Value> {
        let plain = name.rsplit_once(':').map_or(name, |(_, plain)| plain);
        self.documents.iter().find_map(|document| {
            let types = document.get(section)?;
            types.get(name).or_else(|| types.get(plain))
        })
    }

    /// Replaces the type of a definition, or the parent of a type, by a simple type of 1.3, and
    /// adds the constraints and schemas of the types between.
    pub(super) fn flatten(&self, definition: &mut BTreeMap<String, Value>) {
        let key = if definition.contains_key("type") { "type" } else { "derived_from" };
        let Some(named) = definition.get(key).and_then(Value::as_str) else { return };
        let Some((base, chain)) = self.base(named) else { return };
        if base == named {
            return;
        }
        let from_scalar = chain.iter().any(|one| is_scalar(one.get("derived_from")));
        let mut all = definition.remove("constraints").map_or_else(Vec::new, list);
        for data_type in &chain {
            let own = data_type.get("validation").and_then(constraints);
            all.extend(own.into_iter().flatten());
            for name in ["key_schema", "entry_schema"] {
                if let (None, Some(schema)) = (definition.get(name), data_type.get(name)) {
                    definition.insert(name.to_owned(), schema.clone());
                }
            }
        }
        // A scalar is written as text, and constraints on numbers do not apply to text.
        if !all.is_empty() && !from_scalar {
            definition.insert("constraints".to_owned(), Value::List(all));
        }
        definition.insert(key.to_owned(), base.into());
    }

    /// Returns the simple type of 1.3 that a data type derives from, and the types between. Returns
    /// nothing for a complex type or an unknown name.
    fn base(&self, name: &str) -> Option<(&'static str, Vec<&'d Value>)> {
        let mut chain = Vec::new();
        let mut name = name;
        for _ in 0..MAX_DERIVATIONS {
            let known = match name {
                "nil" => Some("null"),
                "bytes" | "scalar" => Some("string"),
                name => SIMPLE_TYPES.iter().copied().find(|simple| *simple == name),
            };
            if let Some(known) = known {
                return Some((known, chain));
            }
            let data_type = self.find("data_types", name)?;
            name = data_type.get("derived_from")?.as_str()?;
            chain.push(data_type);
        }
        None
    }

    /// Completes refinements with the definitions they refine, and turns fixed values into
    /// defaults: 1.3 has neither refinements nor fixed values.
    pub(super) fn complete(&self, document: &Value) -> Value {
        let mut document = document.clone();
        let Value::Map(root) = &mut document else { return document };
        for (section, types) in root.iter_mut().filter(|(key, _)| key.ends_with("_types")) {
            let Value::Map(types) = types else { continue };
            for (name, one) in types {
                let Value::Map(one) = one else { continue };
                for what in ["properties", "attributes"] {
                    self.complete_all(one.get_mut(what), TypeName { section, name }, what);
                }
                let Some(Value::Map(capabilities)) = one.get_mut("capabilities") else { continue };
                for (capability, one) in capabilities {
                    let Value::Map(one) = one else { continue };
                    let inherited =
                        self.inherited(TypeName { section, name }, "capabilities", capability);
                    let own = one.get("type").or_else(|| inherited.as_ref()?.get("type")).cloned();
                    let Some(Value::String(own)) = own else { continue };
                    one.entry("type".to_owned()).or_insert_with(|| Value::from(own.as_str()));
                    for what in ["properties", "attributes"] {
                        self.complete_all(
                            one.get_mut(what),
                            TypeName { section: "capability_types", name: &own },
                            what,
                        );
                    }
                }
            }
        }
        document
    }

    fn complete_all(&self, definitions: Option<&mut Value>, of: TypeName<'_>, what: &str) {
        let Some(Value::Map(definitions)) = definitions else { return };
        for (name, definition) in definitions {
            let Value::Map(definition) = definition else { continue };
            if !definition.contains_key("type")
                && let Some(Value::Map(inherited)) = self.inherited(of, what, name)
            {
                for (key, value) in inherited {
                    definition.entry(key).or_insert(value);
                }
            }
            if let Some(value) = definition.remove("value") {
                definition.insert("default".to_owned(), value);
            }
        }
    }

    /// Returns the definition of a name that a type has or inherits, if the definition has a type.
    fn inherited(&self, of: TypeName<'_>, what: &str, wanted: &str) -> Option<Value> {
        let TypeName { section, mut name } = of;
        for _ in 0..MAX_DERIVATIONS {
            let found = self.find(section, name)?;
            let definition = found.get(what).and_then(|all| all.get(wanted));
            if let Some(definition) = definition.filter(|one| one.get("type").is_some()) {
                return Some(definition.clone());
            }
            name = found.get("derived_from")?.as_str()?;
        }
        None
    }
}

fn is_scalar(name: Option<&Value>) -> bool {
    name.and_then(Value::as_str) == Some("scalar")
}

fn list(value: Value) -> Vec<Value> {
    if let Value::List(items) = value { items } else { Vec::new() }
}

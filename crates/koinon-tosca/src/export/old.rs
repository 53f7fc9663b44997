//! A document of 2.0 in TOSCA 1.3: the keynames that both versions have, found by walking both
//! tables side by side.
//!
//! A feature without a keyname in 1.3 is left out or replaced, and [`overlay`](super::overlay)
//! keeps it. Some keynames of 1.3 are left out too, because OpenStack's tosca-parser rejects them:
//! see [`REJECTED`].

use std::collections::BTreeMap;

use koinon_model::Value;
use koinon_model::representation::Properties;
use koinon_model::representation::Representation;

use super::constraints::constraints;
use super::types::DataTypes;
use super::value::has_call_inside;
use super::value::literal;
use super::value::value;
use crate::keynames as later;
use crate::lower::keynames as old;
use crate::lower::keynames::SpecialForm;
use crate::profiles::ToscaVersion;

/// Keynames of 1.3 that tosca-parser 2.15.0 rejects, by entity.
const REJECTED: [(&str, &str); 4] = [
    ("parameter definition", "metadata"),
    ("relationship type", "metadata"),
    ("group type", "metadata"),
    ("policy type", "metadata"),
];

/// Writes documents for 1.3.
pub(super) struct OldWriter<'w> {
    pub(super) types: DataTypes<'w>,
    /// The source of values that replace calls which 1.3 cannot express.
    pub(super) known: Option<&'w Representation>,
    /// The path of keynames and names to the current value.
    pub(super) path: Vec<String>,
}

impl OldWriter<'_> {
    /// Writes an entity.
    pub(super) fn entity(
        &mut self,
        found: &Value,
        table: &'static later::Entity,
        words: &'static old::OldEntity,
    ) -> Value {
        let Value::Map(entries) = found else {
            return value(found).unwrap_or_default();
        };
        if words.short == old::OldShortNotation::Value && !entries.contains_key("type") {
            // The short notation of a definition is a value.
            if let Some(written) = super::plain::is_call(found).then(|| value(found)).flatten() {
                return written;
            }
        }
        let mut out = BTreeMap::new();
        for (name, found) in entries {
            let row =
                words.keys.iter().find(|row| row.becomes == name && row.has(ToscaVersion::V1_3));
            let (Some(row), Some(is)) = (row, table.key(name)) else { continue };
            if REJECTED.contains(&(words.name, row.name)) || self.is_type(words, row, found) {
                continue;
            }
            self.path.push(name.clone());
            if let Some(written) = self.field(found, is.kind, row.kind) {
                out.insert(row.name.to_owned(), written);
            }
            self.path.pop();
        }
        if self.path.first().is_some_and(|key| key == "service_template")
            && self.path.get(1).is_some_and(|key| key == "outputs")
            && self.path.len() == 3
        {
            // tosca-parser accepts only these keynames of outputs.
            out.retain(|name, _| name == "description" || name == "value");
            out.entry("value".to_owned()).or_insert_with(|| Value::from(""));
        } else {
            self.types.flatten(&mut out);
        }
        self.complete_for_tosca_parser(words, &mut out);
        Value::Map(out)
    }

    /// Returns whether a requirement names a node type, which tosca-parser cannot look up.
    fn is_type(&self, words: &old::OldEntity, row: &old::OldKeynameRow, found: &Value) -> bool {
        let template = |name: &str| {
            let service = self.types.documents.first()?.get("service_template")?;
            service.get("node_templates")?.get(name)
        };
        let named = found.as_str().filter(|_| row.name == "node");
        words.name == "requirement assignment" && named.is_some_and(|name| template(name).is_none())
    }

    /// Adds keynames that tosca-parser needs.
    fn complete_for_tosca_parser(&self, words: &old::OldEntity, out: &mut BTreeMap<String, Value>) {
        let root = match words.name {
            "policy type" => Some("tosca.policies.Root"),
            "group type" => Some("tosca.groups.Root"),
            _ => None,
        };
        if let Some(root) = root {
            out.entry("derived_from".to_owned()).or_insert_with(|| root.into());
        }
        // It ignores a default that Python evaluates to false.
        let of_data = self.path.first().is_some_and(|key| key == "data_types");
        let default = out.get("default");
        if of_data && words.name == "property definition" && default.is_some_and(is_falsy) {
            out.insert("required".to_owned(), false.into());
        }
    }

    fn field(
        &mut self,
        found: &Value,
        is: later::KeynameKind,
        row: old::OldKeynameKind,
    ) -> Option<Value> {
        use later::KeynameKind as Is;
        use old::OldKeynameKind as Row;
        match (is, row, found) {
            (Is::One(table), Row::One(words), _) => {
                let written = self.entity(found, table, words);
                is_complete(&written, words).then_some(written)
            }
            (Is::Map(table), Row::Map(words), Value::Map(_)) => Some(self.map(found, table, words)),
            (Is::Sequence(table), Row::Sequence(words), Value::List(items)) => {
                let items = items.iter().map(|item| self.map(item, table, words));
                Some(Value::List(items.collect()))
            }
            (Is::List(table), Row::List(words), Value::List(items)) => {
                let items = items.iter().map(|item| self.entity(item, table, words));
                Some(Value::List(items.collect()))
            }
            (_, Row::Special(special), _) => self.special(found, is, special),
            (Is::Values, Row::Values, Value::Map(entries)) => {
                let written = entries.iter().filter_map(|(name, one)| {
                    let literal = literal(name)?.to_owned();
                    self.path.push(name.clone());
                    // tosca-parser compares a call in a complex value with the constraints of its
                    // place.
                    let inside = has_call_inside(one).then(|| self.stand_in()).flatten();
                    let written = inside.or_else(|| value(one)).or_else(|| self.stand_in());
                    self.path.pop();
                    Some((literal, written?))
                });
                Some(written.collect())
            }
            (_, Row::Value, _) => value(found).or_else(|| self.stand_in()),
            (_, Row::Text, Value::List(items)) => {
                // A node of a template and its index: 1.3 has only the template.
                items.first().filter(|first| first.as_str().is_some()).cloned()
            }
            (_, Row::Text | Row::DataType, Value::String(_)) => value(found),
            (_, Row::Text | Row::DataType, Value::Bool(_) | Value::Number(_)) => {
                Some(found.clone())
            }
            (_, Row::Words, Value::List(_))
            | (_, Row::Metadata, Value::Map(_))
            | (_, Row::Any, _) => Some(found.clone()),
            _ => None,
        }
    }

    fn map(
        &mut self,
        found: &Value,
        table: &'static later::Entity,
        words: &'static old::OldEntity,
    ) -> Value {
        let entries = found.as_map().into_iter().flatten().map(|(name, found)| {
            self.path.push(name.clone());
            let written = self.entity(found, table, words);
            self.path.pop();
            is_complete(&written, words).then(|| (name.clone(), written))
        });
        entries.flatten().collect()
    }

    fn special(
        &mut self,
        found: &Value,
        is: later::KeynameKind,
        special: SpecialForm,
    ) -> Option<Value> {
        let each = |change: &dyn Fn(&Value) -> Option<Value>| -> Option<Value> {
            let entries = found.as_map()?.iter();
            let changed: BTreeMap<String, Value> =
                entries.filter_map(|(name, value)| Some((name.clone(), change(value)?))).collect();
            (!changed.is_empty()).then_some(Value::Map(changed))
        };
        match special {
            SpecialForm::Version => Some("tosca_simple_yaml_1_3".into()),
            SpecialForm::Constraints => constraints(found).map(Value::List),
            SpecialForm::Count => {
                let count = found.as_u64()?;
                (count > 0).then(|| Value::List(vec![found.clone(), found.clone()]))
            }
            SpecialForm::Required | SpecialForm::Range | SpecialForm::Directives => {
                Some(found.clone())
            }
            SpecialForm::PropertyMappings | SpecialForm::AttributeMappings => {
                each(&|one| one.as_str().map(|_| Value::List(vec![one.clone()])))
            }
            SpecialForm::CapabilityMappings => each(&|one| one.as_list().map(|_| one.clone())),
            SpecialForm::InterfaceMappings => each(&|one| one.as_map().map(|_| one.clone())),
            SpecialForm::RequirementMappings => {
                let mut all = BTreeMap::new();
                for item in found.as_list()? {
                    let (name, mapped) = item.as_map()?.iter().next()?;
                    mapped.as_list()?;
                    if all.insert(name.clone(), mapped.clone()).is_some() {
                        return None;
                    }
                }
                Some(Value::Map(all))
            }
            SpecialForm::OutputMappings => match is {
                later::KeynameKind::Values | later::KeynameKind::Map(_) => {
                    let fine = |one: &Value| {
                        one.as_list()
                            .is_some_and(|path| path.iter().all(|step| step.as_str().is_some()))
                    };
                    let all = found.as_map()?.values().all(fine);
                    all.then(|| found.clone())
                }
                _ => None,
            },
            SpecialForm::Action => {
                let later::KeynameKind::List(table) = is else { return None };
                let items = found.as_list()?.iter();
                let items = items.map(|item| self.entity(item, table, &old::ACTIVITY));
                Some(Value::List(items.collect()))
            }
            // Imports are written for the whole file. Filters and conditions of 1.3 express less.
            SpecialForm::Imports
            | SpecialForm::TargetFilter
            | SpecialForm::NodeFilter
            | SpecialForm::SubstitutionFilter
            | SpecialForm::Preconditions
            | SpecialForm::StepFilter
            | SpecialForm::Condition => None,
        }
    }

    /// Returns the value of the template's first node, at the path of a value of a node template.
    fn stand_in(&self) -> Option<Value> {
        let known = |properties: &Properties, name: &str| {
            properties.get(name).and_then(|property| property.value.known()).cloned()
        };
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let ["service_template", "node_templates", template, rest @ ..] = path.as_slice() else {
            return None;
        };
        let node = self.known?.node(template, 0)?;
        match rest {
            ["properties", name] => known(&node.properties, name),
            ["capabilities", capability, "properties", name] => {
                known(&node.capabilities.get(capability)?.properties, name)
            }
            _ => None,
        }
    }
}

/// Returns whether an entity has the mandatory keynames of 1.3.
fn is_complete(written: &Value, words: &old::OldEntity) -> bool {
    let Some(entries) = written.as_map() else { return true };
    let copied = words.rule == old::MapRule::Copied && entries.contains_key("copy");
    let mut must = words.keys.iter().filter(|row| row.mandatory && row.has(ToscaVersion::V1_3));
    copied || super::plain::is_call(written) || must.all(|row| entries.contains_key(row.name))
}

fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
    }
}

//! Schemas, and definitions of properties, attributes and parameters.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::expr::Expr;
use super::expr::is_call;
use super::expr::read_expr;
use super::fields::EntityFields;
use super::fields::Word;
use super::fields::missing;
use super::fields::read_fields;
use super::fields::read_named_map;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::keynames;
use crate::keynames::Entity;
use crate::yaml::Yaml;

/// The schema of values. After resolution it has a `data_type`, except for parameters without a
/// type.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema<'a> {
    pub(crate) data_type: Option<Word<'a>>,
    /// Clauses that must all hold: a refinement adds its clauses to those of the parent.
    pub(crate) validation: Vec<Arc<Expr<'a>>>,
    pub(crate) key: Option<Arc<Self>>,
    pub(crate) entry: Option<Arc<Self>>,
}

/// Definitions by name.
pub(crate) type PropertyDefinitions<'a> = BTreeMap<&'a str, Arc<PropertyDefinition<'a>>>;

/// A definition of a property, attribute or parameter.
#[derive(Clone, Debug)]
pub(crate) struct PropertyDefinition<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) schema: Schema<'a>,
    pub(crate) required: Option<bool>,
    pub(crate) default: Option<Expr<'a>>,
    /// The fixed value.
    pub(crate) value: Option<Expr<'a>>,
    /// The attribute that receives the value of an incoming parameter.
    pub(crate) mapping: Option<Expr<'a>>,
    /// Whether it is only `name: value`. Except for parameters, such a definition must be a
    /// refinement.
    pub(crate) short: bool,
}

impl PropertyDefinition<'_> {
    /// Returns whether a value is required, which is the default.
    pub(crate) fn is_required(&self) -> bool {
        self.required.unwrap_or(true)
    }
}

/// The direction of a parameter, which decides the meaning of `name: value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParameterFlow {
    /// The parameter leaves the orchestrator: `value` is its value.
    Outgoing,
    /// The parameter enters the orchestrator: `value` is the attribute that receives it.
    Incoming,
}

/// Reads property definitions.
pub(crate) fn read_properties<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> PropertyDefinitions<'a> {
    definitions(yaml, &keynames::PROPERTY, ParameterFlow::Outgoing, faults)
}

/// Reads attribute definitions.
pub(crate) fn read_attributes<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> PropertyDefinitions<'a> {
    definitions(yaml, &keynames::ATTRIBUTE, ParameterFlow::Outgoing, faults)
}

/// Reads parameter definitions.
pub(crate) fn read_parameters<'a>(
    yaml: Option<Yaml<'a>>,
    flow: ParameterFlow,
    faults: &Faults,
) -> PropertyDefinitions<'a> {
    definitions(yaml, &keynames::PARAMETER, flow, faults)
}

fn definitions<'a>(
    yaml: Option<Yaml<'a>>,
    entity: &'static Entity,
    flow: ParameterFlow,
    faults: &Faults,
) -> PropertyDefinitions<'a> {
    let read = |(name, value): (Word<'a>, Yaml<'a>)| {
        let short = entity.short == keynames::ShortNotation::Value;
        let property = if short && (value.map().is_none() || is_call(value)) {
            let value = Some(read_expr(value, faults));
            let (value, mapping) = match flow {
                ParameterFlow::Outgoing => (value, None),
                ParameterFlow::Incoming => (None, value),
            };
            let (schema, required) = (Schema::default(), None);
            PropertyDefinition {
                name,
                schema,
                required,
                default: None,
                value,
                mapping,
                short: true,
            }
        } else {
            definition(name, &read_fields(value, entity, name.span, faults)?, entity, flow, faults)
        };
        Some((name.text, Arc::new(property)))
    };
    read_named_map(yaml, entity.name, faults).into_iter().filter_map(read).collect()
}

fn definition<'a>(
    name: Word<'a>,
    fields: &EntityFields<'a>,
    entity: &'static Entity,
    flow: ParameterFlow,
    faults: &Faults,
) -> PropertyDefinition<'a> {
    let expr = |key: &str| fields.get(key).map(|value| read_expr(value, faults));
    let property = PropertyDefinition {
        name,
        schema: schema(fields, faults),
        required: fields.boolean("required"),
        default: expr("default"),
        value: expr("value"),
        mapping: expr("mapping"),
        short: false,
    };
    if property.required == Some(false)
        && let Some(default) = &property.default
    {
        let message = "the default of an optional value is never used";
        let fault = Fault::new(Code::Definition, default.span, message);
        faults.push(fault.hint("remove `required: false` or the default").warning());
    }
    // csd07 9.7: an outgoing parameter has a value, an incoming parameter a mapping.
    if std::ptr::eq(entity, &raw const keynames::PARAMETER) {
        let misplaced = match flow {
            ParameterFlow::Outgoing => {
                property.mapping.as_ref().map(|mapping| ("mapping", mapping))
            }
            ParameterFlow::Incoming => property.value.as_ref().map(|value| ("value", value)),
        };
        if let Some((key, expr)) = misplaced {
            let direction = if key == "value" { "incoming" } else { "outgoing" };
            let message = format!("an {direction} parameter cannot have a `{key}`");
            faults.push(Fault::new(Code::Definition, expr.span, message));
        }
    }
    property
}

fn schema<'a>(fields: &EntityFields<'a>, faults: &Faults) -> Schema<'a> {
    Schema {
        data_type: fields.word("type"),
        validation: read_validation(fields.get("validation"), faults),
        key: read_schema(fields.get("key_schema"), faults),
        entry: read_schema(fields.get("entry_schema"), faults),
    }
}

/// Reads a validation clause.
pub(crate) fn read_validation<'a>(yaml: Option<Yaml<'a>>, faults: &Faults) -> Vec<Arc<Expr<'a>>> {
    yaml.map(|clause| Arc::new(read_expr(clause, faults))).into_iter().collect()
}

/// Reads a schema definition, or the name of a type in its place.
pub(crate) fn read_schema<'a>(yaml: Option<Yaml<'a>>, faults: &Faults) -> Option<Arc<Schema<'a>>> {
    let yaml = yaml?;
    if let Some(text) = yaml.string() {
        let data_type = Some(Word { text, span: yaml.span() });
        return Some(Arc::new(Schema { data_type, ..Schema::default() }));
    }
    let fields = read_fields(yaml, &keynames::SCHEMA, yaml.span(), faults)?;
    Some(Arc::new(schema(&fields, faults)))
}

/// Returns the fault that a new definition has no type.
pub(crate) fn untyped(property: &PropertyDefinition<'_>, entity: &Entity) -> Fault {
    missing("type", entity, property.name.span)
}

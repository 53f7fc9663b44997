//! Schemas, and definitions of properties, attributes and parameters.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::expr::Expr;
use super::expr::is_call;
use super::expr::read_expr;
use super::fields::Fields;
use super::fields::Word;
use super::fields::fields;
use super::fields::missing;
use super::fields::named;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::keynames;
use crate::keynames::Entity;
use crate::yaml::Yaml;

/// What values look like. After resolution `data_type` is there, except for parameters without type.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema<'a> {
    pub(crate) data_type: Option<Word<'a>>,
    /// All clauses must hold: refinements add to those of the parent.
    pub(crate) validation: Vec<Arc<Expr<'a>>>,
    pub(crate) key: Option<Arc<Self>>,
    pub(crate) entry: Option<Arc<Self>>,
}

/// Definitions by name.
pub(crate) type Properties<'a> = BTreeMap<&'a str, Arc<Property<'a>>>;

/// A definition of a property, attribute or parameter.
#[derive(Clone, Debug)]
pub(crate) struct Property<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) schema: Schema<'a>,
    pub(crate) required: Option<bool>,
    pub(crate) default: Option<Expr<'a>>,
    /// The fixed value.
    pub(crate) value: Option<Expr<'a>>,
    /// The attribute that takes the value of a parameter that comes in.
    pub(crate) mapping: Option<Expr<'a>>,
    /// Whether it is only `name: value`, which must refine something, unless it is a parameter.
    pub(crate) short: bool,
}

impl Property<'_> {
    /// Returns whether a value must be there: the default is yes.
    pub(crate) fn is_required(&self) -> bool {
        self.required.unwrap_or(true)
    }
}

/// What `name: value` means for a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// The parameter goes out of the orchestrator: `value` is its value.
    Outgoing,
    /// It comes in: `value` is the attribute that takes it.
    Incoming,
}

/// Reads property definitions.
pub(crate) fn read_properties<'a>(yaml: Option<Yaml<'a>>, faults: &Faults) -> Properties<'a> {
    definitions(yaml, &keynames::PROPERTY, Flow::Outgoing, faults)
}

/// Reads attribute definitions.
pub(crate) fn read_attributes<'a>(yaml: Option<Yaml<'a>>, faults: &Faults) -> Properties<'a> {
    definitions(yaml, &keynames::ATTRIBUTE, Flow::Outgoing, faults)
}

/// Reads parameter definitions.
pub(crate) fn read_parameters<'a>(
    yaml: Option<Yaml<'a>>,
    flow: Flow,
    faults: &Faults,
) -> Properties<'a> {
    definitions(yaml, &keynames::PARAMETER, flow, faults)
}

fn definitions<'a>(
    yaml: Option<Yaml<'a>>,
    entity: &'static Entity,
    flow: Flow,
    faults: &Faults,
) -> Properties<'a> {
    let read = |(name, value): (Word<'a>, Yaml<'a>)| {
        let short = entity.short == keynames::Short::Value;
        let property = if short && (value.map().is_none() || is_call(value)) {
            let value = Some(read_expr(value, faults));
            let (value, mapping) = match flow {
                Flow::Outgoing => (value, None),
                Flow::Incoming => (None, value),
            };
            let (schema, required) = (Schema::default(), None);
            Property { name, schema, required, default: None, value, mapping, short: true }
        } else {
            definition(name, &fields(value, entity, name.span, faults)?, entity, flow, faults)
        };
        Some((name.text, Arc::new(property)))
    };
    named(yaml, entity.name, faults).into_iter().filter_map(read).collect()
}

fn definition<'a>(
    name: Word<'a>,
    fields: &Fields<'a>,
    entity: &'static Entity,
    flow: Flow,
    faults: &Faults,
) -> Property<'a> {
    let expr = |key: &str| fields.get(key).map(|value| read_expr(value, faults));
    let property = Property {
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
        let message = "a default for something that is not required is never used";
        let fault = Fault::new(Code::Definition, default.span, message);
        faults.push(fault.hint("remove `required: false` or the default").warning());
    }
    // csd07 9.7: one goes out, the other comes in.
    if std::ptr::eq(entity, &raw const keynames::PARAMETER) {
        let misplaced = match flow {
            Flow::Outgoing => property.mapping.as_ref().map(|mapping| ("mapping", mapping)),
            Flow::Incoming => property.value.as_ref().map(|value| ("value", value)),
        };
        if let Some((key, expr)) = misplaced {
            let what = if key == "value" { "comes in" } else { "goes out" };
            let message = format!("`{key}` of a parameter that {what}");
            faults.push(Fault::new(Code::Definition, expr.span, message));
        }
    }
    property
}

fn schema<'a>(fields: &Fields<'a>, faults: &Faults) -> Schema<'a> {
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
    let fields = fields(yaml, &keynames::SCHEMA, yaml.span(), faults)?;
    Some(Arc::new(schema(&fields, faults)))
}

/// Makes the fault that a new definition has no type.
pub(crate) fn untyped(property: &Property<'_>, entity: &Entity) -> Fault {
    missing("type", entity, property.name.span)
}

//! Definitions of properties, attributes and parameters, and the schemas of their values.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::expr::Expr;
use super::expr::read_expr;
use super::fields::Fields;
use super::fields::Word;
use super::fields::fields;
use super::fields::named;
use super::types::common;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::yaml::Yaml;

/// What values look like. After resolution `data_type` is there, except for outputs without type.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema<'a> {
    pub(crate) data_type: Option<Word<'a>>,
    /// All clauses must hold: refinements add to those of the parent.
    pub(crate) validation: Vec<Arc<Expr>>,
    pub(crate) key: Option<Box<Self>>,
    pub(crate) entry: Option<Box<Self>>,
}

/// A definition of a property, attribute or parameter.
#[derive(Clone, Debug)]
pub(crate) struct Property<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) schema: Schema<'a>,
    pub(crate) required: Option<bool>,
    pub(crate) default: Option<Arc<Expr>>,
    /// The fixed value.
    pub(crate) value: Option<Arc<Expr>>,
    /// Whether it is only `name: value`, which must refine something.
    pub(crate) short: bool,
}

impl Property<'_> {
    /// Returns whether a value must be there: the default is yes.
    pub(crate) fn is_required(&self) -> bool {
        self.required.unwrap_or(true)
    }
}

const SCHEMA: [&str; 6] =
    ["type", "description", "metadata", "validation", "key_schema", "entry_schema"];

/// Reads property or attribute definitions.
pub(crate) fn read_properties<'a>(
    yaml: Option<Yaml<'a>>,
    what: &str,
    faults: &Faults,
) -> BTreeMap<&'a str, Property<'a>> {
    let known: Vec<&str> = SCHEMA.into_iter().chain(["required", "default", "value"]).collect();
    let read = |(name, value): (Word<'a>, Yaml<'a>)| {
        let call = value.map().is_some_and(|mut map| {
            map.next().is_some_and(|(key, _)| key.text().is_some_and(|key| key.starts_with('$')))
        });
        let property = if value.map().is_none() || call {
            let value = Some(Arc::new(read_expr(value, faults)));
            let schema = Schema::default();
            Property { name, schema, required: None, default: None, value, short: true }
        } else {
            definition(name, &fields(value, what, &known, &["mapping"], faults)?, faults)
        };
        Some((name.text, property))
    };
    named(yaml, what, faults).into_iter().filter_map(read).collect()
}

/// Reads parameter definitions: inputs, which have no value, or outputs, which have no default.
pub(crate) fn read_parameters<'a>(
    yaml: Option<Yaml<'a>>,
    what: &str,
    own: &[&str],
    faults: &Faults,
) -> BTreeMap<&'a str, Property<'a>> {
    let known: Vec<&str> = SCHEMA.into_iter().chain(own.iter().copied()).collect();
    let read = |(name, value): (Word<'a>, Yaml<'a>)| {
        let fields = fields(value, what, &known, &["mapping"], faults)?;
        Some((name.text, definition(name, &fields, faults)))
    };
    named(yaml, what, faults).into_iter().filter_map(read).collect()
}

fn definition<'a>(name: Word<'a>, fields: &Fields<'a>, faults: &Faults) -> Property<'a> {
    let expr = |key: &str| fields.get(key).map(|value| Arc::new(read_expr(value, faults)));
    let property = Property {
        name,
        schema: schema(fields, faults),
        required: fields.boolean("required", faults),
        default: expr("default"),
        value: expr("value"),
        short: false,
    };
    if property.required == Some(false)
        && let Some(default) = &property.default
    {
        let message = "a default for something that is not required is never used";
        let fault = Fault::new(Code::Definition, default.span, message);
        faults.push(fault.hint("remove `required: false` or the default"));
    }
    property
}

fn schema<'a>(fields: &Fields<'a>, faults: &Faults) -> Schema<'a> {
    common(fields, faults);
    Schema {
        data_type: fields.word("type", faults),
        validation: fields
            .get("validation")
            .map(|clause| Arc::new(read_expr(clause, faults)))
            .into_iter()
            .collect(),
        key: read_schema(fields.get("key_schema"), "key_schema", faults),
        entry: read_schema(fields.get("entry_schema"), "entry_schema", faults),
    }
}

/// Reads a schema definition, or the name of a type in its place.
pub(crate) fn read_schema<'a>(
    yaml: Option<Yaml<'a>>,
    what: &str,
    faults: &Faults,
) -> Option<Box<Schema<'a>>> {
    let yaml = yaml?;
    if let Some(text) = yaml.string() {
        let data_type = Some(Word { text, span: yaml.span() });
        return Some(Box::new(Schema { data_type, ..Schema::default() }));
    }
    let fields = fields(yaml, what, &SCHEMA, &[], faults)?;
    fields.mandatory("type", what, faults)?;
    Some(Box::new(schema(&fields, faults)))
}

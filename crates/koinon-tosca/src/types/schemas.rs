//! Schemas of data: types that exist, and entries for collections (csd07 9.11).

use std::sync::Arc;

use super::table::Types;
use crate::builtin::Base;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::grammar::Schema;
use crate::grammar::Word;
use crate::keynames::TypeKind;

/// Checks that a schema's type exists, and that exactly collections have an entry schema.
pub(crate) fn check_schema<'a>(
    types: &Types<'a>,
    schema: &Schema<'a>,
    of: Word<'a>,
    faults: &Faults,
) {
    for part in [&schema.key, &schema.entry].into_iter().flatten() {
        if part.data_type.is_none() {
            let message = format!("expected `type` in a schema of `{}`", of.text);
            faults.push(Fault::new(Code::MissingKey, of.span, message));
        }
    }
    let Some(name) = schema.data_type else { return };
    if let Err(fault) = types.find(TypeKind::Data, name) {
        faults.push(fault);
        return;
    }
    let Some(shape) = types.shape(schema) else { return };
    if name.text == "scalar" {
        let message = "`scalar` is abstract: derive a type with units from it";
        faults.push(Fault::new(Code::Schema, name.span, message));
    }
    if (shape.base == Base::List || shape.base == Base::Map) && shape.entry.is_none() {
        let message = format!("expected `entry_schema` for `{}`, a {}", of.text, shape.name);
        faults.push(Fault::new(Code::Schema, name.span, message).warning());
    }
    check_entries(types, schema, shape.base, of, faults);
    for part in [&schema.key, &schema.entry].into_iter().flatten() {
        check_schema(types, part, of, faults);
    }
}

pub(crate) fn check_entries<'a>(
    types: &Types<'a>,
    schema: &Schema<'a>,
    base: Base,
    of: Word<'a>,
    faults: &Faults,
) {
    let part = |part: &Option<Arc<Schema<'a>>>| part.as_ref().and_then(|one| one.data_type);
    let collection = base == Base::List || base == Base::Map;
    if let Some(entry) = part(&schema.entry).filter(|_| !collection) {
        let message =
            format!("`{}` is not a list or map, so it cannot have `entry_schema`", of.text);
        faults.push(Fault::new(Code::Schema, entry.span, message));
    }
    let Some(key) = part(&schema.key) else { return };
    if base != Base::Map {
        let message = format!("`{}` is not a map, so it cannot have `key_schema`", of.text);
        faults.push(Fault::new(Code::Schema, key.span, message));
    } else if let Some(id) = types.lookup(TypeKind::Data, key)
        && types.base(id) != Base::String
    {
        let message = format!("expected a type derived from string for keys, found `{}`", key.text);
        faults.push(Fault::new(Code::Schema, key.span, message));
    }
}

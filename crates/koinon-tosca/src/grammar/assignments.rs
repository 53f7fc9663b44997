//! Assignments: values by name.

use super::expr::Expr;
use super::expr::read_expr;
use super::fields::NamedMap;
use super::fields::read_named_map;
use crate::diag::Faults;
use crate::yaml::Yaml;

/// Values by name.
pub(crate) type ValueAssignments<'a> = NamedMap<'a, Expr<'a>>;

/// Reads assignments of values to names.
pub(crate) fn read_assignments<'a>(
    yaml: Option<Yaml<'a>>,
    what: &str,
    faults: &Faults,
) -> ValueAssignments<'a> {
    let entries = read_named_map(yaml, what, faults).into_iter();
    entries.map(|(name, value)| (name, read_expr(value, faults))).collect()
}

//! Validation clauses as constraints of 1.3, where both mean the same.

use koinon_model::Value;

use super::plain::is_call;

/// Returns constraints that `$value` passes exactly if the clause is true. Returns nothing if 1.3
/// has no such constraints.
pub(super) fn constraints(clause: &Value) -> Option<Vec<Value>> {
    let (function, arguments) = clause.as_map()?.iter().next()?;
    let arguments = arguments.as_list()?;
    if function == "$and" {
        let parts: Option<Vec<Vec<Value>>> = arguments.iter().map(constraints).collect();
        return Some(ranges(parts?.concat()));
    }
    let [subject, operand] = arguments else { return None };
    if !is_literal(operand) {
        return None;
    }
    let constraint = |name: &str| Some(vec![Value::from([(name, operand.clone())])]);
    if subject.as_str() == Some("$value") {
        return match function.as_str() {
            "$equal" => constraint("equal"),
            "$greater_than" => constraint("greater_than"),
            "$greater_or_equal" => constraint("greater_or_equal"),
            "$less_than" => constraint("less_than"),
            "$less_or_equal" => constraint("less_or_equal"),
            "$valid_values" => constraint("valid_values"),
            "$matches" => {
                let pattern = operand.as_str()?.strip_prefix("^(?:")?.strip_suffix(")$")?;
                Some(vec![Value::from([("pattern", pattern.into())])])
            }
            _ => None,
        };
    }
    let length = subject.get("$length").filter(|_| is_call(subject))?;
    let value = length.as_list().and_then(<[Value]>::first).unwrap_or(length);
    if value.as_str() != Some("$value") {
        return None;
    }
    match function.as_str() {
        "$equal" => constraint("length"),
        "$greater_or_equal" => constraint("min_length"),
        "$less_or_equal" => constraint("max_length"),
        "$greater_than" => {
            let least = operand.as_i64()?.checked_add(1)?;
            Some(vec![Value::from([("min_length", least.into())])])
        }
        _ => None,
    }
}

/// Joins a lower and an upper bound to a range.
fn ranges(clauses: Vec<Value>) -> Vec<Value> {
    match clauses.as_slice() {
        [low, high] => match (low.get("greater_or_equal"), high.get("less_or_equal")) {
            (Some(low), Some(high)) => {
                let bounds = Value::List(vec![low.clone(), high.clone()]);
                vec![Value::from([("in_range", bounds)])]
            }
            _ => clauses,
        },
        _ => clauses,
    }
}

/// Returns whether a value contains no call and nothing that 1.3 would read as a call.
fn is_literal(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.starts_with('$'),
        Value::List(items) => items.iter().all(is_literal),
        Value::Map(entries) => entries.len() > 1 && entries.values().all(is_literal),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

//! Built-in functions of known values (csd07 chapter 10).

use std::cmp::Ordering;

use koinon_model::Number;
use koinon_model::Value;

use super::scope::TestedValue;
use super::scope::TypedValue;
use crate::builtin::Base;
use crate::builtin::Decimal;
use crate::builtin::instant;
use crate::builtin::version_key;
use crate::grammar::Function;
use crate::types::Regexes;
use crate::types::ScalarUnits;
use crate::types::Types;

/// The type by which values compare: text alone does not show that it is a unit, version or time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ComparedAs<'t> {
    base: Option<Base>,
    units: Option<&'t ScalarUnits>,
    regexes: Option<&'t Regexes>,
}

/// Applies a function. The error describes wrong arguments; their number is checked before.
pub(super) fn apply(
    types: &Types<'_>,
    function: Function,
    arguments: Vec<TypedValue>,
    tested: Option<TestedValue<'_>>,
) -> Result<TypedValue, String> {
    // The type of the first argument with a known type holds for all.
    let of = arguments.iter().find_map(|known| known.of);
    let like = match (of, tested) {
        (Some(id), _) => ComparedAs {
            base: Some(types.base(id)),
            units: types.units(id),
            ..ComparedAs::default()
        },
        (None, Some(tested)) => {
            ComparedAs { base: Some(tested.base), units: tested.units, ..ComparedAs::default() }
        }
        (None, None) => ComparedAs::default(),
    };
    let like = ComparedAs { regexes: Some(&types.regexes), ..like };
    let values: Vec<Value> = arguments.into_iter().map(|known| known.value).collect();
    if let Some(units) = like.units.filter(|_| is_arithmetic(function)) {
        let whole = types.base(units.number) == Base::Integer;
        return scaled(function, &values, units, whole).map(|value| TypedValue { value, of });
    }
    evaluate(function, values, like).map(TypedValue::from)
}

fn is_arithmetic(function: Function) -> bool {
    matches!(
        function,
        Function::Sum
            | Function::Difference
            | Function::Product
            | Function::Quotient
            | Function::Remainder
    )
}

/// Computes with numbers that have units (csd07 10.2.5): sums and differences of amounts, amounts
/// times numbers. Where the numbers are `whole`, quotients are truncated (10.2.5.4).
fn scaled(
    function: Function,
    values: &[Value],
    units: &ScalarUnits,
    whole: bool,
) -> Result<Value, String> {
    let amount = |value: &Value| match value {
        Value::String(text) => units.amount(text),
        found => Err(unexpected("scalar with a unit", found)),
    };
    let large = || "the result is too large".to_owned();
    let (first, rest) = values.split_first().ok_or("expected a scalar")?;
    let mut result = amount(first)?;
    for value in rest {
        result = match function {
            Function::Sum => result.add(amount(value)?),
            Function::Difference => result.subtract(amount(value)?),
            Function::Product => result.multiply(decimal(number(value)?)?),
            Function::Quotient => {
                let by = decimal(number(value)?)?;
                if by == Decimal::from(0) {
                    return Err("division by zero".to_owned());
                }
                let quotient = result.divide(by);
                if whole { quotient.map(Decimal::truncated) } else { quotient }
            }
            _ => {
                let by = decimal(number(value)?)?;
                if by == Decimal::from(0) {
                    return Err("division by zero".to_owned());
                }
                result.remainder(by)
            }
        }
        .ok_or_else(large)?;
    }
    Ok(Value::String(units.write(result)))
}

pub(crate) fn evaluate(
    function: Function,
    arguments: Vec<Value>,
    like: ComparedAs<'_>,
) -> Result<Value, String> {
    let tested = like;
    let compare = || {
        let [left, right] = two(&arguments)?;
        ordering(left, right, tested)
    };
    let boolean = match function {
        Function::And => all_booleans(&arguments)?.into_iter().all(|one| one),
        Function::Or => all_booleans(&arguments)?.into_iter().any(|one| one),
        Function::Not => !all_booleans(&arguments)?.into_iter().all(|one| one),
        Function::Xor => all_booleans(&arguments)?.into_iter().filter(|one| *one).count() == 1,
        Function::Equal => {
            let [left, right] = two(&arguments)?;
            equal(left, right, tested)?
        }
        Function::GreaterThan => compare()?.is_gt(),
        Function::GreaterOrEqual => compare()?.is_ge(),
        Function::LessThan => compare()?.is_lt(),
        Function::LessOrEqual => compare()?.is_le(),
        Function::InRange => {
            let [value, range] = two(&arguments)?;
            let [low, high] = two(list(range)?)?;
            ordering(value, low, tested)?.is_ge() && ordering(value, high, tested)?.is_le()
        }
        Function::ValidValues => {
            let [value, allowed] = two(&arguments)?;
            any_equal(list(allowed)?, value, tested)?
        }
        Function::Matches => {
            let [value, pattern] = two(&arguments)?;
            let own = Regexes::default();
            let regex = tested.regexes.unwrap_or(&own).get(text(pattern)?);
            let regex =
                regex.ok_or_else(|| "the regular expression is invalid or too large".to_owned())?;
            regex.is_match(text(value)?)
        }
        Function::HasSuffix | Function::HasPrefix | Function::Contains => {
            let [whole, part] = two(&arguments)?;
            within(function, whole, part)?
        }
        Function::HasEntry => {
            let [whole, entry] = two(&arguments)?;
            any_equal(&entries(whole)?, entry, tested)?
        }
        Function::HasAllEntries | Function::HasAnyEntry => {
            let [whole, wanted] = two(&arguments)?;
            let whole = entries(whole)?;
            let found = list(wanted)?.iter().map(|entry| any_equal(&whole, entry, tested));
            let found: Vec<bool> = found.collect::<Result<_, _>>()?;
            if function == Function::HasAllEntries {
                found.iter().all(|one| *one)
            } else {
                found.iter().any(|one| *one)
            }
        }
        Function::HasKey => {
            let [whole, key] = two(&arguments)?;
            map(whole)?.contains_key(text(key)?)
        }
        Function::HasAllKeys | Function::HasAnyKey => {
            let [whole, wanted] = two(&arguments)?;
            let whole = map(whole)?;
            let found = list(wanted)?.iter().map(|key| Ok(whole.contains_key(text(key)?)));
            let found: Vec<bool> = found.collect::<Result<_, String>>()?;
            if function == Function::HasAllKeys {
                found.iter().all(|one| *one)
            } else {
                found.iter().any(|one| *one)
            }
        }
        _ => return other(function, arguments),
    };
    Ok(Value::Bool(boolean))
}

/// Applies the functions that do not return booleans.
pub(crate) fn other(function: Function, arguments: Vec<Value>) -> Result<Value, String> {
    match function {
        Function::Length => {
            let length = match &arguments[..] {
                [Value::String(text)] => text.chars().count(),
                [Value::List(items)] => items.len(),
                [Value::Map(entries)] => entries.len(),
                [found] => return Err(unexpected("string, list or map", found)),
                _ => return Err("expected one argument".to_owned()),
            };
            integer(length as i128)
        }
        Function::Concat => concat(arguments),
        Function::Join => {
            let delimiter = match arguments.get(1) {
                Some(delimiter) => text(delimiter)?,
                None => "",
            };
            let parts = arguments.first().map_or(Ok(&[][..]), list)?;
            let parts: Vec<String> = parts.iter().map(written_part).collect::<Result<_, _>>()?;
            Ok(Value::string(&parts.join(delimiter)))
        }
        Function::Token => {
            let [whole, separators, index] = &arguments[..] else {
                return Err("expected three arguments".to_owned());
            };
            let (separators, index) = (text(separators)?, natural(index)?);
            let mut parts = text(whole)?.split(|one| separators.contains(one));
            parts
                .nth(index)
                .map(Value::string)
                .ok_or_else(|| format!("the string has no part {index}"))
        }
        Function::Union => {
            let mut all: Vec<Value> = Vec::new();
            for items in &arguments {
                for item in list(items)? {
                    if !all.contains(item) {
                        all.push(item.clone());
                    }
                }
            }
            Ok(Value::List(all))
        }
        Function::Intersection => {
            let lists: Vec<&[Value]> = arguments.iter().map(list).collect::<Result<_, _>>()?;
            let mut all: Vec<Value> = Vec::new();
            for item in lists.first().copied().unwrap_or_default() {
                if !all.contains(item) && lists.iter().all(|list| list.contains(item)) {
                    all.push(item.clone());
                }
            }
            Ok(Value::List(all))
        }
        _ => arithmetic(function, &arguments),
    }
}

fn arithmetic(function: Function, arguments: &[Value]) -> Result<Value, String> {
    let numbers: Vec<&Number> = arguments.iter().map(number).collect::<Result<_, _>>()?;
    let whole = numbers.iter().all(|number| number.as_i64().is_some());
    let decimals: Vec<Decimal> =
        numbers.iter().map(|number| decimal(number)).collect::<Result<_, _>>()?;
    let fold = |operation: fn(Decimal, Decimal) -> Option<Decimal>| {
        let mut rest = decimals.iter().copied();
        let first = rest.next();
        rest.fold(first, |sum, next| operation(sum?, next)).ok_or_else(|| {
            let zero = matches!(function, Function::Quotient | Function::Remainder);
            if zero { "division by zero".to_owned() } else { "the result is too large".to_owned() }
        })
    };
    let result = match function {
        Function::Sum => fold(Decimal::add)?,
        Function::Difference => fold(Decimal::subtract)?,
        Function::Product => fold(Decimal::multiply)?,
        Function::Remainder if !whole => return Err("expected integers".to_owned()),
        Function::Remainder => fold(Decimal::remainder)?,
        Function::Quotient => {
            let quotient = fold(Decimal::divide)?;
            return quotient
                .to_float()
                .map(Value::Number)
                .ok_or_else(|| "the result is too large".to_owned());
        }
        Function::Round => return integer(first(&decimals)?.round()),
        Function::Floor => return integer(first(&decimals)?.floor()),
        Function::Ceil => return integer(first(&decimals)?.ceil()),
        // All other functions are applied above.
        _ => return Err("cannot be evaluated".to_owned()),
    };
    if whole {
        return integer(result.floor());
    }
    result.to_float().map(Value::Number).ok_or_else(|| "the result is too large".to_owned())
}

pub(crate) fn first(decimals: &[Decimal]) -> Result<Decimal, String> {
    decimals.first().copied().ok_or_else(|| "expected a number".to_owned())
}

fn concat(arguments: Vec<Value>) -> Result<Value, String> {
    if arguments.iter().all(|one| one.as_list().is_some()) {
        let lists = arguments.into_iter().map(|one| match one {
            Value::List(items) => items,
            _ => Vec::new(),
        });
        return Ok(Value::List(lists.flatten().collect()));
    }
    let parts: Vec<String> = arguments.iter().map(written_part).collect::<Result<_, _>>()?;
    Ok(Value::string(&parts.concat()))
}

/// Returns a string as it is, and an integer as the examples of the specification write it.
fn written_part(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) if number.as_i64().is_some() => Ok(number.to_string()),
        found => Err(unexpected("string", found)),
    }
}

pub(crate) fn within(function: Function, whole: &Value, part: &Value) -> Result<bool, String> {
    match (whole, part) {
        (Value::String(whole), Value::String(part)) => Ok(match function {
            Function::HasSuffix => whole.ends_with(part),
            Function::HasPrefix => whole.starts_with(part),
            _ => whole.contains(part),
        }),
        (Value::List(whole), Value::List(part)) => Ok(match function {
            Function::HasSuffix => whole.ends_with(part),
            Function::HasPrefix => whole.starts_with(part),
            _ => part.is_empty() || whole.windows(part.len()).any(|window| window == part),
        }),
        (Value::String(_) | Value::List(_), found) => Err(unexpected(whole.kind(), found)),
        (found, _) => Err(unexpected("string or list", found)),
    }
}

/// Compares two values of one comparable type.
fn ordering(left: &Value, right: &Value, tested: ComparedAs<'_>) -> Result<Ordering, String> {
    let large = || "the numbers are too large to compare".to_owned();
    if let Some(units) = tested.units {
        let amount = |value: &Value| match value {
            Value::String(text) => units.amount(text),
            Value::Number(number) => decimal(number),
            found => Err(unexpected("scalar with a unit", found)),
        };
        return amount(left)?.compare(amount(right)?).ok_or_else(large);
    }
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            decimal(left)?.compare(decimal(right)?).ok_or_else(large)
        }
        (Value::String(left), Value::String(right)) => match tested.base {
            Some(Base::Version) => {
                let key =
                    |text| version_key(text).ok_or_else(|| format!("`{text}` is not a version"));
                Ok(key(left)?.cmp(&key(right)?))
            }
            Some(Base::Timestamp) => {
                let key =
                    |text| instant(text).ok_or_else(|| format!("`{text}` is not a timestamp"));
                Ok(key(left)?.cmp(&key(right)?))
            }
            None if scalar_like(left) || scalar_like(right) => {
                Err(format!("cannot compare `{left}` with `{right}`: their units are not known"))
            }
            _ => Ok(left.cmp(right)),
        },
        _ => Err(format!("cannot compare a {} with a {}", left.kind(), right.kind())),
    }
}

/// Returns whether the text may be a number with a unit, which must not be compared as text.
fn scalar_like(text: &str) -> bool {
    text.starts_with(|one: char| one.is_ascii_digit()) && text.contains(' ')
}

pub(crate) fn equal(left: &Value, right: &Value, tested: ComparedAs<'_>) -> Result<bool, String> {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => {
            Ok(ordering(left, right, ComparedAs::default())?.is_eq())
        }
        (Value::String(_), Value::String(_))
            if tested.units.is_some()
                || matches!(tested.base, Some(Base::Timestamp | Base::Version)) =>
        {
            Ok(ordering(left, right, tested)?.is_eq())
        }
        _ if left.kind() == right.kind() => Ok(left == right),
        _ => Err(format!("cannot compare a {} with a {}", left.kind(), right.kind())),
    }
}

fn any_equal(all: &[Value], wanted: &Value, tested: ComparedAs<'_>) -> Result<bool, String> {
    let mut found = false;
    for one in all {
        found |= equal(one, wanted, tested)?;
    }
    Ok(found)
}

fn all_booleans(values: &[Value]) -> Result<Vec<bool>, String> {
    values.iter().map(|one| one.as_bool().ok_or_else(|| unexpected("boolean", one))).collect()
}

pub(crate) fn two(values: &[Value]) -> Result<[&Value; 2], String> {
    match values {
        [left, right] => Ok([left, right]),
        _ => Err(format!("expected two values, found {}", values.len())),
    }
}

pub(crate) fn list(value: &Value) -> Result<&[Value], String> {
    value.as_list().ok_or_else(|| unexpected("list", value))
}

pub(crate) fn map(value: &Value) -> Result<&std::collections::BTreeMap<String, Value>, String> {
    value.as_map().ok_or_else(|| unexpected("map", value))
}

pub(crate) fn entries(value: &Value) -> Result<Vec<Value>, String> {
    match value {
        Value::List(items) => Ok(items.clone()),
        Value::Map(entries) => Ok(entries.values().cloned().collect()),
        found => Err(unexpected("list or map", found)),
    }
}

pub(crate) fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| unexpected("string", value))
}

pub(crate) fn number(value: &Value) -> Result<&Number, String> {
    if let Value::Number(number) = value { Ok(number) } else { Err(unexpected("number", value)) }
}

pub(crate) fn natural(value: &Value) -> Result<usize, String> {
    let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| unexpected("natural number", value))
}

pub(crate) fn decimal(number: &Number) -> Result<Decimal, String> {
    Decimal::of(number).ok_or_else(|| format!("{number} is too large or too fine"))
}

pub(crate) fn integer(value: i128) -> Result<Value, String> {
    i64::try_from(value).map(Value::from).map_err(|_| "the result is too large".to_owned())
}

fn unexpected(expected: &str, found: &Value) -> String {
    format!("expected a {expected}, found a {}", found.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(function: Function, arguments: &str) -> Result<String, String> {
        let limits = koinon_model::JsonLimits::default();
        let Value::List(arguments) = Value::from_json(arguments.as_bytes(), limits).unwrap() else {
            panic!("arguments are a list")
        };
        evaluate(function, arguments, ComparedAs::default()).map(|value| value.to_json())
    }

    /// Expected values are those of csd07's text and examples.
    #[test]
    fn functions_return_the_values_of_the_specification() {
        let cases = [
            (Function::Sum, "[1, 2, 3]", "6"),
            (Function::Sum, "[1, 0.5]", "1.5"),
            (Function::Difference, "[1, 3]", "-2"),
            (Function::Product, "[20, 250]", "5000"),
            (Function::Quotient, "[7, 2]", "3.5"),
            (Function::Quotient, "[4, 2]", "2.0"),
            (Function::Remainder, "[7, 5]", "2"),
            (Function::Round, "[3.5]", "3"),
            (Function::Round, "[3.53]", "4"),
            (Function::Floor, "[1.9]", "1"),
            (Function::Ceil, "[1.1]", "2"),
            (Function::Concat, "[\"http://\", \"h\", \":\", 80]", "\"http://h:80\""),
            (Function::Concat, "[[1], [2, 3]]", "[1,2,3]"),
            (Function::Join, "[[\"prefix\", 1111, \"suffix\"], \"_\"]", "\"prefix_1111_suffix\""),
            (Function::Join, "[[\"a\", \"b\"]]", "\"ab\""),
            (Function::Token, "[\"9.12.1.10:80\", \":\", 1]", "\"80\""),
            (Function::Length, "[\"äb\"]", "2"),
            (Function::Length, "[{\"a\": 1}]", "1"),
            (Function::Union, "[[1, 2, 2], [3, 1]]", "[1,2,3]"),
            (Function::Intersection, "[[1, 2, 2, 3], [2, 3, 4]]", "[2,3]"),
            (Function::And, "[true, false]", "false"),
            (Function::Or, "[true, false]", "true"),
            (Function::Not, "[true]", "false"),
            (Function::Xor, "[true, false]", "true"),
            (Function::Equal, "[1, 1.0]", "true"),
            (Function::Equal, "[\"a\", \"b\"]", "false"),
            (Function::GreaterThan, "[10, 9]", "true"),
            (Function::GreaterOrEqual, "[9, 9]", "true"),
            (Function::LessThan, "[\"a\", \"b\"]", "true"),
            (Function::LessOrEqual, "[2, 1]", "false"),
            (Function::InRange, "[5, [1, 5]]", "true"),
            (Function::ValidValues, "[3, [1, 2]]", "false"),
            (Function::Matches, "[\"abc\", \"^a.c$\"]", "true"),
            (Function::HasPrefix, "[[1, 2], [1]]", "true"),
            (Function::HasSuffix, "[\"ab\", \"b\"]", "true"),
            (Function::HasSuffix, "[[1, 2], [2]]", "true"),
            (Function::HasSuffix, "[[1, 2], [1]]", "false"),
            (Function::Contains, "[[1, 2, 3], [2, 3]]", "true"),
            (Function::HasEntry, "[{\"a\": 1}, 1]", "true"),
            (Function::HasKey, "[{\"a\": 1}, \"b\"]", "false"),
            (Function::HasAllEntries, "[[1, 2], [2]]", "true"),
            (Function::HasAnyEntry, "[[1, 2], [3]]", "false"),
            (Function::HasAllKeys, "[{\"a\": 1}, [\"a\", \"b\"]]", "false"),
            (Function::HasAnyKey, "[{\"a\": 1}, [\"a\", \"b\"]]", "true"),
        ];
        for (function, arguments, expected) in cases {
            assert_eq!(
                call(function, arguments),
                Ok(expected.to_owned()),
                "{function:?} {arguments}"
            );
        }
    }

    #[test]
    fn wrong_arguments_are_described() {
        let cases = [
            (Function::Quotient, "[1, 0]", "division by zero"),
            (Function::Sum, "[9223372036854775807, 1]", "the result is too large"),
            (Function::Sum, "[\"1\", 1]", "expected a number, found a string"),
            (Function::Equal, "[1, \"1\"]", "cannot compare a number with a string"),
            (Function::Token, "[\"a\", \":\", 1]", "the string has no part 1"),
            (Function::Matches, "[\"a\", \"(\"]", "the regular expression is invalid or too large"),
            (
                Function::GreaterThan,
                "[\"15 cm\", \"2 m\"]",
                "cannot compare `15 cm` with `2 m`: their units are not known",
            ),
            (Function::Concat, "[\"a\", true]", "expected a string, found a boolean"),
            (Function::Remainder, "[1.5, 1]", "expected integers"),
        ];
        for (function, arguments, expected) in cases {
            assert_eq!(
                call(function, arguments),
                Err(expected.to_owned()),
                "{function:?} {arguments}"
            );
        }
    }
}

//! Scalar types: their units, read from their definitions (csd07 9.1.2.2).

use std::collections::BTreeMap;

use super::table::FLOAT;
use super::table::Types;
use super::units::ScalarUnits;
use crate::builtin::Base;
use crate::builtin::Decimal;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::grammar::TypeDefinition;
use crate::grammar::TypeId;
use crate::grammar::Word;
use crate::grammar::text_of;
use crate::grammar::wrong_kind;
use crate::keynames::TypeKind;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

impl ScalarUnits {
    /// Reads the units of a scalar type, given those of its parent.
    pub(crate) fn of(
        types: &Types<'_>,
        def: &TypeDefinition<'_>,
        inherited: Option<&Self>,
        faults: &Faults,
    ) -> Option<Self> {
        let span = def.name.span;
        let fail = |span: Span, message: String| {
            faults.push(Fault::new(Code::Scalar, span, message));
        };
        let mut units = inherited.map(|one| one.units.clone()).unwrap_or_default();
        let mut prefixes = inherited.map(|one| one.prefixes.clone()).unwrap_or_default();
        match def.units.get("units") {
            Some(yaml) => units.extend(multipliers(*yaml, "units", faults)),
            None if inherited.is_none() => {
                let message = "expected `units` in a type derived from scalar";
                faults.push(Fault::new(Code::MissingKey, span, message));
                return None;
            }
            None => {}
        }
        if let Some(yaml) = def.units.get("prefixes") {
            prefixes.extend(multipliers(*yaml, "prefixes", faults));
        }
        let number = number_type(types, def, inherited, faults)?;
        if !prefixes.is_empty() && units.len() > 1 {
            let message = "`prefixes` need a single unit, found several".to_owned();
            fail(def.units.get("prefixes").map_or(span, |yaml| yaml.span()), message);
            return None;
        }
        let one = Decimal::from(1);
        if !units.values().any(|multiplier| *multiplier == one) {
            fail(span, "expected a unit with the multiplier 1".to_owned());
            return None;
        }
        if !prefixes.is_empty() && !prefixes.values().any(|factor| *factor == one) {
            fail(span, "expected a prefix with the multiplier 1".to_owned());
            return None;
        }
        let all = with_prefixes(&units, &prefixes);
        let canonical = canonical_unit(def, inherited, &all, faults)?;
        let any_case = inherited.is_some_and(|one| one.any_case)
            || def.metadata.and_then(|metadata| metadata.map()).into_iter().flatten().any(
                |(key, value)| {
                    key.text() == Some("koinon.units") && value.text() == Some("any-case")
                },
            );
        Some(Self { units, prefixes, all, canonical, number, any_case })
    }
}

fn multipliers(yaml: Yaml<'_>, what: &str, faults: &Faults) -> BTreeMap<String, Decimal> {
    let mut all = BTreeMap::new();
    let Some(map) = yaml.map() else {
        faults.push(wrong_kind(yaml, what, "map"));
        return all;
    };
    for (key, value) in map {
        let number = match value.scalar() {
            Some(Scalar::Number(number)) => Decimal::of(&number),
            _ => None,
        };
        match (key.text(), number) {
            (Some(unit), _) if unit.contains(char::is_whitespace) => {
                let message = format!("the unit `{unit}` contains white space");
                faults.push(Fault::new(Code::Scalar, key.span(), message));
            }
            (Some(unit), Some(number)) => {
                all.insert(unit.to_owned(), number);
            }
            _ => faults.push(Fault::new(
                Code::Mismatch,
                value.span(),
                "expected a number for a unit",
            )),
        }
    }
    all
}

/// Returns the word of a keyname in a scalar type.
fn word_of<'a>(def: &TypeDefinition<'a>, key: &str) -> Option<Word<'a>> {
    def.units.get(key).and_then(|yaml| text_of(*yaml))
}

/// Returns the type of a scalar's number: integer, float, or derived from one of them.
fn number_type(
    types: &Types<'_>,
    def: &TypeDefinition<'_>,
    inherited: Option<&ScalarUnits>,
    faults: &Faults,
) -> Option<TypeId> {
    match (word_of(def, "data_type"), inherited) {
        (Some(word), Some(_)) => {
            let message = "`data_type` of a scalar cannot be changed";
            faults.push(Fault::new(Code::Scalar, word.span, message));
            None
        }
        (Some(word), None) => {
            let id = faults.keep(types.find(TypeKind::Data, word))?;
            if !matches!(types.base(id), Base::Integer | Base::Float) {
                let message = format!("expected integer or float, found `{}`", word.text);
                faults.push(Fault::new(Code::Scalar, word.span, message));
                return None;
            }
            Some(id)
        }
        (None, Some(inherited)) => Some(inherited.number),
        (None, None) => Some(FLOAT),
    }
}

/// Returns all units with their multipliers: each with each prefix, or alone if there are none.
fn with_prefixes(
    units: &BTreeMap<String, Decimal>,
    prefixes: &BTreeMap<String, Decimal>,
) -> BTreeMap<String, Decimal> {
    if prefixes.is_empty() {
        return units.clone();
    }
    let mut all = BTreeMap::new();
    for (unit, multiplier) in units {
        for (prefix, factor) in prefixes {
            // A unit whose multiplier is too large to represent stays unknown; its use is reported.
            let product = factor.multiply(*multiplier);
            all.extend(product.map(|product| (format!("{prefix}{unit}"), product)));
        }
    }
    all
}

/// Returns the unit of computed and shown amounts.
fn canonical_unit(
    def: &TypeDefinition<'_>,
    inherited: Option<&ScalarUnits>,
    all: &BTreeMap<String, Decimal>,
    faults: &Faults,
) -> Option<String> {
    let fail = |span: Span, message: String| -> Option<String> {
        faults.push(Fault::new(Code::Scalar, span, message));
        None
    };
    let one = Decimal::from(1);
    match (word_of(def, "canonical_unit"), inherited) {
        (Some(word), Some(inherited)) if word.text != inherited.canonical => {
            fail(word.span, "`canonical_unit` of a scalar cannot be changed".to_owned())
        }
        (_, Some(inherited)) => Some(inherited.canonical.clone()),
        (Some(word), None) => match all.get(word.text) {
            Some(multiplier) if *multiplier == one => Some(word.text.to_owned()),
            Some(_) => fail(
                word.span,
                format!("expected a unit with the multiplier 1, found `{}`", word.text),
            ),
            None => {
                let message = format!("unknown unit `{}`", word.text);
                let fault = Fault::new(Code::Scalar, word.span, message);
                faults.push(faults.near(fault, word.text, all.keys().map(String::as_str)));
                None
            }
        },
        (None, None) => {
            let ones = all.iter().filter(|(_, multiplier)| **multiplier == one);
            let mut ones = ones.map(|(unit, _)| unit.clone());
            let message = match (ones.next(), ones.next()) {
                (Some(unit), None) => return Some(unit),
                (_, Some(_)) => "several units have the multiplier 1: expected `canonical_unit`",
                (None, None) => "expected a unit with the multiplier 1",
            };
            fail(def.name.span, message.to_owned())
        }
    }
}

//! Scalars with units: `10 kB` against the units of its type (csd07 9.1.2.2).

use std::collections::BTreeMap;

use super::decimal::Decimal;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::grammar::TypeDef;
use crate::grammar::text_of;
use crate::grammar::wrong_kind;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

/// Units by name, with their multipliers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Units(BTreeMap<String, Decimal>);

impl Units {
    /// Reads the units of a scalar type; nothing if it inherits them.
    pub(crate) fn of(def: &TypeDef<'_>, faults: &Faults) -> Option<Self> {
        let read = |yaml: &Yaml<'_>| multipliers(*yaml, faults);
        let prefixes = def.units.get("prefixes").map(read);
        let units = def.units.get("units").map(read)?;
        for key in ["canonical_unit", "data_type"] {
            if let Some(yaml) = def.units.get(key)
                && text_of(*yaml).is_none()
            {
                faults.push(wrong_kind(*yaml, key, "string"));
            }
        }
        let Some(prefixes) = prefixes else { return Some(Self(units)) };
        let mut all = BTreeMap::new();
        for (unit, multiplier) in &units {
            for (prefix, factor) in &prefixes {
                // A multiplier too large to represent leaves the unit unknown, which is said where it is used.
                all.extend(
                    factor
                        .multiply(*multiplier)
                        .map(|product| (format!("{prefix}{unit}"), product)),
                );
            }
        }
        Some(Self(all))
    }

    /// Reads `<number> <unit>` as an amount of the unit with multiplier one.
    pub(crate) fn amount(&self, text: &str) -> Result<Decimal, String> {
        let mut parts = text.split_whitespace();
        let (Some(number), Some(unit), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(format!("expected a number, a space and a unit, found `{text}`"));
        };
        let Scalar::Number(number) = Scalar::plain(number) else {
            return Err(format!("expected a number before the unit, found `{number}`"));
        };
        let Some(multiplier) = self.0.get(unit) else {
            let units: Vec<&str> = self.0.keys().map(String::as_str).collect();
            return Err(format!("unknown unit `{unit}`: expected one of {}", units.join(", ")));
        };
        Decimal::of(&number)
            .and_then(|number| number.multiply(*multiplier))
            .ok_or_else(|| format!("`{text}` is too large or too fine"))
    }
}

fn multipliers(yaml: Yaml<'_>, faults: &Faults) -> BTreeMap<String, Decimal> {
    let mut all = BTreeMap::new();
    let Some(map) = yaml.map() else {
        faults.push(wrong_kind(yaml, "units", "map"));
        return all;
    };
    for (key, value) in map {
        let number = match value.scalar() {
            Some(Scalar::Number(number)) => Decimal::of(&number),
            _ => None,
        };
        match (key.text(), number) {
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

/// Compares versions (csd07 9.1.2.3): number by number; one with a qualifier is older than one without.
pub(crate) fn version_key(text: &str) -> Option<([u64; 3], bool, String, u64)> {
    let mut parts = text.splitn(4, '.');
    let number = |part: Option<&str>| {
        part.filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?.parse::<u64>().ok()
    };
    let numbers = [number(parts.next())?, number(parts.next())?, 0];
    let Some(fix) = parts.next() else { return Some((numbers, true, String::new(), 0)) };
    let numbers = [numbers[0], numbers[1], number(Some(fix))?];
    let Some(qualifier) = parts.next() else { return Some((numbers, true, String::new(), 0)) };
    let (qualifier, build) = match qualifier.rsplit_once('-') {
        Some((qualifier, build)) => (qualifier, number(Some(build))?),
        None => (qualifier, 0),
    };
    (!qualifier.is_empty()).then(|| (numbers, false, qualifier.to_owned(), build))
}

/// Returns whether the text is an RFC 3339 timestamp, by its form and ranges.
pub(crate) fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize, max: u32| {
        text.get(from..to).is_some_and(|part| {
            part.bytes().all(|byte| byte.is_ascii_digit())
                && part.parse::<u32>().is_ok_and(|one| one <= max)
        })
    };
    let date = number(0, 4, 9999) && number(5, 7, 12) && number(8, 10, 31);
    let time = number(11, 13, 23) && number(14, 16, 59) && number(17, 19, 60);
    let marks = [(4, b"-".as_slice()), (7, b"-"), (10, b"Tt"), (13, b":"), (16, b":")];
    if !date || !time || !marks.iter().all(|(at, any)| any.contains(&bytes[*at])) {
        return false;
    }
    let mut zone = &text[19..];
    if let Some(fraction) = zone.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return false;
        }
        zone = &fraction[digits..];
    }
    matches!(zone, "Z" | "z")
        || (zone.len() == 6
            && zone.starts_with(['+', '-'])
            && zone.as_bytes()[3] == b':'
            && [&zone[1..3], &zone[4..6]]
                .iter()
                .all(|part| part.bytes().all(|byte| byte.is_ascii_digit())))
}

/// Returns whether the text is Base64 with padding (RFC 4648).
pub(crate) fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for text in ["2024-02-29T23:59:60Z", "2024-01-01t00:00:00.5+02:00"] {
            assert!(is_timestamp(text), "{text}");
        }
        for text in [
            "2024-01-01",
            "2024-13-01T00:00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00.Z",
            "é024",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
        assert!(is_base64("aGk=") && is_base64("") && !is_base64("aGk") && !is_base64("a==="));
        assert!(version_key("1.2.0.beta-3") < version_key("1.2"));
        assert!(version_key("1.10") > version_key("1.9.9"));
        for text in ["1", "1.x", "1.2.3.", "v1.2", "1.2.3.a-b"] {
            assert_eq!(version_key(text), None, "{text}");
        }
    }
}

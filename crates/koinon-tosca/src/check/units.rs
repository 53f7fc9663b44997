//! Scalars with units: `10 kB` against the units of its type (csd07 9.1.2.2).

use std::collections::BTreeMap;

use super::decimal::Decimal;
use super::types::Base;
use super::types::FLOAT;
use super::types::Types;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::grammar::Section;
use crate::grammar::TypeDef;
use crate::grammar::TypeId;
use crate::grammar::text_of;
use crate::grammar::wrong_kind;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

/// The units of a scalar type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Units {
    /// Units without prefixes.
    units: BTreeMap<String, Decimal>,
    prefixes: BTreeMap<String, Decimal>,
    /// Units as they are written, with their multipliers.
    all: BTreeMap<String, Decimal>,
    /// The unit everything is computed and shown in; its multiplier is one.
    canonical: String,
    /// The type of the number.
    pub(crate) number: TypeId,
    /// Whether TOSCA 1.x says that case does not matter.
    any_case: bool,
}

/// A scalar as it is written.
pub(crate) struct Amount<'t> {
    /// The number before the unit.
    pub(crate) number: &'t str,
    /// The amount in the canonical unit.
    pub(crate) value: Decimal,
}

impl Units {
    /// Reads the units of a scalar type, given those of its parent.
    pub(crate) fn of(
        types: &Types<'_>,
        def: &TypeDef<'_>,
        inherited: Option<&Self>,
        faults: &Faults,
    ) -> Option<Self> {
        let span = def.name.span;
        let fail = |span: Span, message: String| {
            faults.push(Fault::new(Code::Scalar, span, message));
        };
        let name = |key: &str| def.units.get(key).and_then(|yaml| text_of(*yaml));
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
        let number = match (name("data_type"), inherited) {
            (Some(word), Some(_)) => {
                fail(word.span, "`data_type` of a scalar cannot be changed".to_owned());
                return None;
            }
            (Some(word), None) => {
                let id = faults.keep(types.find(Section::Data, word))?;
                if !matches!(types.base(id), Base::Integer | Base::Float) {
                    fail(word.span, format!("`{}` is neither integer nor float", word.text));
                    return None;
                }
                id
            }
            (None, Some(inherited)) => inherited.number,
            (None, None) => FLOAT,
        };
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
        let mut all = BTreeMap::new();
        if prefixes.is_empty() {
            all.clone_from(&units);
        }
        for (unit, multiplier) in &units {
            for (prefix, factor) in &prefixes {
                // A multiplier too large to represent leaves the unit unknown, which is said where it is used.
                let product = factor.multiply(*multiplier);
                all.extend(product.map(|product| (format!("{prefix}{unit}"), product)));
            }
        }
        let canonical = match (name("canonical_unit"), inherited) {
            (Some(word), Some(inherited)) if word.text != inherited.canonical => {
                fail(word.span, "`canonical_unit` of a scalar cannot be changed".to_owned());
                return None;
            }
            (_, Some(inherited)) => inherited.canonical.clone(),
            (Some(word), None) => {
                match all.get(word.text) {
                    Some(multiplier) if *multiplier == one => {}
                    Some(_) => {
                        let message = format!("the multiplier of `{}` is not 1", word.text);
                        fail(word.span, message);
                        return None;
                    }
                    None => {
                        let fault = Fault::new(
                            Code::Scalar,
                            word.span,
                            format!("unknown unit `{}`", word.text),
                        );
                        faults.push(faults.near(fault, word.text, all.keys().map(String::as_str)));
                        return None;
                    }
                }
                word.text.to_owned()
            }
            (None, None) => {
                let ones = all.iter().filter(|(_, multiplier)| **multiplier == one);
                let mut ones = ones.map(|(unit, _)| unit.clone());
                match (ones.next(), ones.next()) {
                    (Some(unit), None) => unit,
                    (_, second) => {
                        let message = match second {
                            Some(_) => {
                                "several units have the multiplier 1: expected `canonical_unit`"
                            }
                            None => "expected a unit with the multiplier 1",
                        };
                        fail(span, message.to_owned());
                        return None;
                    }
                }
            }
        };
        let any_case = inherited.is_some_and(|one| one.any_case)
            || def.metadata.and_then(|metadata| metadata.map()).into_iter().flatten().any(
                |(key, value)| {
                    key.text() == Some("koinon.units") && value.text() == Some("any-case")
                },
            );
        Some(Self { units, prefixes, all, canonical, number, any_case })
    }

    fn multiplier(&self, unit: &str) -> Option<Decimal> {
        if let Some(multiplier) = self.all.get(unit) {
            return Some(*multiplier);
        }
        let same = |known: &&String| self.any_case && known.eq_ignore_ascii_case(unit);
        self.all.keys().find(same).and_then(|known| self.all.get(known)).copied()
    }

    /// Reads `<number> <unit>`.
    pub(crate) fn read<'t>(&self, text: &'t str) -> Result<Amount<'t>, String> {
        let mut parts = text.split_whitespace();
        let (first, unit) = match (parts.next(), parts.next(), parts.next()) {
            (Some(first), Some(unit), None) => (first, unit),
            // TOSCA 1.x takes no white space between them as well (1.3, 3.3.6.3).
            (Some(only), None, None) if self.any_case => {
                let end = only.rfind(|one: char| one.is_ascii_digit()).map_or(0, |at| at + 1);
                only.split_at(end)
            }
            _ => return Err(format!("expected a number, a space and a unit, found `{text}`")),
        };
        let Scalar::Number(number) = Scalar::plain(first) else {
            return Err(format!("expected a number before the unit, found `{first}`"));
        };
        let Some(multiplier) = self.multiplier(unit) else {
            let units: Vec<&str> = self.all.keys().map(String::as_str).take(40).collect();
            return Err(format!("unknown unit `{unit}`: expected one of {}", units.join(", ")));
        };
        let value = Decimal::of(&number).and_then(|number| number.multiply(multiplier));
        let value = value.ok_or_else(|| format!("`{text}` is too large or too fine"))?;
        Ok(Amount { number: first, value })
    }

    /// Reads `<number> <unit>` as an amount of the canonical unit.
    pub(crate) fn amount(&self, text: &str) -> Result<Decimal, String> {
        self.read(text).map(|amount| amount.value)
    }

    /// Writes an amount in the canonical unit.
    pub(crate) fn write(&self, amount: Decimal) -> String {
        format!("{amount} {}", self.canonical)
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

/// Returns whether the text is an RFC 3339 timestamp, by its form and ranges; a date alone is one as well.
pub(crate) fn is_timestamp(text: &str) -> bool {
    instant(text).is_some()
}

/// Returns the instant a timestamp means: seconds of UTC since the year 0, and the digits of its fraction. An unknown
/// offset (`-00:00`) counts as UTC (csd07 9.1.2.1).
pub(crate) fn instant(text: &str) -> Option<(i64, String)> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize, max: i64| {
        let part = text.get(from..to)?;
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i64>().ok().filter(|number| digits && *number <= max)
    };
    let (year, month, day) = (number(0, 4, 9999)?, number(5, 7, 12)?, number(8, 10, 31)?);
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month_at = usize::try_from(month).ok()?.checked_sub(1)?;
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    if day < 1 || day > *lengths.get(month_at)? {
        return None;
    }
    let leaps =
        if year == 0 { 0 } else { (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1 };
    let days = year * 365 + leaps + lengths[..month_at].iter().sum::<i64>() + day - 1;
    if text.len() == 10 {
        return Some((days * 86_400, String::new()));
    }
    let (hour, minute, second) = (number(11, 13, 23)?, number(14, 16, 59)?, number(17, 19, 60)?);
    let marks = [(10, b"Tt".as_slice()), (13, b":"), (16, b":")];
    if !marks.iter().all(|(at, any)| bytes.get(*at).is_some_and(|byte| any.contains(byte))) {
        return None;
    }
    let mut zone = text.get(19..)?;
    let mut fraction = "";
    if let Some(rest) = zone.strip_prefix('.') {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return None;
        }
        (fraction, zone) = rest.split_at(digits);
    }
    let offset = match zone.as_bytes() {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), a, b, b':', c, d] => {
            let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
            let (hours, minutes) = (digit(a)? * 10 + digit(b)?, digit(c)? * 10 + digit(d)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = (hours * 60 + minutes) * 60;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    let seconds = days * 86_400 + (hour * 60 + minute) * 60 + second - offset;
    Some((seconds, fraction.trim_end_matches('0').to_owned()))
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
            "2024-02-30",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00.Z",
            "é024",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
        assert!(is_timestamp("2000-02-29"));
        assert_eq!(instant("2024-01-01T00:00:00Z"), instant("2024-01-01T02:00:00.0+02:00"));
        assert!(instant("2024-02-29T23:00:00Z") < instant("2024-03-01T00:00:00Z"));
        assert!(is_base64("aGk=") && is_base64("") && !is_base64("aGk") && !is_base64("a==="));
        assert!(version_key("1.2.0.beta-3") < version_key("1.2"));
        assert!(version_key("1.10") > version_key("1.9.9"));
        for text in ["1", "1.x", "1.2.3.", "v1.2", "1.2.3.a-b"] {
            assert_eq!(version_key(text), None, "{text}");
        }
    }
}

//! Scalars with units: `10 kB` against the units of its type (csd07 9.1.2.2).

use std::collections::BTreeMap;

use crate::builtin::Decimal;
use crate::grammar::TypeId;
use crate::yaml::Scalar;

/// The units of a scalar type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScalarUnits {
    /// Units without prefixes.
    pub(super) units: BTreeMap<String, Decimal>,
    pub(super) prefixes: BTreeMap<String, Decimal>,
    /// All accepted units, with prefixes, and their multipliers.
    pub(super) all: BTreeMap<String, Decimal>,
    /// The unit of computed and shown amounts; its multiplier is one.
    pub(super) canonical: String,
    /// The type of the number.
    pub(crate) number: TypeId,
    /// Whether units match in any case, as in TOSCA 1.x.
    pub(super) any_case: bool,
}

/// A scalar that was read.
pub(crate) struct ScalarAmount<'t> {
    /// The number before the unit.
    pub(crate) number: &'t str,
    /// The amount in the canonical unit.
    pub(crate) value: Decimal,
}

impl ScalarUnits {
    fn multiplier(&self, unit: &str) -> Option<Decimal> {
        if let Some(multiplier) = self.all.get(unit) {
            return Some(*multiplier);
        }
        let same = |known: &&String| self.any_case && known.eq_ignore_ascii_case(unit);
        self.all.keys().find(same).and_then(|known| self.all.get(known)).copied()
    }

    /// Reads `<number> <unit>`.
    pub(crate) fn read<'t>(&self, text: &'t str) -> Result<ScalarAmount<'t>, String> {
        let mut parts = text.split_whitespace();
        let (first, unit) = match (parts.next(), parts.next(), parts.next()) {
            (Some(first), Some(unit), None) => (first, unit),
            // TOSCA 1.x also accepts no white space between them (1.3, 3.3.6.3).
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
        Ok(ScalarAmount { number: first, value })
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

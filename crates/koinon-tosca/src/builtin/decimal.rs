//! Exact decimal numbers: all agents must compute the same values, so there is no floating point.

use std::cmp::Ordering;
use std::fmt;

use koinon_model::Number;
use koinon_model::Value;

/// `mantissa * 10^-scale`, exact. Operations return `None` if the result does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    mantissa: i128,
    scale: u32,
}

/// The most fraction digits; products of longer numbers would not fit.
const MAX_SCALE: u32 = 30;

/// The most fraction digits of a quotient. TOSCA leaves the number to the implementation.
const QUOTIENT_DIGITS: u32 = 18;

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Self { mantissa: i128::from(number), scale: 0 }.trimmed()
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trimmed = self.trimmed();
        if trimmed.scale == 0 {
            return write!(f, "{}", trimmed.mantissa);
        }
        let scale = trimmed.scale as usize;
        let digits = trimmed.mantissa.unsigned_abs().to_string();
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let sign = if trimmed.mantissa < 0 { "-" } else { "" };
        write!(f, "{sign}{whole}.{fraction}")
    }
}

impl Decimal {
    /// Returns the decimal as a number, an integer if it has no fraction.
    pub(crate) fn to_value(self) -> Value {
        Number::parse(&self.to_string()).map_or(Value::Null, Value::Number)
    }

    /// Reads a number; `None` if it does not fit.
    pub(crate) fn of(number: &Number) -> Option<Self> {
        // Most are small integers.
        if let Some(number) = number.as_i64() {
            return Some(Self { mantissa: i128::from(number), scale: 0 });
        }
        let text = number.as_str();
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        if digits == 0 {
            return Some(Self { mantissa: 0, scale: 0 });
        }
        match u32::try_from(scale) {
            Ok(scale) if scale <= MAX_SCALE => Some(Self { mantissa: digits, scale }),
            Ok(_) => None,
            Err(_) => {
                let factor = 10_i128.checked_pow(scale.unsigned_abs())?;
                Some(Self { mantissa: digits.checked_mul(factor)?, scale: 0 })
            }
        }
    }

    /// Returns the mantissas of two numbers at their common scale.
    fn aligned(self, other: Self) -> Option<(i128, i128, u32)> {
        let scale = self.scale.max(other.scale);
        let at = |one: Self| one.mantissa.checked_mul(10_i128.checked_pow(scale - one.scale)?);
        Some((at(self)?, at(other)?, scale))
    }

    pub(crate) fn compare(self, other: Self) -> Option<Ordering> {
        self.aligned(other).map(|(left, right, _)| left.cmp(&right))
    }

    pub(crate) fn add(self, other: Self) -> Option<Self> {
        let (left, right, scale) = self.aligned(other)?;
        Some(Self { mantissa: left.checked_add(right)?, scale })
    }

    pub(crate) fn subtract(self, other: Self) -> Option<Self> {
        self.add(Self { mantissa: other.mantissa.checked_neg()?, ..other })
    }

    pub(crate) fn multiply(self, other: Self) -> Option<Self> {
        let scale = self.scale + other.scale;
        let product =
            Self { mantissa: self.mantissa.checked_mul(other.mantissa)?, scale }.trimmed();
        (product.scale <= MAX_SCALE).then_some(product)
    }

    /// Divides, cut after 18 fraction digits. Returns `None` for a division by zero.
    pub(crate) fn divide(self, other: Self) -> Option<Self> {
        let (left, right, _) = self.aligned(other)?;
        let left = left.checked_mul(10_i128.pow(QUOTIENT_DIGITS))?;
        Some(Self { mantissa: left.checked_div(right)?, scale: QUOTIENT_DIGITS }.trimmed())
    }

    /// Returns the number without its fraction.
    pub(crate) fn truncated(self) -> Self {
        Self { mantissa: self.mantissa / 10_i128.pow(self.scale), scale: 0 }.trimmed()
    }

    /// Returns the remainder of a division, with the sign of the dividend; `None` for a division by
    /// zero.
    pub(crate) fn remainder(self, other: Self) -> Option<Self> {
        let (left, right, scale) = self.aligned(other)?;
        Some(Self { mantissa: left.checked_rem(right)?, scale }.trimmed())
    }

    /// Returns the greatest integer that is not above the number.
    pub(crate) fn floor(self) -> i128 {
        self.mantissa.div_euclid(10_i128.pow(self.scale))
    }

    /// Returns the least integer that is not below the number.
    pub(crate) fn ceil(self) -> i128 {
        let exact = self.mantissa.rem_euclid(10_i128.pow(self.scale)) == 0;
        self.floor() + i128::from(!exact)
    }

    /// Returns the nearest integer; halves go down (csd07 10.2.5.6).
    pub(crate) fn round(self) -> i128 {
        let one = 10_i128.pow(self.scale);
        let above = self.mantissa.rem_euclid(one);
        self.floor() + i128::from(above > one - above)
    }

    fn trimmed(mut self) -> Self {
        while self.scale > 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.scale -= 1;
        }
        self
    }

    /// Returns the number with a fraction, so that it is read as a float again.
    pub(crate) fn to_float(self) -> Option<Number> {
        let trimmed = self.trimmed();
        let digits = trimmed.mantissa.unsigned_abs().to_string();
        let scale = trimmed.scale as usize;
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let sign = if trimmed.mantissa < 0 { "-" } else { "" };
        let fraction = if fraction.is_empty() { "0" } else { fraction };
        Number::parse(&format!("{sign}{whole}.{fraction}")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::of(&Number::parse(text).unwrap()).unwrap()
    }

    fn float(value: Option<Decimal>) -> String {
        value.unwrap().to_float().unwrap().to_string()
    }

    #[test]
    fn arithmetic_is_exact() {
        assert_eq!(float(decimal("0.1").add(decimal("0.2"))), "0.3");
        assert_eq!(float(decimal("1").subtract(decimal("1.05"))), "-0.05");
        assert_eq!(float(decimal("1.5e3").multiply(decimal("2e-2"))), "30.0");
        assert_eq!(float(decimal("7").divide(decimal("2"))), "3.5");
        assert_eq!(float(decimal("1").divide(decimal("3"))), "0.333333333333333333");
        assert_eq!(decimal("1").divide(decimal("0.0")), None);
        assert_eq!(float(decimal("-7").remainder(decimal("2"))), "-1.0");
        assert_eq!(decimal("1.50").compare(decimal("15e-1")), Some(Ordering::Equal));
        assert_eq!(decimal("2").compare(decimal("10")), Some(Ordering::Less));
        assert_eq!(Decimal::of(&Number::parse("1e99").unwrap()), None);
        assert_eq!(Decimal::of(&Number::parse("1e-99").unwrap()), None);
        assert_eq!(Decimal::of(&Number::parse("1e99999999999").unwrap()), None);
    }

    #[test]
    fn halves_are_rounded_down() {
        for (text, floor, round, ceil) in [
            ("3.5", 3, 3, 4),
            ("3.53", 3, 4, 4),
            ("-3.5", -4, -4, -3),
            ("4", 4, 4, 4),
            ("-0.1", -1, 0, 0),
        ] {
            let value = decimal(text);
            assert_eq!(
                (value.floor(), value.round(), value.ceil()),
                (floor, round, ceil),
                "{text}"
            );
        }
    }
}

//! Durations as arguments.

use std::time::Duration;

/// Reads a duration such as `250ms`, `5 s` or `2m`, of at least a millisecond: nothing here runs
/// without a pause.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let end = |one: char| !one.is_ascii_digit() && one != '.';
    let (number, unit) = text.split_at(text.find(end).unwrap_or(text.len()));
    let milliseconds: u64 = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(format!("expected a unit of ms, s, m or h, found {text}")),
    };
    let wrong = || format!("expected a duration such as 250ms or 0.5s, found {text}");
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 9);
    let scale = 10_u64.pow(digits.ok_or_else(wrong)?);
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let fraction: u64 = fraction.parse().map_err(|_| wrong())?;
    let total = whole.checked_mul(milliseconds).ok_or_else(wrong)?;
    let part = u128::from(fraction) * u128::from(milliseconds) / u128::from(scale);
    let rest = u64::try_from(part).expect("BUG: a fraction of a unit is at most one hour");
    match total.saturating_add(rest) {
        0 => Err(format!("expected at least 1ms, found {text}")),
        milliseconds => Ok(Duration::from_millis(milliseconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        let milliseconds = |text| parse_duration(text).unwrap().as_millis();
        assert_eq!(milliseconds("250ms"), 250);
        assert_eq!(milliseconds("0.25s"), 250);
        assert_eq!(milliseconds("1.5min"), 90_000);
        for text in [
            "",
            "1",
            "s",
            ".5s",
            "1.s",
            "-1s",
            "1.0000000001s",
            "99999999999999999999s",
            "0s",
            "0.0001ms",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}

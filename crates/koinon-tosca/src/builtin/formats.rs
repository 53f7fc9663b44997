//! Values that are written as text: versions, timestamps and Base64 (csd07 9.1).

/// Returns the key by which versions compare (csd07 9.1.2.3): number by number; a version with a
/// qualifier is older than the same version without.
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

/// Returns whether the text is an RFC 3339 timestamp, by its form and ranges. A date alone is
/// accepted.
pub(crate) fn is_timestamp(text: &str) -> bool {
    instant(text).is_some()
}

/// Returns the instant of a timestamp: seconds of UTC since the year 0, and the digits of its
/// fraction. An unknown offset (`-00:00`) counts as UTC (csd07 9.1.2.1).
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
    fn formats_are_recognized_and_compare_by_meaning() {
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

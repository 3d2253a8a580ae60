//! `Retry-After` (RFC 9110, 10.2.3): seconds or a date, from servers that mean well and others.

use std::time::{Duration, SystemTime};

/// Shortest wait that is taken from a server.
const WAIT_MIN: Duration = Duration::from_secs(1);
/// Longest wait that is taken from a server; a wrong clock must not stop us for a day.
const WAIT_MAX: Duration = Duration::from_secs(3600);

/// The wait that `value` asks for, from one second to one hour; `None` when it makes no sense. Decimals are taken, as
/// some servers send them.
pub(super) fn parse(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let seconds = match value.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => seconds,
        Ok(_) => return None,
        Err(_) => {
            let date = httpdate::parse_http_date(value).ok()?;
            date.duration_since(now).unwrap_or(WAIT_MIN).as_secs_f64()
        }
    };
    let seconds = seconds.clamp(WAIT_MIN.as_secs_f64(), WAIT_MAX.as_secs_f64());
    Some(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_clamped_and_garbage_is_nothing() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (value, millis) in [
            ("120", Some(120_000)),
            (" 2.5 ", Some(2_500)),
            ("0", Some(1_000)),
            ("99999999999999999999", Some(3_600_000)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60_000)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(1_000)),
            ("Fri, 31 Dec 2100 23:59:59 GMT", Some(3_600_000)),
            ("-5", None),
            ("NaN", None),
            ("inf", None),
            ("soon", None),
            ("", None),
        ] {
            let expected = millis.map(Duration::from_millis);
            assert_eq!(parse(value, now), expected, "{value}");
        }
    }
}

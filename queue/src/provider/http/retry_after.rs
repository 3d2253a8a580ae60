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
        // More digits than a number holds; the words `inf` and `infinity` are none.
        Ok(f64::INFINITY) if value.starts_with(|c: char| c.is_ascii_digit()) => {
            WAIT_MAX.as_secs_f64()
        }
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

    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_a_server_says_is_a_wait_within_bounds_or_nothing(value in "\\PC{0,40}", now in 0_u64..1 << 40) {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
            if let Some(wait) = parse(&value, now) {
                prop_assert!((WAIT_MIN..=WAIT_MAX).contains(&wait), "{value}: {wait:?}");
            }
        }

        #[test]
        fn every_number_is_clamped(digits in "[0-9]{1,400}", decimals in "(\\.[0-9]{1,9})?") {
            let wait = parse(&format!("{digits}{decimals}"), SystemTime::UNIX_EPOCH).unwrap();
            prop_assert!((WAIT_MIN..=WAIT_MAX).contains(&wait));
            if let Ok(seconds) = digits.parse::<u64>() {
                let least = Duration::from_secs(seconds.min(3600));
                prop_assert!(wait >= least.max(WAIT_MIN) && wait <= least + Duration::from_secs(1));
            }
        }

        #[test]
        fn no_negative_number_is_a_wait(number in "-[0-9]{1,30}(\\.[0-9]{1,9})?") {
            let zero = number.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
            let wait = parse(&number, SystemTime::UNIX_EPOCH);
            prop_assert_eq!(wait, zero.then_some(WAIT_MIN));
        }

        #[test]
        fn a_date_is_the_time_until_it(now in 0_u64..4_000_000_000, ahead in 0_u64..10_000) {
            let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let date = httpdate::fmt_http_date(at(now + ahead));
            let wait = Duration::from_secs(ahead).clamp(WAIT_MIN, WAIT_MAX);
            prop_assert_eq!(parse(&date, at(now)), Some(wait));
        }
    }

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
            ("-inf", None),
            ("1e999", Some(3_600_000)),
            ("0.001", Some(1_000)),
            ("1, 2", None),
            ("12 seconds", None),
            ("Sun, 06 Nov 1994 08:50:37 EST", None),
            ("soon", None),
            ("", None),
        ] {
            let expected = millis.map(Duration::from_millis);
            assert_eq!(parse(value, now), expected, "{value}");
        }
    }
}

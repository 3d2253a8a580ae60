//! Callback addresses that say which attempt they are about.

use crate::job::JobId;

/// The parameters that say so.
const JOB: &str = "job";
const ATTEMPT: &str = "attempt";

/// The address `url` for the reports about one attempt: `?job=JOB_ID&attempt=NUMBER` added to its query.
///
/// For providers that take an address with each message, and whose reports are signed over it, such as Twilio. A report that
/// comes to it also decides about an attempt whose answer was lost; see [`Deliveries::apply_to`](super::Deliveries::apply_to).
pub fn callback_url(url: &str, job: JobId, attempt: u16) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{JOB}={job}&{ATTEMPT}={attempt}")
}

/// Which attempt an address with `query` is about, when it says so.
#[cfg(feature = "push")]
pub(super) fn attempt_of(query: &str) -> Option<(JobId, u16)> {
    let parameter = |name: &str| {
        form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    };
    let job = parameter(JOB)?.parse().ok()?;
    let attempt = parameter(ATTEMPT)?.parse().ok()?;
    Some((job, attempt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_that_is_there_is_kept() {
        let job = JobId::from_bytes([7; 16]);
        let end = "job=07070707-0707-0707-0707-070707070707&attempt=3";
        for (url, expected) in [
            ("https://a.example/r", format!("https://a.example/r?{end}")),
            (
                "https://a.example/r?t=1",
                format!("https://a.example/r?t=1&{end}"),
            ),
        ] {
            assert_eq!(callback_url(url, job, 3), expected);
        }
    }

    #[cfg(feature = "push")]
    #[test]
    fn an_address_leads_back_to_its_attempt() {
        let job = JobId::new();
        let url = callback_url("https://a.example/r?t=1", job, 3);
        let (_, query) = url.split_once('?').unwrap();
        assert_eq!(attempt_of(query), Some((job, 3)));
        for without in [
            "",
            "job=1&attempt=1",
            &format!("job={job}"),
            &format!("job={job}&attempt=x"),
        ] {
            assert_eq!(attempt_of(without), None, "{without}");
        }
    }
}

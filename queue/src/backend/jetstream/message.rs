//! Work messages: how an envelope travels, and what the headers say.

use async_nats::{HeaderMap, HeaderName, header};

use super::names::Names;
use super::outgoing::Outgoing;
use crate::backend::{BackendError, BackendErrorKind};
use crate::clock::Timestamp;
use crate::job::{Envelope, State};

/// Which of the job's messages it is; absent on the first.
pub(super) const EPOCH: HeaderName = HeaderName::from_static("Queue-Epoch");
/// Attempts charged before this message; absent when there were none.
pub(super) const ATTEMPT: HeaderName = HeaderName::from_static("Queue-Attempt");
/// The body was wiped: the message only counts.
pub(super) const WIPED: &str = "Queue-Wiped";

/// What carries a job from one step to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Carried {
    pub(super) epoch: u32,
    pub(super) attempt: u16,
}

impl Carried {
    pub(super) fn read(headers: Option<&HeaderMap>) -> Self {
        fn number<T: std::str::FromStr + Default>(
            headers: Option<&HeaderMap>,
            name: HeaderName,
        ) -> T {
            headers
                .and_then(|headers| headers.get(name))
                .and_then(|value| value.as_str().parse().ok())
                .unwrap_or_default()
        }
        Self {
            epoch: number(headers, EPOCH),
            attempt: number(headers, ATTEMPT),
        }
    }
}

/// The message that makes a job ready.
pub(super) fn ready(
    names: &Names,
    envelope: &Envelope,
    carried: Carried,
) -> Result<Outgoing, BackendError> {
    let subject = names.send(envelope.priority, envelope.tenant.as_ref(), envelope.id);
    plain(subject, envelope, carried)
}

/// The message that makes a job ready at `at` (ADR-51): the server holds it back and then stores it under its target.
pub(super) fn scheduled(
    names: &Names,
    envelope: &Envelope,
    state: State,
    at: Timestamp,
    carried: Carried,
) -> Result<Outgoing, BackendError> {
    let target = names.send(envelope.priority, envelope.tenant.as_ref(), envelope.id);
    // At its deadline a job has to end as expired, so it is woken then at the latest.
    let at = envelope.deadline.map_or(at, |deadline| at.min(deadline));
    let message = plain(names.schedule(state, envelope.id), envelope, carried)?;
    Ok(message
        .with(header::NATS_SCHEDULE, format!("@at {}", rfc3339(at)))
        .with(header::NATS_SCHEDULE_TARGET, target)
        // What the server then stores has no age of its own: after a week in its lane it would be dropped.
        .with(header::NATS_SCHEDULE_TTL, "never"))
}

/// The body of a job that is set aside.
pub(super) fn aside(
    names: &Names,
    envelope: &Envelope,
    state: State,
) -> Result<Outgoing, BackendError> {
    let subject = names.aside(state, envelope.id);
    if envelope.secret && state != State::Parked {
        return Ok(Outgoing::new(subject, Vec::new()).with(WIPED, "1"));
    }
    plain(subject, envelope, Carried::default())
}

fn plain(subject: String, envelope: &Envelope, carried: Carried) -> Result<Outgoing, BackendError> {
    // Its error tells line and column only.
    let body = envelope.encode().map_err(|error| {
        BackendError::new(BackendErrorKind::Io, "the job's payload is no JSON").caused_by(error)
    })?;
    let mut message = Outgoing::new(subject, body).kept();
    if let Some(trace) = &envelope.trace {
        message = message.with("traceparent", one_line(trace.traceparent()));
        if let Some(state) = trace.tracestate() {
            message = message.with("tracestate", one_line(state));
        }
    }
    if carried.epoch > 0 {
        message = message.with(EPOCH, carried.epoch.to_string());
    }
    if carried.attempt > 0 {
        message = message.with(ATTEMPT, carried.attempt.to_string());
    }
    Ok(message)
}

/// The id that lets a message be sent again safely.
pub(super) fn id(envelope: &Envelope, epoch: u32, step: &str) -> String {
    if epoch == 0 && step.is_empty() {
        return envelope.id.to_string();
    }
    format!("{}:{epoch}:{step}", envelope.id)
}

/// A line break in a header would begin another header.
fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// `at` as RFC 3339 in UTC with milliseconds. Moments outside the years 1970 to 9999 are moved to the nearest one.
pub(super) fn rfc3339(at: Timestamp) -> String {
    const YEAR_9999_END_MS: i64 = 253_402_300_799_999;
    let millis = at.as_millis().clamp(0, YEAR_9999_END_MS);
    let (days, ms) = (millis / 86_400_000, millis % 86_400_000);
    let (year, month, day) = civil(days);
    let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}.{:03}Z",
        ms / 1000 % 60,
        ms % 1000
    )
}

/// Year, month and day of a number of days since 1970-01-01, from Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_server_reads_them() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_123, "2000-02-29T00:00:00.123Z"),
            (1_767_225_600_000, "2026-01-01T00:00:00.000Z"),
            (-5, "1970-01-01T00:00:00.000Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339(Timestamp::from_millis(millis)), text);
        }
    }
}

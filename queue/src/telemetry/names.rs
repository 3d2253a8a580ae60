//! Every span and field name that the library records.

/// Span of one attempt at a job, from its start until its outcome is known. Level `info`; a root span, because a job
/// outlives the code that enqueued it: [`TRACEPARENT`] links the two.
pub const JOB_ATTEMPT: &str = "job.attempt";

/// The job's id.
pub const JOB_ID: &str = "job.id";
/// The job's kind, such as `otp`.
pub const JOB_KIND: &str = "job.kind";
/// The number of the attempt, from 1.
pub const ATTEMPT: &str = "job.attempt_number";
/// The queue's name, such as `sms`.
pub const QUEUE: &str = "queue.name";
/// The outcome's name, such as `completed`: [`Outcome::as_str`](crate::worker::Outcome::as_str).
pub const OUTCOME: &str = "job.outcome";
/// W3C `traceparent` of the code that enqueued the job, when it gave one.
pub const TRACEPARENT: &str = "traceparent";
/// Why, in words without personal data.
pub const REASON: &str = "reason";
/// The kind of a backend's error: [`BackendErrorKind::as_str`](crate::backend::BackendErrorKind::as_str).
pub const ERROR_KIND: &str = "error.kind";
/// How many jobs a log event speaks of.
pub const JOBS: &str = "jobs";
/// The provider's name, such as `salum`.
pub const PROVIDER: &str = "provider.name";
/// Where a message is: [`DeliveryStatus::as_str`](crate::delivery::DeliveryStatus::as_str).
pub const DELIVERY_STATUS: &str = "delivery.status";
/// Why it was not delivered: [`DeliveryFailure::as_str`](crate::delivery::DeliveryFailure::as_str).
pub const DELIVERY_FAILURE: &str = "delivery.failure";
/// How a provider's call ended: [`CallOutcome::as_str`](crate::provider::stack::CallOutcome::as_str).
pub const CALL_OUTCOME: &str = "provider.outcome";
/// How long a provider's call took, in milliseconds.
pub const CALL_LATENCY_MS: &str = "provider.latency_ms";
/// A circuit breaker's state: [`BreakerState::as_str`](crate::provider::stack::BreakerState::as_str).
pub const BREAKER_STATE: &str = "breaker.state";
/// The provider's own code of an error, such as `1006`.
pub const PROVIDER_CODE: &str = "provider.code";
/// The name of a spend guard: [`SpendGuardBuilder::name`](crate::policy::SpendGuardBuilder::name).
#[cfg(feature = "policy")]
pub const SPEND_GUARD: &str = "spend.guard";
/// The name of a spend cap: [`Cap::name`](crate::policy::Cap::name).
#[cfg(feature = "policy")]
pub const SPEND_CAP: &str = "spend.cap";

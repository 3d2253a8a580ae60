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

/// Metric: calls of a provider that were really made, a counter. Labels [`LABEL_PROVIDER`], [`LABEL_CHANNEL`],
/// [`LABEL_OUTCOME`].
pub const PROVIDER_CALLS_TOTAL: &str = "queue_provider_calls_total";
/// Metric: how long they took, a histogram in seconds. Labels as [`PROVIDER_CALLS_TOTAL`].
pub const PROVIDER_CALL_SECONDS: &str = "queue_provider_call_seconds";
/// Metric: how many circuit breakers of a provider are open or half-open, a gauge: one at most, unless there is one for
/// each tenant. Label [`LABEL_PROVIDER`].
pub const BREAKERS_NOT_CLOSED: &str = "queue_breakers_not_closed";
/// Metric: changes of circuit breakers, a counter. Labels [`LABEL_PROVIDER`], [`LABEL_STATE`].
pub const BREAKER_CHANGES_TOTAL: &str = "queue_breaker_changes_total";

/// Label: the provider's name, such as `salum`.
pub const LABEL_PROVIDER: &str = "provider";
/// Label: the channel's name, such as `sms`.
pub const LABEL_CHANNEL: &str = "channel";
/// Label: how a call ended: [`CallOutcome::as_str`](crate::provider::stack::CallOutcome::as_str).
pub const LABEL_OUTCOME: &str = "outcome";
/// Label: where a breaker is now: [`BreakerState::as_str`](crate::provider::stack::BreakerState::as_str).
pub const LABEL_STATE: &str = "state";

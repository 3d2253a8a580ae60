//! [`Recorded`]: tells observers of every call that was really made.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock, Timestamp};
use crate::future::BoxFuture;
use crate::job::{JobId, Priority, Tenant};
use crate::provider::{
    Answer, Capacity, Inquiry, Message, Provider, ProviderError, Receipt, SendContext,
};
use crate::telemetry::{metrics, names};

/// One call of a provider: what a metric, a log or an audit needs of it. Holds no message, recipient or credential.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallRecord {
    /// The provider's name.
    pub provider: String,
    /// The channel's name, such as `sms`.
    pub channel: &'static str,
    /// The job.
    pub job: JobId,
    /// The number of the attempt, from 1.
    pub attempt: u16,
    /// The job's priority.
    pub priority: Priority,
    /// On whose behalf it is sent.
    pub tenant: Option<Tenant>,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub latency: Duration,
    /// How it ended.
    pub outcome: CallOutcome,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// The provider accepted the message.
    Accepted(Receipt),
    /// It did not.
    Failed(ProviderError),
    /// The caller did not wait for the answer: a time limit or a shutdown.
    Abandoned,
}

impl CallOutcome {
    /// `accepted`, `abandoned`, or the error's kind: for the label of a metric.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Failed(error) => error.kind().as_str(),
            Self::Abandoned => "abandoned",
        }
    }
}

/// Hears of every call. Called on the task that made it: it must be quick and must not block. A panic is contained.
pub(super) type CallObserver = Arc<dyn Fn(&CallRecord) + Send + Sync>;

/// Tells observers of every call of a provider, however it ends, counts and measures it
/// ([`PROVIDER_CALLS_TOTAL`](names::PROVIDER_CALLS_TOTAL)), and writes an event at level `debug`.
pub struct Recorded<P> {
    inner: P,
    observers: Vec<CallObserver>,
    clock: Arc<dyn Clock>,
}

impl<P> Recorded<P> {
    /// Tells nobody yet.
    pub fn new(inner: P) -> Self {
        Self {
            inner,
            observers: Vec::new(),
            clock: Arc::new(SystemClock::default()),
        }
    }

    /// Also tells `observer`: called on the task that made the call, so it must be quick and must not block. A panic in it
    /// is contained and logged.
    #[must_use]
    pub fn observer(self, observer: impl Fn(&CallRecord) + Send + Sync + 'static) -> Self {
        self.shared_observers([Arc::new(observer) as CallObserver])
    }

    pub(super) fn shared_observers(
        mut self,
        observers: impl IntoIterator<Item = CallObserver>,
    ) -> Self {
        self.observers.extend(observers);
        self
    }

    /// Measures by `clock`. Default: the machine's.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        self.shared_clock(Arc::new(clock))
    }

    pub(super) fn shared_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

/// A call that goes on. It is recorded when it is dropped, so that one nobody waited for is recorded too.
struct Recording<'a> {
    record: CallRecord,
    began: u64,
    observers: &'a [CallObserver],
    clock: &'a dyn Clock,
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        let took = self.clock.uptime().saturating_sub(self.began);
        self.record.latency = Duration::from_millis(took);
        tracing::debug!(
            { names::PROVIDER } = self.record.provider,
            { names::JOB_ID } = %self.record.job,
            { names::ATTEMPT } = self.record.attempt,
            { names::CALL_OUTCOME } = self.record.outcome.as_str(),
            { names::CALL_LATENCY_MS } = took,
            "called a provider"
        );
        metrics::called(
            &self.record.provider,
            self.record.channel,
            self.record.outcome.as_str(),
            self.record.latency,
        );
        for observer in self.observers {
            contained(|| observer(&self.record));
        }
    }
}

/// Runs a callback of the application's.
pub(super) fn contained(call: impl FnOnce()) {
    // The payload of the panic is not logged: it may quote what the callback was given.
    if catch_unwind(AssertUnwindSafe(call)).is_err() {
        tracing::warn!("a callback of the provider stack panicked; the send is not affected");
    }
}

impl<M: Message, P: Provider<M>> Provider<M> for Recorded<P> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn send<'a>(
        &'a self,
        message: &'a M,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async move {
            let mut recording = Recording {
                record: CallRecord {
                    provider: self.inner.name().to_owned(),
                    channel: M::CHANNEL,
                    job: context.job,
                    attempt: context.attempt,
                    priority: context.priority,
                    tenant: context.tenant.clone(),
                    at: self.clock.now(),
                    latency: Duration::ZERO,
                    outcome: CallOutcome::Abandoned,
                },
                began: self.clock.uptime(),
                observers: &self.observers,
                clock: self.clock.as_ref(),
            };
            let answer = self.inner.send(message, context).await;
            recording.record.outcome = match &answer {
                Ok(receipt) => CallOutcome::Accepted(receipt.clone()),
                Err(error) => CallOutcome::Failed(error.clone()),
            };
            answer
        })
    }

    /// Not recorded: it sends nothing.
    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, M>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        self.inner.inquire(inquiry)
    }

    fn capacity(&self, priority: Priority, now: Timestamp) -> Capacity {
        self.inner.capacity(priority, now)
    }
}

impl<P> fmt::Debug for Recorded<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded")
            .field("observers", &self.observers.len())
            .finish_non_exhaustive()
    }
}

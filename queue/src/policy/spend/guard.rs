//! [`SpendGuard`]: what is asked before money is spent.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::alarm::{Alarms, SpendAlarm};
use super::builder::{OverCap, SpendGuardBuilder};
use super::cap::Cap;
use super::cool_down::{self, Claim, Held};
use super::countries::Countries;
use super::money::PriceTable;
use super::period::Window;
use super::provider::Capped;
use crate::backend::{Charge, ChargeLine, Charged, RecordKey, Records};
use crate::clock::{Clock, Timestamp};
use crate::job::{Address, JobId, Kind};
use crate::policy::unchecked::unchecked;
use crate::policy::{Refusal, Zone};
use crate::provider::{Message, ProviderError, SendContext};
use crate::sms::SmsMessage;
use crate::telemetry::names;

/// How long a job waits while all sending is stopped, before it asks again.
pub const STOP_WAIT: Duration = Duration::from_secs(60);
/// How long a worker that met the kill switch leases nothing. Short, so that a resume is felt soon; each time it passes, as
/// many jobs as the worker runs at once find out.
const STOP_REST: Duration = Duration::from_secs(10);
/// How often one attempt's number is counted. A job that somebody brings back begins at its first attempt again, and what it
/// sent before may have been sent: so it counts anew.
const RUNS_MAX: u32 = 8;
/// How long a job waits that was brought back more often than that within the time that charges are remembered.
const RUNS_WAIT: Duration = Duration::from_secs(60 * 60);

/// Keeps spending within bounds: caps of messages, segments and money, cool-downs, an allow-list of countries, and a switch
/// that stops everything. Made against SMS pumping, in which somebody else earns from the codes you send.
///
/// Counts are in the queue's own store, so they survive restarts and hold over all processes. A message is counted **before**
/// it is sent, once for each attempt of its job:
/// - what the provider surely did not take (rejected, throttled, transient, misconfigured, or not sent when it is asked
///   later) is taken back;
/// - what may have been sent stays counted, also when the process died before anybody could know; the next attempt counts
///   too.
///
/// So a count is never below what was spent at this guard's prices, and above it only by what may have been sent and by what
/// the store failed to take back. Segments are counted as the text makes them; a provider that bills more counts otherwise. Refusals have a [`Refusal`] as their code. Cheap to clone.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use queue::policy::{Amount, Cap, CapScope, OverCap, Period, SpendGuard};
/// use queue::provider::Mock;
/// use queue::testing::TestQueue;
/// use queue::{OtpSms, SmsJob, create_otp_sms_job};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let queue = TestQueue::<SmsJob>::new().await;
/// let guard = SpendGuard::builder(queue.records())
///     .clock(queue.clock().clone())
///     .cap(Cap::new(CapScope::Recipient, Amount::Messages(2), Period::Day))
///     .cool_down("otp", Duration::from_secs(30))
///     .over_for("otp", OverCap::Refuse)
///     .on_alarm(|alarm| eprintln!("{} is reached", alarm.cap.name()))
///     .build()?;
///
/// let provider = guard.around(Mock::new());
/// for code in ["482913", "594024"] {
///     let otp = OtpSms { recipient: "0712 345 678".parse()?, code: code.parse()?, expiry_minutes: 10 };
///     create_otp_sms_job(&queue, otp).await?;
/// }
/// // The second came too soon.
/// let report = queue.run_due(&provider).await;
/// assert_eq!((report.completed, report.dead), (1, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SpendGuard {
    shared: Arc<Shared>,
}

struct Shared {
    records: Arc<dyn Records>,
    clock: Arc<dyn Clock>,
    rules: Rules,
    alarms: Alarms,
    /// Milliseconds since 1970 until which nothing is worth a lease: the kill switch was met.
    closed_until: AtomicI64,
}

/// What a guard allows.
pub(super) struct Rules {
    pub(super) name: String,
    pub(super) name_key: RecordKey,
    pub(super) zone: Zone,
    pub(super) caps: Vec<Cap>,
    pub(super) prices: Option<PriceTable>,
    pub(super) countries: Countries,
    pub(super) cool_downs: Vec<CoolDown>,
    pub(super) over: OverCap,
    pub(super) over_by_kind: Vec<(Kind, OverCap)>,
}

pub(super) struct CoolDown {
    pub(super) kind: Kind,
    pub(super) length: Duration,
}

/// A message that may be sent, and what was taken for it.
pub(super) struct Admission {
    token: Option<RecordKey>,
    held: Option<Held>,
}

impl SpendGuard {
    /// Describes a guard that counts in these records: [`Queue::records`](crate::Queue::records).
    pub fn builder(records: Arc<dyn Records>) -> SpendGuardBuilder {
        SpendGuardBuilder::new(records)
    }

    /// A provider that asks this guard before it sends through `provider`.
    pub fn around<P>(&self, provider: P) -> Capped<P> {
        Capped::new(provider, self.clone())
    }

    pub(super) fn from_parts(
        records: Arc<dyn Records>,
        clock: Arc<dyn Clock>,
        rules: Rules,
        alarms: Alarms,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                records,
                clock,
                rules,
                alarms,
                closed_until: AtomicI64::new(i64::MIN),
            }),
        }
    }

    /// Lets the message go and counts it, or says why not.
    pub(super) async fn admit(
        &self,
        message: &SmsMessage,
        context: &SendContext,
        provider: &str,
    ) -> Result<Admission, ProviderError> {
        if self
            .stopped()
            .await
            .map_err(|error| unchecked(&error))?
            .is_some()
        {
            let rest = self.now().saturating_add(STOP_REST);
            self.shared
                .closed_until
                .store(rest.as_millis(), Ordering::Relaxed);
            let error = ProviderError::throttled(STOP_WAIT, "all sending is stopped");
            return Err(error.code(Refusal::Stopped));
        }
        if !self.shared.rules.countries.allow(&message.recipient) {
            let detail = "messages to the recipient's country are not allowed";
            return Err(ProviderError::rejected(detail).code(Refusal::Country));
        }
        let held = self.cool_down(message, context).await?;
        match self.charge(message, context, provider).await {
            Ok(token) => Ok(Admission { token, held }),
            Err(error) => {
                self.take_back(Admission { token: None, held }).await;
                Err(error)
            }
        }
    }

    /// Takes back what was taken for a message that was surely not sent.
    pub(super) async fn take_back(&self, admission: Admission) {
        let records = self.records();
        if let Some(token) = admission.token
            && let Err(error) = records.refund(token).await
        {
            not_taken_back(&error);
        }
        if let Some(held) = admission.held
            && let Err(error) = cool_down::release(records, held, self.now()).await
        {
            not_taken_back(&error);
        }
    }

    /// Takes back what was last counted for each of these attempts, of which the provider says now that they sent nothing.
    pub(super) async fn not_sent(&self, job: JobId, attempts: RangeInclusive<u16>) {
        for attempt in attempts {
            self.attempt_not_sent(job, attempt).await;
        }
    }

    async fn attempt_not_sent(&self, job: JobId, attempt: u16) {
        for run in (1..=RUNS_MAX).rev() {
            let Ok(token) = self.token(job, attempt, run) else {
                return;
            };
            match self.records().refund(token).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => return not_taken_back(&error),
            }
        }
    }

    /// When a worker may lease again, if not now.
    pub(super) fn closed_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = Timestamp::from_millis(self.shared.closed_until.load(Ordering::Relaxed));
        (until > now).then_some(until)
    }

    pub(super) fn opened(&self) {
        self.shared.closed_until.store(i64::MIN, Ordering::Relaxed);
    }

    pub(super) fn records(&self) -> &dyn Records {
        &*self.shared.records
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.shared.rules
    }

    pub(super) fn name_key(&self) -> &RecordKey {
        &self.shared.rules.name_key
    }

    async fn cool_down(
        &self,
        message: &SmsMessage,
        context: &SendContext,
    ) -> Result<Option<Held>, ProviderError> {
        let rules = &self.shared.rules;
        let rule = (rules.cool_downs.iter()).find(|rule| context.kind.as_ref() == Some(&rule.kind));
        let Some(rule) = rule else {
            return Ok(None);
        };
        let recipient = message.recipient.key(SmsMessage::CHANNEL).to_hex();
        let key = self.key(&[rule.kind.as_str(), &recipient])?;
        let now = self.now();
        let claimed = cool_down::claim(
            self.records(),
            key,
            context.job,
            now.saturating_add(rule.length),
        );
        match claimed.await.map_err(|error| unchecked(&error))? {
            Claim::Held(held) => Ok(Some(held)),
            Claim::Cooling { until } => {
                let detail = "the recipient got a message of this kind a moment ago";
                Err(self
                    .over(context, until.since(now), detail)
                    .code(Refusal::CoolDown))
            }
        }
    }

    /// Counts the message under every cap, or under none.
    async fn charge(
        &self,
        message: &SmsMessage,
        context: &SendContext,
        provider: &str,
    ) -> Result<Option<RecordKey>, ProviderError> {
        let rules = &self.shared.rules;
        let now = self.now();
        let mut lines = Vec::with_capacity(rules.caps.len());
        // Which cap each line is of, and its window.
        let mut counted = Vec::with_capacity(rules.caps.len());
        for (place, cap) in rules.caps.iter().enumerate() {
            let Some(count) = cap.count_of(message, context, provider) else {
                continue;
            };
            let amount = cap.amount().taken_by(message, rules.prices.as_ref());
            let limit = cap.amount().limit();
            if amount > limit {
                // No period has room for it, so there is nothing to wait for.
                let detail = format!("the message alone is over the cap `{}`", cap.name());
                return Err(ProviderError::rejected(detail).code(Refusal::SpendCap));
            }
            let window = cap.period().window(now, &rules.zone);
            lines.push(ChargeLine {
                key: self.key(&[&cap.name(), &count])?,
                amount,
                cap: Some(limit),
                period: window.fixed_period(),
            });
            counted.push((place, cap, window));
        }
        if lines.is_empty() {
            return Ok(None);
        }
        for run in 1..=RUNS_MAX {
            let token = self.token(context.job, context.attempt, run)?;
            let charge = Charge {
                token: token.clone(),
                lines: lines.clone(),
                at: now,
            };
            let charged = self.records().charge(charge).await;
            match charged.map_err(|error| unchecked(&error))? {
                Charged::Taken => return Ok(Some(token)),
                // By an earlier run of the job, or by another provider behind a guard of this name.
                Charged::AlreadyTaken => {}
                Charged::Over { line, until } => {
                    return Err(self
                        .reached(context, counted.get(line).copied(), until, now)
                        .await);
                }
            }
        }
        let detail = "the job was brought back too often to be counted again";
        Err(ProviderError::throttled(RUNS_WAIT, detail).code(Refusal::SpendCap))
    }

    /// Raises the alarm, and says what becomes of the message.
    async fn reached(
        &self,
        context: &SendContext,
        counted: Option<(usize, &Cap, Window)>,
        until: Timestamp,
        now: Timestamp,
    ) -> ProviderError {
        let Some((place, cap, window)) = counted else {
            // A line that was never asked about: wait as the store says.
            return self
                .over(context, until.since(now), "a spend cap is reached")
                .code(Refusal::SpendCap);
        };
        let alarm = SpendAlarm {
            guard: self.shared.rules.name.clone(),
            cap: cap.clone(),
            at: now,
            until: window.end,
        };
        if let Err(error) = self
            .shared
            .alarms
            .raise(self.records(), place, window, alarm)
            .await
        {
            tracing::warn!(
                { names::ERROR_KIND } = error.kind().as_str(),
                "it could not be noted that a spend cap is reached; the alarm comes with the next message"
            );
        }
        let detail = format!("the cap `{}` is reached", cap.name());
        self.over(context, window.end.since(now), &detail)
            .code(Refusal::SpendCap)
    }

    /// The answer for a message that can't go now, by its kind.
    fn over(&self, context: &SendContext, wait: Duration, detail: &str) -> ProviderError {
        let rules = &self.shared.rules;
        let by_kind = rules
            .over_by_kind
            .iter()
            .find(|(kind, _)| context.kind.as_ref() == Some(kind));
        match by_kind.map_or(rules.over, |(_, over)| *over) {
            OverCap::Defer => ProviderError::throttled(wait, detail),
            OverCap::Refuse => ProviderError::rejected(detail),
        }
    }

    fn token(&self, job: JobId, attempt: u16, run: u32) -> Result<RecordKey, ProviderError> {
        self.key(&[&job.to_string(), &attempt.to_string(), &run.to_string()])
    }

    /// A key of this guard's. No part but the last can hold a `/`, so no two lists of parts make one key.
    pub(super) fn key(&self, parts: &[&str]) -> Result<RecordKey, ProviderError> {
        let key = format!("{}/{}", self.shared.rules.name, parts.join("/"));
        RecordKey::new(key).map_err(|_| {
            let detail =
                "a name that the spend guard counts under is too long or holds control characters";
            ProviderError::misconfigured(detail).code(Refusal::Unchecked)
        })
    }
}

fn not_taken_back(error: &crate::backend::BackendError) {
    tracing::warn!(
        { names::ERROR_KIND } = error.kind().as_str(),
        "what was counted for a message that was not sent could not be taken back"
    );
}

impl fmt::Debug for SpendGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpendGuard")
            .field("name", &self.shared.rules.name)
            .field("caps", &self.shared.rules.caps)
            .field("countries", &self.shared.rules.countries)
            .finish_non_exhaustive()
    }
}

//! [`DeliveriesBuilder`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::tracker::Settings;
use super::{Deliveries, DeliveryObserver, PollSchedule};
use crate::backend::Records;
use crate::clock::Clock;

/// How long what is known of a message is kept after it was accepted, unless told otherwise: as long as dead jobs are.
pub const RETENTION_DEFAULT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The shortest time that what is known of a message is kept: some reports come after 24 hours, and polls go on for 48.
pub const RETENTION_MIN: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// How long a report about an unknown message waits for its receipt. The two are seconds apart; an hour covers a store that
/// was full in between.
pub const EARLY_AGE: Duration = Duration::from_secs(60 * 60);
/// Most reports about unknown messages that one process keeps within [`EARLY_AGE`]. More are dropped, and that is logged: a
/// callback address serves a whole account, also the messages of others.
pub const EARLY_REPORTS_MAX: u64 = 10_000;

/// [`Deliveries`] that are not built yet.
#[must_use]
pub struct DeliveriesBuilder {
    records: Arc<dyn Records>,
    clock: Arc<dyn Clock>,
    retention: Duration,
    polled: BTreeMap<String, PollSchedule>,
    observers: Vec<Arc<dyn DeliveryObserver>>,
}

impl DeliveriesBuilder {
    pub(super) fn new(records: Arc<dyn Records>, clock: Arc<dyn Clock>) -> Self {
        Self {
            records,
            clock,
            retention: RETENTION_DEFAULT,
            polled: BTreeMap::new(),
            observers: Vec::new(),
        }
    }

    /// How long what is known of a message is kept after it was accepted. Default: [`RETENTION_DEFAULT`]; at least
    /// [`RETENTION_MIN`].
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention.max(RETENTION_MIN);
        self
    }

    /// Messages of `provider` are asked about, by `schedule`, for as long as no report is final. Default: none are.
    ///
    /// To be said wherever messages are sent: the first question is planned when the receipt is recorded. A
    /// [`DeliveryPoller`](super::DeliveryPoller) asks.
    pub fn poll(mut self, provider: impl Into<String>, schedule: PollSchedule) -> Self {
        self.polled.insert(provider.into(), schedule);
        self
    }

    /// Calls `observer` with every report, before it is recorded.
    pub fn observer(mut self, observer: impl DeliveryObserver) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Ready.
    pub fn build(self) -> Deliveries {
        Deliveries::new(Settings {
            records: self.records,
            clock: self.clock,
            retention: self.retention,
            polled: self.polled,
            observers: self.observers,
        })
    }
}

impl std::fmt::Debug for DeliveriesBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeliveriesBuilder")
            .field("retention", &self.retention)
            .field("polled", &self.polled)
            .field("observers", &self.observers.len())
            .finish_non_exhaustive()
    }
}

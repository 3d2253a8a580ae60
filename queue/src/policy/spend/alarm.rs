//! [`SpendAlarm`]: tells once that a cap is reached.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use super::cap::Cap;
use super::period::Window;
use crate::backend::{BackendError, Expect, Put, RecordKey, Records, Space};
use crate::clock::Timestamp;
use crate::telemetry::names;

/// Where it is noted which alarms were raised.
const SPACE: Space = Space::new("spend_alarm");

/// A cap is reached, for the first time in its period.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpendAlarm {
    /// The guard's name.
    pub guard: String,
    /// The cap. One of recipients, say, is reached when the first of them reaches it.
    pub cap: Cap,
    /// When it was seen.
    pub at: Timestamp,
    /// When the period ends, and the count begins again.
    pub until: Timestamp,
}

/// What is called when a cap is reached.
pub(super) type Callback = Arc<dyn Fn(&SpendAlarm) + Send + Sync>;

/// Raises each alarm once: for a cap and period, over all processes.
#[derive(Default)]
pub(super) struct Alarms {
    callbacks: Vec<Callback>,
    /// For each cap the period that is known to be told of, so that a store is asked once and not for each message.
    told: Mutex<HashMap<usize, Timestamp>>,
}

impl Alarms {
    pub(super) fn new(callbacks: Vec<Callback>) -> Self {
        Self {
            callbacks,
            told: Mutex::default(),
        }
    }

    /// Raises `alarm` for the cap at `place`, unless somebody did.
    pub(super) async fn raise(
        &self,
        records: &dyn Records,
        place: usize,
        window: Window,
        alarm: SpendAlarm,
    ) -> Result<(), BackendError> {
        if self.lock().get(&place) == Some(&window.start) {
            return Ok(());
        }
        let start = window.start.as_millis();
        let key = format!("{}/{}/{start}", alarm.guard, alarm.cap.name());
        let Ok(key) = RecordKey::new(key) else {
            return Ok(());
        };
        // Noted before it is told: an alarm is told once, or not at all when the process dies in between.
        let noted = records
            .put(SPACE, key, Vec::new(), Expect::Absent, Some(window.end))
            .await?;
        self.lock().insert(place, window.start);
        if let Put::Stored { .. } = noted {
            tracing::warn!(
                { names::SPEND_GUARD } = alarm.guard,
                { names::SPEND_CAP } = alarm.cap.name(),
                "a spend cap is reached"
            );
            for callback in &self.callbacks {
                // The payload of the panic is not logged: it may quote what the callback knows.
                if catch_unwind(AssertUnwindSafe(|| callback(&alarm))).is_err() {
                    tracing::warn!(
                        "a spend alarm's callback panicked; the message is not affected"
                    );
                }
            }
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<usize, Timestamp>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

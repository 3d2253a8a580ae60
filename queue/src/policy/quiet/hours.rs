//! [`QuietHours`]: whom the windows hold back, and until when.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::provider::Timed;
use super::windows::SendWindows;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::job::{Kind, Priority};
use crate::policy::{Zone, zones_of};
use crate::provider::SendContext;
use crate::sms::{DEFAULT_REGION, PhoneNumber};
use crate::worker::SNOOZE_JITTER_MAX;

/// How many openings are looked at until one is found that all zones of a region share: a month's, in two zones.
const OPENINGS_MAX: usize = 64;

/// When messages may come, by the recipient's own clock. Others wait until then: their jobs are snoozed, one by one, no
/// attempt is charged, and nothing else waits behind them.
///
/// A recipient's time zone is [given](Self::zone_of), or that of the number's country ([`zones_of`]). In a country with
/// several zones a message waits until all of them are open.
///
/// What does not wait:
/// - jobs of priority [`High`](Priority::High) and above, such as one-time codes ([`urgent_from`](Self::urgent_from));
/// - jobs that would expire while they wait, unless their priority is [`Low`](Priority::Low)
///   ([`before_deadline_from`](Self::before_deadline_from));
/// - jobs of an [exempt kind](Self::exempt_kind).
///
/// [`around`](Self::around) a provider, it answers *throttled* with the code
/// [`quiet_hours`](crate::policy::Refusal::QuietHours) and the time until the window opens. Jobs come back up to
/// [`SNOOZE_JITTER_MAX`] later than that, so that they don't come all at once: a window should be much longer.
///
/// # Examples
/// ```
/// use queue::policy::{QuietHours, SendWindows, Zone};
/// use queue::provider::Mock;
/// use queue::testing::TestQueue;
/// use queue::{NotificationSms, SmsJob, create_notification_sms_job};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let queue = TestQueue::<SmsJob>::new().await;
/// queue.advance_to(Zone::named("Africa/Nairobi")?.moment("2026-01-05T22:15")?);
///
/// let night = QuietHours::new(SendWindows::quiet("21:00", "08:00")?).clock(queue.clock().clone());
/// let mock = Mock::new();
/// let provider = night.around(mock.clone());
/// let offer = NotificationSms { recipient: "0712 345 678".parse()?, message: "An offer".into() };
/// create_notification_sms_job(&queue, offer).await?;
///
/// assert_eq!(queue.run_due(&provider).await.snoozed, 1);
/// queue.advance_to(Zone::named("Africa/Nairobi")?.moment("2026-01-06T08:05")?);
/// assert_eq!(queue.run_due(&provider).await.completed, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct QuietHours {
    pub(super) windows: SendWindows,
    zone_of: ZoneOf,
    pub(super) fallback: Vec<Zone>,
    pub(super) urgent_from: Option<Priority>,
    pub(super) before_deadline_from: Option<Priority>,
    pub(super) exempt: Vec<Kind>,
    clock: Arc<dyn Clock>,
}

type ZoneOf = Arc<dyn Fn(&PhoneNumber) -> Option<Zone> + Send + Sync>;

/// Whether a message may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timing {
    /// It may.
    Now,
    /// It waits for so long.
    After(Duration),
    /// There is no moment at which all zones of the recipient's country are open.
    Never,
}

impl QuietHours {
    /// Messages come within `windows` only.
    pub fn new(windows: SendWindows) -> Self {
        Self {
            windows,
            zone_of: Arc::new(|_| None),
            fallback: named(zones_of(DEFAULT_REGION)),
            urgent_from: Some(Priority::High),
            before_deadline_from: Some(Priority::Normal),
            exempt: Vec::new(),
            clock: Arc::new(SystemClock::default()),
        }
    }

    /// Tells recipients' time zones, such as by what the application knows of its users; `None` for that of the number's
    /// country. It is asked before each send and must not block. Default: always `None`.
    #[must_use]
    pub fn zone_of(
        mut self,
        zone_of: impl Fn(&PhoneNumber) -> Option<Zone> + Send + Sync + 'static,
    ) -> Self {
        self.zone_of = Arc::new(zone_of);
        self
    }

    /// The time zone of recipients in countries that [`zones_of`] does not know. Default: that of [`DEFAULT_REGION`].
    #[must_use]
    pub fn fallback(mut self, zone: Zone) -> Self {
        self.fallback = vec![zone];
        self
    }

    /// Jobs of this priority and above don't wait; `None`: all do. Default: [`High`](Priority::High).
    #[must_use]
    pub fn urgent_from(mut self, priority: impl Into<Option<Priority>>) -> Self {
        self.urgent_from = priority.into();
        self
    }

    /// Jobs of this priority and above don't wait when their deadline would pass meanwhile; `None`: all wait, and expire.
    /// Default: [`Normal`](Priority::Normal), so that a campaign never comes at night.
    #[must_use]
    pub fn before_deadline_from(mut self, priority: impl Into<Option<Priority>>) -> Self {
        self.before_deadline_from = priority.into();
        self
    }

    /// Jobs of this kind don't wait. May be called for several. Default: none.
    #[must_use]
    pub fn exempt_kind(mut self, kind: impl Into<String>) -> Self {
        self.exempt.push(Kind::from(kind.into()));
        self
    }

    /// Reads this clock, instead of the machine's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// A provider that sends through `provider` when the recipient's window is open.
    pub fn around<P>(&self, provider: P) -> Timed<P> {
        Timed::new(provider, self.clone())
    }

    /// The first moment from `at` on at which messages to `recipient` may come; `None` when there is none within a month.
    pub fn next_open(&self, recipient: &PhoneNumber, at: Timestamp) -> Option<Timestamp> {
        let zones = self.zones(recipient);
        let mut moment = at;
        for _ in 0..OPENINGS_MAX {
            let mut latest = moment;
            for zone in &zones {
                latest = latest.max(self.windows.next_open(moment, zone)?);
            }
            if latest == moment {
                return Some(moment);
            }
            moment = latest;
        }
        None
    }

    pub(super) fn timing(&self, recipient: &PhoneNumber, context: &SendContext) -> Timing {
        // Priorities are ordered from the most urgent.
        let reaches =
            |least: Option<Priority>| least.is_some_and(|least| context.priority <= least);
        let is_exempt = (context.kind.as_ref()).is_some_and(|kind| self.exempt.contains(kind));
        if is_exempt || reaches(self.urgent_from) {
            return Timing::Now;
        }
        let now = self.clock.now();
        let Some(opens) = self.next_open(recipient, now) else {
            return Timing::Never;
        };
        if opens <= now {
            return Timing::Now;
        }
        let back = opens.saturating_add(SNOOZE_JITTER_MAX);
        if context.deadline.is_some_and(|deadline| deadline <= back)
            && reaches(self.before_deadline_from)
        {
            return Timing::Now;
        }
        Timing::After(opens.since(now))
    }

    fn zones(&self, recipient: &PhoneNumber) -> Vec<Zone> {
        if let Some(zone) = (self.zone_of)(recipient) {
            return vec![zone];
        }
        let zones = recipient.region().map(|region| named(zones_of(region)));
        match zones {
            Some(zones) if !zones.is_empty() => zones,
            _ => self.fallback.clone(),
        }
    }
}

/// Names of our own table, each of which is held to exist by its test.
fn named(names: &[&str]) -> Vec<Zone> {
    names
        .iter()
        .filter_map(|name| Zone::named(name).ok())
        .collect()
}

impl fmt::Debug for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuietHours")
            .field("windows", &self.windows)
            .field("fallback", &self.fallback)
            .field("urgent_from", &self.urgent_from)
            .field("before_deadline_from", &self.before_deadline_from)
            .field("exempt", &self.exempt)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::job::JobId;

    fn night() -> QuietHours {
        QuietHours::new(SendWindows::quiet("21:00", "08:00").unwrap())
    }

    fn utc(local: &str) -> Timestamp {
        Zone::UTC.moment(local).unwrap()
    }

    fn number(text: &str) -> PhoneNumber {
        text.parse().unwrap()
    }

    #[test]
    fn everybody_waits_for_their_own_morning() {
        let night = night();
        for (number_text, evening, opens) in [
            ("+254712345678", "2026-01-05T19:00", "2026-01-06T05:00"),
            ("+447400123456", "2026-01-05T22:00", "2026-01-06T08:00"),
            ("+48512345678", "2026-07-05T22:00", "2026-07-06T06:00"),
            // Eight in Honolulu is eighteen in Greenwich, and one in the afternoon in New York.
            ("+12015550123", "2026-01-05T06:00", "2026-01-05T18:00"),
            ("+12015550123", "2026-01-06T02:00", "2026-01-06T18:00"),
            // Not in the table: as at home.
            ("+35699123456", "2026-01-05T19:00", "2026-01-06T05:00"),
        ] {
            let found = night.next_open(&number(number_text), utc(evening));
            assert_eq!(found, Some(utc(opens)), "{number_text} at {evening}");
        }
        let at_home = utc("2026-01-05T19:00");
        let there = night.fallback(Zone::UTC);
        assert_eq!(
            there.next_open(&number("+35699123456"), at_home),
            Some(at_home)
        );
    }

    #[test]
    fn a_given_zone_goes_before_the_country() {
        let wanderer = number("+254712345678");
        let night = night().zone_of(move |recipient| {
            (*recipient == wanderer).then(|| Zone::named("America/New_York").unwrap())
        });
        let at = utc("2026-01-05T19:00");
        assert_eq!(night.next_open(&wanderer, at), Some(at));
        let others = number("+254733445566");
        assert_eq!(night.next_open(&others, at), Some(utc("2026-01-06T05:00")));
    }

    #[test]
    fn windows_that_no_moment_of_a_country_shares_never_open() {
        let hour = QuietHours::new(SendWindows::quiet("10:00", "09:00").unwrap());
        assert_eq!(
            hour.next_open(&number("+12015550123"), utc("2026-01-05T00:00")),
            None
        );
    }

    #[test]
    fn who_waits_and_who_does_not() {
        let clock = ManualClock::new(utc("2026-01-05T19:00"));
        let night = night().clock(clock).exempt_kind("alert");
        let recipient = number("+254712345678");
        let timing = |hours: &QuietHours, kind: &'static str, priority, deadline: Option<&str>| {
            let mut context = SendContext::new(JobId::new(), Duration::from_secs(10));
            context.kind = Some(Kind::from_static(kind));
            context.priority = priority;
            context.deadline = deadline.map(utc);
            hours.timing(&recipient, &context)
        };
        let morning = Timing::After(Duration::from_secs(10 * 3600));
        use Priority::{Critical, High, Low, Normal};
        for (priority, deadline, expected) in [
            (Critical, None, Timing::Now),
            (High, None, Timing::Now),
            (Normal, None, morning),
            (Low, None, morning),
            (Normal, Some("2026-01-06T04:00"), Timing::Now),
            // It might come back only after its deadline.
            (Normal, Some("2026-01-06T05:05"), Timing::Now),
            (Normal, Some("2026-01-06T05:06"), morning),
            (Low, Some("2026-01-06T04:00"), morning),
        ] {
            assert_eq!(
                timing(&night, "news", priority, deadline),
                expected,
                "{priority} {deadline:?}"
            );
        }
        assert_eq!(timing(&night, "alert", Low, None), Timing::Now);
        let strict = night.clone().urgent_from(None).before_deadline_from(None);
        assert_eq!(
            timing(&strict, "news", Critical, Some("2026-01-06T04:00")),
            morning
        );
        let critical = night.urgent_from(Critical);
        assert_eq!(timing(&critical, "news", High, None), morning);
        assert_eq!(timing(&critical, "news", Critical, None), Timing::Now);
    }
}

//! [`SpendSnapshot`]: how much of each cap is used.

use super::cap::{Amount, Cap, CapScope};
use super::guard::SpendGuard;
use super::switch::Stopped;
use crate::backend::{BackendError, BackendErrorKind, Counter, RECORDS_LISTED_MAX, RecordKey};
use crate::clock::Timestamp;

/// Most counts that are read of one cap for a [`SpendSnapshot`]: those of a hundred thousand recipients are not worth the
/// store's time.
pub const SNAPSHOT_COUNTS_MAX: usize = 10_000;
/// Most counts that a [`CapUsage`] names.
pub const SNAPSHOT_FULLEST_MAX: usize = 10;

/// How much of its caps a [`SpendGuard`] has used, for a dashboard: in the periods that run now, over all processes. Shows no
/// phone number, nor anything to find one by.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpendSnapshot {
    /// The guard's name.
    pub guard: String,
    /// When it was taken.
    pub at: Timestamp,
    /// That the kill switch is thrown, since when and why.
    pub stopped: Option<Stopped>,
    /// The caps, in the order in which the guard was given them.
    pub caps: Vec<CapUsage>,
}

/// How much of a [`Cap`] is used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapUsage {
    /// The cap: its name, scope, amount and period.
    pub cap: Cap,
    /// How much is used of the fullest count; all there is of a cap of [`CapScope::All`].
    pub used: Amount,
    /// How much that count has room for yet.
    pub left: Amount,
    /// When the period ends, and all of its counts begin again at nothing.
    pub resets_at: Timestamp,
    /// How many counts hold something: of a cap of recipients, how many got a message.
    pub counts: usize,
    /// How many of them have nothing left.
    pub full: usize,
    /// There are more counts than were read ([`SNAPSHOT_COUNTS_MAX`]): the figures are those of the first.
    pub is_partial: bool,
    /// The fullest counts, the fullest first, at most [`SNAPSHOT_FULLEST_MAX`].
    pub fullest: Vec<CapCount>,
}

/// One of the counts of a [`Cap`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapCount {
    /// What is counted: the tenant, provider, kind or country, `all` where there is one count only. `None` for recipients and
    /// prefixes, whose numbers are not kept.
    pub of: Option<String>,
    /// How much is used.
    pub used: Amount,
    /// How much there is room for yet.
    pub left: Amount,
}

impl SpendGuard {
    /// How much of each cap is used now.
    ///
    /// It reads one counter for a cap of [`CapScope::All`], and up to [`SNAPSHOT_COUNTS_MAX`] for each other one. With `nats:`
    /// that takes a request for each: ask it each minute rather than each second. Caps are read one after the other, so what
    /// is sent meanwhile may be in one and not yet in another.
    ///
    /// # Errors
    /// [`BackendError`] of the store.
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// use queue::policy::{Amount, Cap, CapScope, Period, SpendGuard};
    /// use queue::provider::Mock;
    /// use queue::testing::TestQueue;
    /// use queue::{NotificationSms, SmsJob, create_notification_sms_job};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let queue = TestQueue::<SmsJob>::new().await;
    /// let guard = SpendGuard::builder(queue.records())
    ///     .clock(queue.clock().clone())
    ///     .cap(Cap::new(CapScope::All, Amount::Segments(100), Period::Day))
    ///     .build()?;
    /// let visit = NotificationSms { recipient: "0712 345 678".parse()?, message: "Your visit is tomorrow".into() };
    /// create_notification_sms_job(&queue, visit).await?;
    /// queue.run_due(&guard.around(Mock::new())).await;
    ///
    /// let all = &guard.snapshot().await?.caps[0];
    /// assert_eq!((all.used, all.left), (Amount::Segments(1), Amount::Segments(99)));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn snapshot(&self) -> Result<SpendSnapshot, BackendError> {
        let at = self.now();
        let stopped = self.stopped().await?;
        let mut caps = Vec::with_capacity(self.rules().caps.len());
        for cap in &self.rules().caps {
            caps.push(self.usage(cap, at).await?);
        }
        Ok(SpendSnapshot {
            guard: self.rules().name.clone(),
            at,
            stopped,
            caps,
        })
    }

    async fn usage(&self, cap: &Cap, at: Timestamp) -> Result<CapUsage, BackendError> {
        let window = cap.period().window(at, &self.rules().zone);
        let first = self.counter_key(cap, "")?;
        let in_window = |key| Counter {
            key,
            period: window.fixed_period(),
            at,
        };
        let (counts, is_partial) = match cap.scope() {
            // One counter, which needs no search.
            CapScope::All => {
                let key = self.counter_key(cap, CapScope::ONE)?;
                let used = self.records().counted(in_window(key)).await?;
                let counts = (used > 0).then(|| (CapScope::ONE.to_owned(), used));
                (counts.into_iter().collect(), false)
            }
            _ => self.counts(&in_window(first)).await?,
        };
        Ok(usage(cap, counts, is_partial, window.end))
    }

    /// What is counted under the keys that begin with that of `first`: the rest of each key, and how much. And whether there
    /// is more.
    async fn counts(&self, first: &Counter) -> Result<(Vec<(String, u64)>, bool), BackendError> {
        let mut counts = Vec::new();
        let mut after: Option<RecordKey> = None;
        loop {
            let page = self
                .records()
                .counters(first.clone(), after.take(), RECORDS_LISTED_MAX);
            let page = page.await?;
            let is_last = page.len() < RECORDS_LISTED_MAX;
            after = page.last().map(|(key, _)| key.clone());
            counts.extend(page.into_iter().filter_map(|(key, used)| {
                let of = key.as_str().strip_prefix(first.key.as_str())?;
                Some((of.to_owned(), used))
            }));
            if is_last || counts.len() >= SNAPSHOT_COUNTS_MAX {
                return Ok((counts, !is_last));
            }
        }
    }

    fn counter_key(&self, cap: &Cap, of: &str) -> Result<RecordKey, BackendError> {
        self.key(&[&cap.name(), of]).map_err(|_| {
            let detail = "a cap's name makes no key of the store";
            BackendError::new(BackendErrorKind::Misconfigured, detail)
        })
    }
}

fn usage(
    cap: &Cap,
    mut counts: Vec<(String, u64)>,
    is_partial: bool,
    resets_at: Timestamp,
) -> CapUsage {
    let limit = cap.amount().limit();
    counts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let of_amount = |used: u64| {
        let left = limit.saturating_sub(used);
        (cap.amount().with(used), cap.amount().with(left))
    };
    let is_named = !matches!(cap.scope(), CapScope::Recipient | CapScope::Prefix { .. });
    let (used, left) = of_amount(counts.first().map_or(0, |(_, used)| *used));
    CapUsage {
        cap: cap.clone(),
        used,
        left,
        resets_at,
        counts: counts.len(),
        full: counts.iter().filter(|(_, used)| *used >= limit).count(),
        is_partial,
        fullest: (counts.into_iter().take(SNAPSHOT_FULLEST_MAX))
            .map(|(of, used)| {
                let (used, left) = of_amount(used);
                let of = is_named.then_some(of);
                CapCount { of, used, left }
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Money, Period};

    fn of(scope: CapScope, amount: Amount, counts: &[(&str, u64)]) -> CapUsage {
        let cap = Cap::new(scope, amount, Period::Day);
        let counts = counts.iter().map(|(of, used)| ((*of).to_owned(), *used));
        usage(&cap, counts.collect(), false, Timestamp::from_millis(7))
    }

    #[test]
    fn the_fullest_come_first_and_the_full_are_counted() {
        let counts = [("a", 3), ("b", 5), ("c", 5), ("d", 1)];
        let seen = of(CapScope::Tenant, Amount::Messages(5), &counts);
        assert_eq!(
            (seen.used, seen.left),
            (Amount::Messages(5), Amount::Messages(0))
        );
        assert_eq!((seen.counts, seen.full), (4, 2));
        let names: Vec<_> = seen
            .fullest
            .iter()
            .filter_map(|count| count.of.as_deref())
            .collect();
        assert_eq!(names, ["b", "c", "a", "d"]);
        assert_eq!(seen.fullest[2].left, Amount::Messages(2));
    }

    #[test]
    fn keys_of_recipients_and_prefixes_are_not_shown() {
        for scope in [CapScope::Recipient, CapScope::Prefix { digits: 9 }] {
            let seen = of(scope, Amount::Segments(5), &[("canary", 2)]);
            assert_eq!(seen.fullest[0].of, None);
            assert!(!format!("{seen:?}").contains("canary"));
        }
    }

    #[test]
    fn a_cap_that_was_made_smaller_has_nothing_left() {
        let limit = Amount::Cost(Money::minor(100));
        let seen = of(
            CapScope::All,
            limit,
            &[("all", Money::minor(250).as_micros())],
        );
        assert_eq!(seen.used, Amount::Cost(Money::minor(250)));
        assert_eq!((seen.left, seen.full), (Amount::Cost(Money::minor(0)), 1));
        let nothing = of(CapScope::All, limit, &[]);
        assert_eq!(
            (nothing.used, nothing.left),
            (Amount::Cost(Money::minor(0)), limit)
        );
    }

    #[test]
    fn a_crowd_is_cut() {
        let names: Vec<String> = (0..40).map(|n| format!("t{n}")).collect();
        let counts: Vec<_> = names.iter().map(|name| (name.as_str(), 1)).collect();
        let seen = of(CapScope::Tenant, Amount::Messages(5), &counts);
        assert_eq!(
            (seen.counts, seen.fullest.len()),
            (40, SNAPSHOT_FULLEST_MAX)
        );
    }
}

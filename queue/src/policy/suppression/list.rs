//! [`Suppression`]: the list of those who get nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::entry::{Sender, Suppress, SuppressionEntry, SuppressionScope};
use super::provider::Suppressed;
use super::record::{self, SPACE, Stored};
use crate::backend::{
    BackendError, BackendErrorKind, Expect, Put, RECORDS_LISTED_MAX, Record, RecordKey, Records,
};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::job::RecipientKey;

/// How long a lifted entry is remembered, so that a late report of the old opt-out does not bring it back. Longer than
/// providers repeat delivery reports.
pub const LIFTED_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How often a change is tried again when others change the same entry at the same time.
const CHANGES_MAX: u32 = 16;

/// The list of recipients to whom nothing may be sent, with reason, source and time. It is in the queue's own store, so it
/// is as durable as the jobs and shared by all processes.
///
/// Recipients are kept as [`RecipientKey`], never as addresses; see [`SuppressionEntry`]. Cheap to clone.
///
/// [`around`](Self::around) a provider, it refuses messages to those on the list, and puts those on it who the provider says
/// opted out.
///
/// # Examples
/// ```
/// use queue::policy::{Added, Suppress, Suppression, SuppressionReason};
/// use queue::provider::Mock;
/// use queue::testing::TestQueue;
/// use queue::{NotificationSms, PhoneNumber, SmsJob, create_notification_sms_job};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let queue = TestQueue::<SmsJob>::new().await;
/// let list = Suppression::new(queue.records()).clock(queue.clock().clone());
///
/// // "STOP" came in.
/// let recipient: PhoneNumber = "0712 345 678".parse()?;
/// let stop = Suppress::address("sms", &recipient, SuppressionReason::OptedOut);
/// assert_eq!(list.add(stop).await?, Added::New);
///
/// let news = NotificationSms { recipient, message: "We have news".into() };
/// create_notification_sms_job(&queue, news).await?;
/// let mock = Mock::new();
/// let report = queue.run_due(&list.around(mock.clone())).await;
/// assert_eq!((report.dead, mock.call_count()), (1, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Suppression {
    records: Arc<dyn Records>,
    clock: Arc<dyn Clock>,
}

impl Suppression {
    /// The list in these records: [`Queue::records`](crate::Queue::records).
    pub fn new(records: Arc<dyn Records>) -> Self {
        Self {
            records,
            clock: Arc::new(SystemClock::default()),
        }
    }

    /// Reads this clock; the store should read the same one.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// A provider that asks this list before it sends through `provider`.
    pub fn around<P>(&self, provider: P) -> Suppressed<P> {
        Suppressed::new(provider, self.clone())
    }

    /// Puts a recipient on the list; resolves when it is durable. What is known already is joined with it and never
    /// weakened: the graver reason, the earlier beginning and the later end hold.
    ///
    /// # Errors
    /// [`BackendError`] of the store.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the recipient on the list or not.
    pub async fn add(&self, suppress: Suppress) -> Result<Added, BackendError> {
        let key = record::key(&suppress.recipient, &suppress.scope)?;
        let entry = SuppressionEntry {
            recipient: suppress.recipient,
            masked: suppress.masked,
            scope: suppress.scope,
            reason: suppress.reason,
            source: suppress.source,
            since: suppress.since.unwrap_or_else(|| self.clock.now()),
            until: suppress.until,
        };
        if entry.until.is_some_and(|until| until <= self.clock.now()) {
            return Ok(Added::Outdated);
        }
        for _ in 0..CHANGES_MAX {
            let found = self.records.get(SPACE, key.clone()).await?;
            let (entry, expect, added) = match joined(&entry, found.as_ref())? {
                Ok(joined) => joined,
                Err(unchanged) => return Ok(unchanged),
            };
            let stored = Stored::Suppressed {
                masked: entry.masked,
                reason: entry.reason,
                source: entry.source,
                since: entry.since,
            };
            if self.put(&key, &stored, expect, entry.until).await? {
                return Ok(added);
            }
        }
        Err(contended())
    }

    /// Takes a recipient off the list for this scope, such as after `START`; resolves when it is durable. Says whether it
    /// was on it. Reports of before are ignored from now on, for [`LIFTED_KEPT`].
    ///
    /// # Errors
    /// [`BackendError`] of the store.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the recipient on the list or not.
    pub async fn lift(
        &self,
        recipient: &RecipientKey,
        scope: &SuppressionScope,
    ) -> Result<bool, BackendError> {
        let key = record::key(recipient, scope)?;
        for _ in 0..CHANGES_MAX {
            let Some(found) = self.records.get(SPACE, key.clone()).await? else {
                return Ok(false);
            };
            if let Stored::Lifted { .. } = record::decode(&found)? {
                return Ok(false);
            }
            let now = self.clock.now();
            let (stored, expect) = (Stored::Lifted { at: now }, Expect::Revision(found.revision));
            if self
                .put(&key, &stored, expect, Some(now.saturating_add(LIFTED_KEPT)))
                .await?
            {
                return Ok(true);
            }
        }
        Err(contended())
    }

    /// Takes a recipient off the list for every scope, and says from how many entries.
    ///
    /// # Errors
    /// [`BackendError`] of the store.
    ///
    /// # Cancel safety
    /// Dropping the future leaves some of its entries on the list.
    pub async fn lift_all(&self, recipient: &RecipientKey) -> Result<usize, BackendError> {
        let mut lifted = 0;
        for entry in self.entries(recipient).await? {
            lifted += usize::from(self.lift(recipient, &entry.scope).await?);
        }
        Ok(lifted)
    }

    /// The entry that stops messages of `sender` to a recipient; `None` when they may be sent. Without a sender only entries
    /// for [everything](SuppressionScope::Everything) count.
    ///
    /// # Errors
    /// [`BackendError`] of the store.
    pub async fn check(
        &self,
        recipient: &RecipientKey,
        sender: Option<&Sender>,
    ) -> Result<Option<SuppressionEntry>, BackendError> {
        self.check_unless(recipient, sender, |_| false).await
    }

    /// As [`check`](Self::check), without the entries that `exempt` lets pass.
    pub(super) async fn check_unless(
        &self,
        recipient: &RecipientKey,
        sender: Option<&Sender>,
        exempt: impl Fn(&SuppressionEntry) -> bool + Send,
    ) -> Result<Option<SuppressionEntry>, BackendError> {
        let of_sender = sender.map(|sender| SuppressionScope::Sender(sender.clone()));
        for scope in [Some(SuppressionScope::Everything), of_sender]
            .into_iter()
            .flatten()
        {
            let key = record::key(recipient, &scope)?;
            if let Some(found) = self.records.get(SPACE, key).await?
                && let Some(entry) = record::entry(*recipient, scope, &found)?
                && !exempt(&entry)
            {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// All entries of one recipient: [everything](SuppressionScope::Everything) first, then by sender.
    ///
    /// # Errors
    /// [`BackendError`] of the store.
    pub async fn entries(
        &self,
        recipient: &RecipientKey,
    ) -> Result<Vec<SuppressionEntry>, BackendError> {
        let everything = record::key(recipient, &SuppressionScope::Everything)?;
        let mut entries = Vec::new();
        if let Some(found) = self.records.get(SPACE, everything.clone()).await? {
            entries.extend(record::entry(
                *recipient,
                SuppressionScope::Everything,
                &found,
            )?);
        }
        let mut after = everything;
        loop {
            let rows = self
                .records
                .list(SPACE, Some(after), RECORDS_LISTED_MAX)
                .await?;
            for (key, found) in &rows {
                match record::parts(key) {
                    Some((other, scope)) if other == *recipient => {
                        entries.extend(record::entry(*recipient, scope, found)?);
                    }
                    _ => return Ok(entries),
                }
            }
            after = match rows.into_iter().last() {
                Some((key, _)) => key,
                None => return Ok(entries),
            };
        }
    }

    /// A page of the list, at most `limit` entries (1 to [`RECORDS_LISTED_MAX`]; others are clamped), in no order that
    /// tells anything. Give [`next`](SuppressionPage::next) back as `after` for the following page.
    ///
    /// # Errors
    /// [`BackendError`] of the store.
    pub async fn list(
        &self,
        after: Option<RecordKey>,
        limit: usize,
    ) -> Result<SuppressionPage, BackendError> {
        let limit = limit.clamp(1, RECORDS_LISTED_MAX);
        let mut page = SuppressionPage {
            entries: Vec::new(),
            next: after,
        };
        loop {
            let wanted = limit - page.entries.len();
            let rows = self.records.list(SPACE, page.next.clone(), wanted).await?;
            let is_last = rows.len() < wanted;
            for (key, found) in rows {
                if let Some((recipient, scope)) = record::parts(&key) {
                    page.entries
                        .extend(record::entry(recipient, scope, &found)?);
                }
                page.next = Some(key);
            }
            if is_last {
                page.next = None;
            }
            if is_last || page.entries.len() == limit {
                return Ok(page);
            }
        }
    }

    /// Whether it was stored: not when somebody else was faster.
    async fn put(
        &self,
        key: &RecordKey,
        stored: &Stored,
        expect: Expect,
        until: Option<Timestamp>,
    ) -> Result<bool, BackendError> {
        let value = record::encode(stored)?;
        let put = self
            .records
            .put(SPACE, key.clone(), value, expect, until)
            .await?;
        Ok(matches!(put, Put::Stored { .. }))
    }
}

impl fmt::Debug for Suppression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suppression").finish_non_exhaustive()
    }
}

type Change = Result<(SuppressionEntry, Expect, Added), Added>;

/// What is to be stored when `found` is there; the inner error when nothing is.
fn joined(entry: &SuppressionEntry, found: Option<&Record>) -> Result<Change, BackendError> {
    let Some(found) = found else {
        return Ok(Ok((entry.clone(), Expect::Absent, Added::New)));
    };
    let expect = Expect::Revision(found.revision);
    if let Stored::Lifted { at } = record::decode(found)? {
        return Ok(match entry.since <= at {
            true => Err(Added::Outdated),
            false => Ok((entry.clone(), expect, Added::New)),
        });
    }
    let known = record::entry(entry.recipient, entry.scope.clone(), found)?;
    let Some(known) = known else {
        return Ok(Err(Added::Outdated));
    };
    let both = known.clone().joined(entry.clone());
    Ok(match both == known {
        true => Err(Added::Known),
        false => Ok((both, expect, Added::Joined)),
    })
}

fn contended() -> BackendError {
    BackendError::new(
        BackendErrorKind::Locked,
        "others change the same suppression entry all the time: try again",
    )
}

/// What became of an [`add`](Suppression::add).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Added {
    /// The recipient was not on the list, and is now.
    New,
    /// It was, and the entry says more now.
    Joined,
    /// It was, and the entry said as much or more.
    Known,
    /// Older than the last time it was lifted, or over already: nothing was changed.
    Outdated,
}

/// A page of the [list](Suppression::list).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressionPage {
    /// The entries.
    pub entries: Vec<SuppressionEntry>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<RecordKey>,
}

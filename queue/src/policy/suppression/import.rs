//! Bringing a list from elsewhere.

use tokio::task::JoinSet;

use super::entry::Suppress;
use super::list::{Added, Suppression};
use crate::backend::BackendError;

/// How many entries of an import are on their way at the same time: they share the store's syncs.
const IMPORT_CONCURRENCY: usize = 64;

impl Suppression {
    /// Puts many recipients on the list, as [`add`](Self::add) does; resolves when all are durable. The iterator is read
    /// as fast as the store takes entries, so it may be of any length.
    ///
    /// # Errors
    /// [`ImportError`], with what was done so far. An import may be run again from the start: what is known is only looked
    /// at.
    ///
    /// # Cancel safety
    /// Dropping the future leaves what is on the list by then.
    ///
    /// # Examples
    /// ```
    /// # use queue::policy::{Suppress, Suppression, SuppressionReason, SuppressionSource};
    /// # use queue::testing::TestQueue;
    /// # use queue::{PhoneNumber, SmsJob};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let queue = TestQueue::<SmsJob>::new().await;
    /// # let list = Suppression::new(queue.records()).clock(queue.clock().clone());
    /// let lines = "0712 345 678\nnot a number\n0733 445 566\n0712345678";
    /// let entries = lines.lines().filter_map(|line| line.parse::<PhoneNumber>().ok()).map(|number| {
    ///     Suppress::address("sms", &number, SuppressionReason::OptedOut).source(SuppressionSource::Import)
    /// });
    /// let imported = list.import(entries).await?;
    /// assert_eq!((imported.new, imported.total()), (2, 3));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn import<I>(&self, entries: I) -> Result<Imported, ImportError>
    where
        I: IntoIterator<Item = Suppress>,
    {
        let mut imported = Imported::default();
        let mut entries = entries.into_iter();
        let mut under_way: JoinSet<Result<Added, BackendError>> = JoinSet::new();
        loop {
            if under_way.len() < IMPORT_CONCURRENCY
                && let Some(entry) = entries.next()
            {
                let list = self.clone();
                under_way.spawn(async move { list.add(entry).await });
                continue;
            }
            match under_way.join_next().await {
                None => return Ok(imported),
                Some(Ok(Ok(added))) => imported.count(added),
                Some(Ok(Err(source))) => {
                    // The others are let end, so that what is said to be done is what was done.
                    while let Some(ended) = under_way.join_next().await {
                        if let Ok(Ok(added)) = ended {
                            imported.count(added);
                        }
                    }
                    return Err(ImportError { imported, source });
                }
                // Nothing in an addition panics; if it does, so does this.
                Some(Err(ended)) => {
                    if let Ok(panic) = ended.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    }
                }
            }
        }
    }
}

/// How many entries an import met, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// [`Added::New`].
    pub new: u64,
    /// [`Added::Joined`].
    pub joined: u64,
    /// [`Added::Known`].
    pub known: u64,
    /// [`Added::Outdated`].
    pub outdated: u64,
}

impl Imported {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.new + self.joined + self.known + self.outdated
    }

    fn count(&mut self, added: Added) {
        match added {
            Added::New => self.new += 1,
            Added::Joined => self.joined += 1,
            Added::Known => self.known += 1,
            Added::Outdated => self.outdated += 1,
        }
    }
}

/// An import that the store ended early.
#[derive(Debug, thiserror::Error)]
#[error("the import stopped after {} entries", imported.total())]
pub struct ImportError {
    /// What was done before.
    pub imported: Imported,
    /// Why it stopped.
    pub source: BackendError,
}

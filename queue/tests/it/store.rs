//! Stores of every kind in moved time, and the macro that runs a test on each.

use std::path::PathBuf;
use std::sync::Arc;

use queue::backend::{Backend, Records, SqliteBackend, SqliteOptions};
use queue::clock::ManualClock;
use queue::testing::TestQueue;
use queue::{JobId, SmsJob, State};

#[cfg(feature = "nats")]
use crate::records_elsewhere::RecordsElsewhere;

/// A store, its clock, and where it is kept.
pub(crate) struct Store {
    pub(crate) queue: TestQueue<SmsJob>,
    pub(crate) clock: ManualClock,
    place: Place,
}

enum Place {
    Memory,
    File(tempfile::TempDir),
    #[cfg(feature = "nats")]
    Nats(Arc<RecordsElsewhere>),
}

impl Store {
    pub(crate) async fn in_memory() -> Self {
        let clock = ManualClock::default();
        let backend = open(None, &clock).await;
        Self::over(backend, clock, Place::Memory)
    }

    pub(crate) async fn in_a_file() -> Self {
        let (clock, folder) = (ManualClock::default(), tempfile::tempdir().unwrap());
        let backend = open(Some(folder.path().to_owned()), &clock).await;
        Self::over(backend, clock, Place::File(folder))
    }

    /// Its records are on a real server; its jobs are in memory.
    #[cfg(feature = "nats")]
    pub(crate) async fn on_nats() -> Self {
        let clock = ManualClock::default();
        let backend = Arc::new(RecordsElsewhere::start(&clock).await);
        Self::over(backend.clone(), clock, Place::Nats(backend))
    }

    fn over(backend: Arc<dyn Backend>, clock: ManualClock, place: Place) -> Self {
        Self {
            queue: TestQueue::over(backend, clock.clone()),
            clock,
            place,
        }
    }

    pub(crate) fn is_shared(&self) -> bool {
        !matches!(self.place, Place::Memory)
    }

    pub(crate) fn records(&self) -> Arc<dyn Records> {
        self.queue.records()
    }

    /// The same store, opened by somebody else.
    pub(crate) async fn opened_again(&self) -> Arc<dyn Backend> {
        match &self.place {
            Place::Memory => panic!("a store in memory is nobody else's"),
            Place::File(folder) => open(Some(folder.path().to_owned()), &self.clock).await,
            #[cfg(feature = "nats")]
            Place::Nats(backend) => Arc::new(backend.opened_again().await),
        }
    }

    pub(crate) async fn state(&self, job: JobId) -> State {
        self.queue.job(job).await.unwrap().unwrap().state
    }

    /// Why the job is where it is.
    pub(crate) async fn reason(&self, job: JobId) -> String {
        let view = self.queue.job(job).await.unwrap().unwrap();
        view.reason.unwrap_or_default()
    }
}

async fn open(folder: Option<PathBuf>, clock: &ManualClock) -> Arc<dyn Backend> {
    let options = match folder {
        Some(folder) => SqliteOptions::in_folder(folder),
        None => SqliteOptions::in_memory(),
    };
    let backend = SqliteBackend::open(options.clock(Arc::new(clock.clone())));
    Arc::new(backend.await.unwrap())
}

/// Runs functions of a [`Store`] as tests on every kind of store: `on_each_store!("current_thread": a, b; "multi_thread": c)`.
macro_rules! on_each_store {
    ($($flavor:tt: $($name:ident),+);+ $(;)?) => {
        mod in_memory {
            $($(#[tokio::test(flavor = $flavor)]
            async fn $name() {
                super::$name(crate::store::Store::in_memory().await).await;
            })+)+
        }
        crate::store::on_each_shared_store!($($flavor: $($name),+);+);
    };
}

/// The same on those that several processes may share.
macro_rules! on_each_shared_store {
    ($($flavor:tt: $($name:ident),+);+ $(;)?) => {
        mod in_a_file {
            $($(#[tokio::test(flavor = $flavor)]
            async fn $name() {
                super::$name(crate::store::Store::in_a_file().await).await;
            })+)+
        }
        #[cfg(feature = "nats")]
        mod on_nats {
            $($(#[tokio::test(flavor = $flavor)]
            async fn $name() {
                super::$name(crate::store::Store::on_nats().await).await;
            })+)+
        }
    };
}

pub(crate) use {on_each_shared_store, on_each_store};

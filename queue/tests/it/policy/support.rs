//! Stores in memory and in a file, and short words for SMS jobs.

use std::path::PathBuf;
use std::sync::Arc;

use queue::backend::{Backend, Records, SqliteBackend, SqliteOptions};
use queue::clock::{ManualClock, Timestamp};
use queue::job::{Job, KindInfo};
use queue::policy::{Cap, SpendGuard, SpendGuardBuilder, Zone};
use queue::provider::{Provider, ProviderError, Receipt, SendContext};
use queue::sms::{PhoneNumber, SmsMessage, SmsText};
use queue::testing::TestQueue;
use queue::{JobId, NotificationSms, OtpSms, SmsJob, State};

pub(super) const KENYAN: &str = "+254712345678";
pub(super) const OTHER: &str = "+254733445566";

/// A store, its clock, and where it is kept.
pub(super) struct Store {
    pub(super) queue: TestQueue<SmsJob>,
    pub(super) clock: ManualClock,
    folder: Option<tempfile::TempDir>,
}

impl Store {
    pub(super) async fn in_memory() -> Self {
        let clock = ManualClock::default();
        let queue = TestQueue::over(open(None, &clock).await, clock.clone());
        Self {
            queue,
            clock,
            folder: None,
        }
    }

    pub(super) async fn in_a_file() -> Self {
        let (clock, folder) = (ManualClock::default(), tempfile::tempdir().unwrap());
        let path = folder.path().to_owned();
        let queue = TestQueue::over(open(Some(path), &clock).await, clock.clone());
        Self {
            queue,
            clock,
            folder: Some(folder),
        }
    }

    /// Both, for tests that say the same of each.
    pub(super) async fn both() -> [Self; 2] {
        [Self::in_memory().await, Self::in_a_file().await]
    }

    pub(super) fn is_a_file(&self) -> bool {
        self.folder.is_some()
    }

    pub(super) fn records(&self) -> Arc<dyn Records> {
        self.queue.records()
    }

    /// The same file, opened by somebody else.
    pub(super) async fn opened_again(&self) -> Arc<dyn Backend> {
        let folder = self.folder.as_ref().expect("the store is a file");
        open(Some(folder.path().to_owned()), &self.clock).await
    }

    pub(super) async fn state(&self, job: JobId) -> State {
        self.queue.job(job).await.unwrap().unwrap().state
    }

    /// Why the job is where it is.
    pub(super) async fn reason(&self, job: JobId) -> String {
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

pub(super) fn moment(zone: &str, local: &str) -> Timestamp {
    Zone::named(zone).unwrap().moment(local).unwrap()
}

pub(super) fn number(text: &str) -> PhoneNumber {
    text.parse().unwrap()
}

pub(super) fn message(recipient: &str) -> SmsMessage {
    SmsMessage::new(number(recipient), SmsText::new("Habari").unwrap())
}

pub(super) fn notification(recipient: &str) -> NotificationSms {
    NotificationSms {
        recipient: number(recipient),
        message: "Habari".to_owned(),
    }
}

pub(super) fn otp(recipient: &str, expiry_minutes: u16) -> OtpSms {
    OtpSms {
        recipient: number(recipient),
        code: "482913".parse().unwrap(),
        expiry_minutes,
    }
}

/// The context of a job of this kind, as a worker makes it.
pub(super) fn context(kind: &str) -> SendContext {
    let kind: &KindInfo = SmsJob::KINDS
        .iter()
        .find(|known| known.name == kind)
        .unwrap();
    let mut context = SendContext::new(JobId::new(), std::time::Duration::from_secs(10));
    context.kind = Some(queue::job::Kind::from_static(kind.name));
    context
}

/// The code of what a policy answered.
pub(super) fn code(answer: Result<Receipt, ProviderError>) -> String {
    let error = answer.expect_err("it was sent");
    error.provider_code().unwrap_or("none").to_owned()
}

pub(super) fn guard_builder(store: &Store) -> SpendGuardBuilder {
    SpendGuard::builder(store.records()).clock(store.clock.clone())
}

pub(super) fn guard_of(store: &Store, cap: Cap) -> SpendGuard {
    guard_builder(store)
        .every_country()
        .cap(cap)
        .build()
        .unwrap()
}

/// How many of `count` messages go through.
pub(super) async fn sent<P: Provider<SmsMessage>>(
    provider: &P,
    recipient: &str,
    count: usize,
) -> usize {
    let mut sent = 0;
    for _ in 0..count {
        let answer = provider
            .send(&message(recipient), &context("notification"))
            .await;
        sent += usize::from(answer.is_ok());
    }
    sent
}

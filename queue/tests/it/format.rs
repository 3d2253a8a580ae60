//! Stores written by earlier formats are opened, and nothing in them is lost.
//!
//! `fixtures/format_v1/queue.db` was written by the first format, `format_v2` by the second. Never change them; add a folder
//! for a new format. Each was made by `cargo test -p queue --all-features --test it -- --ignored write_the_fixture`, in a
//! tree of that format.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use queue::State;
use queue::backend::{
    Backend, Charge, ChargeLine, Charged, Delivery, Disposition, Enqueued, Expect, FORMAT_VERSION,
    JobView, ListFilter, Put, RecordKey, Requeued, Settlement, Space, SqliteBackend,
};
use queue::clock::Timestamp;
use queue::job::{
    Idempotency, IdempotencyKey, Kind, Metadata, Priority, RecipientKey, Tenant, UnknownPolicy,
};

use crate::support::{QUEUE, envelope, open, take};

const FAR: i64 = 4_102_444_800_000; // 2100-01-01: the fixture must not age.

const FACTS: Space = Space::new("facts");

fn fixture(version: i64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/format_v{version}"))
}

/// A copy of the store that format `version` left behind, opened by this one.
async fn reopen(version: i64) -> (tempfile::TempDir, Arc<SqliteBackend>) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("queue.db");
    std::fs::copy(fixture(version).join("queue.db"), copy).unwrap();
    let backend = open(folder.path()).await;
    (folder, backend)
}

async fn named(backend: &dyn Backend, name: &str) -> JobView {
    let page = backend.list(ListFilter::new(QUEUE)).await.unwrap();
    let mut jobs = page.jobs.into_iter();
    jobs.find(|job| job.metadata.get("name") == Some(name))
        .unwrap()
}

#[tokio::test]
async fn the_first_format_is_opened_and_goes_on() {
    let (_folder, backend) = reopen(1).await;
    let page = backend.list(ListFilter::new(QUEUE)).await.unwrap();
    assert!(page.jobs.iter().all(|job| job.started_at.is_none()));
    let records = backend.records();
    let put = records.put(FACTS, key("a"), b"1".to_vec(), Expect::Absent, None);
    assert_eq!(put.await.unwrap(), Put::Stored { revision: 1 });
    assert_eq!(what_both_formats_hold(&*backend).await.len(), 2);
}

#[tokio::test]
async fn a_doubt_of_the_first_format_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("queue.db");
    std::fs::copy(fixture(1).join("queue.db"), &copy).unwrap();
    let file = rusqlite::Connection::open(&copy).unwrap();
    // As the first format leaves a job that is tried again after an unknown outcome.
    let changed = file.execute(
        "UPDATE queue_jobs SET in_doubt = 1, attempt = 1, priority = 0, max_attempts = 3 WHERE state = 1",
        [],
    );
    assert_eq!(changed.unwrap(), 1);
    drop(file);
    let backend = open(folder.path()).await;
    let taken = take(&*backend, 1, Duration::ZERO).await.remove(0);
    let doubt = taken.doubt.unwrap();
    assert_eq!((taken.attempt, doubt.attempt), (2, 1));
    assert_eq!(doubt.started_at, taken.envelope.created_at);
}

#[tokio::test]
async fn the_second_format_is_opened_and_goes_on() {
    let (_folder, backend) = reopen(2).await;
    let doubtful = named(&*backend, "doubtful").await;
    let doubt = doubtful.doubt.unwrap();
    assert_eq!((doubtful.state, doubt.attempt), (State::Retrying, 1));
    assert_eq!(Some(doubt.started_at), doubtful.started_at);
    assert_eq!((doubt.last_attempt, doubt.ended_at), (1, doubt.started_at));
    assert_eq!(named(&*backend, "put off").await.state, State::Snoozed);

    let records = backend.records();
    let found = records.get(FACTS, key("a")).await.unwrap().unwrap();
    assert_eq!(
        (found.value.as_slice(), found.revision),
        (b"one".as_slice(), 1)
    );
    let next = records.put(FACTS, key("a"), b"two".to_vec(), Expect::Revision(1), None);
    assert_eq!(next.await.unwrap(), Put::Stored { revision: 2 });
    let over = records.charge(charge("other", 4)).await.unwrap();
    assert!(matches!(over, Charged::Over { line: 0, .. }), "{over:?}");
    assert_eq!(
        records.charge(charge("other", 3)).await.unwrap(),
        Charged::Taken
    );
    // Before the first lease: after it the store looks after itself, and the fixture's records are old.
    let unknown = named(&*backend, "unknown").await.id;
    backend.requeue(unknown).await.unwrap();
    let taken = what_both_formats_hold(&*backend).await;
    assert_eq!(taken.len(), 3);
    let again = taken.iter().find(|taken| taken.envelope.id == unknown);
    let again = again.unwrap();
    let recipient = RecipientKey::new("sms", "+254712345678");
    assert_eq!(again.envelope.recipient, Some(recipient));
    assert_eq!(again.envelope.unknown, UnknownPolicy::Ask);
    assert_eq!(again.doubt, None, "whoever requeued it has decided");
}

fn key(text: &str) -> RecordKey {
    RecordKey::new(text).unwrap()
}

fn charge(token: &str, amount: u64) -> Charge {
    let line = ChargeLine {
        key: key("all"),
        amount,
        cap: Some(10),
        period: Duration::MAX,
    };
    Charge {
        token: key(token),
        lines: vec![line],
        at: Timestamp::from_millis(FAR),
    }
}

/// The jobs of the first format's fixture, which every later one has too, and that work goes on with them.
async fn what_both_formats_hold(backend: &dyn Backend) -> Vec<Delivery> {
    let page = backend.list(ListFilter::new(QUEUE)).await.unwrap();
    let states: BTreeMap<String, State> = page
        .jobs
        .iter()
        .map(|job| (job.metadata.get("name").unwrap().to_owned(), job.state))
        .filter(|(name, _)| !OF_THE_SECOND.contains(&name.as_str()))
        .collect();
    let expected = [
        ("cancelled", State::Cancelled),
        ("completed", State::Completed),
        ("dead", State::Dead),
        ("parked", State::Parked),
        ("ready", State::Ready),
        ("scheduled", State::Scheduled),
    ];
    assert_eq!(
        states,
        expected
            .map(|(name, state)| (name.to_owned(), state))
            .into()
    );
    let of = |name: &str| {
        page.jobs
            .iter()
            .find(|job| job.metadata.get("name") == Some(name))
            .unwrap()
            .clone()
    };

    let ready = of("ready");
    assert_eq!(ready.priority, Priority::High);
    assert_eq!(ready.tenant.map(String::from).as_deref(), Some("acme"));
    assert_eq!(ready.deadline, Some(Timestamp::from_millis(FAR)));
    assert_eq!(
        of("completed").receipt.unwrap().message_id.as_deref(),
        Some("m-1")
    );
    assert_eq!(of("dead").reason.as_deref(), Some("a reason"));

    // Keys hold, the dead can be requeued, work goes on.
    let mut again = envelope();
    let key = IdempotencyKey::new("scheduled-key").unwrap();
    again.idempotency = Some(Idempotency::new(key, Duration::from_secs(60)));
    assert_eq!(
        backend.enqueue(vec![again]).await.unwrap(),
        [Enqueued::Duplicate {
            of: of("scheduled").id
        }]
    );
    assert_eq!(
        backend.requeue(of("dead").id).await.unwrap(),
        Requeued::Requeued
    );
    let taken = take(backend, 10, Duration::ZERO).await;
    assert!(
        taken
            .iter()
            .all(|delivery| delivery.envelope.payload == br#"{"type":"ping"}"#)
    );
    taken
}

/// The jobs that came with the second format's fixture.
const OF_THE_SECOND: [&str; 3] = ["doubtful", "unknown", "put off"];

#[tokio::test]
#[ignore = "writes the fixture; run it once for a new format"]
async fn write_the_fixture() {
    let folder = tempfile::tempdir().unwrap();
    let backend = open(folder.path()).await;
    let names = [
        "completed",
        "dead",
        "parked",
        "cancelled",
        "scheduled",
        "doubtful",
        "unknown",
        "put off",
        "ready",
    ];
    for name in names {
        let mut envelope = envelope();
        let mut metadata = Metadata::new();
        metadata.insert("name", name).unwrap();
        envelope.metadata = metadata;
        let key = IdempotencyKey::new(format!("{name}-key")).unwrap();
        envelope.idempotency = Some(Idempotency::new(key, Duration::from_secs(60)));
        match name {
            "scheduled" => envelope.due_at = Timestamp::from_millis(FAR),
            "parked" => envelope.kind = Kind::from_static("future"),
            "ready" => {
                envelope.priority = Priority::High;
                envelope.tenant = Some(Tenant::new("acme").unwrap());
                envelope.deadline = Some(Timestamp::from_millis(FAR));
            }
            "unknown" => {
                envelope.unknown = UnknownPolicy::Ask;
                envelope.recipient = Some(RecipientKey::new("sms", "+254712345678"));
            }
            "put off" => {
                envelope.recipient = Some(RecipientKey::new("sms", "+254712345679"));
                envelope.due_at = Timestamp::from_millis(0);
            }
            _ => {}
        }
        let id = envelope.id;
        backend.enqueue(vec![envelope]).await.unwrap();
        let disposition = match name {
            "completed" => Disposition::Complete(Some(
                queue::provider::Receipt::new("mock").message_id("m-1"),
            )),
            "dead" => Disposition::Dead {
                reason: "a reason".into(),
            },
            "doubtful" => Disposition::Retry {
                at: Timestamp::from_millis(FAR),
                reason: "a reason".into(),
                in_doubt: true,
            },
            "unknown" => Disposition::Unknown {
                reason: "a reason".into(),
            },
            "put off" => Disposition::Snooze {
                at: Timestamp::from_millis(FAR),
                reason: "a reason".into(),
            },
            "cancelled" => {
                backend.cancel(id).await.unwrap();
                continue;
            }
            "parked" => {
                assert!(take(&*backend, 1, Duration::ZERO).await.is_empty());
                continue;
            }
            _ => continue,
        };
        let lease = take(&*backend, 1, Duration::ZERO).await[0].lease;
        backend
            .settle(vec![Settlement { lease, disposition }])
            .await
            .unwrap();
    }
    let records = backend.records();
    let put = records.put(FACTS, key("a"), b"one".to_vec(), Expect::Absent, None);
    put.await.unwrap();
    records.charge(charge("job", 7)).await.unwrap();
    backend.close().await.unwrap();
    let target = fixture(FORMAT_VERSION);
    std::fs::create_dir_all(&target).unwrap();
    std::fs::copy(folder.path().join("queue.db"), target.join("queue.db")).unwrap();
}

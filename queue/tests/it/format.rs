//! Stores written by earlier formats are opened, and nothing in them is lost.
//!
//! `fixtures/format_v1/queue.db` was written by the first released format. Never change it; add a folder for a new format.
//! It was made by `cargo test -p queue --all-features --test it -- --ignored write_the_fixture`, in a tree of that format.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use queue::State;
use queue::backend::{Backend, Disposition, Enqueued, ListFilter, Requeued, Settlement};
use queue::clock::Timestamp;
use queue::job::{Idempotency, IdempotencyKey, Kind, Metadata, Priority, Tenant};

use crate::support::{QUEUE, envelope, open, take};

const FAR: i64 = 4_102_444_800_000; // 2100-01-01: the fixture must not age.

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format_v1")
}

#[tokio::test]
async fn the_first_format_is_opened_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(fixture().join("queue.db"), folder.path().join("queue.db")).unwrap();
    let backend = open(folder.path()).await;
    let page = backend.list(ListFilter::new(QUEUE)).await.unwrap();
    let states: BTreeMap<String, State> = page
        .jobs
        .iter()
        .map(|job| (job.metadata.get("name").unwrap().to_owned(), job.state))
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
    let taken = take(&*backend, 10, Duration::ZERO).await;
    assert_eq!(taken.len(), 2);
    assert!(
        taken
            .iter()
            .all(|delivery| delivery.envelope.payload == br#"{"type":"ping"}"#)
    );
}

#[tokio::test]
#[ignore = "writes the fixture; run it once for a new format"]
async fn write_the_fixture() {
    let folder = tempfile::tempdir().unwrap();
    let backend = open(folder.path()).await;
    for name in [
        "completed",
        "dead",
        "parked",
        "cancelled",
        "scheduled",
        "ready",
    ] {
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
    backend.close().await.unwrap();
    std::fs::copy(folder.path().join("queue.db"), fixture().join("queue.db")).unwrap();
}

//! Records of a `file:` store: they survive, are shared by all processes, and go when their time is over.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use queue::backend::{
    Backend, BackendErrorKind, CHARGE_AGE, Charge, ChargeLine, Charged, Expect, Put, RecordKey,
    Space, SqliteBackend, SqliteOptions,
};
use queue::clock::{Clock, ManualClock};
use queue::testing::fault::{FaultyBackend, StoreCall, StoreFault};

use crate::support::open;

const FACTS: Space = Space::new("facts");
const HOUR: Duration = Duration::from_secs(3600);

fn key(text: &str) -> RecordKey {
    RecordKey::new(text).unwrap()
}

fn charge(token: &str, amount: u64, clock: &dyn Clock) -> Charge {
    let line = ChargeLine {
        key: key("all"),
        amount,
        cap: Some(10),
        period: Duration::MAX,
    };
    Charge {
        token: key(token),
        lines: vec![line],
        at: clock.now(),
    }
}

async fn open_at(folder: &Path, clock: &ManualClock) -> SqliteBackend {
    let options = SqliteOptions::in_folder(folder).clock(Arc::new(clock.clone()));
    SqliteBackend::open(options).await.unwrap()
}

/// How many rows the tables hold: records, counters, charges, limits.
fn rows(folder: &Path) -> [i64; 4] {
    let file = rusqlite::Connection::open(folder.join("queue.db")).unwrap();
    [
        "queue_records",
        "queue_counters",
        "queue_charges",
        "queue_limits",
    ]
    .map(|table| {
        file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
            row.get(0)
        })
        .unwrap()
    })
}

#[tokio::test]
async fn they_survive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let backend = open_at(folder.path(), &clock).await;
    let records = backend.records();
    let value = b"kept".to_vec();
    let put = records.put(FACTS, key("a"), value, Expect::Absent, None);
    let Put::Stored { revision } = put.await.unwrap() else {
        panic!("nothing is there");
    };
    let charged = records.charge(charge("job", 7, &clock)).await.unwrap();
    assert_eq!(charged, Charged::Taken);
    // Not closed, only left: what was answered was durable by then.
    drop((backend, records));
    let records = open_at(folder.path(), &clock).await.records();
    let found = records.get(FACTS, key("a")).await.unwrap().unwrap();
    assert_eq!(
        (found.value.as_slice(), found.revision),
        (b"kept".as_slice(), revision)
    );
    let again = records.charge(charge("job", 7, &clock)).await.unwrap();
    assert_eq!(again, Charged::AlreadyTaken);
    let over = records.charge(charge("other", 4, &clock)).await.unwrap();
    assert!(matches!(over, Charged::Over { line: 0, .. }));
    let next = records.put(FACTS, key("b"), Vec::new(), Expect::Any, None);
    assert_eq!(
        next.await.unwrap(),
        Put::Stored {
            revision: revision + 1
        },
        "revisions go on where they were"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_share_caps_and_revisions() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let mut calls = Vec::new();
    for process in 0..4 {
        let records = open_at(folder.path(), &clock).await.records();
        let clock = clock.clone();
        calls.push(tokio::spawn(async move {
            let mut won = [0, 0];
            for n in 0..10 {
                let one = charge(&format!("{process}/{n}"), 1, &clock);
                won[0] += usize::from(records.charge(one).await.unwrap() == Charged::Taken);
                let name = key(&format!("turn {n}"));
                let put = records.put(FACTS, name, Vec::new(), Expect::Absent, None);
                won[1] += usize::from(put.await.unwrap() != Put::Conflict);
            }
            won
        }));
    }
    let mut won = [0, 0];
    for call in calls {
        let of_one = call.await.unwrap();
        won = [won[0] + of_one[0], won[1] + of_one[1]];
    }
    assert_eq!(won, [10, 10], "the cap is 10, and each turn has one winner");
}

#[tokio::test]
async fn what_is_over_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let backend = open_at(folder.path(), &clock).await;
    let records = backend.records();
    let brief = Some(clock.now().saturating_add(HOUR));
    for n in 0..20 {
        let name = key(&format!("{n}"));
        let expires_at = if n < 15 { brief } else { None };
        let put = records.put(FACTS, name, b"1".to_vec(), Expect::Any, expires_at);
        put.await.unwrap();
        let mut one = charge(&format!("job {n}"), 1, &clock);
        one.lines[0].cap = None;
        one.lines[0].period = HOUR;
        records.charge(one).await.unwrap();
    }
    assert_eq!(rows(folder.path()), [20, 1, 20, 0]);
    clock.advance(HOUR + CHARGE_AGE);
    // The store looks after itself once a second of real time.
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if rows(folder.path()) == [5, 0, 0, 0] {
            return;
        }
    }
    panic!("left after 10 s: {:?}", rows(folder.path()));
}

#[tokio::test]
async fn a_closed_store_refuses_its_records_too() {
    let folder = tempfile::tempdir().unwrap();
    let backend = open(folder.path()).await;
    let records = backend.records();
    backend.close().await.unwrap();
    let read = records.get(FACTS, key("a")).await.unwrap_err();
    let written = records.remove(FACTS, key("a")).await.unwrap_err();
    assert_eq!(read.kind(), BackendErrorKind::Closed);
    assert_eq!(written.kind(), BackendErrorKind::Closed);
}

#[tokio::test]
async fn a_store_that_fails_on_demand_fails_its_records_too() {
    let clock = ManualClock::default();
    let store = FaultyBackend::in_memory(&clock).await;
    let records = store.records();
    let full = BackendErrorKind::Full;
    store.fail(StoreCall::Record, 1, StoreFault::Refuse(full));
    let refused = records.charge(charge("job", 1, &clock)).await.unwrap_err();
    assert_eq!(refused.kind(), full);
    // Done, and answered as if it were not: asking again is safe, because a token is charged once.
    store.fail(StoreCall::Record, 1, StoreFault::RefuseAfter(full));
    records.charge(charge("job", 1, &clock)).await.unwrap_err();
    let again = records.charge(charge("job", 1, &clock)).await.unwrap();
    assert_eq!(again, Charged::AlreadyTaken);
    store.fail(StoreCall::Read, 1, StoreFault::Refuse(full));
    assert!(records.get(FACTS, key("a")).await.is_err());
    assert_eq!(store.calls(StoreCall::Record), 3);
}

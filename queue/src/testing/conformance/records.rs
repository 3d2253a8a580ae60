//! Records beside the jobs: facts by compare-and-set.

use std::time::Duration;

use super::Subject;
use crate::backend::{
    BackendErrorKind, Expect, Put, RECORD_BYTES_MAX, Record, RecordKey, Records, Space,
};
use crate::clock::{Clock, Timestamp};

const FACTS: Space = Space::new("facts");
const OTHERS: Space = Space::new("others");

pub(super) fn key(text: &str) -> RecordKey {
    RecordKey::new(text).expect("the promises use good keys")
}

async fn get(records: &dyn Records, space: Space, name: &str) -> Option<Record> {
    records.get(space, key(name)).await.expect("get works")
}

async fn put(records: &dyn Records, name: &str, value: &str, expect: Expect) -> Put {
    let value = value.as_bytes().to_vec();
    records
        .put(FACTS, key(name), value, expect, None)
        .await
        .expect("put works")
}

fn revision(put: Put) -> u64 {
    match put {
        Put::Stored { revision } => revision,
        Put::Conflict => panic!("the record is as expected"),
    }
}

pub(super) async fn a_record_is_replaced_by_compare_and_set(subject: Subject) {
    let records = subject.backend.records();
    let name = "+254712345678 é";
    assert_eq!(get(&*records, FACTS, name).await, None);
    let first = revision(put(&*records, name, "one", Expect::Absent).await);
    assert_eq!(
        put(&*records, name, "two", Expect::Absent).await,
        Put::Conflict
    );
    let second = revision(put(&*records, name, "two", Expect::Revision(first)).await);
    assert_ne!(first, second);
    assert_eq!(
        put(&*records, name, "late", Expect::Revision(first)).await,
        Put::Conflict
    );
    // Another handle sees the same, and so does this one: what `put` answered is readable at once.
    let found = get(&*subject.backend.records(), FACTS, name).await;
    let found = found.expect("the record is there");
    assert_eq!(
        (found.value.as_slice(), found.revision, found.expires_at),
        (b"two".as_slice(), second, None)
    );
    assert_eq!(
        get(&*records, OTHERS, name).await,
        None,
        "spaces don't share keys"
    );
    revision(put(&*records, name, "", Expect::Any).await);
    let found = get(&*records, FACTS, name).await.expect("an empty value");
    assert!(found.value.is_empty());
}

pub(super) async fn a_revision_never_comes_back(subject: Subject) {
    let records = subject.backend.records();
    let first = revision(put(&*records, "a", "one", Expect::Any).await);
    assert!(records.remove(FACTS, key("a")).await.expect("remove works"));
    assert!(!records.remove(FACTS, key("a")).await.expect("remove works"));
    assert_eq!(
        put(&*records, "a", "x", Expect::Revision(first)).await,
        Put::Conflict
    );
    let second = revision(put(&*records, "a", "one", Expect::Absent).await);
    assert_ne!(first, second);
    assert_eq!(
        put(&*records, "a", "x", Expect::Revision(first)).await,
        Put::Conflict
    );
}

pub(super) async fn records_expire(subject: Subject) {
    let records = subject.backend.records();
    let at = subject.clock.now().saturating_add(Duration::from_secs(60));
    let put_until = |expires_at: Option<Timestamp>| {
        records.put(
            FACTS,
            key("brief"),
            b"1".to_vec(),
            Expect::Absent,
            expires_at,
        )
    };
    let stored = revision(put_until(Some(at)).await.expect("put works"));
    put(&*records, "lasting", "1", Expect::Any).await;
    subject.skip(Duration::from_secs(59));
    let found = get(&*records, FACTS, "brief").await.expect("not yet");
    assert_eq!(found.expires_at, Some(at));
    subject.skip(Duration::from_secs(1));
    assert_eq!(get(&*records, FACTS, "brief").await, None);
    let listed = records.list(FACTS, None, 10).await.expect("list works");
    assert_eq!(listed.len(), 1);
    assert!(
        !records
            .remove(FACTS, key("brief"))
            .await
            .expect("remove works")
    );
    // It is absent for a put as well, and the new one has its own end.
    assert_ne!(stored, revision(put_until(None).await.expect("put works")));
    subject.skip(Duration::from_secs(3600));
    assert!(get(&*records, FACTS, "brief").await.is_some());
}

pub(super) async fn records_are_listed_in_the_order_of_their_keys(subject: Subject) {
    let records = subject.backend.records();
    // The order is that of the bytes: upper case before lower case, `é` after all ASCII.
    let names = ["+254 1", "A", "a", "a/b", "aa", "b", "é"];
    for name in [3, 0, 6, 2, 5, 1, 4] {
        put(&*records, names[name], names[name], Expect::Any).await;
    }
    records
        .put(OTHERS, key("a"), Vec::new(), Expect::Any, None)
        .await
        .expect("put works");
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = records
            .list(FACTS, after.clone(), 3)
            .await
            .expect("list works");
        assert!(page.len() <= 3);
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        for (key, record) in page {
            assert_eq!(key.as_str().as_bytes(), record.value);
            seen.push(key.as_str().to_owned());
        }
    }
    assert_eq!(seen, names);
    let from_between = records.list(FACTS, Some(key("a/")), 0).await;
    let from_between = from_between.expect("list works");
    assert_eq!(from_between.len(), 1, "a limit of nothing counts as one");
    assert_eq!(from_between[0].0, key("a/b"));
}

pub(super) async fn a_record_over_the_limit_is_refused(subject: Subject) {
    let records = subject.backend.records();
    for (bytes, fits) in [(RECORD_BYTES_MAX, true), (RECORD_BYTES_MAX + 1, false)] {
        let value = vec![7; bytes];
        let stored = records
            .put(FACTS, key("large"), value.clone(), Expect::Any, None)
            .await;
        match stored {
            Ok(_) => assert!(fits),
            Err(error) => {
                assert!(!fits);
                assert_eq!(error.kind(), BackendErrorKind::RecordTooLarge);
            }
        }
        let found = get(&*records, FACTS, "large").await.expect("a record");
        assert_eq!(found.value.len(), RECORD_BYTES_MAX);
    }
}

pub(super) async fn of_many_who_put_at_once_one_wins(subject: Subject) {
    let mut last = None;
    for round in 0..5 {
        let expect = last.map_or(Expect::Absent, Expect::Revision);
        let puts: Vec<_> = (0..8)
            .map(|_| {
                let records = subject.backend.records();
                tokio::spawn(async move { put(&*records, "turn", "x", expect).await })
            })
            .collect();
        let mut won = Vec::new();
        for put in puts {
            if let Put::Stored { revision } = put.await.expect("no panic") {
                won.push(revision);
            }
        }
        assert_eq!(won.len(), 1, "round {round}");
        last = won.pop();
    }
}

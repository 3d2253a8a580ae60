//! Several processes on one file. Two handles in one process stand for two processes: they share nothing but the file.

use std::time::{Duration, Instant};

use queue::State;
use queue::backend::{Backend, Disposition, Enqueued, EventKind, Settlement};
use queue::job::{Idempotency, IdempotencyKey};

use crate::support::{QUEUE, envelope, open, put, take};

const LONG: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_hears_of_jobs_from_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let (api, worker) = (open(folder.path()).await, open(folder.path()).await);
    let waiter = tokio::spawn(async move { take(&*worker, 1, LONG).await });
    tokio::time::sleep(Duration::from_millis(150)).await;
    let start = Instant::now();
    let id = put(&*api).await;
    assert_eq!(waiter.await.unwrap()[0].envelope.id, id);
    // The time is printed, not asserted: it must come by the short poll, far below the wait.
    println!("heard after {:?}", start.elapsed());
    assert!(start.elapsed() < LONG / 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_of_a_dead_process_are_recovered_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let survivor = open(folder.path()).await;
    let mut events = survivor.subscribe();
    let id = {
        let victim = open(folder.path()).await;
        let id = put(&*victim).await;
        assert_eq!(take(&*victim, 1, Duration::ZERO).await.len(), 1);
        id
        // It ends with a job under lease, as a killed process does: its lock goes, its lease stays.
    };
    let again = take(&*survivor, 1, LONG).await;
    assert_eq!((again[0].envelope.id, again[0].attempt), (id, 2));
    let recovered = events.next().await.unwrap().unwrap();
    assert_eq!(
        (recovered.name, recovered.job, recovered.attempt),
        (EventKind::Recovered, id, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_admits_one_job_over_all_processes() {
    let folder = tempfile::tempdir().unwrap();
    let mut calls = Vec::new();
    for _ in 0..4 {
        let backend = open(folder.path()).await;
        for _ in 0..8 {
            let backend = backend.clone();
            calls.push(tokio::spawn(async move {
                let mut accepted = Vec::new();
                for n in 0..20 {
                    let mut envelope = envelope();
                    let id = envelope.id;
                    let key = IdempotencyKey::new(format!("key {n}")).unwrap();
                    envelope.idempotency = Some(Idempotency::new(key, LONG));
                    match backend.enqueue(vec![envelope]).await.unwrap()[0] {
                        Enqueued::Accepted => accepted.push((n, id, true)),
                        Enqueued::Duplicate { of } => accepted.push((n, of, false)),
                    }
                }
                accepted
            }));
        }
    }
    let mut answers = Vec::new();
    for call in calls {
        answers.extend(call.await.unwrap());
    }
    for n in 0..20 {
        let of_key: Vec<_> = answers.iter().filter(|(key, ..)| *key == n).collect();
        assert_eq!(
            of_key.iter().filter(|(.., accepted)| *accepted).count(),
            1,
            "key {n}"
        );
        assert!(
            of_key.iter().all(|(_, id, _)| *id == of_key[0].1),
            "key {n}: all are told the winner"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_survives_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let (done, ready, paused) = {
        let backend = open(folder.path()).await;
        let done = put(&*backend).await;
        let delivery = take(&*backend, 1, Duration::ZERO).await.remove(0);
        let settlement = Settlement {
            lease: delivery.lease,
            disposition: Disposition::Complete(None),
        };
        backend.settle(vec![settlement]).await.unwrap();
        let ready = put(&*backend).await;
        backend.pause(QUEUE.to_owned()).await.unwrap();
        backend.close().await.unwrap();
        (done, ready, true)
    };
    let backend = open(folder.path()).await;
    assert_eq!(
        backend.job(done).await.unwrap().unwrap().state,
        State::Completed
    );
    assert_eq!(
        backend.job(ready).await.unwrap().unwrap().state,
        State::Ready
    );
    assert_eq!(
        backend.stats(QUEUE.to_owned()).await.unwrap().paused,
        paused
    );
    assert!(take(&*backend, 1, Duration::ZERO).await.is_empty());
    backend.resume(QUEUE.to_owned()).await.unwrap();
    assert_eq!(
        take(&*backend, 1, Duration::ZERO).await[0].envelope.id,
        ready
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_wiped_body_stays_in_the_files() {
    const CANARY: &[u8] = b"canary-4711-0712345678";
    let folder = tempfile::tempdir().unwrap();
    let backend = open(folder.path()).await;
    for _ in 0..50 {
        let mut envelope = envelope();
        envelope.payload = [br#"{"type":"ping","text":""#, CANARY, br#""}"#].concat();
        backend.enqueue(vec![envelope]).await.unwrap();
    }
    let found = |folder: &std::path::Path| {
        let files = std::fs::read_dir(folder)
            .unwrap()
            .flatten()
            .filter(|entry| entry.path().is_file());
        files
            .filter(|file| {
                std::fs::read(file.path())
                    .unwrap()
                    .windows(CANARY.len())
                    .any(|window| window == CANARY)
            })
            .count()
    };
    assert!(found(folder.path()) > 0, "the search finds what is there");
    for delivery in take(&*backend, 50, Duration::ZERO).await {
        let settlement = Settlement {
            lease: delivery.lease,
            disposition: Disposition::Complete(None),
        };
        backend.settle(vec![settlement]).await.unwrap();
    }
    backend.close().await.unwrap();
    assert_eq!(found(folder.path()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_worker_without_a_trace_are_recovered() {
    let folder = tempfile::tempdir().unwrap();
    let id = {
        let victim = open(folder.path()).await;
        let id = put(&*victim).await;
        assert_eq!(take(&*victim, 1, Duration::ZERO).await.len(), 1);
        id
    };
    // As after restoring a copy of the database alone, or a power cut that lost the folder.
    std::fs::remove_dir_all(folder.path().join("workers")).unwrap();
    let survivor = open(folder.path()).await;
    let again = take(&*survivor, 1, LONG).await;
    assert_eq!((again[0].envelope.id, again[0].attempt), (id, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_leaves_one_database_file_and_answers_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let backend = open(folder.path()).await;
    let id = put(&*backend).await;
    backend.close().await.unwrap();
    let error = backend.job(id).await.expect_err("the store is closed");
    assert_eq!(error.kind(), queue::backend::BackendErrorKind::Closed);
    let names = std::fs::read_dir(folder.path())
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name());
    let logs: Vec<_> = names
        .filter(|name| name.to_string_lossy().contains("-wal"))
        .collect();
    assert!(logs.is_empty(), "{logs:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_store_belongs_to_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue");
    open(&path).await.close().await.unwrap();
    assert_eq!(
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

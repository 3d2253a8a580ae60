//! A store that can't be used says which fault it is and what to do; one that is full goes on when there is room.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use queue::backend::{
    Backend, BackendError, BackendErrorKind, Disposition, Settled, Settlement, SqliteBackend,
    SqliteOptions,
};

use crate::support::{envelope, open, put, take};

async fn refusal(folder: &Path) -> BackendError {
    SqliteBackend::open(SqliteOptions::in_folder(folder))
        .await
        .expect_err("the store can't be opened")
}

#[tokio::test]
async fn a_folder_that_is_a_file_is_inaccessible() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue");
    fs::write(&path, "I am a file").unwrap();
    let error = refusal(&path).await;
    assert_eq!(error.kind(), BackendErrorKind::Inaccessible);
    assert!(error.to_string().contains("must be a folder"), "{error}");
    assert!(error.source().is_some());
}

#[tokio::test]
async fn a_file_that_is_no_store_is_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("queue.db"),
        "not a database, ".repeat(512),
    )
    .unwrap();
    let error = refusal(folder.path()).await;
    assert_eq!(error.kind(), BackendErrorKind::Corrupt);
    assert!(error.to_string().contains("recover"), "{error}");
}

#[tokio::test]
async fn a_damaged_store_is_corrupt_and_not_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let backend = open(folder.path()).await;
    for _ in 0..200 {
        put(&*backend).await;
    }
    backend.close().await.unwrap();
    let path = folder.path().join("queue.db");
    let mut bytes = fs::read(&path).unwrap();
    // All but the first page, which names the tables.
    bytes[4096..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let error = match SqliteBackend::open(SqliteOptions::in_folder(folder.path())).await {
        Err(error) => error,
        Ok(backend) => backend
            .enqueue(vec![envelope()])
            .await
            .expect_err("the damage is found"),
    };
    assert_eq!(error.kind(), BackendErrorKind::Corrupt);
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).await.close().await.unwrap();
    let path = folder.path().join("queue.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute("UPDATE queue_format SET version = 99", [])
        .unwrap();
    let error = refusal(folder.path()).await;
    assert_eq!(error.kind(), BackendErrorKind::NewerFormat);
    assert!(
        error.to_string().contains("format 99") && error.to_string().contains("update"),
        "{error}"
    );
}

#[tokio::test]
async fn a_store_that_another_process_keeps_locked_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let backend = open(folder.path()).await;
    put(&*backend).await;
    let other = rusqlite::Connection::open(folder.path().join("queue.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = backend
        .enqueue(vec![envelope()])
        .await
        .expect_err("the store is locked");
    assert_eq!(error.kind(), BackendErrorKind::Locked);
    assert!(error.is_retryable());
    other.execute_batch("ROLLBACK").unwrap();
    put(&*backend).await;
}

#[tokio::test]
async fn the_tables_of_a_host_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let host = rusqlite::Connection::open(&path).unwrap();
    host.execute_batch(
        "PRAGMA user_version = 7; CREATE TABLE orders (id INTEGER); INSERT INTO orders VALUES (1);",
    )
    .unwrap();
    let backend = open(folder.path()).await;
    put(&*backend).await;
    backend.close().await.unwrap();
    assert_eq!(
        host.query_row("SELECT id FROM orders", [], |row| row.get(0)),
        Ok(1)
    );
    assert_eq!(
        host.query_row("PRAGMA user_version", [], |row| row.get(0)),
        Ok(7)
    );
    let foreign: i64 = host
        .query_row(
            "SELECT count(*) FROM sqlite_master
             WHERE name NOT LIKE 'queue\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(foreign, 1);
}

/// A real, small file system; needs root, as a machine for checks has.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"])
            .arg(folder.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder)),
            _ => {
                println!("SKIPPED: mounting a small disk needs root");
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).output();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_jobs_drains_and_resumes_unaided() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let backend = open(&disk.0.path().join("queue")).await;
    let mut accepted = 0_usize;
    let error = loop {
        let mut large = envelope();
        large.payload =
            format!(r#"{{"type":"ping","text":"{}"}}"#, "x".repeat(16_000)).into_bytes();
        match backend.enqueue(vec![large]).await {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert!(accepted > 10, "{accepted}");
    assert_eq!(error.kind(), BackendErrorKind::Full);
    assert!(error.retry_after().is_some());

    // Workers go on: what was acknowledged is all there and can be settled. The first writes may have to wait for the log to
    // be folded away.
    let mut drained = 0;
    for _ in 0..2000 {
        let Ok(deliveries) = tokio::time::timeout(Duration::from_secs(5), try_take(&backend)).await
        else {
            break;
        };
        for delivery in deliveries {
            let settlement = Settlement {
                lease: delivery.lease,
                disposition: Disposition::Complete(None),
            };
            if backend
                .settle(vec![settlement])
                .await
                .is_ok_and(|settled| settled == [Settled::Recorded])
            {
                drained += 1;
            }
        }
        if drained == accepted {
            break;
        }
    }
    assert_eq!(drained, accepted, "workers drain a full store");
    // There is room inside the store again, though the disk is as full as before; then on the disk too.
    resumes(&backend).await;
}

/// The store looks for room once a second, in real time.
async fn resumes(backend: &SqliteBackend) {
    for _ in 0..2000 {
        if backend.enqueue(vec![envelope()]).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("enqueueing does not resume");
}

#[tokio::test]
async fn a_disk_that_others_filled_and_freed_is_used_again() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let backend = open(&disk.0.path().join("queue")).await;
    put(&*backend).await;
    let filler = disk.0.path().join("filler");
    let filled = fs::write(&filler, vec![1; 32 * 1024 * 1024]);
    assert!(filled.is_err(), "the disk is full");
    let mut refusals = 0;
    for _ in 0..2000 {
        if let Err(error) = backend.enqueue(vec![envelope()]).await {
            assert_eq!(error.kind(), BackendErrorKind::Full);
            refusals += 1;
        }
    }
    assert!(refusals > 0);
    assert_eq!(try_take(&backend).await.len(), 1, "workers go on");
    fs::remove_file(filler).unwrap();
    resumes(&backend).await;
}

async fn try_take(backend: &SqliteBackend) -> Vec<queue::backend::Delivery> {
    let request = queue::backend::LeaseRequest {
        queue: crate::support::QUEUE,
        kinds: crate::support::KINDS,
        max: 1,
        max_by_priority: [1; 4],
        visibility: crate::support::VISIBILITY,
        wait: Duration::ZERO,
        rate_limit: None,
        limits: Vec::new(),
    };
    backend.lease(request).await.unwrap_or_default()
}

#[tokio::test]
async fn a_store_that_vanishes_under_the_writer_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue");
    let backend = open(&path).await;
    put(&*backend).await;
    fs::remove_dir_all(&path).unwrap();
    // Whether SQLite notices is its affair; that the call answers is ours.
    let _ = backend.enqueue(vec![envelope()]).await;
    let _ = take(&*backend, 1, Duration::ZERO).await;
    let _ = backend.close().await;
}

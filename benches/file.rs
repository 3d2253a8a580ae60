//! How fast is `file:`? Durable enqueues beside a bare group-commit log, and a durable drain (start and outcome recorded)
//! beside bare SQLite, in the same run.
//!
//! `cargo bench -p queue-benches --bench file`, or one part of it: `-- one`, `-- many`, `-- bulk`, `-- drain`

use std::sync::Arc;
use std::time::Duration;

use queue::backend::{
    Backend, Disposition, LeaseRequest, Settlement, SqliteBackend, SqliteOptions,
};
use queue::clock::{Clock, SystemClock};
use queue::job::{Envelope, Kind};
use queue_benches::file_log::FileLog;
use queue_benches::load::{KINDS, each};
use queue_benches::report::{Round, heading, line, round};
use queue_benches::sqlite;

const QUEUE: &str = "bench";
const ROUNDS: usize = 3;
const CALLERS: u64 = 64;

#[tokio::main]
async fn main() {
    let part = std::env::args()
        .nth(1)
        .filter(|part| !part.starts_with('-'));
    let wanted = |name: &str| part.as_deref().is_none_or(|part| part == name);
    if wanted("one") {
        heading("enqueue, one caller waits for each sync");
        let one = compare(1, 3_000).await;
        line("file log, 1 caller (the ceiling)", &one.0, None);
        line("queue, 1 caller", &one.1, Some(&one.0));
    }
    if wanted("many") {
        heading("enqueue, each of 64 callers waits for its own sync");
        let many = compare(CALLERS, 60_000).await;
        line("file log, 64 callers (the ceiling)", &many.0, None);
        line("queue, 64 callers", &many.1, Some(&many.0));
    }
    if wanted("bulk") {
        heading("enqueue, one caller, 1000 jobs in a call");
        let bulk = bulk().await;
        line("file log, 64 callers (for comparison)", &bulk.0, None);
        line("queue, bulk of 1000", &bulk.1, Some(&bulk.0));
    }
    if wanted("drain") {
        drains().await;
    }
}

/// Whole batches, each waiting for its one sync, beside the log with its 64 callers.
async fn bulk() -> (Vec<Round>, Vec<Round>) {
    let (mut logs, mut queues) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        logs.push(log(CALLERS, 60_000).await);
        let folder = tempfile::tempdir().expect("a folder");
        let backend = open(&folder).await;
        queues.push(round(fill(&backend, 100_000)).await);
    }
    (logs, queues)
}

async fn drains() {
    heading("drain, start and outcome durable, 64 at a time");
    let churn = repeat(|| async {
        let folder = tempfile::tempdir().expect("a folder");
        round(async { sqlite::churn(folder.path(), 10_000, 100_000) }).await
    })
    .await;
    line("bare SQLite, 32 in and 32 out (the ceiling)", &churn, None);
    for backlog in [1_000, 100_000] {
        let drain = repeat(|| async move {
            let folder = tempfile::tempdir().expect("a folder");
            let backend = open(&folder).await;
            fill(&backend, backlog).await;
            round(drain(backend, backlog)).await
        })
        .await;
        line(
            &format!("queue, backlog of {backlog}"),
            &drain,
            Some(&churn),
        );
    }
}

/// The log and the queue in turn, so that a slow minute of the machine hits both.
async fn compare(callers: u64, jobs: u64) -> (Vec<Round>, Vec<Round>) {
    let (mut logs, mut queues) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        logs.push(log(callers, jobs).await);
        let folder = tempfile::tempdir().expect("a folder");
        let backend = open(&folder).await;
        queues.push(
            round(each(callers, jobs, move || {
                let backend = backend.clone();
                async move { drop(backend.enqueue(vec![envelope()]).await.expect("enqueue")) }
            }))
            .await,
        );
    }
    (logs, queues)
}

async fn log(callers: u64, jobs: u64) -> Round {
    let folder = tempfile::tempdir().expect("a folder");
    let log = FileLog::open(folder.path());
    round(each(callers, jobs, move || {
        let log = log.clone();
        async move { log.append(vec![b'x'; 250]).await }
    }))
    .await
}

async fn drain(backend: Arc<SqliteBackend>, jobs: u64) -> u64 {
    let mut done = 0;
    while done < jobs {
        let request = LeaseRequest {
            queue: QUEUE,
            kinds: KINDS,
            max: CALLERS as usize,
            max_by_priority: [CALLERS as usize; 4],
            visibility: Duration::from_secs(30),
            wait: Duration::from_secs(5),
            rate_limit: None,
            limits: Vec::new(),
        };
        let deliveries = backend.lease(request).await.expect("lease");
        done += deliveries.len() as u64;
        let batch = deliveries
            .into_iter()
            .map(|delivery| Settlement {
                lease: delivery.lease,
                disposition: Disposition::Complete(None),
            })
            .collect();
        backend.settle(batch).await.expect("settle");
    }
    done
}

async fn fill(backend: &SqliteBackend, jobs: u64) -> u64 {
    for _ in 0..jobs / 1000 {
        backend
            .enqueue((0..1000).map(|_| envelope()).collect())
            .await
            .expect("enqueue");
    }
    jobs
}

async fn open(folder: &tempfile::TempDir) -> Arc<SqliteBackend> {
    let options = SqliteOptions::in_folder(folder.path().join("queue"));
    Arc::new(SqliteBackend::open(options).await.expect("the store opens"))
}

fn envelope() -> Envelope {
    let payload = format!(r#"{{"type":"ping","text":"{}"}}"#, "x".repeat(180)).into_bytes();
    Envelope::new(
        QUEUE,
        Kind::from_static("ping"),
        1,
        payload,
        SystemClock::default().now(),
    )
}

async fn repeat<F, Fut>(measure: F) -> Vec<Round>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Round>,
{
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(measure().await);
    }
    rounds
}

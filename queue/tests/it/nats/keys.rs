//! One job for each key, whatever happens between the two publishes that store them.

use std::sync::Arc;
use std::time::Duration;

use queue::backend::{Backend, Enqueued, JetStreamBackend, JetStreamOptions};
use queue::job::{Envelope, Idempotency, IdempotencyKey, JobId};
use queue::testing::nats_server::NatsServer;
use queue::{Queue, SmsJob};

use super::proxy::Proxy;
use super::support::{Ledger, message, open, until};

/// What the client says when it stores a job that is ready.
const JOB: &[u8] = b"HPUB sms.send.";

async fn backend(url: String) -> Arc<JetStreamBackend> {
    let backend = JetStreamBackend::open(JetStreamOptions::at(url)).await;
    let backend = backend.unwrap();
    backend.prepare("sms").await.unwrap();
    Arc::new(backend)
}

/// A job that any worker of the queue can run.
async fn envelope(key: &str) -> Envelope {
    let job = SmsJob::Notification(message("x"));
    let memory = Queue::<SmsJob>::open("memory:").await.unwrap();
    memory.enqueue(job).await.unwrap();
    let lease = queue::backend::LeaseRequest {
        queue: "sms",
        kinds: <SmsJob as queue::Job>::KINDS,
        max: 1,
        max_by_priority: [1; 4],
        visibility: Duration::from_secs(30),
        wait: Duration::ZERO,
        rate_limit: None,
        limits: Vec::new(),
    };
    let delivery = memory.backend().lease(lease).await.unwrap().remove(0);
    let mut envelope = Envelope::clone(&delivery.envelope);
    envelope.id = JobId::new();
    envelope.idempotency = Some(Idempotency {
        key: IdempotencyKey::new(key).unwrap(),
        window_ms: 3_600_000,
    });
    envelope
}

async fn put(backend: &JetStreamBackend, envelope: &Envelope) -> Enqueued {
    backend.enqueue(vec![envelope.clone()]).await.unwrap()[0]
}

/// A caller that claimed the key of `envelope` through the proxy and died before it could send the job.
async fn die_between(proxy: &Proxy, envelope: &Envelope) {
    let (url, envelope) = (proxy.url(), envelope.clone());
    let (tell, told) = tokio::sync::oneshot::channel();
    let caller = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.spawn(async move {
            let backend = backend(url).await;
            tell.send(()).unwrap();
            put(&backend, &envelope).await;
            unreachable!("its answer is held back");
        });
        runtime
    });
    told.await.unwrap();
    proxy.held().await;
    caller.join().unwrap().shutdown_background();
    // What was held back is gone with the line.
    proxy.cut();
}

/// How many jobs there are, each of them run by a worker.
async fn run_all(url: String) -> usize {
    let (queue, _health) = open(url).await;
    let stats = queue.stats().await.unwrap();
    let ledger = Ledger::default();
    let worker = ledger.worker(&queue, 4, Duration::ZERO);
    until("all ran", || ledger.jobs() as u64 >= stats.ready).await;
    worker.shutdown(Duration::from_secs(5)).await.unwrap();
    assert_eq!(ledger.runs() as u64, stats.ready);
    ledger.jobs()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_callers_at_once_one_gets_the_key() {
    let server = NatsServer::start().await.unwrap();
    let backends = [backend(server.url()).await, backend(server.url()).await];
    for round in 0..20 {
        let key = format!("key {round}");
        let mut calls = Vec::new();
        for caller in 0..16 {
            let (backend, envelope) = (backends[caller % 2].clone(), envelope(&key).await);
            calls.push(tokio::spawn(async move {
                (envelope.id, put(&backend, &envelope).await)
            }));
        }
        let (mut accepted, mut told) = (Vec::new(), Vec::new());
        for call in calls {
            match call.await.unwrap() {
                (id, Enqueued::Accepted) => accepted.push(id),
                (_, Enqueued::Duplicate { of }) => told.push(of),
            }
        }
        assert_eq!(accepted.len(), 1, "{key}");
        assert!(told.iter().all(|of| *of == accepted[0]), "{key}");
    }
    assert_eq!(run_all(server.url()).await, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_a_caller_that_died_before_its_job_is_free_again() {
    let server = NatsServer::start().await.unwrap();
    let proxy = Proxy::to(server.address()).await;
    let steady = backend(server.url()).await;
    proxy.hold_at(JOB);
    let (lost, next, third) = (
        envelope("k").await,
        envelope("k").await,
        envelope("k").await,
    );
    die_between(&proxy, &lost).await;
    assert!(steady.job(lost.id).await.unwrap().is_none());
    // Alone or in a batch.
    let (alone, batch) = tokio::join!(
        put(&steady, &next),
        steady.enqueue(vec![third.clone(), envelope("other").await])
    );
    let batch = batch.unwrap();
    match alone {
        Enqueued::Accepted => assert_eq!(batch[0], Enqueued::Duplicate { of: next.id }),
        Enqueued::Duplicate { of } => {
            assert_eq!((of, batch[0]), (third.id, Enqueued::Accepted));
        }
    }
    assert_eq!(batch[1], Enqueued::Accepted);
    assert_eq!(run_all(server.url()).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_call_again_completes_what_a_caller_that_died_began() {
    let server = NatsServer::start().await.unwrap();
    let proxy = Proxy::to(server.address()).await;
    let steady = backend(server.url()).await;
    proxy.hold_at(JOB);
    let lost = envelope("k").await;
    die_between(&proxy, &lost).await;
    assert_eq!(put(&steady, &lost).await, Enqueued::Accepted);
    // And again, before and after it ran.
    assert_eq!(put(&steady, &lost).await, Enqueued::Accepted);
    assert_eq!(
        put(&steady, &envelope("k").await).await,
        Enqueued::Duplicate { of: lost.id }
    );
    assert_eq!(run_all(server.url()).await, 1);
    assert_eq!(put(&steady, &lost).await, Enqueued::Accepted);
    assert_eq!(run_all(server.url()).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_is_overtaken_between_is_told_the_winner() {
    let server = NatsServer::start().await.unwrap();
    let proxy = Proxy::to(server.address()).await;
    let (steady, slow) = (backend(server.url()).await, backend(proxy.url()).await);
    proxy.hold_at(JOB);
    let (late, winner) = (envelope("k").await, envelope("k").await);
    let late = tokio::spawn(async move { put(&slow, &late).await });
    proxy.held().await;
    assert_eq!(put(&steady, &winner).await, Enqueued::Accepted);
    // Its job arrives now, after the key is another's.
    proxy.let_go();
    assert_eq!(late.await.unwrap(), Enqueued::Duplicate { of: winner.id });
    assert_eq!(run_all(server.url()).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_the_server_refuses_leaves_its_key_free() {
    let server = NatsServer::builder().config("max_payload: 2048");
    let server = server.start().await.unwrap();
    let steady = backend(server.url()).await;
    let mut large = envelope("k").await;
    large.payload = format!(r#"{{"kind":"x","text":"{}"}}"#, "x".repeat(4096)).into_bytes();
    let error = steady.enqueue(vec![large]).await.unwrap_err();
    assert_eq!(
        error.kind(),
        queue::backend::BackendErrorKind::PayloadTooLarge
    );
    assert_eq!(put(&steady, &envelope("k").await).await, Enqueued::Accepted);
    assert_eq!(run_all(server.url()).await, 1);
}

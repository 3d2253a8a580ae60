//! Nothing that is secret or personal is ever said: a worker runs through many outcomes with every log line captured, and
//! what was put in is searched for in what came out. A program of its own, because it listens to all threads.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what it expects by stopping"
)]

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use queue::backend::{BackendError, ListFilter};
use queue::clock::{Clock, SystemClock};
use queue::job::{Envelope, Kind};
use queue::provider::Salum;
use queue::retry::Backoff;
use queue::testing::gateway::{Fault, Gateway};
use queue::{
    Job, NotificationSms, OtpSms, Queue, SmsJob, Worker, create_notification_sms_job,
    create_otp_sms_job,
};

/// Everything that must not be said. The digits of the number are searched for without its prefix.
const NUMBER: &str = "0799887766";
const DIGITS: &str = "99887766";
const CODE: &str = "83726154";
const TEXT: &str = "canary-text";
const LABEL: &str = "canary-label";
const API_KEY: &str = "canary-api-key-31415";
const PARTNER: &str = "canary-partner-2718";
const JOB_KEY: &str = "canary-job-key";
const CANARIES: [&str; 7] = [DIGITS, CODE, TEXT, LABEL, API_KEY, PARTNER, JOB_KEY];

/// Counts lines, and keeps those that say too much.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    lines: u64,
    of_ours: u64,
    leaks: Vec<String>,
}

/// At level trace the NATS client writes down all that it reads; nobody but its user can stop it, and `docs/nats.md` says so.
fn is_client_trace(line: &str) -> bool {
    line.contains(" TRACE async_nats::")
}

/// What a server answers when it is asked for a message, its payload in base64.
fn is_stored_message(line: &str) -> bool {
    line.contains(" async_nats::") && line.contains(r#"\"data\":"#)
}

impl io::Write for Listener {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.lines += 1;
        heard.of_ours += u64::from(text.contains(" queue::"));
        let has_canary = CANARIES.iter().any(|canary| text.contains(canary));
        if (has_canary || is_stored_message(&text)) && !is_client_trace(&text) {
            heard.leaks.push(text.into_owned());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_line_no_error_and_no_debug_shows_what_is_secret_or_personal() {
    let listener = Listener::default();
    let writer = listener.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // For all threads: the store has its own.
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let shown = run_through_everything(&format!("file:{}", folder.path().display())).await;
    #[cfg(feature = "nats")]
    let shown = {
        let server = queue::testing::nats_server::NatsServer::start()
            .await
            .unwrap();
        shown + &run_through_everything(&server.url()).await
    };
    let heard = std::mem::take(&mut *listener.0.lock().unwrap());
    assert!(
        heard.of_ours > 20,
        "it listened: {} of {}",
        heard.of_ours,
        heard.lines
    );
    assert!(heard.leaks.is_empty(), "said: {:#?}", heard.leaks);
    for canary in CANARIES {
        assert!(!shown.contains(canary), "{canary} in {shown}");
    }
}

/// Enqueues, sends with every sort of answer, parks, cancels, closes; answers every `Debug` and `Display` on the way.
async fn run_through_everything(url: &str) -> String {
    let mut shown = String::new();
    let mut show = |what: &dyn std::fmt::Debug| write!(shown, "{what:?}\n{what:#?}\n").unwrap();
    let gateway = Gateway::builder()
        .account(API_KEY, PARTNER, "TEST")
        .start()
        .await
        .unwrap();
    let queue = Queue::<SmsJob>::open(url).await.unwrap();
    let mut events = queue.subscribe();
    let salum: Salum = gateway.salum_options().build().unwrap();
    show(&gateway.salum_options());
    show(&salum);
    show(&queue);
    let worker = || {
        let backoff = Backoff {
            base: Duration::from_millis(1),
            ..Backoff::default()
        };
        Worker::new(queue.clone(), salum.clone())
            .unlimited()
            .backoff(backoff)
            .send_timeout(Duration::from_millis(500))
            .concurrency(1)
    };

    // A gateway that repeats what it was sent.
    let hostile = format!(
        r#"{{"response-code":9999,"response-description":"{CODE} to {NUMBER}, key {API_KEY} of {PARTNER}"}}"#
    );
    let faults = [
        None,
        Some(Fault::body(hostile.as_str())),
        Some(Fault::body(hostile.replace("9999", "1003"))),
        Some(Fault::body(hostile.replace("9999", "1006"))),
        Some(Fault::body(format!("<p>{API_KEY} {TEXT}</p>"))),
        Some(Fault::status_retry_after(429, API_KEY)),
        Some(Fault::status(500)),
        Some(Fault::cut()),
        Some(Fault::length_lie(1 << 40)),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        if let Some(fault) = fault {
            gateway.next(1, fault);
        }
        let otp = OtpSms {
            recipient: NUMBER.parse().unwrap(),
            code: CODE.parse().unwrap(),
            expiry_minutes: 10,
        };
        show(&otp);
        let note = NotificationSms {
            recipient: NUMBER.parse().unwrap(),
            message: TEXT.into(),
        };
        show(&SmsJob::Notification(note.clone()));
        let receipt = create_otp_sms_job(&queue, otp)
            .job_id(format!("{JOB_KEY}-{number}"))
            .metadata("user", LABEL)
            .await
            .unwrap();
        show(&receipt.job_id);
        create_notification_sms_job(&queue, note).await.unwrap();
        show(&worker().run_until_empty().await.unwrap());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    // What can't be decoded, what renders to nothing, what is cancelled.
    let backend = queue.backend();
    let now = SystemClock::default().now();
    for (kind, payload) in [
        (
            "otp",
            format!(
                r#"{{"type":"otp","recipient":"{NUMBER}","code":"{TEXT}","expiry_minutes":1}}"#
            ),
        ),
        ("otp", format!("{TEXT} {NUMBER}")),
        (
            "future",
            format!(r#"{{"type":"future","recipient":"{NUMBER}"}}"#),
        ),
    ] {
        let envelope = Envelope::new(
            SmsJob::QUEUE,
            Kind::from(kind.to_owned()),
            1,
            payload.into_bytes(),
            now,
        );
        show(&envelope);
        // Where envelopes travel as JSON, one that holds none is refused.
        let is_json = envelope.payload.starts_with(b"{");
        let answer = backend.enqueue(vec![envelope]).await;
        assert!(answer.is_ok() || !is_json, "{answer:?}");
        show(&answer);
    }
    show(&worker().run_until_empty().await.unwrap());
    let bad = NotificationSms {
        recipient: NUMBER.parse().unwrap(),
        message: format!("{TEXT} ").repeat(400),
    };
    show(&create_notification_sms_job(&queue, bad).await.err());
    let page = queue.list(ListFilter::new(SmsJob::QUEUE)).await.unwrap();
    for job in &page.jobs {
        // The job's own record holds the key that its producer gave it; its reason is our text.
        show(&job.reason);
        show(&job.receipt);
        let _ = queue.cancel(job.id).await;
        show(&queue.requeue(job.id).await.unwrap());
    }
    drop(gateway);
    show(&worker().run_until_empty().await.unwrap());
    queue.close().await.unwrap();
    let closed: Result<_, BackendError> = backend.stats(SmsJob::QUEUE.to_owned()).await;
    show(&closed);
    let mut names = std::collections::BTreeSet::new();
    while let Some(Ok(event)) = events.next().await {
        names.insert(event.name.as_str());
        show(&event.reason);
    }
    for name in [
        "enqueued",
        "started",
        "completed",
        "retried",
        "dead",
        "parked",
    ] {
        assert!(names.contains(name), "{name} happened: {names:?}");
    }
    shown
}

//! What does a campaign behind a limit cost the others? One-time codes on `file:`, 50 a second, from their enqueue until
//! their provider is called: alone, and while many jobs wait for a tenant's limit, a provider's rate, or a provider that is
//! left alone. And what those jobs cost while nothing happens.
//!
//! `cargo bench -p queue-benches --bench limits`, or with another number of waiting jobs than a million: `-- 100000`

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use queue::provider::stack::{Guarded, ProviderStack};
use queue::provider::{Provider, ProviderError, Receipt, SendContext};
use queue::sms::SmsMessage;
use queue::worker::WorkerHandle;
use queue::{
    BoxFuture, JobId, NotificationSms, OtpSms, PhoneNumber, Priority, Queue, SmsJob, Worker,
    create_otp_sms_job,
};
use queue_benches::report::{cpu_time, heading, percentiles};

const CODES: u32 = 1_000;
const PER_SECOND: u32 = 50;
const BULK: usize = 1_000;
const QUIET: Duration = Duration::from_secs(10);
/// Longest wait until all of the campaign is put off.
const PATIENCE: Duration = Duration::from_secs(300);

/// What the waiting jobs wait for.
#[derive(Clone, Copy)]
enum Behind {
    Nothing,
    TenantLimit,
    ProviderRate,
    DeadProvider,
}

#[tokio::main]
async fn main() {
    let waiting = std::env::args().skip(1).find_map(|text| text.parse().ok());
    let waiting: usize = waiting.unwrap_or(1_000_000);
    heading("one-time codes, 50 a second: from enqueue to the provider's call");
    for (name, behind, waiting) in [
        ("alone", Behind::Nothing, 0),
        (
            "behind a tenant's limit of 10/s",
            Behind::TenantLimit,
            waiting,
        ),
        (
            "behind the provider's rate of 100/s",
            Behind::ProviderRate,
            waiting,
        ),
        ("behind a dead provider", Behind::DeadProvider, waiting),
    ] {
        measure(name, behind, waiting).await;
    }
}

async fn measure(name: &str, behind: Behind, waiting: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file:{}", folder.path().display());
    let queue = Queue::<SmsJob>::open(&url).await.expect("the store opens");
    campaign(&queue, waiting).await;
    let seen = Seen::default();
    let (cpu, began) = (cpu_time(), Instant::now());
    let worker = work(&queue, behind, &seen);
    if matches!(behind, Behind::TenantLimit) {
        let ready = async || queue.stats().await.expect("the store answers").ready;
        while ready().await > 0 && began.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let cost = cpu_time().saturating_sub(cpu).as_secs_f64();
        say(&format!(
            "  put off once: {:.1} s, {:.0} µs CPU for each job",
            began.elapsed().as_secs_f64(),
            cost * 1e6 / waiting as f64
        ));
    } else {
        // The dead provider's breaker opens.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let cpu = cpu_time();
    tokio::time::sleep(QUIET).await;
    let quiet = cpu_time().saturating_sub(cpu);
    let calls = seen.0.lock().expect("no panic").len();
    let cpu = cpu_time();
    let times = codes(&queue, &seen).await;
    let busy = cpu_time().saturating_sub(cpu);
    percentiles(&format!("{name}, {waiting} jobs wait"), times);
    say(&format!(
        "  CPU: {:.1} % of a core with no codes, {:.2} ms for each code; {calls} calls before the codes",
        quiet.as_secs_f64() / QUIET.as_secs_f64() * 100.0,
        busy.as_secs_f64() * 1e3 / f64::from(CODES),
    ));
    drop(worker);
    queue.close().await.expect("the store closes");
}

fn work(queue: &Queue<SmsJob>, behind: Behind, seen: &Seen) -> WorkerHandle {
    let first = Watched {
        seen: seen.clone(),
        dead: matches!(behind, Behind::DeadProvider),
    };
    let second = Watched {
        seen: seen.clone(),
        dead: false,
    };
    let stack = ProviderStack::builder();
    let stack = match behind {
        Behind::Nothing | Behind::TenantLimit => stack.provider(first),
        Behind::ProviderRate => {
            stack.guarded(Guarded::new(first).rate(100, Duration::from_secs(1)))
        }
        Behind::DeadProvider => stack.provider(first).provider(second),
    };
    let worker = Worker::new(queue.clone(), stack.build())
        .unlimited()
        .concurrency(32);
    let worker = match behind {
        Behind::TenantLimit => worker.tenant_limit(10, Duration::from_secs(1)),
        Behind::Nothing | Behind::ProviderRate | Behind::DeadProvider => worker,
    };
    worker.spawn()
}

/// Enqueues one code after the other, and says how long each took to the provider.
async fn codes(queue: &Queue<SmsJob>, seen: &Seen) -> Vec<Duration> {
    let mut asked = Vec::new();
    let mut next = tokio::time::interval(Duration::from_secs(1) / PER_SECOND);
    for n in 0..CODES {
        next.tick().await;
        let otp = OtpSms {
            recipient: number(n as usize),
            code: "482913".parse().expect("a code"),
            expiry_minutes: 10,
        };
        let began = Instant::now();
        let receipt = create_otp_sms_job(queue, otp).await.expect("it is stored");
        asked.push((receipt.job_id, began));
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let seen = seen.0.lock().expect("no panic");
    // One that has not arrived took at least the rest.
    let took = |(id, began): (JobId, Instant)| match seen.get(&id) {
        Some(at) => at.saturating_duration_since(began),
        None => began.elapsed(),
    };
    asked.into_iter().map(took).collect()
}

async fn campaign(queue: &Queue<SmsJob>, count: usize) {
    for start in (0..count).step_by(BULK) {
        let jobs = (start..count.min(start + BULK)).map(|n| {
            let message = "Karibu".to_owned();
            let recipient = number(n);
            let job = SmsJob::Notification(NotificationSms { recipient, message });
            queue
                .enqueue(job)
                .priority(Priority::Low)
                .tenant("campaign")
        });
        for stored in queue.enqueue_many(jobs).await {
            stored.expect("it is stored");
        }
    }
}

fn number(n: usize) -> PhoneNumber {
    format!("2547{:08}", n % 100_000_000)
        .parse()
        .expect("a number")
}

/// When each job met a provider first.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<HashMap<JobId, Instant>>>);

struct Watched {
    seen: Seen,
    dead: bool,
}

impl Provider<SmsMessage> for Watched {
    fn name(&self) -> &str {
        if self.dead { "dead" } else { "well" }
    }

    fn send<'a>(
        &'a self,
        _: &'a SmsMessage,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async move {
            if self.dead {
                return Err(ProviderError::transient("dead"));
            }
            let mut seen = self.seen.0.lock().expect("no panic");
            seen.entry(context.job).or_insert_with(Instant::now);
            Ok(Receipt::new(self.name()))
        })
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark's report")]
fn say(text: &str) {
    println!("{text}");
}

//! The worker, over real HTTP, and a bar that shows how far it is.

use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use queue::backend::Stats;
use queue::provider::Salum;
use queue::retry::Backoff;
use queue::sms::TextPolicy;
use queue::testing::gateway::{Fault, Gateway};
use queue::worker::RunReport;
use queue::{Queue, SmsJob, Worker};

use crate::crash::CrashAfter;
use crate::error::Error;

/// How often the store is asked how far it is; the cost of asking does not grow with the backlog.
const LOOK_PERIOD: Duration = Duration::from_millis(20);
/// How many calls of the gateway are in flight at once; waiting messages share calls.
const CALLS_IN_FLIGHT: usize = 8;
/// How long the gateway takes, and how much longer at random: about what a gateway in the same country does.
const LATENCY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(20));
/// Its first calls fail inside, so that there is something to retry: `1005`, surely not sent.
const CALLS_REFUSED: usize = 2;
/// Retries come sooner than in production, so that a demonstration ends soon.
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(100),
    cap: Duration::from_secs(1),
    jitter: 0.2,
};

/// Starts the stand-in, which appends everything it sends to `log`.
pub(crate) async fn start_gateway(log: &Path) -> Result<Gateway, Error> {
    let gateway = Gateway::builder()
        .latency(LATENCY.0, LATENCY.1)
        .log_file(log);
    let gateway = gateway.start().await.map_err(Error::Gateway)?;
    gateway.next(CALLS_REFUSED, Fault::flat(1005));
    Ok(gateway)
}

/// The gateway's client. Names are in many scripts, and the stand-in takes them all.
pub(crate) fn client(gateway: &Gateway) -> Result<Salum, Error> {
    let options = gateway
        .salum_options()
        .calls_in_flight(CALLS_IN_FLIGHT)
        .text_policy(TextPolicy::Allow);
    Ok(options.build()?)
}

/// Runs a worker until every job has ended, those that are due later or wait for another attempt included.
pub(crate) async fn deliver(
    queue: &Queue<SmsJob>,
    provider: CrashAfter,
    concurrency: u16,
) -> Result<RunReport, Error> {
    let total = open_jobs(&queue.stats().await?);
    let bar = ProgressBar::new(total).with_style(style());
    let worker = Worker::new(queue.clone(), provider)
        .concurrency(usize::from(concurrency))
        .unlimited()
        .backoff(BACKOFF)
        .spawn();
    loop {
        let stats = queue.stats().await?;
        let open = open_jobs(&stats);
        bar.set_position(total.saturating_sub(open));
        if open == 0 || worker.is_finished() {
            break;
        }
        if stats.paused && stats.running == 0 {
            bar.finish_and_clear();
            return Err(Error::Paused);
        }
        tokio::time::sleep(LOOK_PERIOD).await;
    }
    bar.finish_and_clear();
    let report = worker.shutdown(Duration::from_secs(20)).await?;
    Ok(report.run)
}

/// Jobs that this program can still bring to an end.
pub(crate) fn open_jobs(stats: &Stats) -> u64 {
    stats.pending().saturating_sub(stats.parked)
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template(
        "{spinner} sending [{bar:40}] {pos}/{len} jobs, {per_sec}, {elapsed}",
    );
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}

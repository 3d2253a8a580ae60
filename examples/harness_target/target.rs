//! The queue under test: obeys commands, tells events.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use queue::backend::{Cancelled, JobView, ListFilter, Retention};
use queue::clock::SystemClock;
use queue::delivery::{Deliveries, Tracked};
use queue::job::IdempotencyKey;
use queue::policy::{Amount, Cap, CapScope, OverCap, Period, SpendGuard};
use queue::producer::EnqueueErrorKind;
use queue::provider::{Provider, Salum, SalumOptions};
use queue::sms::SmsMessage;
use queue::{Enqueue, EnqueueError, EnqueueReceipt, Job, Queue, SmsJob, Worker, WorkerHandle};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle as Task;

use crate::announce::Announce;
use crate::args::Args;
use crate::command::{self, Command, Order};
use crate::printer::Printer;

/// How many enqueues may be on their way at once.
const ENQUEUES_MAX: usize = 1024;
/// How long a graceful stop may take.
const GRACE: Duration = Duration::from_secs(20);

pub(crate) struct Target {
    queue: Queue<SmsJob>,
    worker: Option<WorkerHandle>,
    guard: Option<SpendGuard>,
    printer: Printer,
    printing: JoinHandle<()>,
    events: Task<()>,
    enqueues: Arc<Semaphore>,
    /// Enqueues that a later `cancel` of the same id must wait for.
    under_way: HashMap<String, Task<()>>,
    enqueues_refused: bool,
}

impl Target {
    pub(crate) async fn start(args: Args) -> Result<Self, Box<dyn Error>> {
        let forever = Duration::from_secs(10 * 365 * 24 * 60 * 60);
        let retention = Retention {
            completed_age: forever,
            completed_count: u64::MAX,
            dead_age: forever,
            dead_count: u64::MAX,
        };
        let queue = Queue::<SmsJob>::builder()
            .url(args.url.clone())
            .clock(SystemClock::with_offset(args.clock_offset_ms))
            .retention(retention)
            .unknown(args.unknown())
            .open()
            .await?;
        let (printer, printing) = Printer::start();
        // Before anything can happen that is told.
        printer.say("ready".to_owned());
        let events = tell_events(&queue, printer.clone());
        let guard = args.cap.map(|cap| capped(&queue, cap)).transpose()?;
        let worker = if args.no_worker {
            None
        } else {
            Some(start_worker(&queue, &args, guard.as_ref(), &printer)?)
        };
        Ok(Self {
            queue,
            worker,
            guard,
            printer,
            printing,
            events,
            enqueues: Arc::new(Semaphore::new(ENQUEUES_MAX)),
            under_way: HashMap::new(),
            enqueues_refused: args.no_enqueue,
        })
    }

    pub(crate) async fn obey(&mut self, command: Command) {
        match command {
            Command::Enqueue { id, .. } if self.enqueues_refused => {
                self.printer.say(format!("nack {id} no_enqueue"))
            }
            Command::Enqueue {
                id,
                job: Err(reason),
            } => self.printer.say(format!("nack {id} {reason}")),
            Command::Enqueue { id, job: Ok(order) } => self.enqueue(id, order).await,
            Command::Bulk { count, prefix } => self.bulk(count, &prefix).await,
            Command::Cancel { id } => self.cancel(id).await,
            Command::Stats => match self.queue.stats().await {
                Ok(stats) => self
                    .printer
                    .say(format!("stats {}", serde_json::json!(stats))),
                Err(error) => self.printer.say(format!(
                    "stats {}",
                    serde_json::json!({ "error": error.kind().as_str() })
                )),
            },
            Command::Dump => self.dump().await,
            Command::Caps => self.caps().await,
            Command::Deliveries => self.deliveries().await,
            Command::Stop => {}
        }
    }

    pub(crate) async fn stop(mut self) -> Result<(), Box<dyn Error>> {
        for (_, enqueue) in self.under_way.drain() {
            let _ = enqueue.await;
        }
        if let Some(worker) = &self.worker {
            worker.shutdown(GRACE).await?;
        }
        self.queue.close().await?;
        let _ = self.events.await;
        self.printer.say("stopped".to_owned());
        drop(self.printer);
        let _ = self.printing.join();
        Ok(())
    }

    /// Enqueues run beside each other, so that they share syncs; at most so many that memory stays bounded.
    async fn enqueue(&mut self, id: String, order: Order) {
        let Ok(permit) = self.enqueues.clone().acquire_owned().await else {
            return;
        };
        if self.under_way.len() > 2 * ENQUEUES_MAX {
            self.under_way.retain(|_, enqueue| !enqueue.is_finished());
        }
        let (queue, printer, key) = (self.queue.clone(), self.printer.clone(), id.clone());
        let enqueue = tokio::spawn(async move {
            let result = prepare(&queue, &key, order).await;
            printer.say(answer(&key, result));
            drop(permit);
        });
        self.under_way.insert(id, enqueue);
    }

    async fn bulk(&self, count: usize, prefix: &str) {
        let ids: Vec<String> = (0..count)
            .map(|number| format!("{prefix}{number}"))
            .collect();
        if self.enqueues_refused {
            ids.iter()
                .for_each(|id| self.printer.say(format!("nack {id} no_enqueue")));
            return;
        }
        let jobs: Result<Vec<_>, _> = ids
            .iter()
            .enumerate()
            .map(|(number, id)| {
                Ok(self
                    .queue
                    .enqueue(command::notification(id, number)?)
                    .job_id(id.as_str()))
            })
            .collect();
        match jobs {
            Ok(jobs) => {
                let results = self.queue.enqueue_many(jobs).await;
                ids.iter()
                    .zip(results)
                    .for_each(|(id, result)| self.printer.say(answer(id, result)));
            }
            Err(reason) => {
                let reason: &'static str = reason;
                ids.iter()
                    .for_each(|id| self.printer.say(format!("nack {id} {reason}")));
            }
        }
    }

    async fn cancel(&mut self, id: String) {
        if let Some(enqueue) = self.under_way.remove(&id) {
            let _ = enqueue.await;
        }
        let answer = match self.try_cancel(&id).await {
            Ok(Cancelled::Cancelled) => format!("cancelled {id}"),
            Ok(Cancelled::InDoubt) => format!("uncancelled {id} in_doubt"),
            Ok(Cancelled::TooLate(state)) => format!("uncancelled {id} {state}"),
            Ok(Cancelled::NotFound) => format!("uncancelled {id} not_found"),
            Err(reason) => format!("uncancelled {id} {reason}"),
        };
        self.printer.say(answer);
    }

    async fn try_cancel(&self, id: &str) -> Result<Cancelled, &'static str> {
        let key = IdempotencyKey::new(id).map_err(|_| "bad_id")?;
        let Some(job) = self
            .queue
            .find(key)
            .await
            .map_err(|error| error.kind().as_str())?
        else {
            return Ok(Cancelled::NotFound);
        };
        self.queue
            .cancel(job.id)
            .await
            .map_err(|error| error.kind().as_str())
    }

    async fn dump(&self) {
        let Some(jobs) = self.jobs().await else {
            return;
        };
        for job in jobs {
            let id = job
                .idempotency_key
                .as_ref()
                .map_or_else(|| job.id.to_string(), ToString::to_string);
            self.printer.say(format!("job {id} {}", job.state));
        }
        self.printer.say("dumped".to_owned());
    }

    async fn jobs(&self) -> Option<Vec<JobView>> {
        let mut filter = ListFilter {
            limit: 1000,
            ..ListFilter::new(SmsJob::QUEUE)
        };
        let mut jobs = Vec::new();
        loop {
            let page = self.queue.list(filter.clone()).await.ok()?;
            jobs.extend(page.jobs);
            match page.next {
                Some(next) => filter.after = Some(next),
                None => return Some(jobs),
            }
        }
    }

    async fn caps(&self) {
        let Some(guard) = &self.guard else {
            return self.printer.say("caps none".to_owned());
        };
        if let Ok(snapshot) = guard.snapshot().await {
            for usage in snapshot.caps {
                let (used, left) = (count(usage.used), count(usage.left));
                self.printer.say(format!("caps {used} {left}"));
            }
        }
    }

    async fn deliveries(&self) {
        let deliveries = Deliveries::of(&self.queue).build();
        for job in self.jobs().await.unwrap_or_default() {
            if let Ok(Some(known)) = deliveries.job(job.id).await {
                let messages = known.messages.iter();
                let messages = messages.filter(|message| message.message_id.is_some());
                let line = format!("delivery {} {}", job.id, messages.count());
                self.printer.say(line);
            }
        }
        self.printer.say("told".to_owned());
    }
}

/// The stand-in gateway's default account.
fn account(gateway: &str) -> SalumOptions {
    SalumOptions::new("test-key", "1234", "TEST").url(gateway)
}

/// A guard with one cap of messages, over all the time that a test may take.
fn capped(queue: &Queue<SmsJob>, messages: u64) -> Result<SpendGuard, Box<dyn Error>> {
    const DECADE: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
    let cap = Cap::new(
        CapScope::All,
        Amount::Messages(messages),
        Period::Every(DECADE),
    );
    let guard = SpendGuard::builder(queue.records()).over(OverCap::Refuse);
    Ok(guard.cap(cap).build()?)
}

fn count(amount: Amount) -> u64 {
    match amount {
        Amount::Messages(count) | Amount::Segments(count) => count,
        Amount::Cost(money) => money.as_micros(),
    }
}

fn start_worker(
    queue: &Queue<SmsJob>,
    args: &Args,
    guard: Option<&SpendGuard>,
    printer: &Printer,
) -> Result<WorkerHandle, Box<dyn Error>> {
    let salum = Salum::new(account(&args.gateway))?;
    let provider: Arc<dyn Provider<SmsMessage>> = match guard {
        None => Arc::new(salum),
        Some(guard) => Arc::new(guard.around(Announce {
            inner: Tracked::new(salum, Deliveries::of(queue).build()),
            printer: printer.clone(),
            pause: args.pause(),
        })),
    };
    let worker = Worker::new(queue.clone(), provider)
        .concurrency(args.concurrency)
        .visibility(args.lease())
        .send_timeout(args.send_timeout());
    let worker = match args.rate {
        Some(rate) => worker.rate_limit(rate, Duration::from_secs(1)),
        None => worker.unlimited(),
    };
    Ok(worker.spawn())
}

fn tell_events(queue: &Queue<SmsJob>, printer: Printer) -> Task<()> {
    let mut events = queue.subscribe();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    let id = event
                        .idempotency_key
                        .map_or_else(|| event.job.to_string(), |key| key.to_string());
                    printer.say(format!(
                        "event {} {id} {}",
                        event.name.as_str(),
                        event.attempt
                    ));
                }
                Err(lagged) => printer.say(format!("event lagged - {}", lagged.missed)),
            }
        }
    })
}

fn prepare<'q>(
    queue: &'q Queue<SmsJob>,
    key: &str,
    order: Order,
) -> <Enqueue<'q, SmsJob> as IntoFuture>::IntoFuture {
    let mut job = queue.enqueue(order.job).job_id(key);
    if let Some(delay) = order.delay {
        job = job.delay(delay);
    }
    if let Some(lifetime) = order.expires_in {
        job = job.expires_in(lifetime);
    }
    if let Some(priority) = order.priority {
        job = job.priority(priority);
    }
    if let Some(tenant) = order.tenant {
        job = job.tenant(tenant);
    }
    job.into_future()
}

fn answer(id: &str, result: Result<EnqueueReceipt, EnqueueError>) -> String {
    match result {
        Ok(receipt) if receipt.is_duplicate => format!("dup {id} {}", receipt.job_id),
        Ok(receipt) => format!("ack {id} {}", receipt.job_id),
        Err(error) => format!("nack {id} {}", reason(&error)),
    }
}

fn reason(error: &EnqueueError) -> &'static str {
    match error.kind() {
        EnqueueErrorKind::Invalid(_) => "invalid",
        EnqueueErrorKind::Unencodable(_) => "unencodable",
        EnqueueErrorKind::PayloadTooLarge { .. } => "payload_too_large",
        EnqueueErrorKind::OutOfBounds(_) => "bad_option",
        EnqueueErrorKind::ExpiresTooSoon => "expires_too_soon",
        EnqueueErrorKind::NoAttempts => "no_attempts",
        EnqueueErrorKind::Store(error) => error.kind().as_str(),
        _ => "refused",
    }
}

//! Taking jobs: pull, judge, start. The running record is the durable sign that a job was started; it is written before the
//! job is handed out.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::finish::finish;
use super::lane::Taken;
use super::pull::Ask;
use super::queue::QueueState;
use super::refusal::closed;
use super::shared::Shared;
use super::start::Starting;
use super::{arrive, limits, rate, settle};
use crate::backend::{
    BackendError, Delivery, Disposition, EventKind, LeaseRequest, RateLimit, Settlement,
};

/// How late the end of the store is noticed. A caller who goes away is noticed at once: until then a job could be handed out
/// to nobody.
const CLOSED_LOOK: Duration = Duration::from_millis(100);

/// Takes up to `request.max` jobs that may start now, waiting for the first.
pub(super) async fn lease(
    shared: &Arc<Shared>,
    request: LeaseRequest,
) -> Result<Vec<Delivery>, BackendError> {
    shared.check_open()?;
    let queue = shared.queue(request.queue).await?;
    let (mut reply, answer) = oneshot::channel();
    let shared = shared.clone();
    // Finished in any case, so that jobs on their way to a caller who went away are given back, whatever step they are in.
    let looking = finish(&shared.orphans.clone(), async move {
        let found = look(&shared, &queue, &request, &mut reply).await;
        let held = found.map(|deliveries| OnTheWay {
            deliveries,
            shared: Some(shared.clone()),
        });
        if let Err(Ok(unheard)) = reply.send(held) {
            unheard.give_back().await;
        }
    });
    looking.await;
    Ok(answer.await.map_err(|_| closed())??.keep())
}

/// What one look did.
#[derive(Default)]
struct Looked {
    deliveries: Vec<Delivery>,
    /// How many messages were set aside or put right.
    set_aside: usize,
    /// How many jobs were put off because a recipient or tenant has no budget left.
    put_off: usize,
}

/// Looks until something was started, the time is over, or nobody listens any more.
async fn look(
    shared: &Shared,
    queue: &Arc<QueueState>,
    request: &LeaseRequest,
    reply: &mut oneshot::Sender<Result<OnTheWay, BackendError>>,
) -> Result<Vec<Delivery>, BackendError> {
    let until = Instant::now() + request.wait;
    loop {
        shared.check_open()?;
        let mut looked = Looked::default();
        let outcome = match request.rate_limit {
            None => {
                look_at(
                    shared,
                    queue,
                    request,
                    request.max,
                    until,
                    reply,
                    &mut looked,
                )
                .await
            }
            Some(limit) => {
                if let Some(free_at) = rate::blocked(queue) {
                    wait(shared, free_at.min(until), reply).await;
                    if free_at > until || reply.is_closed() {
                        return Ok(Vec::new());
                    }
                    continue;
                }
                look_within(shared, queue, request, limit, until, reply, &mut looked).await
            }
        };
        // What was started is handed out, whatever failed after it: the next call meets the fault again.
        if !looked.deliveries.is_empty() {
            return Ok(looked.deliveries);
        }
        outcome?;
        // Behind what was set aside there may be more. What was put off is bounded for one call.
        let is_over = looked.put_off > 0 || looked.set_aside == 0;
        if reply.is_closed() || (is_over && Instant::now() >= until) {
            return Ok(Vec::new());
        }
    }
}

/// One look for up to `max` jobs, those that were found before included, past those that are put off.
async fn look_at(
    shared: &Shared,
    queue: &Arc<QueueState>,
    request: &LeaseRequest,
    max: usize,
    until: Instant,
    reply: &mut oneshot::Sender<Result<OnTheWay, BackendError>>,
    looked: &mut Looked,
) -> Result<(), BackendError> {
    let mut until = until;
    loop {
        let mut want = max - looked.deliveries.len();
        if !request.limits.is_empty() {
            want = want.min(limits::put_off_max(request).saturating_sub(looked.put_off));
        }
        let caps = caps_left(request, &looked.deliveries);
        let put_off_before = looked.put_off;
        let taken = pull(shared, queue, want, caps, until, reply).await?;
        start(shared, queue, request, taken, looked).await?;
        if looked.put_off == put_off_before || looked.deliveries.len() >= max {
            return Ok(());
        }
        until = Instant::now();
    }
}

/// One look within the rate that all workers share.
async fn look_within(
    shared: &Shared,
    queue: &Arc<QueueState>,
    request: &LeaseRequest,
    limit: RateLimit,
    until: Instant,
    reply: &mut oneshot::Sender<Result<OnTheWay, BackendError>>,
    looked: &mut Looked,
) -> Result<(), BackendError> {
    // The first message shows that there is work; a budget that nobody needs would be written for nothing.
    let caps = request.max_by_priority;
    let first = pull(shared, queue, request.max.min(1), caps, until, reply).await?;
    if first.is_empty() {
        return Ok(());
    }
    let granted = rate::take(shared, queue, limit, request.max).await;
    let Ok(Some(granted)) = granted else {
        for one in first {
            one.give_back(&shared.api.client).await;
        }
        return granted.map(drop);
    };
    let outcome = async {
        start(shared, queue, request, first, looked).await?;
        if granted.count > looked.deliveries.len() {
            let now = Instant::now();
            look_at(shared, queue, request, granted.count, now, reply, looked).await?;
        }
        Ok(())
    };
    let outcome = outcome.await;
    let unused = granted.count.saturating_sub(looked.deliveries.len());
    if unused > 0 {
        rate::give_back(shared, queue, limit, granted, unused).await?;
    }
    outcome
}

/// How many more of each priority may be taken.
fn caps_left(request: &LeaseRequest, taken: &[Delivery]) -> [usize; 4] {
    let mut caps = request.max_by_priority;
    for delivery in taken {
        let cap = &mut caps[delivery.envelope.priority.index()];
        *cap = cap.saturating_sub(1);
    }
    caps
}

/// Waits, but not for a caller who went away.
async fn wait(
    shared: &Shared,
    until: Instant,
    reply: &mut oneshot::Sender<Result<OnTheWay, BackendError>>,
) {
    while Instant::now() < until && shared.check_open().is_ok() {
        tokio::select! {
            () = tokio::time::sleep_until(until.min(Instant::now() + CLOSED_LOOK)) => {}
            () = reply.closed() => return,
        }
    }
}

async fn pull(
    shared: &Shared,
    queue: &QueueState,
    max: usize,
    caps: [usize; 4],
    until: Instant,
    reply: &mut oneshot::Sender<Result<OnTheWay, BackendError>>,
) -> Result<Vec<Taken>, BackendError> {
    if max == 0 {
        return Ok(Vec::new());
    }
    let (answer, mut taken) = oneshot::channel();
    queue.puller(shared).await?.ask(Ask {
        max,
        caps,
        until,
        reply: answer,
    })?;
    let jobs = loop {
        tokio::select! {
            answer = &mut taken => break answer.map_err(|_| closed())?,
            () = reply.closed() => {}
            () = tokio::time::sleep(CLOSED_LOOK) => if shared.check_open().is_ok() {
                continue;
            }
        }
        taken.close();
        // What arrived in between is in the channel, or goes back when the task finds it closed.
        break taken.try_recv().unwrap_or_default();
    };
    if !reply.is_closed() && shared.check_open().is_ok() {
        return Ok(jobs);
    }
    // Nothing was written for them yet.
    for one in jobs {
        one.give_back(&shared.api.client).await;
    }
    shared.check_open()?;
    Ok(Vec::new())
}

/// Starts what may start.
async fn start(
    shared: &Shared,
    queue: &Arc<QueueState>,
    request: &LeaseRequest,
    taken: Vec<Taken>,
    looked: &mut Looked,
) -> Result<(), BackendError> {
    let (mut waiting, mut failure) = arrive::read(shared, queue, taken).await;
    // Each round that somebody else interfered with a job looks at its record again.
    while !waiting.is_empty() {
        let judged = arrive::judge_all(shared, queue, request, waiting).await;
        looked.set_aside += judged.set_aside;
        failure = judged.failure.or(failure);
        let startable = judged.startable.iter();
        let replies: Vec<_> = startable.map(|job| job.taken.reply.clone()).collect();
        let admitted = match limits::admit(shared, queue, request, judged.startable).await {
            Ok(admitted) => admitted,
            Err(error) => {
                arrive::put_all_back(shared, &replies).await;
                return Err(error);
            }
        };
        looked.put_off += admitted.put_off;
        let mut starting = Starting::new(shared, queue, request);
        for job in admitted.startable {
            starting.begin(job).await;
        }
        let (started, again) = starting.finish().await?;
        if shared.events.is_observed() {
            let now = shared.clock.now();
            let held = started.iter().filter_map(|delivery: &Delivery| {
                let hold = shared.held.get(&delivery.lease)?;
                Some(hold.record.event(EventKind::Started, now))
            });
            shared.events.send(held.collect::<Vec<_>>());
        }
        looked.deliveries.extend(started);
        waiting = again;
    }
    failure.map_or(Ok(()), Err)
}

/// Leased jobs on their way to the worker. When nobody takes them, they go back without an attempt being charged.
struct OnTheWay {
    deliveries: Vec<Delivery>,
    shared: Option<Arc<Shared>>,
}

impl OnTheWay {
    fn keep(mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.deliveries)
    }

    /// Where this fails the lease ends by itself, and the job counts as lost.
    async fn give_back(mut self) {
        if let Some(shared) = self.shared.take() {
            let _ = settle::settle(&shared, releases(&self.deliveries)).await;
        }
    }
}

impl Drop for OnTheWay {
    fn drop(&mut self) {
        let (Some(shared), false) = (self.shared.take(), self.deliveries.is_empty()) else {
            return;
        };
        let releases = releases(&self.deliveries);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let orphans = shared.orphans.clone();
            orphans.adopt(&runtime, async move {
                // As above.
                let _ = settle::settle(&shared, releases).await;
            });
        }
    }
}

fn releases(deliveries: &[Delivery]) -> Vec<Settlement> {
    (deliveries.iter())
        .map(|delivery| Settlement {
            lease: delivery.lease,
            disposition: Disposition::Release,
        })
        .collect()
}

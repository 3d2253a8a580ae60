//! Waiting for work: woken at once by this process, by the next due time, and by other processes within a short poll.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::sync::oneshot;

use super::SqliteBackend;
use super::error::closed;
use super::inbox::Request;
use super::lease::{self, Found};
use super::settle;
use super::shared::Shared;
use super::txn::Txn;
use super::writer::Call;
use crate::backend::{BackendError, Delivery, Disposition, LeaseRequest, Settlement};

/// The longest sleep: a wall clock that was stepped forward makes a job late by no more than this.
const SLEEP_MAX: Duration = Duration::from_secs(1);

pub(super) async fn lease(
    backend: &SqliteBackend,
    request: LeaseRequest,
) -> Result<Vec<Delivery>, BackendError> {
    let shared = &backend.shared;
    let give_up_at = shared
        .clock
        .uptime()
        .saturating_add(u64::try_from(request.wait.as_millis()).unwrap_or(u64::MAX));
    let door = shared.door(request.queue);
    shared.work();
    // Counted before the first look, so that the writer already looks out for other processes when it has answered it.
    let _waiting = Waiting::new(shared);
    loop {
        // Listening begins before looking, so that work which arrives in between is not missed.
        let knock = door.notified();
        tokio::pin!(knock);
        knock.as_mut().enable();
        let found = look(backend, request.clone()).await?;
        if !found.deliveries.is_empty() {
            return Ok(found.deliveries);
        }
        let left = Duration::from_millis(give_up_at.saturating_sub(shared.clock.uptime()));
        if left.is_zero() {
            return Ok(Vec::new());
        }
        let sleep = found
            .look_again
            .unwrap_or(SLEEP_MAX)
            .max(Duration::from_millis(1))
            .min(left)
            .min(SLEEP_MAX);
        tokio::select! {
            () = knock => {}
            () = shared.clock.sleep(sleep) => {}
        }
    }
}

/// One look for work. Whatever it leases either reaches the caller or goes back.
async fn look(backend: &SqliteBackend, request: LeaseRequest) -> Result<Found, BackendError> {
    let (reply, answer) = oneshot::channel();
    let requests: Sender<Request> = Sender::clone(&backend.requests);
    backend.submit(
        move |txn| lease::lease(txn, &request),
        // The hold begins here, when the lease is durable: a transaction that is rolled back has nothing to give back.
        move |result| {
            drop(reply.send(result.map(|found| Held {
                found: Some(found),
                requests,
            })))
        },
    )?;
    Ok(answer.await.map_err(|_| closed())??.keep())
}

/// Leased jobs on their way to the worker. When nobody takes them, they go back without an attempt being charged.
struct Held {
    found: Option<Found>,
    requests: Sender<Request>,
}

impl Held {
    fn keep(mut self) -> Found {
        self.found.take().unwrap_or(Found {
            deliveries: Vec::new(),
            look_again: None,
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(found) = self
            .found
            .take()
            .filter(|found| !found.deliveries.is_empty())
        else {
            return;
        };
        let release: Vec<Settlement> = found
            .deliveries
            .iter()
            .map(|delivery| Settlement {
                lease: delivery.lease,
                disposition: Disposition::Release,
            })
            .collect();
        let task = Call::new(move |txn: &mut Txn<'_>| settle::settle(txn, &release), drop);
        // A closed store recovers them when it is opened again.
        let _ = self.requests.send(Request::Task(Box::new(task)));
    }
}

/// Counts a waiting worker for as long as it lives, so that the writer looks out for other processes only when needed.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(shared: &'a Arc<Shared>) -> Self {
        shared.waiting_workers.fetch_add(1, Ordering::AcqRel);
        Self(&shared.waiting_workers)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

//! [`Inline`]: runs each job while it is enqueued.

use std::sync::Arc;
use std::time::Duration;

use super::drain::{in_handler, run_due};
use super::test_queue::Reports;
use crate::backend::{
    Backend, BackendError, Cancelled, Delivery, Enqueued, EventStream, JobView, Lease,
    LeaseRequest, ListFilter, Page, Requeued, Settled, Settlement, Stats,
};
use crate::future::BoxFuture;
use crate::job::{Envelope, IdempotencyKey, Job, JobId, KindInfo, State};
use crate::producer::Queue;
use crate::worker::Handler;

/// A store whose `enqueue` resolves only when what was due has run.
pub(super) struct Inline<J: Job> {
    inner: Arc<dyn Backend>,
    /// Over `inner`, so that the worker's own calls do not come here again.
    queue: Queue<J>,
    handler: Arc<dyn Handler<J>>,
    /// One run at a time: another one would wait for the jobs of the first.
    turn: tokio::sync::Mutex<()>,
    reports: Reports,
}

impl<J: Job> Inline<J> {
    pub(super) fn new(queue: Queue<J>, handler: Arc<dyn Handler<J>>, reports: Reports) -> Self {
        Self {
            inner: queue.backend().clone(),
            queue,
            handler,
            turn: tokio::sync::Mutex::default(),
            reports,
        }
    }
}

impl<J: Job> Backend for Inline<J> {
    fn enqueue(&self, batch: Vec<Envelope>) -> BoxFuture<'_, Result<Vec<Enqueued>, BackendError>> {
        Box::pin(async move {
            let answers = self.inner.enqueue(batch).await?;
            // What a handler enqueues runs after it, in the same run.
            if !in_handler() {
                let _turn = self.turn.lock().await;
                let report = run_due(self.queue.clone(), self.handler.clone()).await;
                self.reports.add(report);
            }
            Ok(answers)
        })
    }

    forward_all_but_enqueue!(inner);
}

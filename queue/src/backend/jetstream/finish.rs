//! [`Finish`]: work that has begun and is finished, whoever still waits for it; and [`Orphans`], which know when it is.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::sync::watch;

/// Work whose callers went away, and which goes on without them.
pub(super) struct Orphans(watch::Sender<Living>);

/// Which orphans live, by their numbers.
#[derive(Default)]
struct Living {
    next: u64,
    numbers: BTreeSet<u64>,
}

impl Orphans {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(Living::default())))
    }

    /// Waits until those that are there now have ended.
    ///
    /// # Cancel safety
    /// It only waits.
    pub(super) async fn ended(&self) {
        let next = self.0.borrow().next;
        let are_over = |living: &Living| living.numbers.first().is_none_or(|first| *first >= next);
        // The sender is `self`, so it does not go away meanwhile.
        let _ = self.0.subscribe().wait_for(are_over).await;
    }

    /// Goes on with `work` in a task of its own.
    pub(super) fn adopt<F>(self: &Arc<Self>, runtime: &Handle, work: F)
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        let mut number = 0;
        self.0.send_modify(|living| {
            number = living.next;
            living.next += 1;
            living.numbers.insert(number);
        });
        let orphan = Orphan(self.clone(), number);
        runtime.spawn(async move {
            let _orphan = orphan;
            work.await;
        });
    }
}

/// One orphan, until it has ended in whatever way.
struct Orphan(Arc<Orphans>, u64);

impl Drop for Orphan {
    fn drop(&mut self) {
        self.0.0.send_modify(|living| {
            living.numbers.remove(&self.1);
        });
    }
}

/// Runs in its caller's task, and goes on in a task of its own when the caller goes away in the middle. A task from the
/// beginning would do, too, but it costs each call two switches between threads: a third of the CPU time of a job.
pub(super) struct Finish<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    work: Option<Pin<Box<F>>>,
    orphans: Arc<Orphans>,
    /// Where it began, and goes on: whoever drops it may be elsewhere.
    runtime: Option<Handle>,
}

/// Work that is finished once it has begun, which it does when it is first polled.
pub(super) fn finish<F>(orphans: &Arc<Orphans>, work: F) -> Finish<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    Finish {
        work: Some(Box::pin(work)),
        orphans: orphans.clone(),
        runtime: None,
    }
}

impl<F> Future for Finish<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if self.runtime.is_none() {
            self.runtime = Handle::try_current().ok();
        }
        // Taken out meanwhile: what panicked is not gone on with.
        let Some(mut work) = self.work.take() else {
            return Poll::Pending;
        };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl<F> Drop for Finish<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn drop(&mut self) {
        if let (Some(rest), Some(runtime)) = (self.work.take(), self.runtime.take()) {
            self.orphans.adopt(&runtime, rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::{mpsc, oneshot};

    use super::*;

    #[tokio::test]
    async fn work_is_finished_without_its_caller() {
        let (begun, mut has_begun) = mpsc::unbounded_channel();
        let (go_on, may_go_on) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel();
        let orphans = Orphans::new();
        let caller = tokio::spawn(finish(&orphans, async move {
            begun.send(()).unwrap();
            may_go_on.await.unwrap();
            done.send(7).unwrap();
        }));
        has_begun.recv().await.unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        let mut ended = Box::pin(orphans.ended());
        assert!(futures_util::poll!(ended.as_mut()).is_pending());
        go_on.send(()).unwrap();
        let done = tokio::time::timeout(Duration::from_secs(5), is_done).await;
        assert_eq!(done.unwrap(), Ok(7));
        let ended = tokio::time::timeout(Duration::from_secs(5), ended);
        ended.await.expect("the last orphan has ended");
    }

    #[test]
    fn it_goes_on_where_it_began_whoever_drops_it() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let (go_on, may_go_on) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel();
        let mut work = Box::pin(finish(&Orphans::new(), async move {
            may_go_on.await.unwrap();
            done.send(7).unwrap();
        }));
        runtime.block_on(async {
            assert!(futures_util::poll!(work.as_mut()).is_pending());
        });
        drop(work);
        go_on.send(()).unwrap();
        let done =
            runtime.block_on(async { tokio::time::timeout(Duration::from_secs(5), is_done).await });
        assert_eq!(done.unwrap(), Ok(7));
    }

    #[tokio::test]
    async fn what_panicked_is_not_gone_on_with() {
        let caller = tokio::spawn(finish(&Orphans::new(), async { panic!("as asked") }));
        assert!(caller.await.unwrap_err().is_panic());
    }

    #[tokio::test]
    async fn it_answers_its_caller() {
        assert_eq!(finish(&Orphans::new(), async { 7 }).await, 7);
    }
}

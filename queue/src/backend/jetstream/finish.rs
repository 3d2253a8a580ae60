//! [`Finish`]: work that has begun and is finished, whoever still waits for it.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Runs in its caller's task, and goes on in a task of its own when the caller goes away in the middle. A task from the
/// beginning would do, too, but it costs each call two switches between threads: a third of the CPU time of a job.
pub(super) struct Finish<F>(Option<Pin<Box<F>>>)
where
    F: Future + Send + 'static,
    F::Output: Send;

/// Work that is finished even when what is returned here is dropped.
pub(super) fn finish<F>(work: F) -> Finish<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    Finish(Some(Box::pin(work)))
}

impl<F> Future for Finish<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // Taken out meanwhile: what panicked is not gone on with.
        let Some(mut work) = self.0.take() else {
            return Poll::Pending;
        };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.0 = Some(work);
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
        if let (Some(rest), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(rest);
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
        let caller = tokio::spawn(finish(async move {
            begun.send(()).unwrap();
            may_go_on.await.unwrap();
            done.send(7).unwrap();
        }));
        has_begun.recv().await.unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        go_on.send(()).unwrap();
        let done = tokio::time::timeout(Duration::from_secs(5), is_done).await;
        assert_eq!(done.unwrap(), Ok(7));
    }

    #[tokio::test]
    async fn what_panicked_is_not_gone_on_with() {
        let caller = tokio::spawn(finish(async { panic!("as asked") }));
        assert!(caller.await.unwrap_err().is_panic());
    }

    #[tokio::test]
    async fn it_answers_its_caller() {
        assert_eq!(finish(async { 7 }).await, 7);
    }
}

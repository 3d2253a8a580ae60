//! Running jobs when a test says so, with the worker that production uses.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::future::BoxFuture;
use crate::job::Job;
use crate::producer::Queue;
use crate::worker::{Handler, JobContext, Outcome, RunReport, Worker};

/// How long, on the machine's clock, a run may take: enough for any test, and short enough that a test that hangs says why.
const RUN_TIME_MAX: Duration = Duration::from_secs(30);

tokio::task_local! {
    /// Set while a handler of this kit runs, so that what it enqueues waits for its turn.
    static IN_HANDLER: ();
}

/// Whether a handler of this kit is calling.
pub(super) fn in_handler() -> bool {
    IN_HANDLER.try_with(|()| ()).is_ok()
}

/// Runs everything that is due now, one job at a time in the queue's own order, and what the handler enqueues meanwhile.
pub(super) async fn run_due<J: Job>(queue: Queue<J>, handler: Arc<dyn Handler<J>>) -> RunReport {
    let worker = Worker::with_handler(queue, Marked(handler))
        .concurrency(1)
        .unlimited();
    let (_alive, hung) = watchdog();
    tokio::select! {
        report = worker.run_until_empty() => match report {
            Ok(report) => report,
            Err(error) => panic!("the jobs can't be run: {error}"),
        },
        _ = hung => panic!(
            "the jobs did not end in {} s: a handler hangs, or the store fails. The clock of a TestQueue stands still, so \
             nothing times out: spawn a worker and `advance` the clock instead",
            RUN_TIME_MAX.as_secs()
        ),
    }
}

/// A handler that is known to run. It hides the inner one's capacity: the clock of a test stands still, so a worker that
/// waited for capacity would wait for ever. Without it jobs are put off instead.
struct Marked<J: Job>(Arc<dyn Handler<J>>);

impl<J: Job> Handler<J> for Marked<J> {
    fn handle<'a>(&'a self, job: &'a J, context: &'a JobContext) -> BoxFuture<'a, Outcome> {
        Box::pin(IN_HANDLER.scope((), self.0.handle(job, context)))
    }
}

/// Tells when too much time has passed, unless the first half is dropped before. A thread, because tokio's own clock may be
/// paused by the test, and would then jump while the store's thread works.
fn watchdog() -> (mpsc::Sender<()>, oneshot::Receiver<()>) {
    let (alive, watched) = mpsc::channel::<()>();
    let (tell, hung) = oneshot::channel();
    std::thread::spawn(move || {
        match watched.recv_timeout(RUN_TIME_MAX) {
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let _ = tell.send(());
            }
            // The run is over; `hung` is dropped with it.
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {}
        }
    });
    (alive, hung)
}

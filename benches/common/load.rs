//! What every store is put under: one kind of job, and callers beside each other.

use queue::Priority;
use queue::job::{KindInfo, UnknownPolicy};

/// The kinds that a benchmark's worker knows.
pub const KINDS: &[KindInfo] = &[KindInfo {
    name: "ping",
    version: 1,
    priority: Priority::Normal,
    max_attempts: 3,
    unknown: UnknownPolicy::Retry,
    secret: false,
}];

/// Does `work` for each of `jobs`, shared out evenly among `callers` that run beside each other. Says how many it did.
///
/// # Panics
/// When the work does.
pub async fn each<F, Fut>(callers: u64, jobs: u64, work: F) -> u64
where
    F: Fn() -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let work = work.clone();
            tokio::spawn(async move {
                for _ in 0..jobs / callers {
                    work().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    jobs / callers * callers
}

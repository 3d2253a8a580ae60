//! Short words for tests of deliveries.

use std::future::Future;
use std::time::Duration;

use queue::backend::{BackendError, BackendErrorKind};
use queue::delivery::{
    Applied, Deliveries, DeliveryEvent, DeliveryObserver, DeliveryReport, DeliveryStatus,
    DeliveryStream, MessageDelivery,
};
use queue::provider::Receipt;
use queue::{BoxFuture, JobId, Queue, SmsJob, WelcomeSms, create_welcome_sms_job};
use tokio::sync::Mutex;

pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A receipt of the provider `p`.
pub(super) fn receipt(id: &str) -> Receipt {
    Receipt::new("p").message_id(id)
}

/// A report of the provider `p`.
pub(super) fn report(id: &str, status: DeliveryStatus) -> DeliveryReport {
    DeliveryReport::new("p", id, status)
}

/// The one message of a job.
pub(super) async fn only(deliveries: &Deliveries, job: JobId) -> MessageDelivery {
    let known = deliveries.job(job).await.unwrap().unwrap();
    assert_eq!(known.messages.len(), 1, "{known:?}");
    known.messages[0].clone()
}

pub(super) async fn status(deliveries: &Deliveries, job: JobId) -> DeliveryStatus {
    only(deliveries, job).await.status
}

/// What an applied report changed.
pub(super) fn changed(applied: Applied) -> DeliveryEvent {
    match applied {
        Applied::Changed(event) => event,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn welcome(queue: &Queue<SmsJob>) -> JobId {
    let welcome = WelcomeSms {
        recipient: "0712345678".parse().unwrap(),
        user_name: "Wanjiru".to_owned(),
    };
    create_welcome_sms_job(queue, welcome).await.unwrap().job_id
}

/// The statuses of the next `count` events.
pub(super) async fn told(events: &mut DeliveryStream, count: usize) -> Vec<DeliveryStatus> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        let event = tokio::time::timeout(PATIENCE, events.next()).await;
        statuses.push(event.unwrap().unwrap().unwrap().message.status);
    }
    statuses
}

/// Waits until `check` says so, in real time.
pub(super) async fn eventually<F: Future<Output = bool>>(what: &str, check: impl Fn() -> F) {
    let waited = async {
        while !check().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, waited).await.is_err() {
        panic!("{what} did not come");
    }
}

/// Remembers what it was told, and refuses the first ones.
#[derive(Default)]
pub(super) struct Observer {
    pub(super) told: Mutex<Vec<DeliveryEvent>>,
    pub(super) refuse: Mutex<usize>,
}

/// The observer to give away; the test keeps the other.
pub(super) struct Shared(pub(super) std::sync::Arc<Observer>);

impl DeliveryObserver for Shared {
    fn on_report<'a>(
        &'a self,
        event: &'a DeliveryEvent,
    ) -> BoxFuture<'a, Result<(), BackendError>> {
        Box::pin(async move {
            self.0.told.lock().await.push(event.clone());
            let mut refuse = self.0.refuse.lock().await;
            if *refuse > 0 {
                *refuse -= 1;
                return Err(BackendError::new(BackendErrorKind::Full, "no room"));
            }
            Ok(())
        })
    }
}

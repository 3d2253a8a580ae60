//! What all handlers have in common: reading a body within bounds, and storing a report.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;

use crate::backend::BackendError;
use crate::delivery::{Applied, Deliveries, DeliveryReport};
use crate::job::JobId;
use crate::telemetry::names;

/// Largest body of a report, in bytes. Real ones have a few hundred.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// How long a body may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the store may take before a report is answered with 503. Providers give a callback 10 to 15 s.
pub const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads a body.
pub(super) async fn read_body(body: Body) -> Result<Bytes, StatusCode> {
    match tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(Ok(body)) => Ok(body),
        // The connection was cut, or it is too large; the first nobody reads an answer to.
        Ok(Err(_)) => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// Stores `report`, and says what to answer. `attempt` is what it is about, when its address says so.
pub(super) async fn store(
    deliveries: &Deliveries,
    report: DeliveryReport,
    attempt: Option<(JobId, u16)>,
) -> StatusCode {
    let provider = report.provider.clone();
    let apply = async {
        match attempt {
            Some((job, attempt)) => deliveries.apply_to(job, attempt, report).await,
            None => deliveries.apply(report).await,
        }
    };
    let applied: Result<Applied, BackendError> =
        match tokio::time::timeout(STORE_TIMEOUT, apply).await {
            Ok(applied) => applied,
            Err(_) => {
                tracing::warn!(
                    { names::PROVIDER } = provider,
                    "a delivery report was not stored in time"
                );
                return StatusCode::SERVICE_UNAVAILABLE;
            }
        };
    match applied {
        Ok(Applied::Changed(_) | Applied::Ignored { .. } | Applied::Early | Applied::Dropped) => {
            StatusCode::OK
        }
        Err(error) => {
            tracing::warn!(
                { names::PROVIDER } = provider,
                { names::ERROR_KIND } = error.kind().as_str(),
                { names::REASON } = %error,
                "a delivery report was not stored"
            );
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};

    use futures_core::Stream;

    use super::*;
    use crate::backend::{SqliteBackend, SqliteOptions};
    use crate::delivery::DeliveryStatus;
    use crate::notification::SmsJob;
    use crate::producer::Queue;
    use crate::testing::fault::{FaultyBackend, StoreCall, StoreFault};

    /// A body of which nothing comes.
    struct Never;

    impl Stream for Never {
        type Item = Result<Bytes, std::io::Error>;

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let started = tokio::time::Instant::now();
        let answer = read_body(Body::from_stream(Never)).await;
        assert_eq!(answer, Err(StatusCode::REQUEST_TIMEOUT));
        assert_eq!(started.elapsed(), BODY_TIMEOUT);
    }

    #[tokio::test]
    async fn a_store_that_hangs_is_not_waited_for() {
        let store = SqliteBackend::open(SqliteOptions::in_memory()).await;
        let faulty = FaultyBackend::new(Arc::new(store.unwrap()));
        faulty.fail_from(StoreCall::Read, 1, StoreFault::Hang);
        let queue = Queue::<SmsJob>::builder().over(Arc::new(faulty));
        let deliveries = Deliveries::of(&queue).build();
        tokio::time::pause();
        let report = DeliveryReport::new("p", "1", DeliveryStatus::Sent);
        let answer = super::store(&deliveries, report, None).await;
        assert_eq!(answer, StatusCode::SERVICE_UNAVAILABLE);
    }
}

//! [`DeliveryEvent`]: that a message moved, for any number of observers.

use tokio::sync::broadcast;

use super::DeliveryStatus;
use super::view::MessageDelivery;
use crate::backend::Lagged;

/// A message moved.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryEvent {
    /// What is known of it now.
    pub message: MessageDelivery,
    /// Where it was; `None` when this is the first that is known of it.
    pub previous: Option<DeliveryStatus>,
}

/// The events of one [`Deliveries`](super::Deliveries) and its clones, in order: those that this process recorded.
#[derive(Debug)]
pub struct DeliveryStream(broadcast::Receiver<DeliveryEvent>);

impl DeliveryStream {
    pub(super) fn new(receiver: broadcast::Receiver<DeliveryEvent>) -> Self {
        Self(receiver)
    }

    /// The next event; `None` when every handle is gone.
    ///
    /// # Errors
    /// [`Lagged`] when this reader was too slow and events were dropped; the next call goes on behind the gap.
    ///
    /// # Cancel safety
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<Result<DeliveryEvent, Lagged>> {
        match self.0.recv().await {
            Ok(event) => Some(Ok(event)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Err(Lagged { missed })),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

//! [`SuppressReported`]: a list that learns from delivery reports.

use std::time::Duration;

use super::entry::{Sender, Suppress, SuppressionReason, SuppressionSource};
use super::list::Suppression;
use crate::backend::BackendError;
use crate::delivery::{DeliveryEvent, DeliveryFailure, DeliveryObserver};
use crate::future::BoxFuture;

/// How long a number that takes no messages is left alone, unless told otherwise: 90 days. Then it may be somebody else's.
pub const HARD_FAILURE_KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Puts recipients on a [`Suppression`] list when delivery reports say that they blocked the sender, or that their number
/// takes no messages. Made by [`Suppression::from_reports`], given to
/// [`DeliveriesBuilder::observer`](crate::delivery::DeliveriesBuilder::observer).
///
/// A report is recorded after the list took it, so no crash loses an opt-out. One whose recipient is not known, because its
/// message was not one of ours or of a channel without recipients, changes nothing.
#[derive(Clone, Debug)]
pub struct SuppressReported {
    list: Suppression,
    sender: Option<Sender>,
    hard_failures: Option<Duration>,
}

impl Suppression {
    /// An observer of delivery reports that puts recipients on this list.
    pub fn from_reports(&self) -> SuppressReported {
        SuppressReported {
            list: self.clone(),
            sender: None,
            hard_failures: Some(HARD_FAILURE_KEPT),
        }
    }
}

impl SuppressReported {
    /// Messages go out in the name of this sender, and an opt-out stops it alone. Default: none; an opt-out stops everything.
    #[must_use]
    pub fn sender(mut self, sender: Sender) -> Self {
        self.sender = Some(sender);
        self
    }

    /// How long a number that takes no messages gets none, whoever sends them; `None`: such reports change nothing.
    /// Default: [`HARD_FAILURE_KEPT`].
    #[must_use]
    pub fn hard_failures(mut self, kept: impl Into<Option<Duration>>) -> Self {
        self.hard_failures = kept.into();
        self
    }

    /// What the report says of its recipient.
    fn learnt(&self, event: &DeliveryEvent) -> Option<Suppress> {
        let message = &event.message;
        let recipient = message.recipient?;
        let source = SuppressionSource::Report(message.provider.clone());
        let told = |reason| {
            Suppress::new(recipient, reason)
                .source(source.clone())
                .since(message.changed_at)
        };
        if message.suppress || message.failure == Some(DeliveryFailure::Blocked) {
            let opt_out = told(SuppressionReason::OptedOut);
            return Some(match &self.sender {
                Some(sender) => opt_out.sender(sender.clone()),
                None => opt_out,
            });
        }
        let kept = self
            .hard_failures
            .filter(|_| message.failure == Some(DeliveryFailure::Number))?;
        let until = message.changed_at.saturating_add(kept);
        Some(told(SuppressionReason::HardFailure).until(until))
    }
}

impl DeliveryObserver for SuppressReported {
    fn on_report<'a>(
        &'a self,
        event: &'a DeliveryEvent,
    ) -> BoxFuture<'a, Result<(), BackendError>> {
        Box::pin(async move {
            if let Some(suppress) = self.learnt(event) {
                self.list.add(suppress).await?;
            }
            Ok(())
        })
    }
}

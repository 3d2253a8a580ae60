//! [`DeliveryObserver`]: something to do with a report before it is recorded.

use super::DeliveryEvent;
use crate::backend::BackendError;
use crate::future::BoxFuture;

/// Something that must not miss a report, such as a list of recipients who opted out.
///
/// It is called *before* the change is recorded, so no crash loses it: at least once for each change, now and then more.
/// An error leaves the report unrecorded; a pushed one is answered 503, a polled one is asked for again. Whoever may miss
/// some reads [`Deliveries::subscribe`](super::Deliveries::subscribe) instead.
pub trait DeliveryObserver: Send + Sync + 'static {
    /// A report moved a message, and its job is known. Not called for a mere receipt.
    ///
    /// # Errors
    /// [`BackendError`] when it could not be taken; it will come again.
    fn on_report<'a>(&'a self, event: &'a DeliveryEvent)
    -> BoxFuture<'a, Result<(), BackendError>>;
}

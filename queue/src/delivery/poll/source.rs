//! [`ReportSource`]: a provider that can be asked for reports.

use std::sync::Arc;

use crate::delivery::DeliveryReport;
use crate::future::BoxFuture;
use crate::provider::ProviderError;

/// A provider that says on demand what became of a message.
pub trait ReportSource: Send + Sync + 'static {
    /// The provider's name, as in its receipts.
    fn provider(&self) -> &str;

    /// What became of the message that was accepted under `message_id`; `Accepted` when there is no report yet. It keeps a
    /// time limit of its own.
    ///
    /// # Errors
    /// A [`ProviderError`]: *throttled* and *misconfigured* hold all questions, *rejected* waits for the next step, others are
    /// asked again soon.
    fn report<'a>(
        &'a self,
        message_id: &'a str,
    ) -> BoxFuture<'a, Result<DeliveryReport, ProviderError>>;
}

impl<S: ReportSource + ?Sized> ReportSource for Arc<S> {
    fn provider(&self) -> &str {
        (**self).provider()
    }

    fn report<'a>(
        &'a self,
        message_id: &'a str,
    ) -> BoxFuture<'a, Result<DeliveryReport, ProviderError>> {
        (**self).report(message_id)
    }
}

#[cfg(feature = "salum")]
impl ReportSource for crate::provider::Salum {
    fn provider(&self) -> &str {
        crate::delivery::SALUM
    }

    fn report<'a>(
        &'a self,
        message_id: &'a str,
    ) -> BoxFuture<'a, Result<DeliveryReport, ProviderError>> {
        Box::pin(self.delivery_report(message_id))
    }
}

#[cfg(feature = "twilio")]
impl ReportSource for crate::provider::Twilio {
    fn provider(&self) -> &str {
        crate::delivery::TWILIO
    }

    fn report<'a>(
        &'a self,
        message_id: &'a str,
    ) -> BoxFuture<'a, Result<DeliveryReport, ProviderError>> {
        Box::pin(async move {
            let message = self.message(message_id).await?;
            let code = message.error_code.map(|code| code.to_string());
            Ok(DeliveryReport::twilio(
                message.sid,
                message.status.as_str(),
                code.as_deref(),
            ))
        })
    }
}

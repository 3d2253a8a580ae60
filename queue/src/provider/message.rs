//! [`Message`], and how a rendered text becomes one.

use crate::job::RecipientKey;

/// What a provider of one channel sends: an SMS, an e-mail, a webhook call.
///
/// Its `Debug`, if it has one, must not show recipients or texts.
pub trait Message: Send + Sync + 'static {
    /// The channel's name, for logs and metrics, such as `sms`.
    const CHANNEL: &'static str;

    /// To whom it goes, without saying it: what reports, limits and suppression find a recipient by. Default: unknown.
    fn recipient_key(&self) -> Option<RecipientKey> {
        None
    }
}

/// Turns what a render function returned for payload `P` into message `M`.
///
/// A render function may return the message itself, or what its template made; a text becomes an SMS to the payload's
/// recipient.
#[diagnostic::on_unimplemented(
    message = "the render function's result `{Self}` does not become a `{M}` for payload `{P}`",
    note = "return `Result<{M}, RenderError>`, or a text whose payload has a `recipient` of the channel's address type"
)]
pub trait IntoMessage<M: Message, P> {
    /// The message for `payload`.
    ///
    /// # Errors
    /// [`RenderError`] when the text can't be a message, such as an SMS of too many segments.
    fn into_message(self, payload: &P) -> Result<M, RenderError>;
}

impl<M: Message, P> IntoMessage<M, P> for M {
    fn into_message(self, _: &P) -> Result<M, RenderError> {
        Ok(self)
    }
}

/// A payload that can't become a message; no retry would help. Never quotes the payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RenderError {
    message: String,
}

impl RenderError {
    /// An error that says what to change; `message` must not quote the payload.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

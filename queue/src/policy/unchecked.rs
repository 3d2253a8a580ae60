//! What a policy answers when its store does not.

use std::time::Duration;

use super::Refusal;
use crate::backend::BackendError;
use crate::provider::ProviderError;

/// How long a message waits when the store could not be asked and does not say for how long.
const STORE_WAIT: Duration = Duration::from_secs(5);

/// Nothing was sent, and no attempt is charged: the message is not at fault.
pub(super) fn unchecked(error: &BackendError) -> ProviderError {
    let wait = error.retry_after().unwrap_or(STORE_WAIT);
    let detail = format!(
        "the policy's store could not be asked ({})",
        error.kind().as_str()
    );
    ProviderError::throttled(wait, detail).code(Refusal::Unchecked)
}

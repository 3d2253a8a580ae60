//! What the UI tests share: a message, a payload, a one-time code. Stand-ins, so that no channel needs to be built.

use queue::job::Addressed;
use queue::provider::{IntoMessage, Message, RenderError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug)]
pub struct Push;

impl Message for Push {
    const CHANNEL: &'static str = "push";
}

impl<P: Addressed<Address = String>> IntoMessage<Push, P> for String {
    fn into_message(self, _: &P) -> Result<Push, RenderError> {
        Ok(Push)
    }
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Code(pub String);

impl queue::job::Payload for Code {
    const REQUIRES_EXPIRY: bool = true;
}

#[derive(queue::Template, Clone, Serialize, Deserialize, JsonSchema)]
#[template(source = "Hello {{name}}!")]
pub struct Greeting {
    pub recipient: String,
    pub name: String,
}

#[derive(queue::Template, Clone, Serialize, Deserialize, JsonSchema)]
#[template(source = "{{code}}")]
pub struct Otp {
    pub recipient: String,
    pub code: Code,
}

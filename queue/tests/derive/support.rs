//! A channel of an application's own: its message, its one-time code, its jobs.

use std::time::Duration;

use queue::job::{Addressed, Payload as _, UpcastError};
use queue::provider::{IntoMessage, Message, RenderError};
use queue::{Job, Payload, Template};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Debug, PartialEq)]
pub(crate) struct Push {
    pub to: String,
    pub text: String,
}

impl Message for Push {
    const CHANNEL: &'static str = "push";
}

impl<P: Addressed<Address = String>> IntoMessage<Push, P> for String {
    fn into_message(self, payload: &P) -> Result<Push, RenderError> {
        Ok(Push {
            to: payload.recipient().clone(),
            text: self,
        })
    }
}

/// A one-time code, as a channel brings it.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Code(pub String);

impl queue::job::Payload for Code {
    const REQUIRES_EXPIRY: bool = true;
}

#[derive(Template, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[template(source = "Hello {{name}}!")]
pub(crate) struct Greeting {
    pub recipient: String,
    pub name: String,
}

#[derive(Template, Clone, Serialize, Deserialize, JsonSchema)]
#[template(shipped = "sms/otp", render = otp_text)]
pub(crate) struct Otp {
    #[template(recipient)]
    pub phone: String,
    pub code: Code,
    #[template(public)]
    pub expiry_minutes: u16,
}

impl Otp {
    pub(crate) fn lifetime(&self) -> Duration {
        Duration::from_secs(60 * u64::from(self.expiry_minutes))
    }
}

#[derive(Payload, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Alarm {
    #[payload(public)]
    pub level: u8,
    #[serde(default)]
    pub parts: Vec<Part>,
}

#[derive(Payload, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Part {
    pub label: String,
}

pub(crate) fn ring(alarm: &Alarm) -> Result<Push, RenderError> {
    if alarm.level == 0 {
        return Err(RenderError::new("no alarm"));
    }
    Ok(Push {
        to: "guard".into(),
        text: "ring".repeat(alarm.level.into()),
    })
}

/// Version 1 had `height` for `level`.
pub(crate) fn upcast_alarm(
    version: u16,
    mut payload: Map<String, Value>,
) -> Result<Map<String, Value>, UpcastError> {
    assert_eq!(version, 1);
    let level = payload.remove("height").ok_or(UpcastError("no `height`"))?;
    payload.insert("level".into(), level);
    Ok(payload)
}

#[derive(Job, Clone)]
#[job(queue = "push", message = Push)]
pub(crate) enum PushJob {
    Greeting(Greeting),
    #[job(
        render = otp_text,
        priority = "high",
        max_attempts = 5,
        expires_after = Otp::lifetime,
        unknown = "stop"
    )]
    Otp(Otp),
    #[job(render = ring, name = "fire", version = 2, upcast = upcast_alarm)]
    #[job(priority = "critical", expires_after = "90s")]
    FireAlarm(Alarm),
}

pub(crate) fn greeting() -> Greeting {
    Greeting {
        recipient: "+254700000001".into(),
        name: "Wanjiru".into(),
    }
}

pub(crate) fn otp() -> Otp {
    Otp {
        phone: "+254700000001".into(),
        code: Code("493817".into()),
        expiry_minutes: 10,
    }
}

#[test]
fn secrets_are_known_by_the_types_of_the_fields() {
    const { assert!(Otp::REQUIRES_EXPIRY && Otp::SECRET) };
    const { assert!(!Greeting::SECRET && !Alarm::SECRET) };
}

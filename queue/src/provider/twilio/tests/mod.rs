//! The client against the stand-in, over real HTTP on this machine.

mod codes;
mod faults;
mod inquiries;
mod requests;
mod secrets;

use std::time::Duration;

use super::{Twilio, TwilioError, TwilioOptions, TwilioSender, TwilioStatus};
use crate::job::JobId;
use crate::provider::{Provider, ProviderError, ProviderErrorKind, Receipt, SendContext};
use crate::sms::{PhoneNumber, SmsMessage, SmsText};
use crate::testing::gateway::{Gateway, GatewayBuilder, TwilioPersonality};

const TRANSIENT: ProviderErrorKind = ProviderErrorKind::Transient { after: None };

fn number(n: usize) -> PhoneNumber {
    format!("+254712{n:06}").parse().unwrap()
}

fn message(n: usize) -> SmsMessage {
    SmsMessage::new(number(n), SmsText::new(format!("Karibu {n}")).unwrap())
}

fn builder() -> GatewayBuilder {
    Gateway::builder().personality(TwilioPersonality::default())
}

async fn start() -> Gateway {
    builder().start().await.unwrap()
}

fn options(gateway: &Gateway) -> TwilioOptions {
    gateway.twilio_options().unwrap()
}

fn client(gateway: &Gateway) -> Twilio {
    options(gateway).build().unwrap()
}

async fn send(twilio: &Twilio, n: usize) -> Result<Receipt, ProviderError> {
    send_within(twilio, n, Duration::from_secs(5)).await
}

async fn send_within(
    twilio: &Twilio,
    n: usize,
    timeout: Duration,
) -> Result<Receipt, ProviderError> {
    let context = SendContext::new(JobId::new(), timeout);
    twilio.send(&message(n), &context).await
}

//! The client against the stand-in, over real HTTP on this machine.

mod codes;
mod faults;
mod requests;
mod secrets;

use std::time::Duration;

use super::{AfricasTalking, AfricasTalkingError, AfricasTalkingOptions};
use crate::job::JobId;
use crate::provider::{Provider, ProviderError, ProviderErrorKind, Receipt, SendContext};
use crate::sms::{PhoneNumber, SmsMessage, SmsText};
use crate::testing::gateway::{AfricasTalkingPersonality, Gateway, GatewayBuilder};

const TRANSIENT: ProviderErrorKind = ProviderErrorKind::Transient { after: None };

fn number(n: usize) -> PhoneNumber {
    format!("+254712{n:06}").parse().unwrap()
}

fn message(n: usize) -> SmsMessage {
    SmsMessage::new(number(n), SmsText::new(format!("Karibu {n}")).unwrap())
}

fn builder() -> GatewayBuilder {
    Gateway::builder().personality(AfricasTalkingPersonality::default())
}

async fn start() -> Gateway {
    builder().start().await.unwrap()
}

fn options(gateway: &Gateway) -> AfricasTalkingOptions {
    gateway.africas_talking_options().unwrap()
}

fn client(gateway: &Gateway) -> AfricasTalking {
    options(gateway).build().unwrap()
}

async fn send(client: &AfricasTalking, n: usize) -> Result<Receipt, ProviderError> {
    send_within(client, n, Duration::from_secs(5)).await
}

async fn send_within(
    client: &AfricasTalking,
    n: usize,
    timeout: Duration,
) -> Result<Receipt, ProviderError> {
    let context = SendContext::new(JobId::new(), timeout);
    client.send(&message(n), &context).await
}

//! The client against the stand-in gateway, over real HTTP on this machine.

mod batching;
mod faults;
mod inquiry;
mod personalities;
mod questions;
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use super::{Salum, SalumOptions};
use crate::job::JobId;
use crate::provider::{Provider, ProviderError, ProviderErrorKind, Receipt, SendContext};
use crate::sms::{PhoneNumber, SmsMessage, SmsText};
use crate::testing::gateway::Gateway;

const TRANSIENT: ProviderErrorKind = ProviderErrorKind::Transient { after: None };

fn number(n: usize) -> PhoneNumber {
    format!("+254712{n:06}").parse().unwrap()
}

fn message(n: usize) -> SmsMessage {
    SmsMessage::new(number(n), SmsText::new(format!("Karibu {n}")).unwrap())
}

fn client(gateway: &Gateway) -> Salum {
    gateway.salum_options().build().unwrap()
}

/// A client that makes one call at a time, so that messages gather while the first is on its way.
fn one_call(gateway: &Gateway, change: impl FnOnce(SalumOptions) -> SalumOptions) -> Arc<Salum> {
    let options = gateway.salum_options().calls_in_flight(1);
    Arc::new(change(options).build().unwrap())
}

async fn send(salum: &Salum, n: usize) -> Result<Receipt, ProviderError> {
    send_within(salum, n, Duration::from_secs(5)).await
}

async fn send_within(salum: &Salum, n: usize, timeout: Duration) -> Result<Receipt, ProviderError> {
    salum
        .send(&message(n), &SendContext::new(JobId::new(), timeout))
        .await
}

/// Sends these messages together: a first one keeps the only call busy while the others gather.
async fn send_together(
    salum: &Arc<Salum>,
    numbers: impl IntoIterator<Item = usize>,
) -> Vec<Result<Receipt, ProviderError>> {
    let sends: Vec<_> = numbers
        .into_iter()
        .map(|n| {
            let salum = Arc::clone(salum);
            tokio::spawn(async move { send(&salum, n).await })
        })
        .collect();
    let mut answers = Vec::new();
    for send in sends {
        answers.push(send.await.unwrap());
    }
    answers
}

fn kinds(answers: &[Result<Receipt, ProviderError>]) -> Vec<&'static str> {
    answers
        .iter()
        .map(|answer| match answer {
            Ok(_) => "sent",
            Err(error) => error.kind().as_str(),
        })
        .collect()
}

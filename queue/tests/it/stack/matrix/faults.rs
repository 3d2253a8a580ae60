//! The faults, each by what happens on the wire, and the providers that they happen to.

use std::sync::Arc;
use std::time::Duration;

use queue::provider::Provider;
use queue::sms::SmsMessage;
use queue::testing::gateway::{
    AfricasTalkingPersonality, Fault, Gateway, Personality, RowFault, TwilioPersonality,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Vendor {
    Salum,
    Advanta,
    Twilio,
    AfricasTalking,
}

impl Vendor {
    pub(super) const ALL: [Self; 4] = [
        Self::Salum,
        Self::Advanta,
        Self::Twilio,
        Self::AfricasTalking,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Salum => "Salum",
            Self::Advanta => "Salum (Advanta)",
            Self::Twilio => "Twilio",
            Self::AfricasTalking => "Africa's Talking",
        }
    }

    pub(super) async fn start(self) -> (Gateway, Arc<dyn Provider<SmsMessage>>) {
        let builder = Gateway::builder();
        let builder = match self {
            Self::Salum => builder,
            Self::Advanta => builder.personality(Personality::advanta()),
            Self::Twilio => builder.personality(TwilioPersonality::default()),
            Self::AfricasTalking => builder.personality(AfricasTalkingPersonality::default()),
        };
        let gateway = builder.start().await.unwrap();
        let provider: Arc<dyn Provider<SmsMessage>> = match self {
            Self::Salum | Self::Advanta => Arc::new(gateway.salum_options().build().unwrap()),
            Self::Twilio => Arc::new(gateway.twilio_options().unwrap().build().unwrap()),
            Self::AfricasTalking => {
                Arc::new(gateway.africas_talking_options().unwrap().build().unwrap())
            }
        };
        (gateway, provider)
    }

    /// A code that says the account is wrong, one that says the number is, one that says the way to it is not ours to
    /// use, and one that says the provider is.
    fn codes(self) -> [u32; 4] {
        match self {
            Self::Salum | Self::Advanta => [1006, 1003, 1002, 1005],
            Self::Twilio => [20003, 21211, 21408, 20429],
            Self::AfricasTalking => [402, 403, 407, 500],
        }
    }

    /// A success, of a message that is not ours.
    fn another(self) -> &'static str {
        match self {
            Self::Salum | Self::Advanta => {
                r#"{"responses":[{"respose-code":200,"response-description":"Success","mobile":"254799999999","messageid":7,"clientsmsid":"7"}]}"#
            }
            Self::Twilio => {
                r#"{"sid":"SM00000000000000000000000000000007","status":"queued","to":"+254799999999"}"#
            }
            Self::AfricasTalking => {
                r#"{"SMSMessageData":{"Message":"Sent to 1/1","Recipients":[{"statusCode":101,"number":"+254799999999","status":"Success","messageId":"ATXid_7"}]}}"#
            }
        }
    }

    /// The faults of its answers' rows; Twilio's have none.
    fn row_faults(self) -> &'static [(&'static str, RowFault)] {
        match self {
            Self::Twilio => &[],
            Self::Salum | Self::Advanta | Self::AfricasTalking => &[
                ("200, no row for the message", RowFault::Missing),
                ("200, a stranger's row too", RowFault::Foreign),
                ("200, two rows that agree", RowFault::Repeated),
                ("200, two rows that disagree", RowFault::Contradicting),
            ],
        }
    }
}

/// The faults, each by what happens on the wire.
pub(super) fn faults(vendor: Vendor) -> Vec<(String, Fault)> {
    let hour = Duration::from_secs(3600);
    let mut faults = vec![
        ("cut before the answer", Fault::cut()),
        ("cut before the answer", Fault::cut().after_accepting()),
        ("cut in the headers", Fault::cut_after(40)),
        ("cut in the body", Fault::cut_after(180)),
        ("JSON cut in half", Fault::truncated()),
        ("no answer", Fault::hang()),
        ("no answer", Fault::hang().after_accepting()),
        ("late answer", Fault::slow(hour)),
        ("silence after the headers", Fault::stall()),
        ("a byte at a time", Fault::trickle(Duration::from_secs(1))),
        ("HTTP 500", Fault::status(500)),
        ("HTTP 500", Fault::status(500).after_accepting()),
        ("HTTP 502", Fault::status(502)),
        ("HTTP 502", Fault::status(502).after_accepting()),
        ("HTTP 503", Fault::status(503)),
        ("HTTP 504", Fault::status(504)),
        ("HTTP 504", Fault::status(504).after_accepting()),
        ("HTTP 408", Fault::status(408)),
        (
            "HTTP 429, wait a second",
            Fault::status_retry_after(429, "1"),
        ),
        (
            "HTTP 429, wait for ever",
            Fault::status_retry_after(429, "99999999999"),
        ),
        ("HTTP 429, wait -5", Fault::status_retry_after(429, "-5")),
        ("HTTP 401", Fault::status(401)),
        ("a redirect to itself", Fault::redirect()),
        ("200, an HTML page", Fault::body("<html>")),
        ("200, an HTML page", Fault::body("<html>").after_accepting()),
        ("200, nothing", Fault::body("")),
        ("200, nothing", Fault::body("").after_accepting()),
        ("200, `null`", Fault::body("null")),
        (
            "200, another API's JSON",
            Fault::body(r#"{"status":"ok","id":7}"#),
        ),
        ("a body without end", Fault::endless()),
        ("a body of 10 GiB, cut", Fault::length_lie(10 << 30)),
        ("a compression bomb", Fault::bomb()),
    ];
    for sent in [false, true] {
        let fault = Fault::body(vendor.another());
        faults.push((
            "200, about another message",
            if sent { fault.after_accepting() } else { fault },
        ));
    }
    let [account, number, way, provider] = vendor.codes();
    faults.push(("refused: our account", Fault::flat(account)));
    faults.push(("refused: the number", Fault::flat(number)));
    faults.push(("refused: the way to it", Fault::flat(way)));
    faults.push(("refused: its own fault", Fault::flat(provider)));
    let rows = (vendor.row_faults().iter()).map(|&(name, fault)| (name, Fault::rows(fault)));
    faults
        .into_iter()
        .chain(rows)
        .map(|(name, fault)| (name.to_owned(), fault))
        .collect()
}

//! What the gateway decides: credentials, numbers, credit. No HTTP, no spelling.

use serde_json::Value;

use super::personality::Personality;
use super::request::Fields;
use crate::sms::{PhoneNumber, SmsText};
use crate::testing::gateway::desk::Account;

/// The credentials that the gateway takes.
#[derive(Clone, Debug)]
pub(in crate::testing::gateway) struct Credentials {
    pub(in crate::testing::gateway) api_key: String,
    pub(in crate::testing::gateway) partner_id: String,
    pub(in crate::testing::gateway) shortcode: String,
}

/// What is decided about one message.
pub(super) struct Decision {
    pub(super) code: u32,
    /// As it is echoed: in 254 form when accepted, as it was sent otherwise.
    pub(super) mobile: String,
    pub(super) message: String,
    pub(super) client_id: Option<Value>,
    pub(super) message_id: Option<u64>,
    pub(super) segments: u16,
}

/// The whole call is refused.
pub(super) struct Refusal {
    pub(super) code: u32,
    /// The fields that are missing, for the validation form.
    pub(super) missing: Vec<&'static str>,
}

impl From<u32> for Refusal {
    fn from(code: u32) -> Self {
        Self {
            code,
            missing: Vec::new(),
        }
    }
}

impl Credentials {
    /// Checks the credentials of a call.
    pub(super) fn admit(&self, fields: &Fields) -> Result<(), Refusal> {
        let partner_id = fields.text("partnerID").ok_or(4091)?;
        let api_key = fields.text("apikey").ok_or(4092)?;
        match partner_id == self.partner_id && api_key == self.api_key {
            true => Ok(()),
            false => Err(1006.into()),
        }
    }

    /// `sendsms` and `sendotp`: one text to one number or several, joined by commas.
    pub(super) fn send(
        &self,
        account: &mut Account,
        fields: &Fields,
        personality: &Personality,
    ) -> Result<Vec<Decision>, Refusal> {
        self.admit(fields)?;
        let [message, mobile, shortcode] = required(fields, ["message", "mobile", "shortcode"])?;
        if shortcode != self.shortcode {
            return Err(1001.into());
        }
        if !pass_type_is_known(fields) {
            return Err(1009.into());
        }
        let mobiles: Vec<&str> = mobile.split(',').map(str::trim).collect();
        if mobiles.len() > personality.contacts_max {
            return Err(1104.into());
        }
        let client_id = fields.value("clientsmsid").cloned();
        Ok(mobiles
            .into_iter()
            .map(|mobile| decide(account, mobile, &message, client_id.clone()))
            .collect())
    }

    /// `sendbulk`: a list of messages, each with credentials of its own.
    pub(super) fn send_bulk(
        &self,
        account: &mut Account,
        fields: &Fields,
        personality: &Personality,
    ) -> Result<Vec<Decision>, Refusal> {
        let list = fields.list("smslist").ok_or(1010)?;
        let count = fields.text("count").and_then(|count| count.parse().ok());
        if list.is_empty() || count != Some(list.len()) {
            return Err(1010.into());
        }
        if list.len() > personality.bulk_rows_max {
            return Err(1012.into());
        }
        let mut decisions = Vec::with_capacity(list.len());
        for (index, item) in list.iter().enumerate() {
            let item = Fields::of(item).ok_or(1010)?;
            let [message, mobile, shortcode] = required(&item, ["message", "mobile", "shortcode"])?;
            let client_id = item.value("clientsmsid").cloned();
            let refused = match self.admit(&item) {
                // The first one's credentials are the call's.
                Err(refusal) if index == 0 => return Err(refusal),
                Err(refusal) => Some(refusal.code),
                Ok(()) if shortcode != self.shortcode => Some(1001),
                Ok(()) if !pass_type_is_known(&item) => Some(1009),
                Ok(()) => None,
            };
            decisions.push(match refused {
                Some(code) => refusal(code, &mobile, message, client_id),
                None => decide(account, &mobile, &message, client_id),
            });
        }
        Ok(decisions)
    }
}

fn decide(
    account: &mut Account,
    mobile: &str,
    message: &str,
    client_id: Option<Value>,
) -> Decision {
    let digits = mobile.bytes().all(|byte| byte.is_ascii_digit());
    // With a country code, or as one writes it in Kenya.
    let number = PhoneNumber::parse(&format!("+{mobile}")).or_else(|_| PhoneNumber::parse(mobile));
    let number = number.ok().filter(|_| digits);
    let text = SmsText::with_limit(message, u16::MAX).ok();
    let (number, text) = match (number, text) {
        (None, _) => return refusal(1003, mobile, message.into(), client_id),
        (_, None) => return refusal(1009, mobile, message.into(), client_id),
        (Some(number), Some(text)) => (number, text),
    };
    let mut code = account.code(number.digits()).unwrap_or(200);
    if code == 200 && !account.charge(text.segments()) {
        code = 1004;
    }
    if code != 200 {
        return refusal(code, mobile, message.into(), client_id);
    }
    Decision {
        code,
        mobile: number.digits().to_owned(),
        message: message.to_owned(),
        client_id,
        message_id: Some(account.next_number()),
        segments: text.segments(),
    }
}

fn refusal(code: u32, mobile: &str, message: String, client_id: Option<Value>) -> Decision {
    Decision {
        code,
        mobile: mobile.to_owned(),
        message,
        client_id,
        message_id: None,
        segments: 0,
    }
}

/// The fields, or which of them are missing.
fn required<const N: usize>(
    fields: &Fields,
    keys: [&'static str; N],
) -> Result<[String; N], Refusal> {
    let values = keys.map(|key| fields.text(key));
    let missing: Vec<&'static str> = keys
        .into_iter()
        .zip(&values)
        .filter_map(|(key, value)| value.is_none().then_some(key))
        .collect();
    match missing.is_empty() {
        true => Ok(values.map(Option::unwrap_or_default)),
        false => Err(Refusal {
            code: 1010,
            missing,
        }),
    }
}

/// `plain`, or base64 in Celcom's `bm5`, which is taken as it is.
fn pass_type_is_known(fields: &Fields) -> bool {
    matches!(
        fields.text("pass_type").as_deref(),
        None | Some("plain" | "bm5")
    )
}

//! Twilio: messages are created, fetched and listed; their status is called back, signed.

mod callback;
mod store;

use std::time::{Duration, Instant, SystemTime};

use axum::http::{Method, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use self::store::{Message, Store};
use super::desk::{Account, Asked, Desk, Heard, Post, PushTo, Reply, Sent, Stage, Written};
use super::fault::RowFault;
use super::form::{Form, FormError};
use super::log::GatewayRow;
use crate::sms::{PhoneNumber, SmsText};

/// How a message progresses unless told otherwise. What it is before, no callback says.
pub(super) const PROGRESS: [(u64, &str); 2] = [(50, "sent"), (200, "delivered")];

/// Twilio: one account, and how it behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TwilioPersonality {
    /// The account's SID.
    pub account_sid: String,
    /// Its primary auth token, which signs callbacks too.
    pub auth_token: String,
    /// The SID and the secret of its API key.
    pub api_key: (String, String),
    /// The numbers and sender ids that it may use.
    pub senders: Vec<String>,
    /// The SIDs of its Messaging Services.
    pub messaging_services: Vec<String>,
    /// It is a trial account: texts get a prefix.
    pub trial: bool,
    /// Creates with an idempotency token that was seen before answer with the message of then. Nobody knows whether
    /// Twilio does so.
    pub honours_idempotency: bool,
    /// New messages are missing from lists.
    pub lists_nothing: bool,
    /// Codes are written as text.
    pub codes_as_text: bool,
}

impl Default for TwilioPersonality {
    fn default() -> Self {
        Self {
            account_sid: "AC00000000000000000000000000000001".into(),
            auth_token: "test-token".into(),
            api_key: (
                "SK00000000000000000000000000000001".into(),
                "test-secret".into(),
            ),
            senders: vec!["+15005550006".into(), "TEST".into()],
            messaging_services: vec!["MG00000000000000000000000000000001".into()],
            trial: false,
            honours_idempotency: false,
            lists_nothing: false,
            codes_as_text: false,
        }
    }
}

pub(super) struct TwilioDesk {
    personality: TwilioPersonality,
    store: Store,
}

/// The fields of a create that this stand-in knows.
const FIELDS: [&str; 8] = [
    "To",
    "From",
    "MessagingServiceSid",
    "Body",
    "Attempt",
    "ValidityPeriod",
    "StatusCallback",
    "SmartEncoded",
];

/// The filters of a list that it knows.
const FILTERS: [&str; 5] = ["To", "From", "PageSize", "Page", "PageToken"];

/// The id of a message that nobody sent.
const STRANGER: &str = "SM99999999999999999999999999999999";

/// A code of Twilio's: why something is refused.
type Code = u32;

impl TwilioDesk {
    pub(super) fn new(personality: TwilioPersonality) -> Self {
        Self {
            personality,
            store: Store::default(),
        }
    }

    fn decide(
        &mut self,
        account: &mut Account,
        endpoint: &str,
        asked: &Asked,
    ) -> Result<Heard, Code> {
        self.admit(asked)?;
        match endpoint {
            "create" => self.create(account, asked),
            "list" => {
                let form = Form::query(asked, &FILTERS).map_err(|_| 20001_u32)?;
                let page = self.store.list(account, &self.personality, &form)?;
                Ok(Heard::answered(page))
            }
            _ => {
                let sid = asked.uri.path().rsplit('/').next().unwrap_or_default();
                let sid = sid.trim_end_matches(".json");
                let message = self.store.get(sid).ok_or(20404_u32)?;
                let body = message.json(account, &self.personality).to_string();
                let written = Written::json(StatusCode::OK, body);
                Ok(Heard::answered(Reply::Written(written)))
            }
        }
    }

    /// Checks the credentials: HTTP Basic, for the account in the path.
    fn admit(&self, asked: &Asked) -> Result<(), Code> {
        let header = asked.headers.get(header::AUTHORIZATION);
        let basic = header
            .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
            .and_then(|basic| STANDARD.decode(basic).ok())
            .and_then(|basic| String::from_utf8(basic).ok())
            .ok_or(20003_u32)?;
        let (user, password) = basic.split_once(':').ok_or(20003_u32)?;
        let personality = &self.personality;
        let (key, secret) = &personality.api_key;
        let known = (user == personality.account_sid && password == personality.auth_token)
            || (user == key && password == secret);
        let own = asked.uri.path().split('/').nth(3) == Some(&personality.account_sid);
        match known && own {
            true => Ok(()),
            false => Err(20003),
        }
    }

    fn create(&mut self, account: &mut Account, asked: &Asked) -> Result<Heard, Code> {
        let token = asked.headers.get("i-twilio-idempotency-token");
        let token = token.and_then(|value| value.to_str().ok());
        let form = Form::read(asked, &FIELDS).map_err(|error| match error {
            // Without a form there is no `To`.
            FormError::NoForm => 21604_u32,
            FormError::Field => 20001,
        })?;
        let asked = self.check(&form)?;
        if self.personality.honours_idempotency
            && let Some(message) = token.and_then(|token| self.store.by_token(token))
        {
            let body = message.json(account, &self.personality).to_string();
            let written = Written::json(StatusCode::CREATED, body);
            return Ok(Heard::answered(Reply::Written(written)));
        }
        let end = match account.code(asked.to.digits()) {
            None | Some(0 | 200 | 201) => None,
            Some(code @ 30000..) => Some(format!("undelivered:{code}")),
            Some(code) => {
                let row = GatewayRow::new(asked.to.as_e164(), asked.text.as_str(), code);
                return Ok(Heard {
                    rows: vec![row],
                    code: None,
                    reply: Reply::Written(self.refusal(code)),
                    callback: None,
                });
            }
        };
        account.charge(asked.text.segments());
        let sid = format!("SM{:032x}", account.next_number());
        let row = GatewayRow {
            message_id: Some(sid.clone()),
            segments: asked.text.segments(),
            validity: asked.validity,
            idempotency_key: token.map(str::to_owned),
            ..GatewayRow::new(asked.to.as_e164(), asked.text.as_str(), 201)
        };
        let sent = Sent {
            at: Instant::now(),
            to: row.mobile.clone(),
            callback: asked.callback.clone(),
            end,
        };
        account.sent.insert(sid.clone(), sent);
        let prefix = match self.personality.trial {
            true => "Sent from your Twilio trial account - ",
            false => "",
        };
        let message = Message {
            sid,
            sender: asked.sender,
            to: row.mobile.clone(),
            body: format!("{prefix}{}", row.message),
            segments: row.segments,
            created_at: SystemTime::now(),
        };
        let body = message.json(account, &self.personality).to_string();
        self.store.keep(message, token);
        Ok(Heard {
            rows: vec![row],
            code: None,
            reply: Reply::Written(Written::json(StatusCode::CREATED, body)),
            callback: asked.callback,
        })
    }

    fn check(&self, form: &Form) -> Result<Create, Code> {
        let personality = &self.personality;
        let to = form.get("To").ok_or(21604_u32)?;
        let to = match to.strip_prefix('+') {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                PhoneNumber::parse(to).map_err(|_| 21211_u32)?
            }
            _ => return Err(21211),
        };
        let has = |list: &[String], value: &str| list.iter().any(|known| known == value);
        let sender = match (form.get("From"), form.get("MessagingServiceSid")) {
            (None, None) => return Err(21603),
            (_, Some(sid)) if !has(&personality.messaging_services, sid) => return Err(21701),
            (Some(from), _) if !has(&personality.senders, from) => return Err(21606),
            (Some(from), None) => Sender::Number(from.to_owned()),
            (_, Some(sid)) => Sender::Service(sid.to_owned()),
        };
        let body = form.get("Body").ok_or(21602_u32)?;
        if body.chars().count() > 1600 {
            return Err(21617);
        }
        let text = SmsText::with_limit(body, u16::MAX).map_err(|_| 21602_u32)?;
        let whole = |name: &str, code: Code| match form.get(name).map(str::parse::<u64>) {
            None => Ok(None),
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(_)) => Err(code),
        };
        if whole("Attempt", 20001)?.is_some_and(|attempt| attempt == 0) {
            return Err(20001);
        }
        let validity = match whole("ValidityPeriod", 21624)? {
            Some(seconds @ 1..=36_000) => Some(Duration::from_secs(seconds)),
            Some(_) => return Err(21624),
            None => None,
        };
        if !matches!(form.get("SmartEncoded"), None | Some("true" | "false")) {
            return Err(20001);
        }
        let callback = form.get("StatusCallback").map(str::to_owned);
        if callback
            .as_deref()
            .is_some_and(|url| !callback::is_url(url))
        {
            return Err(21609);
        }
        Ok(Create {
            to,
            sender,
            text,
            validity,
            callback,
        })
    }
}

/// A create whose fields are all right.
struct Create {
    to: PhoneNumber,
    sender: Sender,
    text: SmsText,
    validity: Option<Duration>,
    callback: Option<String>,
}

/// Whom a message is from.
enum Sender {
    Number(String),
    Service(String),
}

impl Desk for TwilioDesk {
    fn endpoint(&self, asked: &Asked) -> Option<String> {
        let rest = asked.uri.path().strip_prefix("/2010-04-01/Accounts/")?;
        let (_, rest) = rest.split_once('/')?;
        let one = rest.strip_prefix("Messages/");
        let one = one.and_then(|rest| rest.strip_suffix(".json"));
        let endpoint = match (&asked.method, rest, one) {
            (&Method::POST, "Messages.json", _) => "create",
            (&Method::GET, "Messages.json", _) => "list",
            (&Method::GET, _, Some(sid)) if !sid.contains('/') => "fetch",
            _ => return None,
        };
        Some(endpoint.to_owned())
    }

    fn hear(&mut self, account: &mut Account, endpoint: &str, asked: &Asked) -> Heard {
        match self.decide(account, endpoint, asked) {
            Ok(heard) => heard,
            Err(code) => Heard::refused(code, self.refusal(code)),
        }
    }

    fn refusal(&self, code: u32) -> Written {
        let status = match code {
            20003 => StatusCode::UNAUTHORIZED,
            20404 => StatusCode::NOT_FOUND,
            20429 => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::BAD_REQUEST,
        };
        let written: Value = match self.personality.codes_as_text {
            true => code.to_string().into(),
            false => code.into(),
        };
        let body = json!({
            "code": written,
            "message": "The message +254712345678 was refused",
            "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
            "status": status.as_u16(),
        });
        Written::json(status, body.to_string())
    }

    fn envelope(&self, rows: Vec<Value>) -> Written {
        self.store.page(rows)
    }

    fn spoil(&self, row: &mut Value, fault: RowFault) {
        match fault {
            RowFault::Contradicting => row["status"] = "failed".into(),
            RowFault::Foreign => {
                row["sid"] = STRANGER.into();
                row["to"] = "+254799999999".into();
            }
            // There are none.
            RowFault::WithoutClientIds
            | RowFault::Shuffled
            | RowFault::Missing
            | RowFault::Repeated => {}
        }
    }

    fn report(
        &self,
        id: &str,
        sent: Option<&Sent>,
        to: Option<&PushTo>,
        at: &Stage,
    ) -> Option<Post> {
        let sid = if sent.is_some() { id } else { STRANGER };
        let from = self.store.get(id).and_then(Message::from);
        callback::post(&self.personality, sid, from, sent, to, at)
    }
}

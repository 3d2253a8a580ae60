//! Africa's Talking: `POST /version1/messaging`, and reports posted as forms.

use axum::http::{Method, StatusCode, header};
use serde_json::{Map, Value, json};

use super::desk::{Account, Asked, Desk, Heard, Post, PushTo, Reply, Sent, Stage, Written};
use super::fault::RowFault;
use super::form::{Form, FormError};
use super::log::GatewayRow;
use crate::sms::{PhoneNumber, SmsText};

/// Under which path the endpoints are.
pub(super) const PATH: &str = "/version1";

/// How a message progresses unless told otherwise.
pub(super) const PROGRESS: [(u64, &str); 2] = [(0, "Sent"), (200, "Success")];

/// Africa's Talking: one application, and how answers are written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AfricasTalkingPersonality {
    /// The application's user name.
    pub username: String,
    /// Its API key.
    pub api_key: String,
    /// The sender ids that it may use; a message without one is from the shared sender.
    pub senders: Vec<String>,
    /// `statusCode` is written as text.
    pub codes_as_text: bool,
    /// There is no `statusCode`, only `status`, as old clients know it.
    pub without_codes: bool,
    /// `number` is written without its `+`.
    pub numbers_without_plus: bool,
    /// An accepted message has no `messageId`.
    pub without_ids: bool,
    /// A single refused recipient makes a refusal as a whole: no recipients, the reason in `Message`.
    pub refuses_as_a_whole: bool,
}

impl Default for AfricasTalkingPersonality {
    fn default() -> Self {
        Self {
            username: "test-app".into(),
            api_key: "test-key".into(),
            senders: vec!["TEST".into()],
            codes_as_text: false,
            without_codes: false,
            numbers_without_plus: false,
            without_ids: false,
            refuses_as_a_whole: false,
        }
    }
}

pub(super) struct AfricasTalkingDesk(pub(super) AfricasTalkingPersonality);

/// The fields of a bulk message.
const FIELDS: [&str; 6] = [
    "username",
    "to",
    "message",
    "from",
    "bulkSMSMode",
    "enqueue",
];

impl AfricasTalkingDesk {
    fn decide(&self, account: &mut Account, asked: &Asked) -> Result<Heard, Heard> {
        let personality = &self.0;
        let header = |name| {
            asked
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        if header("apikey") != Some(&personality.api_key) {
            return Err(unauthorized());
        }
        if header(header::ACCEPT.as_str()) != Some("application/json") {
            // It would answer in XML.
            return Err(plain(
                StatusCode::NOT_ACCEPTABLE,
                "Ask for application/json",
            ));
        }
        let form = Form::read(asked, &FIELDS).map_err(|error| match error {
            FormError::NoForm => {
                let words = "The request content was malformed: expected a form";
                plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, words)
            }
            FormError::Field => plain(StatusCode::BAD_REQUEST, "A field is unknown or repeated"),
        })?;
        let required = |name: &'static str| {
            form.get(name).ok_or_else(|| {
                let words = format!("Request is missing required form field '{name}'");
                plain(StatusCode::BAD_REQUEST, words)
            })
        };
        if required("username")? != personality.username {
            return Err(unauthorized());
        }
        let (to, message) = (required("to")?, required("message")?);
        let flags = (form.get("bulkSMSMode"), form.get("enqueue"));
        let (Some("1"), None | Some("0" | "1")) = flags else {
            return Err(plain(StatusCode::BAD_REQUEST, "A flag is neither 0 nor 1"));
        };
        let known = |from: &str| personality.senders.iter().any(|sender| sender == from);
        if form.get("from").is_some_and(|from| !known(from)) {
            return Err(Heard::refused(402, self.refusal(402)));
        }
        let accepted = if flags.1 == Some("1") { 102 } else { 101 };
        let rows: Vec<GatewayRow> = to
            .split(',')
            .map(|to| decide(account, to, message, accepted))
            .collect();
        let reply = match rows.as_slice() {
            [only] if !only.is_accepted() && personality.refuses_as_a_whole => {
                Reply::Written(self.refusal(only.code))
            }
            rows => Reply::Rows(rows.iter().map(|row| self.row(row, account)).collect()),
        };
        Ok(Heard {
            rows,
            code: None,
            reply,
            callback: None,
        })
    }

    fn row(&self, row: &GatewayRow, account: &Account) -> Value {
        let personality = &self.0;
        let mut object = Map::new();
        if !personality.without_codes {
            let code: Value = match personality.codes_as_text {
                true => row.code.to_string().into(),
                false => row.code.into(),
            };
            object.insert("statusCode".into(), code);
        }
        let number = match personality.numbers_without_plus {
            true => row.mobile.trim_start_matches('+'),
            false => &row.mobile,
        };
        object.insert("number".into(), number.into());
        object.insert("status".into(), name(row.code).into());
        let cents = match row.is_accepted() {
            true => account.segment_cents * i64::from(row.segments),
            false => 0,
        };
        let cost = match cents {
            0 => "0".to_owned(),
            cents => format!("KES {}.{:02}00", cents / 100, cents % 100),
        };
        object.insert("cost".into(), cost.into());
        let id = row.message_id.as_deref().unwrap_or("None");
        if !(personality.without_ids && row.is_accepted()) {
            object.insert("messageId".into(), id.into());
        }
        Value::Object(object)
    }
}

/// What becomes of the message to one recipient.
fn decide(account: &mut Account, to: &str, message: &str, accepted: u32) -> GatewayRow {
    let refused = |code| GatewayRow::new(to, message, code);
    let international = to.starts_with('+') && to[1..].bytes().all(|byte| byte.is_ascii_digit());
    let number = PhoneNumber::parse(to).ok().filter(|_| international);
    let (Some(number), Ok(text)) = (number, SmsText::with_limit(message, u16::MAX)) else {
        return refused(403);
    };
    match account.code(number.digits()) {
        None | Some(100..=102 | 200) => {}
        Some(code) => return refused(code),
    }
    if !account.charge(text.segments()) {
        return refused(405);
    }
    GatewayRow {
        message_id: Some(format!("ATXid_{:032x}", account.next_number())),
        segments: text.segments(),
        ..GatewayRow::new(to, message, accepted)
    }
}

impl Desk for AfricasTalkingDesk {
    fn endpoint(&self, asked: &Asked) -> Option<String> {
        let path = asked.uri.path().strip_prefix(PATH)?;
        let known = path == "/messaging" && asked.method == Method::POST;
        known.then(|| "messaging".to_owned())
    }

    fn hear(&mut self, account: &mut Account, _: &str, asked: &Asked) -> Heard {
        match self.decide(account, asked) {
            Ok(heard) | Err(heard) => heard,
        }
    }

    fn refusal(&self, code: u32) -> Written {
        let data = json!({ "SMSMessageData": { "Message": name(code), "Recipients": [] } });
        Written::json(StatusCode::CREATED, data.to_string())
    }

    fn envelope(&self, rows: Vec<Value>) -> Written {
        let accepted = |row: &&Value| row["status"] == name(101);
        let message = format!(
            "Sent to {}/{}",
            rows.iter().filter(accepted).count(),
            rows.len()
        );
        let data = json!({ "SMSMessageData": { "Message": message, "Recipients": rows } });
        Written::json(StatusCode::CREATED, data.to_string())
    }

    fn spoil(&self, row: &mut Value, fault: RowFault) {
        match fault {
            RowFault::Contradicting => {
                let opposite = if row["status"] == name(101) { 403 } else { 101 };
                row["statusCode"] = opposite.into();
                row["status"] = name(opposite).into();
            }
            RowFault::Foreign => row["number"] = "+254799999999".into(),
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
        let to = to?;
        let (status, reason) = at.parts();
        let number = sent.map_or("+254799999999", |sent| &sent.to);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("id", id)
            .append_pair("status", status)
            .append_pair("phoneNumber", number)
            .append_pair("networkCode", "63902")
            .append_pair("retryCount", "0");
        if let Some(reason) = reason {
            form.append_pair("failureReason", reason);
        }
        Some(Post {
            to: to.address,
            host: to.address.to_string(),
            path: to.path.clone(),
            content_type: "application/x-www-form-urlencoded",
            headers: Vec::new(),
            body: form.finish(),
        })
    }
}

fn unauthorized() -> Heard {
    plain(
        StatusCode::UNAUTHORIZED,
        "The supplied authentication is invalid",
    )
}

/// A refusal of the request itself comes as text.
fn plain(status: StatusCode, words: impl Into<String>) -> Heard {
    Heard::refused(u32::from(status.as_u16()), Written::text(status, words))
}

/// The name that goes with a code on the wire.
fn name(code: u32) -> &'static str {
    match code {
        100..=102 => "Success",
        401 => "RiskHold",
        402 => "InvalidSenderId",
        403 => "InvalidPhoneNumber",
        404 => "UnsupportedNumberType",
        405 => "InsufficientBalance",
        406 => "UserInBlacklist",
        407 => "CouldNotRoute",
        409 => "DoNotDisturbRejection",
        500 => "InternalServerError",
        501 => "GatewayError",
        502 => "RejectedByGateway",
        _ => "Undocumented",
    }
}

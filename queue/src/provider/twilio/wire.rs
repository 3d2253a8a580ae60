//! What Twilio is sent, and what it answers.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::message::{TwilioMessage, TwilioStatus};
use super::options::TwilioSender;
use crate::clock::Timestamp;
use crate::provider::http::json::{number, text};
use crate::sms::SmsText;

/// Longest text that Twilio takes, in characters.
pub(super) const BODY_CHARS_MAX: usize = 1600;

/// Longest time that a message may wait at Twilio, in seconds (twilio.com/docs/api/errors/21624).
const VALIDITY_SECONDS_MAX: u64 = 36_000;

/// A message to create.
pub(super) struct CreateMessage<'a> {
    pub(super) to: &'a str,
    pub(super) sender: &'a TwilioSender,
    pub(super) text: &'a SmsText,
    pub(super) attempt: u16,
    /// How long it may wait at Twilio; at least a second.
    pub(super) validity: Option<Duration>,
    pub(super) status_callback: Option<&'a str>,
    pub(super) smart_encoded: bool,
}

impl CreateMessage<'_> {
    /// The request's form.
    pub(super) fn form(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("To", self.to);
        match self.sender {
            TwilioSender::From(from) => form.append_pair("From", from),
            TwilioSender::MessagingService(sid) => form.append_pair("MessagingServiceSid", sid),
        };
        form.append_pair("Body", self.text.as_str());
        form.append_pair("Attempt", &self.attempt.to_string());
        if let Some(validity) = self.validity {
            let seconds = validity.as_secs().clamp(1, VALIDITY_SECONDS_MAX);
            form.append_pair("ValidityPeriod", &seconds.to_string());
        }
        if let Some(url) = self.status_callback {
            form.append_pair("StatusCallback", url);
        }
        if self.smart_encoded {
            form.append_pair("SmartEncoded", "true");
        }
        form.finish()
    }
}

/// The code of a refusal: `{"code": 21211, "message": …, "status": 400}`.
pub(super) fn refusal_code(body: &[u8]) -> Option<u32> {
    number(object(body)?.get("code")).filter(|code| *code > 0)
}

/// A message in an answer.
pub(super) struct Listed {
    pub(super) message: TwilioMessage,
    pub(super) to: String,
    pub(super) body: String,
    pub(super) is_outbound: bool,
    pub(super) created_at: Option<Timestamp>,
}

impl Listed {
    /// Reads one message; `None` when it makes no sense.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        Self::of(&object(body)?)
    }

    /// Whether it is to another number than `to`. One that is missing or masked proves nothing.
    pub(super) fn is_to_another(&self, to: &str) -> bool {
        let digits = self.to.strip_prefix('+').unwrap_or_default();
        let whole = digits.len() >= 7 && digits.bytes().all(|byte| byte.is_ascii_digit());
        whole && self.to != to
    }

    fn of(object: &Map<String, Value>) -> Option<Self> {
        let word = |key| text(object.get(key)).unwrap_or_default();
        let sid = word("sid");
        if !is_message_sid(&sid) {
            return None;
        }
        Some(Self {
            message: TwilioMessage {
                sid,
                status: TwilioStatus::of(&text(object.get("status"))?),
                error_code: number(object.get("error_code")).filter(|code| *code > 0),
                // `0` while a Messaging Service has not chosen a sender.
                segments: number(object.get("num_segments"))
                    .and_then(|segments| u16::try_from(segments).ok())
                    .filter(|segments| *segments > 0),
            },
            to: word("to"),
            body: word("body"),
            is_outbound: word("direction").starts_with("outbound"),
            created_at: text(object.get("date_created")).and_then(|date| time(&date)),
        })
    }
}

/// One page of a list.
pub(super) struct Page {
    pub(super) messages: Vec<Listed>,
    /// Where the next one is, relative to the API's address; only its query is used.
    pub(super) next: Option<String>,
}

impl Page {
    /// Reads a page; `None` when it makes no sense, or one of its messages does not: a message that can't be read may be
    /// the one that is looked for.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let object = object(body)?;
        let rows = object.get("messages")?.as_array()?;
        let messages: Option<Vec<Listed>> = rows
            .iter()
            .map(|row| Listed::of(row.as_object()?))
            .collect();
        Some(Self {
            messages: messages?,
            next: object
                .get("next_page_uri")
                .and_then(Value::as_str)
                .map(str::to_owned),
        })
    }
}

/// Whether `sid` is a message's: `SM` or `MM` and 32 hexadecimal digits.
pub(super) fn is_message_sid(sid: &str) -> bool {
    is_sid(sid, "SM") || is_sid(sid, "MM")
}

/// Whether `sid` is `prefix` and 32 hexadecimal digits.
pub(super) fn is_sid(sid: &str, prefix: &str) -> bool {
    sid.strip_prefix(prefix).is_some_and(|digits| {
        digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn object(body: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(body).ok()? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// Twilio's dates are of RFC 2822, in UTC: `Sat, 21 Nov 2026 03:00:00 +0000`.
fn time(date: &str) -> Option<Timestamp> {
    let date = date.trim().strip_suffix("+0000")?;
    let time: SystemTime = httpdate::parse_http_date(&format!("{date}GMT")).ok()?;
    Some(time.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "SM0123456789abcdef0123456789abcdef";

    fn create<'a>(sender: &'a TwilioSender, text: &'a SmsText) -> CreateMessage<'a> {
        CreateMessage {
            to: "+254712345678",
            sender,
            text,
            attempt: 1,
            validity: None,
            status_callback: None,
            smart_encoded: false,
        }
    }

    #[test]
    fn a_request_has_exactly_these_fields() {
        let sender = TwilioSender::From("+15005550006".into());
        let text = SmsText::new("Karibu & 50% + £1\n").unwrap();
        assert_eq!(
            create(&sender, &text).form(),
            "To=%2B254712345678&From=%2B15005550006&Body=Karibu+%26+50%25+%2B+%C2%A31%0A&Attempt=1"
        );
        let sender = TwilioSender::MessagingService("MG0".into());
        let full = CreateMessage {
            attempt: 3,
            validity: Some(Duration::from_millis(90_999)),
            status_callback: Some("https://app.example/r?t=1&u=2"),
            smart_encoded: true,
            ..create(&sender, &text)
        };
        assert_eq!(
            full.form(),
            "To=%2B254712345678&MessagingServiceSid=MG0&Body=Karibu+%26+50%25+%2B+%C2%A31%0A&Attempt=3\
             &ValidityPeriod=90&StatusCallback=https%3A%2F%2Fapp.example%2Fr%3Ft%3D1%26u%3D2&SmartEncoded=true"
        );
    }

    #[test]
    fn a_validity_is_within_what_twilio_takes() {
        let sender = TwilioSender::From("TEST".into());
        let text = SmsText::new("Karibu").unwrap();
        for (seconds, sent) in [(1, "1"), (36_000, "36000"), (1_000_000, "36000")] {
            let create = CreateMessage {
                validity: Some(Duration::from_secs(seconds)),
                ..create(&sender, &text)
            };
            let field = format!("&ValidityPeriod={sent}");
            assert!(create.form().ends_with(&field), "{seconds}");
        }
    }

    #[test]
    fn a_message_is_read_in_every_form() {
        let json = format!(
            r#"{{"sid":"{SID}","status":"undelivered","error_code":"30003","num_segments":"2","to":"+254712345678","body":"Karibu","direction":"outbound-api","date_created":"Sun, 06 Nov 1994 08:49:37 +0000"}}"#
        );
        let listed = Listed::read(json.as_bytes()).unwrap();
        let message = listed.message;
        assert_eq!(
            (message.sid.as_str(), message.status),
            (SID, TwilioStatus::Undelivered)
        );
        assert_eq!(
            (message.error_code, message.segments),
            (Some(30003), Some(2))
        );
        assert_eq!(
            (listed.to.as_str(), listed.body.as_str()),
            ("+254712345678", "Karibu")
        );
        assert!(listed.is_outbound);
        assert_eq!(
            listed.created_at,
            Some(Timestamp::from_millis(784_111_777_000))
        );
        let plain =
            format!(r#"{{"sid":"{SID}","status":"queued","error_code":null,"num_segments":"0"}}"#);
        let message = Listed::read(plain.as_bytes()).unwrap().message;
        assert_eq!((message.error_code, message.segments), (None, None));
    }

    #[test]
    fn nonsense_is_no_message_and_no_page() {
        for nonsense in [
            "",
            "<html>",
            "null",
            "{}",
            r#"{"sid":"SM1","status":"queued"}"#,
            r#"{"sid":"SM0123456789abcdef0123456789abcdef"}"#,
            r#"{"sid":"../../0123456789abcdef0123456789ab","status":"queued"}"#,
        ] {
            assert!(Listed::read(nonsense.as_bytes()).is_none(), "{nonsense}");
            assert!(Page::read(nonsense.as_bytes()).is_none(), "{nonsense}");
        }
        let unread = r#"{"messages":[{"sid":"SM1"}],"next_page_uri":null}"#;
        assert!(Page::read(unread.as_bytes()).is_none());
        let empty = Page::read(br#"{"messages":[],"next_page_uri":null}"#).unwrap();
        assert!(empty.messages.is_empty() && empty.next.is_none());
    }

    #[test]
    fn a_code_is_read_as_a_number_or_a_text() {
        assert_eq!(
            refusal_code(br#"{"code":21211,"message":"m","status":400}"#),
            Some(21211)
        );
        assert_eq!(refusal_code(br#"{"code":"20003"}"#), Some(20003));
        for none in ["", "<html>", "{}", r#"{"code":null}"#, r#"{"code":0}"#] {
            assert_eq!(refusal_code(none.as_bytes()), None, "{none}");
        }
    }
}

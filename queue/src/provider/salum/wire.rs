//! What the gateway is sent, and what it answers, in all the spellings that were seen.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::provider::http::json::{id, number, text};

/// The credentials, as every request carries them.
pub(super) struct Credentials {
    pub(super) api_key: SecretString,
    pub(super) partner_id: SecretString,
}

/// One message in a request.
pub(super) struct Outgoing<'a> {
    pub(super) id: &'a str,
    pub(super) mobile: &'a str,
    pub(super) text: &'a str,
}

#[derive(Serialize)]
struct SendSms<'a> {
    apikey: &'a str,
    #[serde(rename = "partnerID")]
    partner_id: &'a str,
    message: &'a str,
    shortcode: &'a str,
    mobile: &'a str,
}

#[derive(Serialize)]
struct SendBulk<'a> {
    count: usize,
    smslist: Vec<BulkRow<'a>>,
}

#[derive(Serialize)]
struct BulkRow<'a> {
    #[serde(rename = "partnerID")]
    partner_id: &'a str,
    apikey: &'a str,
    pass_type: &'static str,
    clientsmsid: &'a str,
    mobile: &'a str,
    message: &'a str,
    shortcode: &'a str,
}

#[derive(Serialize)]
struct Query<'a> {
    apikey: &'a str,
    #[serde(rename = "partnerID")]
    partner_id: &'a str,
    #[serde(rename = "messageID", skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
}

impl Credentials {
    /// What must not be kept of an answer.
    pub(super) fn secrets(&self) -> [&str; 2] {
        [
            self.api_key.expose_secret(),
            self.partner_id.expose_secret(),
        ]
    }

    pub(super) fn send_sms(&self, shortcode: &str, row: &Outgoing<'_>) -> Vec<u8> {
        json(&SendSms {
            apikey: self.api_key.expose_secret(),
            partner_id: self.partner_id.expose_secret(),
            message: row.text,
            shortcode,
            mobile: row.mobile,
        })
    }

    pub(super) fn send_bulk(&self, shortcode: &str, rows: &[Outgoing<'_>]) -> Vec<u8> {
        let smslist = rows
            .iter()
            .map(|row| BulkRow {
                partner_id: self.partner_id.expose_secret(),
                apikey: self.api_key.expose_secret(),
                pass_type: "plain",
                clientsmsid: row.id,
                mobile: row.mobile,
                message: row.text,
                shortcode,
            })
            .collect();
        json(&SendBulk {
            count: rows.len(),
            smslist,
        })
    }

    pub(super) fn query(&self, message_id: Option<&str>) -> Vec<u8> {
        json(&Query {
            apikey: self.api_key.expose_secret(),
            partner_id: self.partner_id.expose_secret(),
            message_id,
        })
    }
}

fn json(request: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(request).expect("a struct of strings and numbers serializes")
}

/// An answer that makes sense.
#[derive(Debug)]
pub(super) enum Answer {
    /// One row for each message, it is hoped.
    Rows(Vec<Row>),
    /// The call as a whole was refused: nothing was sent.
    Flat(Flat),
}

/// What the gateway says of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The code, in either spelling; `None` when it is missing, or both spellings are there and differ.
    pub(super) code: Option<u32>,
    pub(super) description: String,
    pub(super) mobile: Option<String>,
    pub(super) message_id: Option<String>,
    pub(super) client_id: Option<String>,
}

/// An answer without rows: a refusal of the whole call, a report or a balance.
#[derive(Debug)]
pub(super) struct Flat {
    pub(super) code: u32,
    pub(super) description: String,
    object: Map<String, Value>,
}

impl Flat {
    /// Reads the answer to a question; `None` when it makes no sense. One gateway wraps even these into an array.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut value = parse(body)?;
        if let Some(rows) = value.get_mut("responses") {
            value = rows.take();
        }
        if let Value::Array(rows) = &mut value {
            value = rows.first_mut()?.take();
        }
        match value {
            Value::Object(object) => Self::of(object),
            _ => None,
        }
    }

    fn of(object: Map<String, Value>) -> Option<Self> {
        let row = Row::read(&object);
        Some(Self {
            code: row.code?,
            description: row.description,
            object,
        })
    }

    /// The text or number under `key`.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        text(self.object.get(key))
    }
}

impl Answer {
    /// Reads an answer; `None` when it makes no sense.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        match parse(body)? {
            Value::Array(rows) => Some(Self::rows(&rows)),
            Value::Object(object) => match object.get("responses") {
                Some(Value::Array(rows)) => Some(Self::rows(rows)),
                Some(Value::Object(row)) => Some(Self::Rows(vec![Row::read(row)])),
                _ => Self::flat(object),
            },
            _ => None,
        }
    }

    fn rows(rows: &[Value]) -> Self {
        Self::Rows(
            rows.iter()
                .filter_map(Value::as_object)
                .map(Row::read)
                .collect(),
        )
    }

    fn flat(object: Map<String, Value>) -> Option<Self> {
        let row = Row::read(&object);
        // Success without an array: the row itself, when it is about a message.
        if row.code == Some(200) && (row.mobile.is_some() || row.message_id.is_some()) {
            return Some(Self::Rows(vec![row]));
        }
        Flat::of(object).map(Self::Flat)
    }
}

impl Row {
    fn read(object: &Map<String, Value>) -> Self {
        let codes = ["respose-code", "response-code"].map(|key| number(object.get(key)));
        Self {
            code: match codes {
                [Some(one), Some(other)] => (one == other).then_some(one),
                [one, other] => one.or(other),
            },
            description: text(object.get("response-description")).unwrap_or_default(),
            mobile: match object.get("mobile") {
                // Seen with code 1004.
                Some(Value::Object(nested)) => text(nested.get("mobile")),
                plain => text(plain),
            },
            message_id: ["messageid", "messageID", "message-id"]
                .iter()
                .find_map(|key| id(object.get(*key))),
            client_id: id(object.get("clientsmsid")),
        }
    }
}

fn parse(body: &[u8]) -> Option<Value> {
    match serde_json::from_slice(body).ok()? {
        // Seen by one client: JSON as text, a JSON string that holds JSON.
        Value::String(inner) => serde_json::from_str(&inner).ok(),
        value => Some(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(json: &str) -> Row {
        match Answer::read(json.as_bytes()) {
            Some(Answer::Rows(mut rows)) if rows.len() == 1 => rows.remove(0),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_spelling_of_a_row_is_read() {
        let expected = Row {
            code: Some(200),
            description: "Success".into(),
            mobile: Some("254712345678".into()),
            message_id: Some("8290842".into()),
            client_id: None,
        };
        for json in [
            r#"{"responses":[{"respose-code":200,"response-description":"Success","mobile":254712345678,"messageid":8290842,"networkid":"1"}]}"#,
            r#"{"responses":[{"response-code":"200","response-description":"Success","mobile":"254712345678","messageid":"8290842","clientsmsid":"None"}]}"#,
            r#"{"responses":{"response-code":200,"respose-code":"200","response-description":"Success","mobile":{"mobile":254712345678},"messageid":8290842}}"#,
            r#"[{"response-code":200,"response-description":"Success","mobile":"254712345678","messageid":8290842}]"#,
            r#""{\"responses\":[{\"response-code\":200,\"response-description\":\"Success\",\"mobile\":\"254712345678\",\"messageid\":8290842}]}""#,
            r#"{"response-code":200,"response-description":"Success","mobile":"254712345678","messageid":8290842}"#,
        ] {
            assert_eq!(row(json), expected, "{json}");
        }
    }

    #[test]
    fn a_missing_id_is_missing_however_it_is_written() {
        for id in ["null", r#""""#, r#""None""#, r#""null""#, "{}", r#""a b""#] {
            let json = format!(r#"[{{"response-code":200,"messageid":{id},"clientsmsid":{id}}}]"#);
            let row = row(&json);
            assert_eq!((row.message_id, row.client_id), (None, None), "{id}");
        }
        assert_eq!(
            row(r#"[{"clientsmsid":1234}]"#).client_id.as_deref(),
            Some("1234")
        );
    }

    #[test]
    fn two_spellings_that_differ_are_no_code() {
        assert_eq!(
            row(r#"[{"response-code":200,"respose-code":1003}]"#).code,
            None
        );
        assert_eq!(row(r#"[{"response-code":"OK"}]"#).code, None);
    }

    #[test]
    fn a_flat_refusal_is_told_from_nonsense() {
        let flat = r#"{"response-code":"1006","response-description":"Invalid credentials","errors":{"apikey":{"a":"b"}}}"#;
        match Answer::read(flat.as_bytes()) {
            Some(Answer::Flat(flat)) => assert_eq!(flat.code, 1006),
            other => panic!("{other:?}"),
        }
        for nonsense in [
            "",
            "<html>",
            "null",
            "42",
            "{}",
            r#""text""#,
            r#"{"responses":"#,
            "\u{0}",
        ] {
            assert!(Answer::read(nonsense.as_bytes()).is_none(), "{nonsense}");
        }
    }
}

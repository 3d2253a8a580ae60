//! What Africa's Talking is sent, and what it answers.

use serde_json::{Map, Value};

use crate::provider::http::json::{id, number, text};

/// A text to one number.
pub(super) struct SendMessage<'a> {
    pub(super) username: &'a str,
    /// In E.164 form, with `+`.
    pub(super) to: &'a str,
    pub(super) text: &'a str,
    pub(super) from: Option<&'a str>,
    pub(super) enqueue: bool,
}

impl SendMessage<'_> {
    /// The request's form.
    pub(super) fn form(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("username", self.username)
            .append_pair("to", self.to)
            .append_pair("message", self.text)
            .append_pair("bulkSMSMode", "1")
            .append_pair("enqueue", if self.enqueue { "1" } else { "0" });
        if let Some(from) = self.from {
            form.append_pair("from", from);
        }
        form.finish()
    }
}

/// An answer that makes sense.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// A summary, or why the call was refused as a whole.
    pub(super) message: String,
    pub(super) rows: Vec<Row>,
}

/// What is said of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) code: Option<u32>,
    /// The code's name, such as `Success`.
    pub(super) status: String,
    pub(super) number: String,
    pub(super) message_id: Option<String>,
}

impl Answer {
    /// Reads an answer; `None` when it makes no sense.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let data = value.get("SMSMessageData")?.as_object()?;
        // Without recipients at all, only the reason makes sense of it.
        let rows = match data.get("Recipients") {
            Some(Value::Array(rows)) => rows.as_slice(),
            None | Some(Value::Null) => &[],
            Some(_) => return None,
        };
        let message = text(data.get("Message"));
        if rows.is_empty() && message.is_none() {
            return None;
        }
        Some(Self {
            message: message.unwrap_or_default(),
            rows: rows
                .iter()
                .filter_map(Value::as_object)
                .map(Row::read)
                .collect(),
        })
    }
}

impl Row {
    fn read(object: &Map<String, Value>) -> Self {
        Self {
            code: number(object.get("statusCode")),
            status: text(object.get("status")).unwrap_or_default(),
            number: text(object.get("number")).unwrap_or_default(),
            message_id: id(object.get("messageId")),
        }
    }

    /// Whether it is about `to`, a number in E.164 form: some answers leave out the `+`.
    pub(super) fn is_about(&self, to: &str) -> bool {
        let digits =
            |number: &str| -> String { number.chars().filter(char::is_ascii_digit).collect() };
        !self.number.is_empty() && digits(&self.number) == digits(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_exactly_these_fields() {
        let mut send = SendMessage {
            username: "app",
            to: "+254712345678",
            text: "Karibu & 50% + £1\n",
            from: None,
            enqueue: false,
        };
        assert_eq!(
            send.form(),
            "username=app&to=%2B254712345678&message=Karibu+%26+50%25+%2B+%C2%A31%0A&bulkSMSMode=1&enqueue=0"
        );
        (send.from, send.enqueue, send.text) = (Some("MY SENDER"), true, "Karibu");
        assert_eq!(
            send.form(),
            "username=app&to=%2B254712345678&message=Karibu&bulkSMSMode=1&enqueue=1&from=MY+SENDER"
        );
    }

    #[test]
    fn an_answer_is_read_in_every_form() {
        let json = r#"{"SMSMessageData":{"Message":"Sent to 1/1 Total Cost: KES 0.8000","Recipients":[
            {"statusCode":101,"number":"+254712345678","status":"Success","cost":"KES 0.8000","messageId":"ATPid_1"}]}}"#;
        let answer = Answer::read(json.as_bytes()).unwrap();
        let row = &answer.rows[0];
        assert_eq!((row.code, row.status.as_str()), (Some(101), "Success"));
        assert_eq!(row.message_id.as_deref(), Some("ATPid_1"));
        assert!(row.is_about("+254712345678") && !row.is_about("+254712345679"));
        let odd = r#"{"SMSMessageData":{"Recipients":[{"statusCode":"406","number":"254712345678","messageId":"None"}]}}"#;
        let row = Answer::read(odd.as_bytes()).unwrap().rows.remove(0);
        assert_eq!((row.code, row.message_id.clone()), (Some(406), None));
        assert!(row.is_about("+254712345678"));
        for refused in [
            r#"{"SMSMessageData":{"Message":"InvalidSenderId","Recipients":[]}}"#,
            r#"{"SMSMessageData":{"Message":"InvalidSenderId"}}"#,
        ] {
            let answer = Answer::read(refused.as_bytes()).unwrap();
            assert_eq!(
                (answer.message.as_str(), answer.rows.len()),
                ("InvalidSenderId", 0)
            );
        }
    }

    #[test]
    fn nonsense_is_no_answer() {
        for nonsense in [
            "",
            "<html>",
            "The supplied authentication is invalid",
            "null",
            "{}",
            r#"{"SMSMessageData":{}}"#,
            r#"{"SMSMessageData":{"Message":"m","Recipients":"all"}}"#,
            r#"{"SMSMessageData":{"Recipients":[]}}"#,
        ] {
            assert_eq!(Answer::read(nonsense.as_bytes()), None, "{nonsense}");
        }
    }
}

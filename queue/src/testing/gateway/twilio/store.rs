//! The messages that Twilio keeps, as it shows them.

use std::collections::HashMap;
use std::time::SystemTime;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Code, Sender, TwilioPersonality};
use crate::testing::gateway::desk::{Account, Reply, Written};
use crate::testing::gateway::form::Form;

/// Most messages of one page.
const PAGE_SIZE_MAX: usize = 1000;

/// A message that was created.
pub(super) struct Message {
    pub(super) sid: String,
    pub(super) sender: Sender,
    pub(super) to: String,
    pub(super) body: String,
    pub(super) segments: u16,
    pub(super) created_at: SystemTime,
}

impl Message {
    /// Whom it is from, once a Messaging Service has chosen; this one never says.
    pub(super) fn from(&self) -> Option<&str> {
        match &self.sender {
            Sender::Number(from) => Some(from),
            Sender::Service(_) => None,
        }
    }

    /// The message as it is by now.
    pub(super) fn json(&self, account: &Account, personality: &TwilioPersonality) -> Value {
        let stage = account
            .sent
            .get(&self.sid)
            .and_then(|sent| account.stage(sent));
        let (initial, service) = match &self.sender {
            Sender::Number(_) => ("queued", None),
            Sender::Service(sid) => ("accepted", Some(sid)),
        };
        let (status, reason) = match &stage {
            Some(stage) => stage.parts(),
            None => (initial, None),
        };
        let code = reason.and_then(|reason| reason.parse::<Code>().ok());
        let segments = match (service, &stage) {
            // Nobody has counted yet.
            (Some(_), None) => 0,
            _ => self.segments,
        };
        let sent_at = stage
            .as_ref()
            .map(|stage| date(self.created_at + stage.after));
        json!({
            "account_sid": personality.account_sid,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": date(self.created_at),
            "date_sent": sent_at,
            "date_updated": date(self.created_at),
            "direction": "outbound-api",
            "error_code": code.map(|code| match personality.codes_as_text {
                true => Value::from(code.to_string()),
                false => code.into(),
            }),
            "error_message": null,
            "from": self.from(),
            "messaging_service_sid": service,
            "num_media": "0",
            "num_segments": segments.to_string(),
            "price": null,
            "price_unit": "USD",
            "sid": self.sid,
            "status": status,
            "to": self.to,
            "uri": format!("/2010-04-01/Accounts/{}/Messages/{}.json", personality.account_sid, self.sid),
        })
    }
}

#[derive(Default)]
pub(super) struct Store {
    messages: Vec<Message>,
    by_token: HashMap<String, usize>,
    /// The next page of the list that was just asked for.
    next: Option<String>,
}

impl Store {
    pub(super) fn keep(&mut self, message: Message, token: Option<&str>) {
        if let Some(token) = token {
            self.by_token.insert(token.to_owned(), self.messages.len());
        }
        self.messages.push(message);
    }

    pub(super) fn get(&self, sid: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.sid == sid)
    }

    pub(super) fn by_token(&self, token: &str) -> Option<&Message> {
        self.messages.get(*self.by_token.get(token)?)
    }

    /// The rows of one page, newest first.
    pub(super) fn list(
        &mut self,
        account: &Account,
        personality: &TwilioPersonality,
        filter: &Form,
    ) -> Result<Reply, Code> {
        let count = |name: &str, default: usize| match filter.get(name).map(str::parse::<usize>) {
            None => Ok(default),
            Some(Ok(count)) => Ok(count),
            Some(Err(_)) => Err(20001_u32),
        };
        let (size, page) = (count("PageSize", 50)?, count("Page", 0)?);
        if !(1..=PAGE_SIZE_MAX).contains(&size) {
            return Err(20001);
        }
        // A page other than the first is known by its token only.
        if (page > 0) != filter.get("PageToken").is_some() {
            return Err(20006);
        }
        let wanted = |message: &&Message| {
            filter.get("To").is_none_or(|to| message.to == to)
                && filter
                    .get("From")
                    .is_none_or(|from| message.from() == Some(from))
        };
        let found: Vec<&Message> = match personality.lists_nothing {
            true => Vec::new(),
            false => self.messages.iter().rev().filter(wanted).collect(),
        };
        let rows = found
            .iter()
            .skip(page * size)
            .take(size)
            .map(|message| message.json(account, personality))
            .collect();
        self.next = (found.len() > (page + 1) * size).then(|| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            for name in ["To", "From"] {
                if let Some(value) = filter.get(name) {
                    query.append_pair(name, value);
                }
            }
            query
                .append_pair("PageSize", &size.to_string())
                .append_pair("Page", &(page + 1).to_string())
                .append_pair("PageToken", "PASM");
            let account = &personality.account_sid;
            format!(
                "/2010-04-01/Accounts/{account}/Messages.json?{}",
                query.finish()
            )
        });
        Ok(Reply::Rows(rows))
    }

    /// The page with `rows` that was just listed.
    pub(super) fn page(&self, rows: Vec<Value>) -> Written {
        let body = json!({ "messages": rows, "next_page_uri": self.next });
        Written::json(StatusCode::OK, body.to_string())
    }
}

/// A date of RFC 2822, in UTC.
fn date(time: SystemTime) -> String {
    httpdate::fmt_http_date(time).replace("GMT", "+0000")
}

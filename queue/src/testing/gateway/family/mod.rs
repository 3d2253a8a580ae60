//! Salum's family: `sendsms`, `sendotp`, `sendbulk`, `getdlr`, `getbalance`, in the spelling of each member.

mod account;
mod answer;
mod personality;
mod report;
mod request;

pub(super) use account::Credentials;
pub use personality::{CodeKey, Envelope, IdForm, Personality, SlashRule};

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use self::account::{Decision, Refusal};
use self::request::Fields;
use super::desk::{Account, Asked, Desk, Heard, Post, PushTo, Reply, Sent, Stage, Written};
use super::fault::{Fault, RowFault};
use super::log::GatewayRow;

/// Under which path the endpoints are.
pub(super) const PATH: &str = "/api/services";

/// How a message progresses unless told otherwise.
pub(super) const PROGRESS: [(u64, &str); 2] = [(0, "SentToNetwork"), (200, "DeliveredToTerminal")];

/// The desk of one member of the family.
pub(super) struct Family {
    pub(super) credentials: Credentials,
    pub(super) personality: Personality,
}

impl Family {
    fn question(
        &self,
        account: &Account,
        endpoint: &str,
        fields: &Fields,
    ) -> Result<Heard, Refusal> {
        let personality = &self.personality;
        self.credentials.admit(fields)?;
        let body = match (endpoint, fields.text("messageID")) {
            ("getbalance", _) => {
                let cents = account.credit_cents;
                json!({
                    "response-code": report::code(personality, 200),
                    "credit": format!("{}.{:02}", cents / 100, cents % 100),
                    "partner-id": self.credentials.partner_id,
                })
                .to_string()
            }
            (_, Some(id)) => report::asked(account, personality, &id),
            (_, None) => {
                return Err(Refusal {
                    code: 1010,
                    missing: vec!["messageID"],
                });
            }
        };
        Ok(Heard::answered(Reply::Written(ok(body))))
    }

    fn decide(
        &self,
        account: &mut Account,
        endpoint: &str,
        asked: &Asked,
    ) -> Result<Heard, Refusal> {
        let fields = Fields::read(&asked.method, &asked.uri, &asked.body).ok_or(1010)?;
        let (credentials, personality) = (&self.credentials, &self.personality);
        let decisions = match endpoint {
            "sendsms" | "sendotp" => credentials.send(account, &fields, personality)?,
            "sendbulk" if asked.method == Method::POST => {
                credentials.send_bulk(account, &fields, personality)?
            }
            "sendbulk" => return Err(1010.into()),
            question => return self.question(account, question, &fields),
        };
        let reply = match decisions.as_slice() {
            [only] if only.code != 200 && personality.refuses_flat => {
                Reply::Written(ok(answer::flat(personality, &only.code.into())))
            }
            decisions => Reply::Rows(answer::rows(personality, decisions)),
        };
        Ok(Heard {
            rows: decisions.iter().map(row).collect(),
            code: None,
            reply,
            callback: None,
        })
    }
}

impl Desk for Family {
    fn endpoint(&self, asked: &Asked) -> Option<String> {
        let rest = asked.uri.path().strip_prefix(PATH)?.strip_prefix('/')?;
        let endpoint = rest.strip_suffix('/').unwrap_or(rest);
        let known = ["sendsms", "sendotp", "sendbulk", "getdlr", "getbalance"];
        known.contains(&endpoint).then(|| endpoint.to_owned())
    }

    fn own_fault(&self, asked: &Asked) -> Option<Fault> {
        match (self.personality.slash, asked.uri.path().ends_with('/')) {
            (SlashRule::EmptyWithSlash, true) | (SlashRule::EmptyWithoutSlash, false) => {
                Some(Fault::body(""))
            }
            _ => None,
        }
    }

    fn hear(&mut self, account: &mut Account, endpoint: &str, asked: &Asked) -> Heard {
        match self.decide(account, endpoint, asked) {
            Ok(heard) => heard,
            Err(refusal) => {
                let body = answer::flat(&self.personality, &refusal);
                Heard::refused(refusal.code, ok(body))
            }
        }
    }

    fn refusal(&self, code: u32) -> Written {
        let body = json!({
            "response-code": code,
            "response-description": answer::description(code),
        });
        ok(body.to_string())
    }

    fn envelope(&self, rows: Vec<Value>) -> Written {
        ok(answer::envelope(&self.personality, rows))
    }

    fn spoil(&self, row: &mut Value, fault: RowFault) {
        match fault {
            RowFault::Contradicting => {
                let accepted = row.get("messageid").is_some();
                if let Value::Object(row) = row {
                    let opposite = if accepted { 1003 } else { 200 };
                    answer::put_code(&self.personality, row, opposite);
                }
            }
            RowFault::Foreign => {
                row["mobile"] = "254799999999".into();
                row["clientsmsid"] = "somebody-else".into();
            }
            RowFault::WithoutClientIds => {
                if let Value::Object(row) = row {
                    row.remove("clientsmsid");
                }
            }
            RowFault::Shuffled | RowFault::Missing | RowFault::Repeated => {}
        }
    }

    fn report(&self, id: &str, _: Option<&Sent>, to: Option<&PushTo>, at: &Stage) -> Option<Post> {
        let to = to?;
        Some(Post {
            to: to.address,
            host: to.address.to_string(),
            path: to.path.clone(),
            content_type: "application/json",
            headers: Vec::new(),
            body: report::pushed(id, at),
        })
    }
}

/// The family answers everything with HTTP status 200.
fn ok(body: String) -> Written {
    Written::json(StatusCode::OK, body)
}

fn row(decision: &Decision) -> GatewayRow {
    GatewayRow {
        client_id: decision.client_id.as_ref().map(|id| match id {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }),
        message_id: decision.message_id.map(|id| id.to_string()),
        segments: decision.segments,
        ..GatewayRow::new(&decision.mobile, &decision.message, decision.code)
    }
}

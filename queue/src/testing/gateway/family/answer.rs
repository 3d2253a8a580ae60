//! How a decision is written, in the gateway's spelling.

use serde_json::{Map, Value, json};

use super::account::{Decision, Refusal};
use super::personality::{CodeKey, Envelope, IdForm, Personality};

/// The body of an answer with rows.
pub(super) fn rows(personality: &Personality, decisions: &[Decision]) -> Vec<Value> {
    decisions.iter().map(|d| row(personality, d)).collect()
}

/// `rows` in the gateway's envelope.
pub(super) fn envelope(personality: &Personality, rows: Vec<Value>) -> String {
    let object = json!({ "responses": rows });
    match personality.envelope {
        Envelope::Responses => object.to_string(),
        Envelope::BareArray => object["responses"].to_string(),
        Envelope::JsonAsText => Value::from(object.to_string()).to_string(),
    }
}

/// A refusal of the whole call; with `errors` when fields are missing.
pub(super) fn flat(personality: &Personality, refusal: &Refusal) -> String {
    let mut object = Map::new();
    put_code(personality, &mut object, refusal.code);
    if !refusal.missing.is_empty() {
        let errors = refusal.missing.iter().map(|key| {
            let fault = json!({ "required": format!("{key} is required") });
            ((*key).to_owned(), fault)
        });
        object.insert("errors".into(), Value::Object(errors.collect()));
    }
    Value::Object(object).to_string()
}

fn row(personality: &Personality, decision: &Decision) -> Value {
    let mut row = Map::new();
    put_code(personality, &mut row, decision.code);
    let mobile = match decision.mobile.parse::<u64>() {
        Ok(number) if !personality.mobile_as_text => number.into(),
        _ => Value::from(decision.mobile.as_str()),
    };
    let nested = decision.code == 1004 && personality.mobile_nested_on_1004;
    let mobile = if nested {
        json!({ "mobile": mobile })
    } else {
        mobile
    };
    row.insert("mobile".into(), mobile);
    if let Some(id) = decision.message_id {
        let id = match personality.message_ids {
            IdForm::Number => Some(id.into()),
            IdForm::Text => Some(id.to_string().into()),
            IdForm::NoneText => Some("None".into()),
            IdForm::Absent => None,
        };
        if let Some(id) = id {
            row.insert("messageid".into(), id);
        }
        row.insert("networkid".into(), "1".into());
    } else {
        row.insert("shortcode".into(), Value::Null);
    }
    if let Some(id) = &decision.client_id
        && personality.client_ids
    {
        row.insert("clientsmsid".into(), id.clone());
    }
    Value::Object(row)
}

pub(super) fn put_code(personality: &Personality, object: &mut Map<String, Value>, code: u32) {
    let value: Value = match personality.codes_as_text {
        true => code.to_string().into(),
        false => code.into(),
    };
    let keys: &[&str] = match personality.code_key {
        CodeKey::Respose => &["respose-code"],
        CodeKey::Response => &["response-code"],
        CodeKey::Both => &["respose-code", "response-code"],
    };
    for key in keys {
        object.insert((*key).into(), value.clone());
    }
    object.insert("response-description".into(), description(code).into());
}

/// The words that go with a code on the wire.
pub(super) fn description(code: u32) -> &'static str {
    match code {
        200 => "Success",
        1001 => "Invalid sender id",
        1002 => "Network not allowed",
        1003 => "Invalid mobile number",
        1004 => "Low bulk credits",
        1005 | 1007 => "Failed. System error",
        1006 => "Invalid credentials",
        1008 => "No Delivery Report",
        1009 => "Unsupported data type",
        1010 => "Unsupported request type",
        1012 => "Too Many messages on SMS LIST",
        1104 => "Too many comma separated contacts",
        4090 => "Internal Error. Try again after 5 minutes",
        4091 => "No Partner ID is Set",
        4092 => "No API KEY Provided",
        4093 => "Details Not Found",
        _ => "Undocumented",
    }
}

//! Delivery reports of the family: asked for with `getdlr`, and pushed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::answer::description;
use super::personality::Personality;
use crate::testing::gateway::desk::{Account, Stage};

/// The answer to `getdlr`.
pub(super) fn asked(account: &Account, personality: &Personality, message_id: &str) -> String {
    let Some(sent) = account.sent.get(message_id) else {
        // What the family answers for an id that it does not know.
        return refusal(personality, 1009, "No dlr");
    };
    let Some(Stage { after, word }) = account.stage(sent) else {
        return refusal(personality, 1008, description(1008));
    };
    let status = if word == "DeliveredToTerminal" { 32 } else { 0 };
    json!({
        "response-code": code(personality, 200),
        "message-id": message_id,
        "response-description": "Success",
        "delivery-status": status,
        "delivery-description": word,
        "delivery-tat": format!("{:.2} sec", after.as_secs_f64()),
        "delivery-networkid": 1,
        "delivery-time": kenya_time(Duration::ZERO),
    })
    .to_string()
}

/// The body of a report that is pushed.
pub(super) fn pushed(message_id: &str, stage: &Stage) -> String {
    let mut report = Map::new();
    report.insert("messageid".into(), message_id.into());
    report.insert("description".into(), stage.word.as_str().into());
    report.insert(
        "timeTaken".into(),
        format!("{}s", stage.after.as_secs()).into(),
    );
    report.insert("timestamp".into(), kenya_time(stage.after).into());
    Value::Object(report).to_string()
}

fn refusal(personality: &Personality, number: u32, words: &str) -> String {
    json!({ "response-code": code(personality, number), "response-description": words }).to_string()
}

/// A code as a report or a balance writes it.
pub(super) fn code(personality: &Personality, code: u32) -> Value {
    match personality.codes_as_text {
        true => code.to_string().into(),
        false => code.into(),
    }
}

/// `YYYY-MM-DD HH:MM:SS` in Kenya, three hours ahead, in `after` from now.
fn kenya_time(after: Duration) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |now| (now + after).as_secs()) + 3 * 3600;
    let (year, month, day) = civil_date(seconds / 86_400);
    let second = seconds % 86_400;
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// The date of a day since 1970-01-01, by Howard Hinnant's `civil_from_days`.
fn civil_date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil_date(0), (1970, 1, 1));
        assert_eq!(civil_date(19_782), (2024, 2, 29));
        assert_eq!(civil_date(20_454), (2026, 1, 1));
    }
}

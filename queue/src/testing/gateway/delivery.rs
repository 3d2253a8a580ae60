//! Delivery reports: how they progress, and how they are pushed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answer::description;
use super::personality::Personality;

/// How the reports of a message progress: each word, and how long after the acceptance it is true.
pub(super) type Progress = Vec<(Duration, String)>;

pub(super) struct Deliveries {
    pub(super) progress: Progress,
    pub(super) accepted: HashMap<u64, Instant>,
}

impl Deliveries {
    /// The answer to `getdlr`.
    pub(super) fn report(&self, personality: &Personality, message_id: &str) -> String {
        let accepted = message_id
            .parse()
            .ok()
            .and_then(|id| self.accepted.get(&id));
        let Some(accepted) = accepted else {
            // What the family answers for an id that it does not know.
            return refusal(personality, 1009, "No dlr");
        };
        let elapsed = accepted.elapsed();
        let reached = self
            .progress
            .iter()
            .rev()
            .find(|(after, _)| *after <= elapsed);
        let Some((after, word)) = reached else {
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
            "delivery-time": kenya_time(),
        })
        .to_string()
    }
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

/// Where and how reports are pushed. Nothing about them is promised: not their order, not their number.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReportPush {
    /// Where to: an address on this machine.
    pub to: SocketAddr,
    /// The path, with the token that protects it.
    pub path: String,
    /// Each one comes twice.
    pub duplicate: bool,
    /// The last one comes first.
    pub reordered: bool,
    /// The first one comes before the answer to the send.
    pub early: bool,
    /// One about an unknown message comes first.
    pub unknown_id: bool,
}

impl ReportPush {
    /// Well-behaved reports to `http://{to}{path}`.
    pub fn new(to: SocketAddr, path: impl Into<String>) -> Self {
        Self {
            to,
            path: path.into(),
            duplicate: false,
            reordered: false,
            early: false,
            unknown_id: false,
        }
    }

    /// Pushes the reports about `message_id`, each when its time has come.
    pub(super) async fn push_all(self, message_id: u64, progress: Progress) {
        let started = Instant::now();
        if self.unknown_id {
            self.push(u64::MAX, "DeliveredToTerminal", Duration::ZERO)
                .await;
        }
        let mut words: Vec<&String> = progress.iter().map(|(_, word)| word).collect();
        if self.reordered {
            words.reverse();
        }
        for (word, (after, _)) in words.into_iter().zip(&progress) {
            tokio::time::sleep(after.saturating_sub(started.elapsed())).await;
            for _ in 0..=usize::from(self.duplicate) {
                self.push(message_id, word, *after).await;
            }
        }
    }

    /// Posts one report. What comes back does not matter, as with the real gateways.
    pub(super) async fn push(&self, message_id: u64, word: &str, after: Duration) {
        let mut report = Map::new();
        report.insert("messageid".into(), message_id.to_string().into());
        report.insert("description".into(), word.into());
        report.insert("timeTaken".into(), format!("{}s", after.as_secs()).into());
        report.insert("timestamp".into(), kenya_time().into());
        let body = Value::Object(report).to_string();
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            self.path,
            self.to,
            body.len(),
        );
        let post = async {
            let mut stream = TcpStream::connect(self.to).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = [0; 512];
            stream.read(&mut answer).await
        };
        let _ = tokio::time::timeout(Duration::from_secs(5), post).await;
    }
}

/// `YYYY-MM-DD HH:MM:SS` in Kenya, three hours ahead.
fn kenya_time() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |now| now.as_secs()) + 3 * 3600;
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

//! The gateway's calls: one request, one answer, and what the answer means for every message in it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::error::{self, Verdict};
use super::matching::{Match, Sent, match_rows};
use super::waiting::{self, Waiting};
use super::wire::{Answer, Credentials, Flat, Outgoing, Row};
use super::{Balance, NAME};
use crate::delivery::DeliveryReport;
use crate::provider::http::{self, BaseUrl, HttpAnswer, HttpClient, HttpFailure};
use crate::provider::{ProviderError, ProviderErrorKind, Receipt};

/// The connection to one account.
pub(super) struct Api {
    pub(super) client: HttpClient,
    pub(super) url: BaseUrl,
    pub(super) trailing_slash: bool,
    pub(super) credentials: Credentials,
    pub(super) shortcode: String,
    pub(super) segment_price: Balance,
    /// How many rows a call takes; lowered when the gateway refuses as many.
    pub(super) rows_max: AtomicUsize,
}

/// How long the question for the balance may take when a message was refused for low credit.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

impl Api {
    /// How many rows a call takes.
    pub(super) fn rows_max(&self) -> usize {
        self.rows_max.load(Ordering::Relaxed)
    }

    /// Sends all of `rows` and tells each caller. A call that was refused as a whole for what one row or their number
    /// may have caused sent nothing, so its halves are tried again.
    pub(super) async fn deliver(&self, rows: Vec<Waiting>) {
        let mut chunks = vec![rows];
        while let Some(mut chunk) = chunks.pop() {
            // After a refusal, callers may have left.
            chunk.retain(Waiting::is_wanted);
            if chunk.is_empty() {
                continue;
            }
            match self.attempt(&chunk).await {
                Chunk::Settled(verdicts) => {
                    for (row, verdict) in chunk.into_iter().zip(verdicts) {
                        row.settle(verdict);
                    }
                }
                Chunk::Halve => {
                    let rest = chunk.split_off(chunk.len().div_ceil(2));
                    chunks.push(rest);
                    chunks.push(chunk);
                }
            }
        }
    }

    async fn attempt(&self, chunk: &[Waiting]) -> Chunk {
        let outgoing: Vec<Outgoing<'_>> = chunk
            .iter()
            .map(|row| Outgoing {
                id: &row.id,
                mobile: row.mobile.digits(),
                text: row.text.as_str(),
            })
            .collect();
        let (endpoint, body) = match outgoing.as_slice() {
            [row] => ("sendsms", self.credentials.send_sms(&self.shortcode, row)),
            rows => (
                "sendbulk",
                self.credentials.send_bulk(&self.shortcode, rows),
            ),
        };
        let now = Instant::now();
        let latest = chunk.iter().map(|row| row.deadline).max().unwrap_or(now);
        let answer = match self.post(endpoint, body, latest - now).await {
            Ok(answer) => answer,
            Err(HttpFailure::NotSent(words)) => {
                return Chunk::all(chunk, &ProviderError::transient(words));
            }
            Err(HttpFailure::Unknown(words)) => {
                return Chunk::all(chunk, &ProviderError::unknown(words));
            }
        };
        match read(&answer) {
            Ok(Answer::Rows(rows)) => self.by_row(chunk, &rows).await,
            Ok(Answer::Flat(flat)) => self.as_a_whole(chunk, &flat).await,
            Err(error) if chunk.len() > 1 && error.kind() == ProviderErrorKind::Rejected => {
                Chunk::Halve
            }
            Err(error) => Chunk::all(chunk, &error),
        }
    }

    /// Each message by its own row.
    async fn by_row(&self, chunk: &[Waiting], rows: &[Row]) -> Chunk {
        let sent: Vec<Sent<'_>> = chunk
            .iter()
            .map(|row| Sent {
                id: (chunk.len() > 1).then_some(row.id.as_str()),
                mobile: row.mobile,
            })
            .collect();
        let mut balance = None;
        let mut verdicts = Vec::with_capacity(chunk.len());
        for (message, found) in chunk.iter().zip(match_rows(&sent, rows)) {
            let row = match found {
                Match::Row(row) => row,
                Match::Missing => {
                    verdicts.push(Err(ProviderError::unknown("the answer has no row for it")));
                    continue;
                }
                Match::Contradiction => {
                    verdicts.push(Err(ProviderError::unknown("the answer's rows disagree")));
                    continue;
                }
            };
            let Some(code) = row.code else {
                verdicts.push(Err(ProviderError::unknown("the answer's row has no code")));
                continue;
            };
            verdicts.push(match error::verdict(code) {
                Verdict::Accepted => Ok(accepted(message, row.message_id.as_deref())),
                Verdict::Refused(kind) => Err(self.refusal(kind, code, &row.description, chunk)),
                Verdict::TooMany => Err(too_many(code)),
                Verdict::LowCredit => {
                    if balance.is_none() {
                        balance = Some(self.probe(chunk).await);
                    }
                    Err(self.low_credit(code, std::slice::from_ref(message), balance.flatten()))
                }
            });
        }
        Chunk::Settled(verdicts)
    }

    /// The call as a whole was refused: nothing was sent.
    async fn as_a_whole(&self, chunk: &[Waiting], flat: &Flat) -> Chunk {
        let alone = chunk.len() == 1;
        let error = match error::verdict(flat.code) {
            Verdict::Accepted => match chunk {
                [message] => return Chunk::Settled(vec![Ok(accepted(message, None))]),
                _ => ProviderError::unknown("accepted, but without a row for each message"),
            },
            // One bad message must not take the others with it.
            Verdict::Refused(ProviderErrorKind::Rejected) if !alone => return Chunk::Halve,
            Verdict::Refused(kind) => self.refusal(kind, flat.code, &flat.description, chunk),
            Verdict::TooMany if alone => too_many(flat.code),
            Verdict::TooMany => {
                let half = chunk.len().div_ceil(2);
                self.rows_max.fetch_min(half, Ordering::Relaxed);
                tracing::warn!(
                    code = flat.code,
                    rows = chunk.len(),
                    rows_max = half,
                    "the gateway takes fewer rows in one call than configured"
                );
                return Chunk::Halve;
            }
            Verdict::LowCredit => {
                let error = self.low_credit(flat.code, chunk, self.probe(chunk).await);
                // The balance covers them all, so it is one of the numbers.
                if !alone && error.kind() == ProviderErrorKind::Rejected {
                    return Chunk::Halve;
                }
                error
            }
        };
        Chunk::all(chunk, &error)
    }

    /// 1004 says low credit, also for numbers that can't be reached (seen with Celcom): the balance tells which.
    fn low_credit(
        &self,
        code: u32,
        messages: &[Waiting],
        balance: Option<Balance>,
    ) -> ProviderError {
        let segments = messages.iter().map(|m| u32::from(m.text.segments())).sum();
        let price = self.segment_price.times(segments);
        match balance {
            Some(balance) if balance > price => ProviderError::rejected(
                "refused for low credit, but there is credit: the number can't be reached",
            )
            .code(code),
            _ => self.refusal(ProviderErrorKind::Misconfigured, code, "", messages),
        }
    }

    /// A refusal of what was sent in `chunk`, without what the gateway repeats of it or of our credentials.
    fn refusal(
        &self,
        kind: ProviderErrorKind,
        code: u32,
        description: &str,
        chunk: &[Waiting],
    ) -> ProviderError {
        let texts = chunk.iter().map(|row| row.text.as_str());
        let secrets = self.credentials.secrets();
        error::refusal(kind, code, description, texts, &secrets)
    }

    /// A refusal of a question.
    pub(super) fn question_refused(&self, verdict: Verdict, flat: &Flat) -> ProviderError {
        let kind = match verdict {
            Verdict::Refused(kind) => kind,
            Verdict::Accepted | Verdict::LowCredit | Verdict::TooMany => {
                ProviderErrorKind::Transient { after: None }
            }
        };
        self.refusal(kind, flat.code, &flat.description, &[])
    }

    /// The balance, asked within the time that `chunk` still has.
    async fn probe(&self, chunk: &[Waiting]) -> Option<Balance> {
        let earliest = chunk.iter().map(|row| row.deadline).min()?;
        let left = earliest.saturating_duration_since(Instant::now());
        self.balance(PROBE_TIMEOUT.min(left / 2)).await.ok()
    }

    /// `getbalance`.
    pub(super) async fn balance(&self, timeout: Duration) -> Result<Balance, ProviderError> {
        let flat = self.ask("getbalance", None, timeout).await?;
        match error::verdict(flat.code) {
            Verdict::Accepted => flat
                .text("credit")
                .and_then(|credit| credit.parse().ok())
                .ok_or_else(|| ProviderError::transient("the answer has no balance")),
            verdict => Err(self.question_refused(verdict, &flat)),
        }
    }

    /// `getdlr`.
    pub(super) async fn delivery_report(
        &self,
        message_id: &str,
        timeout: Duration,
    ) -> Result<DeliveryReport, ProviderError> {
        let flat = self.ask("getdlr", Some(message_id), timeout).await?;
        match (flat.code, error::verdict(flat.code)) {
            // `No Delivery Report`, and `No dlr` which comes as an unsupported data type.
            (1008 | 1009, _) => Ok(DeliveryReport::salum(message_id, "")),
            (_, Verdict::Accepted) => Ok(DeliveryReport::salum(
                message_id,
                &flat.text("delivery-description").unwrap_or_default(),
            )),
            (_, verdict) => Err(self.question_refused(verdict, &flat)),
        }
    }

    /// Asks something. A question changes nothing, so no failure is unknown.
    pub(super) async fn ask(
        &self,
        endpoint: &str,
        message_id: Option<&str>,
        timeout: Duration,
    ) -> Result<Flat, ProviderError> {
        let body = self.credentials.query(message_id);
        let answer = self
            .post(endpoint, body, timeout)
            .await
            .map_err(|failure| ProviderError::transient(failure.words()))?;
        if answer.is_believable()
            && let Some(flat) = Flat::read(&answer.body)
        {
            return Ok(flat);
        }
        let error = match answer.status {
            200..300 => return Err(ProviderError::transient("the answer makes no sense")),
            status => http::status_error(status, answer.retry_after),
        };
        Err(match error.kind() {
            ProviderErrorKind::Unknown => {
                ProviderError::transient(format!("HTTP status {}", answer.status))
            }
            _ => error,
        })
    }

    async fn post(
        &self,
        endpoint: &str,
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<HttpAnswer, HttpFailure> {
        let slash = if self.trailing_slash { "/" } else { "" };
        let url = self.url.join(&format!("{endpoint}{slash}"));
        http::call(self.client.post_json(url, body), timeout).await
    }
}

/// What became of one call.
enum Chunk {
    /// Every message has its verdict, in the order of the call.
    Settled(Vec<waiting::Verdict>),
    /// Nothing was sent: the two halves are tried by themselves.
    Halve,
}

impl Chunk {
    fn all(chunk: &[Waiting], error: &ProviderError) -> Self {
        Self::Settled(chunk.iter().map(|_| Err(error.clone())).collect())
    }
}

/// The answer to a send, or what its absence means.
fn read(answer: &HttpAnswer) -> Result<Answer, ProviderError> {
    let status = answer.status;
    let success = answer.is_success();
    match Answer::read(&answer.body) {
        Some(Answer::Flat(flat)) if !success && error::verdict(flat.code) == Verdict::Accepted => {
            Err(http::status_error(status, answer.retry_after))
        }
        Some(read) if answer.is_believable() => Ok(read),
        _ if success => Err(ProviderError::unknown("the answer makes no sense")),
        _ => Err(http::status_error(status, answer.retry_after)),
    }
}

fn accepted(message: &Waiting, id: Option<&str>) -> Receipt {
    let receipt = Receipt::new(NAME).segments(message.text.segments());
    match id {
        Some(id) => receipt.message_id(id),
        None => receipt,
    }
}

fn too_many(code: u32) -> ProviderError {
    ProviderError::transient("one message is too many for the gateway").code(code)
}

//! Twilio's calls: one request, one answer, and what the answer means.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::error;
use super::wire::{self, CreateMessage, Listed, Page};
use crate::job::JobId;
use crate::provider::http::{self, BaseUrl, HttpAnswer, HttpClient, HttpFailure};
use crate::provider::{ProviderError, ProviderErrorKind};

/// The header by which some clients hope to have creates deduplicated. Twilio documents it for its own calls only, so it
/// is sent, and nothing relies on it.
const IDEMPOTENCY_HEADER: &str = "I-Twilio-Idempotency-Token";

/// How many messages one page of a list holds at most; Twilio takes up to 1000, whose answer would be too long to read.
pub(super) const PAGE_SIZE: usize = 100;

/// The code for something that does not exist.
const NOT_FOUND: &str = "20404";

/// The connection to one account.
pub(super) struct Api {
    pub(super) client: HttpClient,
    pub(super) url: BaseUrl,
    pub(super) account_sid: String,
    pub(super) user: String,
    pub(super) password: SecretString,
}

impl Api {
    /// Creates a message.
    pub(super) async fn create(
        &self,
        message: &CreateMessage<'_>,
        job: JobId,
        timeout: Duration,
    ) -> Result<Listed, ProviderError> {
        let request = self
            .client
            .post_form(self.messages(), message.form())
            .basic_auth(&self.user, Some(self.password.expose_secret()))
            .header(IDEMPOTENCY_HEADER, job.to_string());
        let answer = match http::call(request, timeout).await {
            Ok(answer) => answer,
            Err(HttpFailure::NotSent(words)) => return Err(ProviderError::transient(words)),
            Err(HttpFailure::Unknown(words)) => return Err(ProviderError::unknown(words)),
        };
        if !answer.is_success() {
            return Err(error::refused(&answer, wire::refusal_code(&answer.body)));
        }
        let created = Listed::read(&answer.body)
            .ok_or_else(|| ProviderError::unknown("the answer makes no sense"))?;
        if created.is_to_another(message.to) {
            return Err(ProviderError::unknown("the answer is about another number"));
        }
        Ok(created)
    }

    /// Asks about one message.
    pub(super) async fn fetch(
        &self,
        sid: &str,
        timeout: Duration,
    ) -> Result<Listed, ProviderError> {
        let path = format!(
            "2010-04-01/Accounts/{}/Messages/{sid}.json",
            self.account_sid
        );
        match self.ask(self.url.join(&path), timeout).await {
            Ok(answer) => Listed::read(&answer.body).ok_or_else(no_sense),
            Err(error) if error.provider_code() == Some(NOT_FOUND) => {
                Err(ProviderError::rejected("no such message").code(NOT_FOUND))
            }
            Err(error) => Err(error),
        }
    }

    /// Lists the messages to `to`, newest first: the first page, or the one that `query` names.
    pub(super) async fn list(
        &self,
        to: &str,
        query: Option<&str>,
        timeout: Duration,
    ) -> Result<Page, ProviderError> {
        let mut url = self.messages();
        match query {
            Some(query) => url.set_query(Some(query)),
            None => {
                url.query_pairs_mut()
                    .append_pair("To", to)
                    .append_pair("PageSize", &PAGE_SIZE.to_string());
            }
        }
        let answer = self.ask(url, timeout).await?;
        Page::read(&answer.body).ok_or_else(no_sense)
    }

    fn messages(&self) -> reqwest::Url {
        let path = format!("2010-04-01/Accounts/{}/Messages.json", self.account_sid);
        self.url.join(&path)
    }

    /// Asks something. A question changes nothing, so no failure is unknown.
    async fn ask(&self, url: reqwest::Url, timeout: Duration) -> Result<HttpAnswer, ProviderError> {
        let request = self
            .client
            .get(url)
            .basic_auth(&self.user, Some(self.password.expose_secret()));
        let answer = http::call(request, timeout)
            .await
            .map_err(|failure| ProviderError::transient(failure.words()))?;
        if answer.is_success() {
            return Ok(answer);
        }
        let error = error::refused(&answer, wire::refusal_code(&answer.body));
        Err(match error.kind() {
            ProviderErrorKind::Unknown => {
                ProviderError::transient(format!("HTTP status {}", answer.status))
            }
            _ => error,
        })
    }
}

fn no_sense() -> ProviderError {
    ProviderError::transient("the answer makes no sense")
}

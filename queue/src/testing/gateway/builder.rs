//! [`GatewayBuilder`]: what a stand-in is before it starts.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpListener;

use super::Gateway;
use super::account::Account;
use super::delivery::{Progress, ReportPush};
use super::log::Log;
use super::personality::Personality;

/// A [`Gateway`] that has not started yet.
#[derive(Clone, Debug)]
pub struct GatewayBuilder {
    pub(super) port: u16,
    pub(super) account: Account,
    pub(super) personality: Personality,
    pub(super) latency: Duration,
    pub(super) jitter: Duration,
    pub(super) seed: u64,
    pub(super) progress: Progress,
    pub(super) push: Option<ReportPush>,
    log_file: Option<PathBuf>,
}

impl GatewayBuilder {
    pub(super) fn new() -> Self {
        Self {
            port: 0,
            account: Account {
                api_key: "test-key".into(),
                partner_id: "1234".into(),
                shortcode: "TEST".into(),
                credit_cents: 1_000_000_000,
                segment_cents: 100,
                codes: HashMap::new(),
                message_id_next: 8_290_842,
            },
            personality: Personality::default(),
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            seed: 0,
            progress: vec![
                (Duration::ZERO, "SentToNetwork".into()),
                (Duration::from_millis(200), "DeliveredToTerminal".into()),
            ],
            push: None,
            log_file: None,
        }
    }

    /// Which port it listens on, on 127.0.0.1. Default: any that is free.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The one account it serves. Default: `test-key`, `1234`, `TEST`.
    #[must_use]
    pub fn account(
        mut self,
        api_key: impl Into<String>,
        partner_id: impl Into<String>,
        shortcode: impl Into<String>,
    ) -> Self {
        self.account.api_key = api_key.into();
        self.account.partner_id = partner_id.into();
        self.account.shortcode = shortcode.into();
        self
    }

    /// How it writes and what it takes. Default: [`Personality::salum`].
    #[must_use]
    pub fn personality(mut self, personality: Personality) -> Self {
        self.personality = personality;
        self
    }

    /// What is on the account, in hundredths of a credit. Default: ten million credits.
    #[must_use]
    pub fn credit_cents(mut self, cents: i64) -> Self {
        self.account.credit_cents = cents;
        self
    }

    /// What a segment costs, in hundredths of a credit. Default: 100.
    #[must_use]
    pub fn segment_cents(mut self, cents: i64) -> Self {
        self.account.segment_cents = cents;
        self
    }

    /// How long every answer takes: `fixed`, and up to `jitter` more. Default: no time. A message is accepted before the
    /// wait, as it is by a gateway behind a slow network.
    #[must_use]
    pub fn latency(mut self, fixed: Duration, jitter: Duration) -> Self {
        self.latency = fixed;
        self.jitter = jitter;
        self
    }

    /// Where its randomness starts. Default: 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How delivery reports progress: each word, and how long after the acceptance it is true, in order of time.
    /// Default: `SentToNetwork` at once, `DeliveredToTerminal` after 200 ms.
    #[must_use]
    pub fn delivery(
        mut self,
        progress: impl IntoIterator<Item = (Duration, &'static str)>,
    ) -> Self {
        let progress = progress.into_iter();
        self.progress = progress.map(|(after, word)| (after, word.into())).collect();
        self
    }

    /// Also pushes delivery reports. Default: no.
    #[must_use]
    pub fn push(mut self, push: ReportPush) -> Self {
        self.push = Some(push);
        self
    }

    /// Also appends the log to a file, one line of JSON for each request. Default: no.
    #[must_use]
    pub fn log_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.log_file = Some(path.into());
        self
    }

    /// Starts listening.
    ///
    /// # Errors
    /// When the port is taken, or the log file can't be opened.
    pub async fn start(self) -> io::Result<Gateway> {
        let file = match &self.log_file {
            Some(path) => Some(OpenOptions::new().create(true).append(true).open(path)?),
            None => None,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        Gateway::serve(self, Log::new(file), listener)
    }
}

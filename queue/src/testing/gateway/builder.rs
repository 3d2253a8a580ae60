//! [`GatewayBuilder`]: what a stand-in is before it starts.

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpListener;

use super::Gateway;
use super::africas_talking::AfricasTalkingPersonality;
use super::delivery::ReportPush;
use super::desk::{Account, Stage};
use super::family::{Credentials, Personality};
use super::log::{self, Log};
use super::twilio::TwilioPersonality;

/// Which provider's contract a [`Gateway`] speaks. Each personality becomes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Speaks {
    /// Salum's family.
    Family(Personality),
    /// Twilio's Messages.
    Twilio(TwilioPersonality),
    /// Africa's Talking's bulk SMS.
    AfricasTalking(AfricasTalkingPersonality),
}

impl From<Personality> for Speaks {
    fn from(personality: Personality) -> Self {
        Self::Family(personality)
    }
}

impl From<TwilioPersonality> for Speaks {
    fn from(personality: TwilioPersonality) -> Self {
        Self::Twilio(personality)
    }
}

impl From<AfricasTalkingPersonality> for Speaks {
    fn from(personality: AfricasTalkingPersonality) -> Self {
        Self::AfricasTalking(personality)
    }
}

/// A [`Gateway`] that has not started yet.
#[derive(Clone, Debug)]
pub struct GatewayBuilder {
    pub(super) port: u16,
    pub(super) account: Account,
    pub(super) credentials: Credentials,
    pub(super) speaks: Speaks,
    pub(super) latency: Duration,
    pub(super) jitter: Duration,
    pub(super) seed: u64,
    pub(super) progress: Option<Vec<Stage>>,
    pub(super) push: Option<ReportPush>,
    log_file: Option<PathBuf>,
}

impl GatewayBuilder {
    pub(super) fn new() -> Self {
        Self {
            port: 0,
            account: Account {
                credit_cents: 1_000_000_000,
                segment_cents: 100,
                codes: HashMap::new(),
                message_number_next: 8_290_842,
                progress: Vec::new(),
                sent: HashMap::new(),
            },
            credentials: Credentials {
                api_key: "test-key".into(),
                partner_id: "1234".into(),
                shortcode: "TEST".into(),
            },
            speaks: Personality::default().into(),
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            seed: 0,
            progress: None,
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

    /// The one account that it serves as a member of Salum's family. Default: `test-key`, `1234`, `TEST`. The other
    /// personalities carry their credentials.
    #[must_use]
    pub fn account(
        mut self,
        api_key: impl Into<String>,
        partner_id: impl Into<String>,
        shortcode: impl Into<String>,
    ) -> Self {
        self.credentials.api_key = api_key.into();
        self.credentials.partner_id = partner_id.into();
        self.credentials.shortcode = shortcode.into();
        self
    }

    /// Which provider it is, how it writes and what it takes: a [`Personality`], a [`TwilioPersonality`] or an
    /// [`AfricasTalkingPersonality`]. Default: [`Personality::salum`].
    #[must_use]
    pub fn personality(mut self, personality: impl Into<Speaks>) -> Self {
        self.speaks = personality.into();
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

    /// How delivery reports progress: each word, and how long after the acceptance it is true, in order of time. A reason
    /// may follow a colon: Twilio's error code (`undelivered:30003`), Africa's Talking's reason (`Failed:UserInBlacklist`).
    ///
    /// Default: `SentToNetwork` at once and `DeliveredToTerminal` after 200 ms; `sent` and `delivered` after 50 and 200 ms
    /// (Twilio); `Sent` at once and `Success` after 200 ms (Africa's Talking).
    #[must_use]
    pub fn delivery(
        mut self,
        progress: impl IntoIterator<Item = (Duration, &'static str)>,
    ) -> Self {
        let stage = |(after, word): (Duration, &str)| Stage {
            after,
            word: word.into(),
        };
        self.progress = Some(progress.into_iter().map(stage).collect());
        self
    }

    /// Also pushes delivery reports. Default: no; but Twilio's messages that name a `StatusCallback` on this machine have
    /// theirs pushed there.
    #[must_use]
    pub fn push(mut self, push: ReportPush) -> Self {
        self.push = Some(push);
        self
    }

    /// Also appends the log to a file, one line of JSON for each request. Default: no. A line that a crash of an earlier
    /// gateway cut off stays a line of its own.
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
            Some(path) => Some(log::open(path)?),
            None => None,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        Gateway::serve(self, Log::new(file), listener)
    }
}

//! [`Gateway`]: a stand-in for SMS providers, over real HTTP on this machine.
//!
//! It is a gateway of Salum's family unless told otherwise, and speaks their whole contract (`sendsms`, `sendotp`,
//! `sendbulk`, `getdlr`, `getbalance`; GET and POST; JSON and forms) in the spelling of each ([`Personality`]); or it is
//! Twilio ([`TwilioPersonality`]: create, fetch and list messages, signed status callbacks) or Africa's Talking
//! ([`AfricasTalkingPersonality`]: bulk SMS, posted reports). It checks every request strictly, and goes wrong on demand
//! ([`Fault`]), whoever it is. Its log is the ledger that a test compares with: what was really sent, how often, whatever the client
//! got to read. No number is special: everything is scripted.

mod africas_talking;
mod builder;
mod connection;
mod delivery;
mod desk;
mod family;
mod fault;
mod form;
mod handler;
mod log;
mod state;
mod stream;
#[cfg(test)]
mod tests;
mod twilio;

pub use africas_talking::AfricasTalkingPersonality;
pub use builder::{GatewayBuilder, Speaks};
pub use delivery::ReportPush;
pub use family::{CodeKey, Envelope, IdForm, Personality, SlashRule};
pub use fault::{Fault, RowFault};
pub use log::{Duplicate, GatewayRequest, GatewayRow};
pub use twilio::TwilioPersonality;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::connection::{CuttableListener, Scissors};
use self::desk::{Desk, Stage};
use self::log::Log;
use self::state::{Shared, World};
use crate::sms::PhoneNumber;

/// A running stand-in. Dropping it closes it: calls that hang are cut, and nothing listens any more.
///
/// # Examples
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use queue::testing::gateway::{Fault, Gateway};
///
/// let gateway = Gateway::start().await?;
/// // The next message is sent, but the client never learns.
/// gateway.next(1, Fault::cut().after_accepting());
/// println!("SALUM_API_URL={}", gateway.url());
/// gateway.wait_for(1).await;
/// assert!(gateway.duplicates().is_empty());
/// # Ok(())
/// # }
/// ```
pub struct Gateway {
    shared: Arc<Shared>,
    address: SocketAddr,
    speaks: Speaks,
    #[cfg(feature = "salum")]
    credentials: family::Credentials,
}

impl Gateway {
    /// Starts one with every default: any free port, account `test-key`, `1234`, `TEST`, lots of credit.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Describes one that is different.
    pub fn builder() -> GatewayBuilder {
        GatewayBuilder::new()
    }

    fn serve(builder: GatewayBuilder, log: Log, listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (desk, default): (Box<dyn Desk>, [(u64, &str); 2]) = match builder.speaks.clone() {
            Speaks::Family(personality) => {
                let credentials = builder.credentials.clone();
                let family = family::Family {
                    credentials,
                    personality,
                };
                (Box::new(family), family::PROGRESS)
            }
            Speaks::Twilio(personality) => (
                Box::new(twilio::TwilioDesk::new(personality)),
                twilio::PROGRESS,
            ),
            Speaks::AfricasTalking(personality) => {
                let desk = africas_talking::AfricasTalkingDesk(personality);
                (Box::new(desk), africas_talking::PROGRESS)
            }
        };
        let mut account = builder.account;
        let stage = |(millis, word): (u64, &str)| Stage {
            after: Duration::from_millis(millis),
            word: word.into(),
        };
        account.progress = builder
            .progress
            .unwrap_or_else(|| default.into_iter().map(stage).collect());
        let world = World {
            account,
            desk,
            script: Default::default(),
            sometimes: Vec::new(),
            random: fastrand::Rng::with_seed(builder.seed),
            log,
            latency: builder.latency,
            jitter: builder.jitter,
            accepted: 0,
        };
        let shared = Arc::new(Shared {
            world: Mutex::new(world),
            accepted: watch::Sender::new(0),
            stop: CancellationToken::new(),
            report_push: builder.push,
        });
        let router = Router::new()
            .fallback(handler::handle)
            // A thousand rows are well below it.
            .layer(DefaultBodyLimit::max(4 * 1024 * 1024))
            .with_state(Arc::clone(&shared))
            .into_make_service_with_connect_info::<Scissors>();
        let stop = shared.stop.clone().cancelled_owned();
        tokio::spawn(async move {
            let server = axum::serve(CuttableListener(listener), router);
            let _ = server.with_graceful_shutdown(stop).await;
        });
        Ok(Self {
            shared,
            address,
            speaks: builder.speaks,
            #[cfg(feature = "salum")]
            credentials: builder.credentials,
        })
    }

    /// Where it is, as the client's settings take it: `http://127.0.0.1:PORT` and the path under which its endpoints are.
    pub fn url(&self) -> String {
        let path = match self.speaks {
            Speaks::Family(_) => family::PATH,
            Speaks::Twilio(_) => "",
            Speaks::AfricasTalking(_) => africas_talking::PATH,
        };
        format!("http://{}{path}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The settings of a client of its account, when it is of Salum's family.
    #[cfg(feature = "salum")]
    pub fn salum_options(&self) -> crate::provider::SalumOptions {
        let credentials = &self.credentials;
        crate::provider::SalumOptions::new(
            credentials.api_key.as_str(),
            credentials.partner_id.as_str(),
            credentials.shortcode.as_str(),
        )
        .url(self.url())
    }

    /// The settings of a client of its account, when it is Twilio: with the auth token, from the first sender. `None`
    /// when it is not.
    #[cfg(feature = "twilio")]
    pub fn twilio_options(&self) -> Option<crate::provider::TwilioOptions> {
        use crate::provider::{TwilioOptions, TwilioSender};
        let Speaks::Twilio(personality) = &self.speaks else {
            return None;
        };
        let from = personality.senders.first().cloned().unwrap_or_default();
        let sid = personality.account_sid.as_str();
        let token = personality.auth_token.as_str();
        Some(TwilioOptions::new(sid, token, TwilioSender::From(from)).url(self.url()))
    }

    /// The settings of a client of its account, when it is Africa's Talking: from the first sender. `None` when it is
    /// not.
    #[cfg(feature = "africas-talking")]
    pub fn africas_talking_options(&self) -> Option<crate::provider::AfricasTalkingOptions> {
        let Speaks::AfricasTalking(personality) = &self.speaks else {
            return None;
        };
        let options = crate::provider::AfricasTalkingOptions::new(
            personality.username.as_str(),
            personality.api_key.as_str(),
        );
        let options = options.url(self.url());
        Some(match personality.senders.first() {
            Some(sender) => options.from(sender.as_str()),
            None => options,
        })
    }

    /// The next `count` requests meet `fault`, after those that were said before.
    pub fn next(&self, count: usize, fault: Fault) {
        let faults = std::iter::repeat_n(fault, count);
        self.shared.lock().script.extend(faults);
    }

    /// Every request meets `fault` with this probability, from 0 to 1; several add up in order. Chance is by the seed.
    pub fn sometimes(&self, probability: f64, fault: Fault) {
        self.shared.lock().sometimes.push((probability, fault));
    }

    /// Forgets every fault that was said.
    pub fn heal(&self) {
        let mut world = self.shared.lock();
        world.script.clear();
        world.sometimes.clear();
    }

    /// Messages to `number` always get `code`, until another one is said; 200 accepts them. Twilio accepts messages to
    /// numbers with a code of 30000 and more, and then does not deliver them, for that reason.
    pub fn number(&self, number: &PhoneNumber, code: u32) {
        let digits = number.digits().to_owned();
        self.shared.lock().account.codes.insert(digits, code);
    }

    /// How long every answer takes from now on; see [`GatewayBuilder::latency`].
    pub fn latency(&self, fixed: Duration, jitter: Duration) {
        let mut world = self.shared.lock();
        world.latency = fixed;
        world.jitter = jitter;
    }

    /// What is left on the account, in hundredths of a credit.
    pub fn credit_cents(&self) -> i64 {
        self.shared.lock().account.credit_cents
    }

    /// Every request, in the order of arrival.
    pub fn requests(&self) -> Vec<GatewayRequest> {
        self.shared.lock().log.requests()
    }

    /// Every message that it decided on, in the order of arrival.
    pub fn rows(&self) -> Vec<GatewayRow> {
        self.shared.lock().log.rows().cloned().collect()
    }

    /// Every message that was really sent, whatever the client got to read.
    pub fn accepted(&self) -> Vec<GatewayRow> {
        let world = self.shared.lock();
        let accepted = world.log.rows().filter(|row| row.is_accepted());
        accepted.cloned().collect()
    }

    /// How many messages were really sent.
    pub fn accepted_count(&self) -> usize {
        *self.shared.accepted.borrow()
    }

    /// Every text that was sent to one number more than once.
    pub fn duplicates(&self) -> Vec<Duplicate> {
        self.shared.lock().log.duplicates()
    }

    /// Waits until at least `count` messages were sent since the start.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn wait_for(&self, count: usize) {
        let mut accepted = self.shared.accepted.subscribe();
        // The sender lives in `self`, so it can't be closed.
        let _ = accepted.wait_for(|accepted| *accepted >= count).await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("address", &self.address)
            .field("accepted", &self.accepted_count())
            .finish_non_exhaustive()
    }
}

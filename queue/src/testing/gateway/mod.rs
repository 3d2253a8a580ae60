//! [`Gateway`]: a stand-in for the SMS gateways of Salum's family, over real HTTP on this machine.
//!
//! It speaks their whole contract (`sendsms`, `sendotp`, `sendbulk`, `getdlr`, `getbalance`; GET and POST; JSON and
//! forms), in the spelling of each ([`Personality`]), checks every request strictly, and goes wrong on demand
//! ([`Fault`]). Its log is the ledger that a test compares with: what was really sent, how often, whatever the client
//! got to read. No number is special: everything is scripted.

mod account;
mod answer;
mod builder;
mod connection;
mod delivery;
mod fault;
mod handler;
mod log;
mod personality;
mod request;
mod state;
mod stream;
#[cfg(test)]
mod tests;

pub use builder::GatewayBuilder;
pub use delivery::ReportPush;
pub use fault::{Fault, RowFault};
pub use log::{Duplicate, GatewayRequest, GatewayRow};
pub use personality::{CodeKey, Envelope, IdForm, Personality, SlashRule};

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
use self::delivery::Deliveries;
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
        let world = World {
            account: builder.account,
            personality: builder.personality,
            deliveries: Deliveries {
                progress: builder.progress,
                accepted: Default::default(),
            },
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
        Ok(Self { shared, address })
    }

    /// Where it is: `http://127.0.0.1:PORT/api/services`.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, handler::PATH)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The settings of a client of its account.
    #[cfg(feature = "salum")]
    pub fn salum_options(&self) -> crate::provider::SalumOptions {
        let world = self.shared.lock();
        let account = &world.account;
        crate::provider::SalumOptions::new(
            account.api_key.as_str(),
            account.partner_id.as_str(),
            account.shortcode.as_str(),
        )
        .url(self.url())
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

    /// Messages to `number` always get `code`, until another one is said; 200 accepts them.
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

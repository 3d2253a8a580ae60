//! [`Connection`]: one connection to the servers, kept for as long as the store is open, and what its events say.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{Client, ClientError, Event, ServerError};
use tokio::sync::{Notify, mpsc, watch};

use super::account::AccountRoom;
use super::acks::Acks;
use super::api::Api;
use super::connect::{check_domain, check_version, connect};
use super::health::{Board, HealthWatch, JetStreamProblem};
use super::monitor::monitor;
use super::names::Names;
use super::options::JetStreamOptions;
use crate::backend::BackendError;

/// How long the answer to a request is waited for.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How many events of the connection may wait to be looked at. More are dropped: the last state is asked for anyway.
const EVENTS_HELD_MAX: usize = 1024;

/// A connection, and what is known about it.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) context: Context,
    pub(super) api: Api,
    pub(super) options: JetStreamOptions,
    pub(super) board: Board,
    pub(super) account_room: AccountRoom,
    denied: watch::Sender<Option<Arc<str>>>,
    is_deaf: AtomicBool,
    watched: Mutex<Vec<Names>>,
    wake: Arc<Notify>,
}

impl Connection {
    /// Connects, and refuses a server that is too old or has no JetStream.
    pub(super) async fn open(options: JetStreamOptions) -> Result<Arc<Self>, BackendError> {
        options.domain.as_deref().map_or(Ok(()), check_domain)?;
        let (events, inbox) = mpsc::channel(EVENTS_HELD_MAX);
        let client = connect(&options, &events).await?;
        drop(events);
        check_version(&client.server_info().version)?;
        let context = ContextBuilder::new().timeout(ANSWER_TIMEOUT);
        let context = match &options.domain {
            // The client's builder takes its settings before the domain only.
            Some(domain) => ContextBuilder::new()
                .domain(domain)
                .timeout(ANSWER_TIMEOUT)
                .build(client.clone()),
            None => context.build(client.clone()),
        };
        let acks = Arc::new(Acks::subscribe(&client).await?);
        let api = Api::new(context.clone(), acks, options.domain.as_deref());
        let connection = Arc::new(Self {
            client,
            context,
            api,
            options,
            denied: watch::Sender::new(None),
            is_deaf: AtomicBool::new(false),
            board: Board::new(),
            account_room: AccountRoom::default(),
            watched: Mutex::new(Vec::new()),
            wake: Arc::new(Notify::new()),
        });
        tokio::spawn(listen(Arc::downgrade(&connection), inbox));
        connection.account().await?;
        tokio::spawn(monitor(Arc::downgrade(&connection)));
        Ok(connection)
    }

    /// Looks after the streams of a queue from now on, and reads its guarantee.
    pub(super) fn watch(&self, names: &Names) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if !watched.contains(names) {
            watched.push(names.clone());
        }
        drop(watched);
        self.check_soon();
    }

    /// The queues that are looked after.
    pub(super) fn watched(&self) -> Vec<Names> {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.clone()
    }

    /// Looks at everything soon: for whoever met an error that a check can explain.
    pub(super) fn check_soon(&self) {
        self.wake.notify_one();
    }

    /// What [`check_soon`](Self::check_soon) wakes.
    pub(super) fn wake(&self) -> Arc<Notify> {
        self.wake.clone()
    }

    /// Whether there is a connection.
    pub(super) fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// The health and its changes.
    pub(super) fn health(&self) -> HealthWatch {
        self.board.watch()
    }

    /// What the server last refused for want of a permission, in its words, and its changes. The words hold a subject, and
    /// a subject may hold a tenant or a key: they are for comparing, not for logs.
    pub(super) fn denied(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.denied.subscribe()
    }

    /// Connects anew when the server refused a subscription, which it forgets then: when the permission is given again, what
    /// would be heard there is not heard all the same (seen on 2.15.1).
    pub(super) async fn mend_hearing(&self) -> bool {
        let is_deaf = self.is_deaf.swap(false, Ordering::Relaxed);
        // It fails only when the connection has ended already, and then it is made anew anyway.
        is_deaf && self.client.force_reconnect().await.is_ok()
    }

    /// The server answered, so subscriptions are permitted.
    pub(super) fn hears(&self) {
        self.board.clear(is_subscription);
    }

    fn heard(&self, event: Event) {
        match event {
            Event::Connected => {
                self.board.clear(|problem| match problem {
                    JetStreamProblem::Disconnected | JetStreamProblem::CredentialsRefused => true,
                    JetStreamProblem::PermissionDenied { .. } => !is_subscription(problem),
                    _ => false,
                });
                self.check_soon();
            }
            Event::Disconnected | Event::Closed => {
                self.board.set(JetStreamProblem::Disconnected);
            }
            Event::ServerError(ServerError::AuthorizationViolation) => {
                self.board.notice(JetStreamProblem::CredentialsRefused);
            }
            Event::ServerError(ServerError::Other(text)) => {
                let lower = text.to_lowercase();
                if lower.contains("permissions violation") {
                    let operation = denied_operation(&text);
                    let problem = JetStreamProblem::PermissionDenied { operation };
                    if is_subscription(&problem) {
                        self.is_deaf.store(true, Ordering::Relaxed);
                    }
                    self.board.notice(problem);
                    self.denied.send_replace(Some(text.into()));
                } else if ["authorization", "authentication", "credentials", "revoked"]
                    .iter()
                    .any(|word| lower.contains(word))
                {
                    self.board.notice(JetStreamProblem::CredentialsRefused);
                } else if lower.contains("maximum payload") {
                    self.check_soon();
                }
            }
            // What the client says of a try to reconnect that was refused.
            Event::ClientError(ClientError::Other(text)) if text.contains("authori") => {
                self.board.notice(JetStreamProblem::CredentialsRefused);
            }
            Event::LameDuckMode
            | Event::Draining
            | Event::SlowConsumer(_)
            | Event::ServerError(_)
            | Event::ClientError(_) => {}
        }
    }
}

/// How the denied operation of a subscription begins.
const SUBSCRIBE: &str = "subscribe to ";

fn is_subscription(problem: &JetStreamProblem) -> bool {
    matches!(problem, JetStreamProblem::PermissionDenied { operation } if operation.starts_with(SUBSCRIBE))
}

/// What a permission is missing for, in the server's words but without what may be a tenant, a key or a job:
/// `Permissions Violation for Publish to "sms.send.low.0.01….acme"` is `publish to sms.send`.
fn denied_operation(text: &str) -> String {
    let operation = match text.to_lowercase().contains("subscription") {
        true => SUBSCRIBE,
        false => "publish to ",
    };
    let subject = text.split('"').nth(1).unwrap_or_default();
    let tokens: Vec<_> = subject.split('.').collect();
    let shown = match tokens.as_slice() {
        // Names of streams and consumers, and no subjects.
        ["$JS", "API", "DIRECT", "GET", stream, ..] => format!("$JS.API.DIRECT.GET.{stream}"),
        ["$JS", "API", ..] => tokens[..tokens.len().min(6)].join("."),
        _ => tokens[..tokens.len().min(2)].join("."),
    };
    format!("{operation}{shown}")
}

/// Hears the events of the connection until the store is gone.
async fn listen(connection: Weak<Connection>, mut inbox: mpsc::Receiver<Event>) {
    while let Some(event) = inbox.recv().await {
        let Some(connection) = connection.upgrade() else {
            return;
        };
        if matches!(event, Event::LameDuckMode) {
            leave(&connection.client).await;
        }
        connection.heard(event);
    }
}

/// Leaves a server that is about to stop, where there is another to go to. The client only reports that it is.
async fn leave(client: &Client) {
    let servers = client.server_pool().await.map_or(0, |pool| pool.len());
    if servers > 1 {
        tracing::info!("the NATS server is about to stop: moving to another");
        // It fails only when the connection has ended already, and then it is made anew anyway.
        let _ = client.force_reconnect().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_operation_is_named_without_tenants_and_keys() {
        let shown = |subject: &str| {
            denied_operation(&format!(
                "Permissions Violation for Publish to \"{subject}\""
            ))
        };
        assert_eq!(shown("sms.send.low.0.01.acme"), "publish to sms.send");
        assert_eq!(shown("sms.key.otp-42"), "publish to sms.key");
        assert_eq!(
            shown("$JS.API.CONSUMER.MSG.NEXT.SMS.send-low"),
            "publish to $JS.API.CONSUMER.MSG.NEXT.SMS"
        );
        let direct = "$JS.API.DIRECT.GET.SMS.sms.key.otp-42";
        assert_eq!(shown(direct), "publish to $JS.API.DIRECT.GET.SMS");
        let text = "Permissions Violation for Subscription to \"_INBOX.abc.*\"";
        assert_eq!(denied_operation(text), "subscribe to _INBOX.abc");
        assert_eq!(denied_operation("Permissions Violation"), "publish to ");
    }
}

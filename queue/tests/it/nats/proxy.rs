//! A line to a server that a test can cut: one client loses its connection and the others keep theirs.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Forwards connections on a port of its own to a server.
pub(super) struct Proxy {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    listener: JoinHandle<()>,
}

#[derive(Clone, Copy)]
struct State {
    server: SocketAddr,
    /// Grows with each cut: a connection of an older generation ends.
    cuts: u64,
    /// Whether new connections are refused.
    down: bool,
    /// Nothing that a client sends from these bytes on is let through.
    hold_at: Option<&'static [u8]>,
    /// Whether they came.
    held: bool,
}

impl Proxy {
    pub(super) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(watch::Sender::new(State {
            server,
            cuts: 0,
            down: false,
            hold_at: None,
            held: false,
        }));
        let (states, shared) = (state.clone(), state.clone());
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mut states = states.subscribe();
                let at_start = *states.borrow_and_update();
                if !at_start.down {
                    let shared = shared.clone();
                    tokio::spawn(async move {
                        let cut = async move {
                            let over = |state: &State| state.cuts != at_start.cuts;
                            states.wait_for(over).await.map(drop).ok();
                        };
                        tokio::select! {
                            () = forward(client, at_start.server, &shared) => {}
                            () = cut => {}
                        }
                    });
                }
            }
        });
        Self {
            address,
            state,
            listener,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Ends every connection; new ones are let through.
    pub(super) fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// Ends every connection and refuses new ones until [`mend`](Self::mend).
    pub(super) fn take_down(&self) {
        self.state.send_modify(|state| {
            state.cuts += 1;
            state.down = true;
        });
    }

    /// Ends every connection and leads new ones to another server.
    pub(super) fn point_to(&self, server: SocketAddr) {
        self.state.send_modify(|state| {
            state.cuts += 1;
            state.server = server;
        });
    }

    /// Lets nothing of a client through from these bytes on, until [`let_go`](Self::let_go).
    pub(super) fn hold_at(&self, bytes: &'static [u8]) {
        self.state.send_modify(|state| state.hold_at = Some(bytes));
    }

    /// Waits until the bytes of [`hold_at`](Self::hold_at) came.
    pub(super) async fn held(&self) {
        let mut states = self.state.subscribe();
        let held = states.wait_for(|state| state.held);
        let waited = tokio::time::timeout(super::support::PATIENCE, held).await;
        waited.expect("they come in time").unwrap();
    }

    /// Sends what was held back, and holds nothing any more.
    pub(super) fn let_go(&self) {
        self.state.send_modify(|state| {
            state.hold_at = None;
            state.held = false;
        });
    }

    pub(super) fn mend(&self) {
        self.state.send_modify(|state| state.down = false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn forward(client: TcpStream, server: SocketAddr, state: &watch::Sender<State>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
            let hold_at = state.borrow().hold_at;
            let found = hold_at.and_then(|bytes| {
                buffer[..length]
                    .windows(bytes.len())
                    .position(|w| w == bytes)
            });
            let (now, later) = buffer[..length].split_at(found.unwrap_or(length));
            if to_server.write_all(now).await.is_err() {
                return;
            }
            if found.is_some() {
                state.send_modify(|state| state.held = true);
                let mut states = state.subscribe();
                let gone = states
                    .wait_for(|state| state.hold_at.is_none())
                    .await
                    .is_err();
                if gone || to_server.write_all(later).await.is_err() {
                    return;
                }
            }
        }
    };
    // An end with an error is an end.
    tokio::select! {
        () = up => {}
        _ = copy(&mut from_server, &mut to_client) => {}
    }
}

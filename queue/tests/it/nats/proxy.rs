//! A line to a server that a test can cut: one client loses its connection and the others keep theirs.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
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
}

impl Proxy {
    pub(super) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(watch::Sender::new(State {
            server,
            cuts: 0,
            down: false,
        }));
        let states = state.clone();
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mut states = states.subscribe();
                let at_start = *states.borrow_and_update();
                if !at_start.down {
                    tokio::spawn(async move {
                        let cut = async move {
                            let over = |state: &State| state.cuts != at_start.cuts;
                            states.wait_for(over).await.map(drop).ok();
                        };
                        tokio::select! {
                            () = forward(client, at_start.server) => {}
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

    pub(super) fn mend(&self) {
        self.state.send_modify(|state| state.down = false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn forward(mut client: TcpStream, server: SocketAddr) {
    if let Ok(mut server) = TcpStream::connect(server).await {
        // An end with an error is an end.
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}

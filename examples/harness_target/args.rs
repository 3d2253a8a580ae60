//! The command line.

use std::time::Duration;

use clap::{Parser, ValueEnum};
use queue::job::UnknownPolicy;

/// Drives a queue by commands on standard input.
#[derive(Parser, Debug)]
pub(crate) struct Args {
    /// Where the jobs are kept, such as `file:./queue-data`.
    #[arg(long)]
    pub(crate) url: String,
    /// The gateway, such as `http://127.0.0.1:8080/api/services`.
    #[arg(long)]
    pub(crate) gateway: String,
    /// How many jobs run at once.
    #[arg(long)]
    pub(crate) concurrency: usize,
    /// What becomes of attempts whose outcome nobody knows.
    #[arg(long, value_enum)]
    unknown: Unknown,
    /// How long one send may take, in milliseconds.
    #[arg(long)]
    send_timeout_ms: u64,
    /// The visibility timeout, in milliseconds.
    #[arg(long, default_value_t = 30_000)]
    lease_ms: u64,
    /// Enqueue only.
    #[arg(long)]
    pub(crate) no_worker: bool,
    /// Work only.
    #[arg(long)]
    pub(crate) no_enqueue: bool,
    /// How wrong this process's wall clock is, in milliseconds.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) clock_offset_ms: i64,
    /// At most this many starts a second over all workers; no limit when it is left out.
    #[arg(long)]
    pub(crate) rate: Option<u32>,
    /// At most this many messages in all, behind a spend guard; what is over is refused. Receipts are recorded.
    #[arg(long)]
    pub(crate) cap: Option<u64>,
    /// How long to wait where a message was counted, and where its receipt is on record, in milliseconds.
    #[arg(long, default_value_t = 2)]
    pause_ms: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Unknown {
    Retry,
    Stop,
}

impl Args {
    pub(crate) fn parse_from_command_line() -> Self {
        Self::parse()
    }

    pub(crate) fn unknown(&self) -> UnknownPolicy {
        match self.unknown {
            Unknown::Retry => UnknownPolicy::Retry,
            Unknown::Stop => UnknownPolicy::Stop,
        }
    }

    pub(crate) fn send_timeout(&self) -> Duration {
        Duration::from_millis(self.send_timeout_ms)
    }

    pub(crate) fn pause(&self) -> Duration {
        Duration::from_millis(self.pause_ms)
    }

    pub(crate) fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }
}

/// Says on standard error what went wrong, with all causes.
pub(crate) fn complain(error: &dyn std::error::Error) {
    eprint!("harness_target: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprint!(": {error}");
        cause = error.source();
    }
    eprintln!();
}

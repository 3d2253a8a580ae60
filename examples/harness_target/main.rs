//! The program that outside checkers drive: they enqueue through it, kill it, start it again, and compare what it
//! acknowledged with what a gateway saw. It uses the public API only.
//!
//! Commands come on standard input, one a line; answers go to standard output, flushed a line at a time:
//!
//! | command | answer |
//! | --- | --- |
//! | `enqueue ID KIND JSON` | `ack ID JOBID`, `dup ID JOBID` or `nack ID REASON` |
//! | `bulk N PREFIX` | the same for each of N notifications, PREFIX0 … |
//! | `cancel ID` | `cancelled ID` or `uncancelled ID REASON` |
//! | `stats` | `stats JSON` |
//! | `dump` | `job ID STATE` for each job, then `dumped` |
//! | `caps` | `caps USED LEFT` of the cap that `--cap` sets |
//! | `deliveries` | `delivery JOBID MESSAGES` for each job, then `told` |
//! | `stop` (or SIGTERM, or the end of the input) | `stopped`, after a graceful stop |
//!
//! `ready` comes first; `event NAME ID ATTEMPT` comes in between, and with `--cap`, `counted JOBID ATTEMPT` before a message is
//! sent and `recorded JOBID ATTEMPT` before its job is settled. ID is the idempotency key.

mod announce;
#[expect(
    clippy::print_stderr,
    reason = "a program's complaints go to standard error"
)]
mod args;
mod command;
mod printer;
mod target;

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            args::complain(&*error);
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let args = args::Args::parse_from_command_line();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut target = target::Target::start(args).await?;
    let mut lines = read_lines();
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            _ = terminate.recv() => None,
        };
        let Some(line) = line else { break };
        match command::Command::parse(&line) {
            Ok(command::Command::Stop) => break,
            Ok(command) => target.obey(command).await,
            Err(error) => args::complain(&error),
        }
    }
    target.stop().await
}

/// Standard input, line by line, on a thread of its own: a read that waits must not keep the process from ending.
fn read_lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(1024);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

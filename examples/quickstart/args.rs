//! What the command line says.

use std::path::PathBuf;

use clap::Parser;

/// Reads a CSV of recipients, enqueues an SMS for each row, and sends them all to a stand-in for the gateway, over real
/// HTTP on this machine. Nothing leaves the machine, and no service is needed.
#[derive(Debug, Parser)]
#[command(name = "quickstart", after_help = NUMBERS)]
pub(crate) struct Args {
    /// The recipients. Columns: kind (welcome, otp or notification), phone, name, message, code, expiry_minutes,
    /// delay_seconds, expires_in_seconds [default: a list of some 200 made-up people]
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,

    /// The folder for the store and the gateway's log [default: `queue-quickstart` in the system's temporary folder, the
    /// same in every run]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,

    /// Where the jobs are kept: `file:FOLDER` or `memory:` [default: `store` in the folder]
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,

    /// Aborts this process in mid-send, when N messages were accepted; the next run finishes the rest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) crash_after: Option<u64>,

    /// How many jobs run at once
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) concurrency: u16,

    /// Prints the numbers as one last line of JSON instead of the table
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    /// Where the store and the gateway's log are.
    pub(crate) fn folder(&self) -> PathBuf {
        match &self.dir {
            Some(folder) => folder.clone(),
            None => std::env::temp_dir().join("queue-quickstart"),
        }
    }
}

const NUMBERS: &str = "\
A folder remembers what it sent: a row is one job, by its file's name, its line and its content, so another run on the
same file sends nothing twice. Delete the folder to start over.

The numbers are about the rows of this file, whichever run enqueued or sent them:
  read             rows after the header
  accepted         rows that are jobs in the store: stored by this run or an earlier one
  delivered        jobs that the gateway accepted
  rejected         rows that could not become a job; each is shown with its line and reason
  expired          jobs whose deadline passed before they were sent
  retried          attempts beyond each job's first, after a failure or a crash
  recovered        jobs that were in mid-send when an earlier run died, as found by this run
  unknown          jobs that may have been sent and must not be sent twice, kept for a person
  extra_sends      messages in the gateway's log beyond one for each job; an expired job is allowed none
  segments         segments billed for the delivered jobs
  seconds          how long this run enqueued and sent
  jobs_per_second  jobs that this run delivered, in each of these seconds

Exit code: 0 when every accepted job was delivered or ended with a legal reason (expired, refused by the gateway for good,
kept as unknown); 1 when one did not; 2 when the run could not be made.";

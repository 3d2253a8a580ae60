//! The main job, on real input: a CSV of recipients becomes durable jobs, and a worker sends them over real HTTP.
//!
//! `cargo run --release --example quickstart`, and `-- --help` for what it can do.

mod args;
mod crash;
mod csv_file;
mod delivery;
mod error;
mod hash;
mod intake;
mod ledger;
mod output;
mod records;
mod row;

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use queue::backend::{JobView, Retention};
use queue::clock::{Clock, SystemClock};
use queue::{Queue, SmsJob, State};

use crate::args::Args;
use crate::crash::CrashAfter;
use crate::csv_file::CsvFile;
use crate::delivery::open_jobs;
use crate::error::Error;
use crate::output::{Output, Summary};
use crate::records::{Proof, Records, Recovered};

/// How long the folder remembers what it sent.
const MEMORY: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// How many jobs it remembers in each state.
const MEMORY_JOBS: u64 = 10_000_000;

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            output::note(&error.to_string());
            ExitCode::from(2)
        }
    }
}

/// One run; whether every job was delivered or ended with a legal reason.
async fn run(args: &Args) -> Result<bool, Error> {
    let output = Output { json: args.json };
    let file = CsvFile::open(args.csv.as_deref())?;
    let file_name = file.name().to_owned();

    let folder = args.folder();
    std::fs::create_dir_all(&folder).map_err(|source| Error::Folder {
        path: folder.clone(),
        source,
    })?;
    let store = || format!("file:{}", folder.join("store").display());
    let url = args.url.clone().unwrap_or_else(store);
    let opened_at = SystemClock::default().now();
    let queue = open(&url).await.map_err(Error::Open)?;
    let mut events = queue.subscribe();

    // What an earlier run left behind.
    let earlier = records::all(&queue).await?;
    let mut recovered = Recovered::at_opening(&earlier, opened_at);
    let log = ledger::path(&folder, &url);
    if earlier.is_empty() {
        ledger::forget(&log)?;
    }
    let unfinished = open_jobs(&queue.stats().await?);
    output.say(&format!("folder   {}", folder.display()));
    if unfinished > 0 {
        output.say(&format!(
            "found    {unfinished} unfinished jobs of an earlier run; this one finishes them"
        ));
    }

    let gateway = delivery::start_gateway(&log).await?;
    output.say(&format!(
        "gateway  {} (a stand-in, in this process)",
        gateway.url()
    ));
    let provider = CrashAfter::new(delivery::client(&gateway)?, args.crash_after);

    let started = Instant::now();
    let intake = intake::enqueue(&queue, file, &ended(&earlier)).await?;
    output.say(&format!(
        "enqueued {} jobs from {file_name} in {:.0} ms, durably{}",
        intake.keys.len() as u64 - intake.known,
        started.elapsed().as_secs_f64() * 1000.0,
        match intake.known {
            0 => String::new(),
            known => format!("; {known} rows are jobs of an earlier run already"),
        }
    ));
    let run = delivery::deliver(&queue, provider, args.concurrency).await?;
    let seconds = started.elapsed().as_secs_f64();

    recovered.add(&mut events).await;
    let jobs = records::all(&queue).await?;
    queue.close().await?;
    let records = Records::of(&intake, &jobs);
    let proof = Proof::new(&jobs, &ledger::read(&log)?);
    let summary = Summary {
        read: intake.read,
        accepted: records.accepted,
        delivered: records.delivered,
        rejected: intake.rejected,
        expired: records.expired,
        retried: records.retried,
        recovered: recovered.count(),
        unknown: records.unknown,
        extra_sends: proof.extra_sends,
        segments: records.segments,
        jobs_per_second: round(run.completed as f64 / seconds),
        seconds: round(seconds),
    };
    output.summary(&summary, &intake, &records);
    Ok(conclude(
        output,
        args,
        &summary,
        &records,
        &proof,
        run.completed,
    ))
}

async fn open(url: &str) -> Result<Queue<SmsJob>, queue::backend::BackendError> {
    Queue::builder()
        .url(url)
        .deduplication_window(MEMORY)
        .retention(Retention {
            completed_age: MEMORY,
            completed_count: MEMORY_JOBS,
            dead_age: MEMORY,
            dead_count: MEMORY_JOBS,
        })
        .open()
        .await
}

/// The keys of jobs that ended without being sent: the store has freed them.
fn ended(jobs: &[JobView]) -> HashSet<String> {
    let ended = jobs
        .iter()
        .filter(|job| matches!(job.state, State::Dead | State::Expired | State::Cancelled));
    let keys = ended.filter_map(|job| job.idempotency_key.as_ref());
    keys.map(|key| key.as_str().to_owned()).collect()
}

fn conclude(
    output: Output,
    args: &Args,
    summary: &Summary,
    records: &Records,
    proof: &Proof,
    delivered_now: u64,
) -> bool {
    let is_well = records.open.is_empty() && proof.never_sent == 0;
    for (key, why) in records.open.iter().take(20) {
        output.verdict(
            false,
            &format!("{key} is neither delivered nor ended: {why}"),
        );
    }
    if proof.never_sent > 0 {
        let count = proof.never_sent;
        output.verdict(
            false,
            &format!("{count} jobs count as delivered, but the gateway's log does not have them"),
        );
    }
    if let Some(limit) = args.crash_after {
        output.say(&format!(
            "\nnothing crashed: fewer than {limit} messages were left to send; `--dir` with a new folder starts afresh"
        ));
    }
    if summary.extra_sends > 0 {
        output.say(&format!(
            "extra sends are messages that were on their way when a run crashed and were sent again: at most {} a crash",
            args.concurrency
        ));
    }
    if is_well {
        let words = match (delivered_now, summary.recovered) {
            _ if summary.read == 0 => "the file has no rows",
            _ if summary.accepted == 0 => "no row could become a job",
            (0, _) => "nothing was left to send: every job was delivered or had ended before",
            (_, 0) => "every accepted job was delivered or ended with a legal reason",
            _ => {
                "every accepted job was delivered or ended with a legal reason, those of the crashed run included"
            }
        };
        output.verdict(true, words);
    }
    is_well
}

/// Three digits after the point are plenty.
fn round(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

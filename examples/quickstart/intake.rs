//! Rows become jobs in the store, each exactly once.

use std::collections::HashSet;

use queue::producer::{Enqueue, EnqueueErrorKind};
use queue::{
    Queue, SmsJob, create_notification_sms_job, create_otp_sms_job, create_welcome_sms_job,
};

use crate::csv_file::{CsvFile, Line};
use crate::error::{Error, chain};
use crate::row::Planned;

/// How many rows go into one call of the store.
const ROWS_TOGETHER: usize = 1000;
/// How many bad rows are remembered with their reason; all are counted.
const BAD_ROWS_MAX: usize = 1000;
/// How many attempts a job has: each crash costs those that were in mid-send one, and a demonstration may crash often.
const ATTEMPTS: u16 = 20;
/// The label under which a job carries what the gateway's log knows it by.
pub(crate) const DIGEST: &str = "digest";

/// What became of the rows of a file.
#[derive(Default)]
pub(crate) struct Intake {
    /// Rows after the header.
    pub(crate) read: u64,
    /// The idempotency keys of the rows that are jobs.
    pub(crate) keys: HashSet<String>,
    /// How many of them an earlier run had stored.
    pub(crate) known: u64,
    /// Rows that could not become a job.
    pub(crate) rejected: u64,
    /// The first of them.
    pub(crate) bad_rows: Vec<BadRow>,
}

/// A row that could not become a job.
pub(crate) struct BadRow {
    pub(crate) line: u64,
    pub(crate) reason: String,
}

impl Intake {
    fn reject(&mut self, line: u64, reason: String) {
        self.rejected += 1;
        if self.bad_rows.len() < BAD_ROWS_MAX {
            self.bad_rows.push(BadRow { line, reason });
        }
    }
}

/// Enqueues every row of `file`.
///
/// The store itself deduplicates: a row whose job it has answers with that job. Only jobs that ended without being sent
/// have freed their keys; `ended` names them, so that they are not enqueued a second time.
pub(crate) async fn enqueue(
    queue: &Queue<SmsJob>,
    mut file: CsvFile,
    ended: &HashSet<String>,
) -> Result<Intake, Error> {
    let mut intake = Intake::default();
    loop {
        let lines: Vec<Line> = file.by_ref().take(ROWS_TOGETHER).collect();
        if lines.is_empty() {
            return Ok(intake);
        }
        let mut rows = Vec::with_capacity(lines.len());
        let mut jobs = Vec::with_capacity(lines.len());
        for line in lines {
            intake.read += 1;
            match line.fields.and_then(|fields| Planned::read(&fields)) {
                Err(reason) => intake.reject(line.number, reason),
                Ok(_) if ended.contains(&line.key) => {
                    intake.known += 1;
                    intake.keys.insert(line.key);
                }
                Ok(planned) => {
                    jobs.push(create(queue, planned, &line.key));
                    rows.push((line.number, line.key));
                }
            }
        }
        let answers = queue.enqueue_many(jobs).await;
        for ((line, key), answer) in rows.into_iter().zip(answers) {
            match answer {
                Ok(receipt) => {
                    intake.known += u64::from(receipt.is_duplicate);
                    intake.keys.insert(key);
                }
                Err(error) if matches!(error.kind(), EnqueueErrorKind::Store(_)) => {
                    return Err(Error::Enqueue(error));
                }
                Err(error) => intake.reject(line, chain(&error)),
            }
        }
        // In the order of the file, whoever refused them.
        intake.bad_rows.sort_by_key(|row| row.line);
    }
}

/// One job by its creator, with the row's options.
fn create<'q>(queue: &'q Queue<SmsJob>, planned: Planned, key: &str) -> Enqueue<'q, SmsJob> {
    let mut job = match planned.job {
        SmsJob::Welcome(welcome) => create_welcome_sms_job(queue, welcome),
        SmsJob::Otp(otp) => create_otp_sms_job(queue, otp),
        SmsJob::Notification(notification) => create_notification_sms_job(queue, notification),
    };
    if let Some(delay) = planned.delay {
        job = job.delay(delay);
    }
    if let Some(lifetime) = planned.expires_in {
        job = job.expires_in(lifetime);
    }
    job.job_id(key)
        .max_attempts(ATTEMPTS)
        .metadata(DIGEST, planned.digest)
}

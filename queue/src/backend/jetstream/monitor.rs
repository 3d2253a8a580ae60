//! Looks after the connection and the streams, and mends what can be mended without risk.

use std::sync::Weak;
use std::time::Duration;

use async_nats::jetstream::stream;

use super::account::is_full;
use super::anchor;
use super::connect::check_version;
use super::connection::Connection;
use super::guarantee::Guarantee;
use super::health::JetStreamProblem;
use super::names::Names;
use super::options::Provisioning;
use super::plan::{ProvisionAction, ProvisionStep, Weight};
use super::provision::{apply_consumer, apply_stream, find_consumer, find_stream_now};
use super::streams;
use crate::backend::{BackendError, BackendErrorKind};
use crate::job::{METADATA_BYTES_MAX, PAYLOAD_BYTES_MAX, Priority};

/// How often the streams are looked at. With its jitter it keeps the promise that a problem is seen within 10 s; a request
/// a second is little enough for hundreds of idle processes.
const CHECK_INTERVAL: Duration = Duration::from_secs(8);

/// The part of the interval that is random, so that processes that were started together don't ask together.
const JITTER: f64 = 0.15;

/// The pause after a check that somebody asked for, so that a storm of errors does not become a storm of checks.
const CHECK_PAUSE: Duration = Duration::from_millis(500);

/// What a job may need: its payload and metadata, escaped in the worst case, and the rest of its envelope.
const MESSAGE_BYTES_NEEDED: usize = 2 * (PAYLOAD_BYTES_MAX + METADATA_BYTES_MAX);

/// Runs until the store is gone.
pub(super) async fn monitor(connection: Weak<Connection>) {
    loop {
        let Some(strong) = connection.upgrade() else {
            return;
        };
        check(&strong).await;
        let wake = strong.wake();
        drop(strong);
        let early = tokio::time::sleep(CHECK_PAUSE);
        early.await;
        let rest = CHECK_INTERVAL.mul_f64(1.0 - JITTER + fastrand::f64() * JITTER) - CHECK_PAUSE;
        // Whether it was woken or the time is over, the next check is due; and a store that is gone ends the loop above.
        let _ = tokio::time::timeout(rest, wake.notified()).await;
    }
}

/// One complete look.
async fn check(connection: &Connection) {
    if !connection.is_connected() {
        // The event may have been dropped in a storm of others.
        connection.board.set(JetStreamProblem::Disconnected);
        return;
    }
    if connection.mend_hearing().await {
        // The new connection asks for the next check.
        return;
    }
    let server = connection.client.server_info();
    let mut problems = Vec::new();
    let mut guarantees = Vec::new();
    if check_version(&server.version).is_err() {
        problems.push(JetStreamProblem::ServerTooOld {
            version: server.version.clone(),
        });
    }
    if server.max_payload < MESSAGE_BYTES_NEEDED {
        problems.push(JetStreamProblem::PayloadLimitLow {
            limit_bytes: server.max_payload,
            needed_bytes: MESSAGE_BYTES_NEEDED,
        });
    }
    let watched = connection.watched();
    if !watched.is_empty() {
        match connection.account().await {
            Ok(account) => {
                connection.hears();
                if is_full(&account) {
                    problems.push(JetStreamProblem::AccountFull);
                }
            }
            Err(error) => problems.extend(meaning(&error)),
        }
    }
    for names in watched {
        match check_queue(connection, &names, &mut problems).await {
            Ok(None) => {}
            Ok(Some(work)) => {
                let sync_always = connection.options.sync_always;
                guarantees.push(Guarantee::of(&server, &work, sync_always));
            }
            Err(error) => problems.extend(meaning(&error)),
        }
    }
    // A connection that was lost meanwhile spoilt the answers.
    if connection.is_connected() {
        let board = &connection.board;
        board.clear(|problem| *problem == JetStreamProblem::Disconnected);
        board.checked(problems, guarantees);
    }
}

/// Looks at the streams of one queue, and gives that of its jobs.
async fn check_queue(
    connection: &Connection,
    names: &Names,
    problems: &mut Vec<JetStreamProblem>,
) -> Result<Option<stream::Info>, BackendError> {
    let mut work = None;
    for wanted in &streams::wanted(names, &connection.options) {
        let Some(found) = find_stream_now(connection, &wanted.name).await? else {
            let mended = wanted.name == names.limits && make_anew(connection, wanted).await;
            if !mended {
                problems.push(JetStreamProblem::StreamMissing {
                    stream: wanted.name.clone(),
                });
            }
            continue;
        };
        let settings: Vec<_> = streams::differences(wanted, &found.config)
            .iter()
            .filter(|difference| difference.weight != Weight::Wished)
            .map(|difference| difference.setting)
            .collect();
        if !settings.is_empty() {
            problems.push(JetStreamProblem::StreamChanged {
                stream: wanted.name.clone(),
                settings,
            });
        }
        if wanted.name == names.work {
            work = Some(found);
        }
    }
    let Some(found) = work else {
        return Ok(None);
    };
    let (messages_max, bytes_max) = connection.options.bounds(&names.queue);
    let messages = anchor::others(found.state.messages);
    if messages >= messages_max || found.state.bytes >= bytes_max {
        problems.push(JetStreamProblem::QueueFull {
            stream: names.work.clone(),
        });
    }
    if !make_consumers(connection, names).await? {
        problems.push(JetStreamProblem::ConsumerMissing {
            stream: names.work.clone(),
        });
    }
    Ok(Some(found))
}

/// Makes missing consumers. The jobs are in the stream, and those that ran are delivered again as after a lost lease.
async fn make_consumers(connection: &Connection, names: &Names) -> Result<bool, BackendError> {
    for priority in Priority::ALL {
        if find_consumer(connection, names, priority).await?.is_some() {
            continue;
        }
        if connection.options.provisioning == Provisioning::Verify {
            return Ok(false);
        }
        let step = ProvisionStep {
            asset: format!("consumer {}/{}", names.work, Names::consumer(priority)),
            action: ProvisionAction::Create,
        };
        if apply_consumer(connection, names, priority, &step)
            .await
            .is_err()
        {
            return Ok(false);
        }
        tracing::warn!("{} was gone and was made anew", step.asset);
    }
    Ok(true)
}

/// Makes the stream of counters, which holds nothing that can't be counted again.
async fn make_anew(connection: &Connection, wanted: &stream::Config) -> bool {
    if connection.options.provisioning == Provisioning::Verify {
        return false;
    }
    let step = ProvisionStep {
        asset: format!("stream {}", wanted.name),
        action: ProvisionAction::Create,
    };
    let made = apply_stream(connection, wanted, &step).await.is_ok();
    if made {
        tracing::warn!(
            "{} was gone and was made anew; its counts begin at zero",
            step.asset
        );
    }
    made
}

/// The problem behind an error of a check, where it is not one that is noticed elsewhere.
fn meaning(error: &BackendError) -> Option<JetStreamProblem> {
    match error.kind() {
        BackendErrorKind::Unreachable => Some(JetStreamProblem::Unanswered),
        BackendErrorKind::Full => Some(JetStreamProblem::AccountFull),
        // The server says it on the connection too, with the subject.
        _ => None,
    }
}

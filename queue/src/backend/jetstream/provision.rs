//! Makes a queue's streams and consumers, or finds out what is missing.

use std::time::{Duration, Instant};

use async_nats::jetstream::{consumer, stream};

use super::ask::Nothing;
use super::connection::Connection;
use super::consumers::{self, ConsumerRequest};
use super::names::Names;
use super::options::JetStreamOptions;
use super::plan::{self, Listed, ProvisionAction, ProvisionPlan, ProvisionStep, Weight};
use super::{anchor, records, streams, tally};
use crate::backend::{BackendError, BackendErrorKind};
use crate::job::Priority;

/// How long a cluster that has no leader at the moment is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// The pause between two tries while there is no leader.
const PAUSE: Duration = Duration::from_millis(150);

impl JetStreamOptions {
    /// What opening `queue` would do to its streams and consumers, without doing it: a dry run.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), queue::backend::BackendError> {
    /// use queue::backend::JetStreamOptions;
    ///
    /// let plan = JetStreamOptions::at("nats://127.0.0.1:4222").plan("sms").await?;
    /// println!("{plan}"); // create stream SMS_EVENTS …
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As opening: no server, no permission, a server that is too old. A stream that can't be used is no error here, but a
    /// [`ProvisionAction::Refuse`] in the plan.
    pub async fn plan(self, queue: &str) -> Result<ProvisionPlan, BackendError> {
        let connection = Connection::open(self).await?;
        let names = Names::of(queue);
        let mut plan = plan_for(&connection, &names).await?;
        for (asset, subject) in made_on_use(&names) {
            let found: Option<serde_json::Value> =
                present(patiently(|| connection.ask(&subject, &Nothing {})).await)?;
            plan.push(ProvisionStep {
                asset,
                action: match found {
                    Some(_) => ProvisionAction::Keep,
                    None => ProvisionAction::OnUse,
                },
            });
        }
        Ok(plan)
    }

    /// Makes the streams and consumers of `queue`, as opening it would, and says what was done: for deployments whose
    /// programs open with [`Provisioning::Verify`](super::Provisioning::Verify).
    ///
    /// # Errors
    /// As opening. What was made before the error stays; doing it again goes on from there.
    pub async fn provision(self, queue: &str) -> Result<ProvisionPlan, BackendError> {
        let connection = Connection::open(self).await?;
        provision(&connection, &Names::of(queue)).await
    }
}

/// Makes what is missing, changes what differs where that was asked for, and refuses what can't be worked with. Doing it
/// again, or from many processes at once, changes nothing.
pub(super) async fn provision(
    connection: &Connection,
    names: &Names,
) -> Result<ProvisionPlan, BackendError> {
    let plan = plan_for(connection, names).await?;
    plan.check()?;
    let (stream_steps, consumer_steps) = plan.steps().split_at(4);
    for (wanted, step) in streams::wanted(names, &connection.options)
        .iter()
        .zip(stream_steps)
    {
        apply_stream(connection, wanted, step).await?;
    }
    anchor::lay(connection, names).await;
    for (priority, step) in Priority::ALL.into_iter().zip(consumer_steps) {
        apply_consumer(connection, names, priority, step).await?;
    }
    connection.watch(names);
    Ok(plan)
}

/// What [`provision`] would do.
pub(super) async fn plan_for(
    connection: &Connection,
    names: &Names,
) -> Result<ProvisionPlan, BackendError> {
    let options = &connection.options;
    let mut steps = Vec::new();
    for wanted in &streams::wanted(names, options) {
        let found = find_stream(connection, &wanted.name).await?;
        steps.push(ProvisionStep {
            asset: format!("stream {}", wanted.name),
            action: match found {
                Some(found) => plan::decide(
                    options.provisioning,
                    streams::differences(wanted, &found.config),
                ),
                None => plan::decide_missing(options.provisioning),
            },
        });
    }
    for priority in Priority::ALL {
        let found = find_consumer(connection, names, priority).await?;
        let wanted = consumers::wanted(names, options, priority);
        steps.push(ProvisionStep {
            asset: format!("consumer {}/{}", names.work, Names::consumer(priority)),
            action: match found {
                Some(found) => plan::decide(
                    options.provisioning,
                    consumers::differences(&wanted, &found.config),
                ),
                None => plan::decide_missing(options.provisioning),
            },
        });
    }
    Ok(ProvisionPlan::of(steps))
}

/// What is not needed to store and run jobs: the stream of the records beside them, and the consumers that only count. Each with
/// the subject under which the server tells of it.
fn made_on_use(names: &Names) -> Vec<(String, String)> {
    let stream = (
        format!("stream {}", records::STREAM),
        format!("STREAM.INFO.{}", records::STREAM),
    );
    let counters = tally::COUNTED.iter().map(|&(state, is_waiting)| {
        let stream = if is_waiting { &names.work } else { &names.dead };
        let consumer = tally::consumer(state);
        (
            format!("consumer {stream}/{consumer}"),
            format!("CONSUMER.INFO.{stream}.{consumer}"),
        )
    });
    std::iter::once(stream).chain(counters).collect()
}

/// A stream as the server has it; a cluster that has no leader at the moment is waited for.
async fn find_stream(
    connection: &Connection,
    name: &str,
) -> Result<Option<stream::Info>, BackendError> {
    let subject = format!("STREAM.INFO.{name}");
    present(patiently(|| connection.ask(&subject, &Nothing {})).await)
}

/// A stream as the server has it, asked once.
pub(super) async fn find_stream_now(
    connection: &Connection,
    name: &str,
) -> Result<Option<stream::Info>, BackendError> {
    let subject = format!("STREAM.INFO.{name}");
    present(connection.ask(&subject, &Nothing {}).await)
}

/// The consumer of one priority as the server has it.
pub(super) async fn find_consumer(
    connection: &Connection,
    names: &Names,
    priority: Priority,
) -> Result<Option<consumer::Info>, BackendError> {
    let subject = format!("CONSUMER.INFO.{}.{}", names.work, Names::consumer(priority));
    present(patiently(|| connection.ask(&subject, &Nothing {})).await)
}

/// Makes or changes a stream as `step` says.
pub(super) async fn apply_stream(
    connection: &Connection,
    wanted: &stream::Config,
    step: &ProvisionStep,
) -> Result<(), BackendError> {
    let verb = match &step.action {
        ProvisionAction::Create => "CREATE",
        ProvisionAction::Update(_) => "UPDATE",
        ProvisionAction::Keep
        | ProvisionAction::OnUse
        | ProvisionAction::Leave(_)
        | ProvisionAction::Refuse(_) => {
            told(step);
            return Ok(());
        }
    };
    let subject = format!("STREAM.{verb}.{}", wanted.name);
    let made: Result<stream::Info, _> = patiently(|| connection.ask(&subject, wanted)).await;
    let info = match made {
        Ok(info) => info,
        // Another process made it between the look and this, with other settings: it is judged as any that was there.
        Err(error) if error.kind() == BackendErrorKind::Conflict && verb == "CREATE" => {
            let found = find_stream(connection, &wanted.name).await?;
            let Some(found) = found else {
                return Err(error);
            };
            return judge(connection, wanted, step, &found.config);
        }
        Err(error) => return Err(error),
    };
    let dropped: Vec<_> = streams::differences(wanted, &info.config)
        .into_iter()
        .filter(|difference| difference.weight != Weight::Wished)
        .collect();
    if dropped.is_empty() {
        told(step);
        return Ok(());
    }
    if verb == "CREATE" {
        // Nothing is in it yet, and what it would do to delayed jobs is why it may not stay. A failure leaves an empty
        // stream behind, which the next start refuses.
        let subject = format!("STREAM.DELETE.{}", wanted.name);
        let _ = connection
            .ask::<_, serde_json::Value>(&subject, &Nothing {})
            .await;
    }
    Err(BackendError::new(
        BackendErrorKind::ServerTooOld,
        format!(
            "the server dropped settings of {} that jobs depend on ({}): it is too old",
            step.asset,
            Listed(&dropped)
        ),
    ))
}

fn judge(
    connection: &Connection,
    wanted: &stream::Config,
    step: &ProvisionStep,
    found: &stream::Config,
) -> Result<(), BackendError> {
    let differences = streams::differences(wanted, found);
    let step = ProvisionStep {
        asset: step.asset.clone(),
        action: plan::decide(connection.options.provisioning, differences),
    };
    ProvisionPlan::of(vec![step]).check()
}

/// Makes or changes the consumer of one priority as `step` says.
pub(super) async fn apply_consumer(
    connection: &Connection,
    names: &Names,
    priority: Priority,
    step: &ProvisionStep,
) -> Result<(), BackendError> {
    let wanted = consumers::wanted(names, &connection.options, priority);
    let request = match &step.action {
        ProvisionAction::Create => ConsumerRequest::create(names, wanted),
        ProvisionAction::Update(_) => ConsumerRequest::update(names, wanted),
        ProvisionAction::Keep
        | ProvisionAction::OnUse
        | ProvisionAction::Leave(_)
        | ProvisionAction::Refuse(_) => {
            told(step);
            return Ok(());
        }
    };
    let subject = format!(
        "CONSUMER.CREATE.{}.{}",
        names.work,
        Names::consumer(priority)
    );
    let _: consumer::Info = patiently(|| connection.ask(&subject, &request)).await?;
    told(step);
    Ok(())
}

/// Says what was done, and warns of what was left.
fn told(step: &ProvisionStep) {
    match step.action {
        ProvisionAction::Keep | ProvisionAction::OnUse => {}
        ProvisionAction::Leave(_) => {
            tracing::warn!("{step}; changed only when asked for (`QUEUE_NATS_PROVISIONING=update`)")
        }
        ProvisionAction::Create | ProvisionAction::Update(_) | ProvisionAction::Refuse(_) => {
            tracing::info!("{step}");
        }
    }
}

/// Whether it is there.
fn present<T>(found: Result<T, BackendError>) -> Result<Option<T>, BackendError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == BackendErrorKind::Missing => Ok(None),
        Err(error) => Err(error),
    }
}

/// Tries again while a cluster elects a leader.
async fn patiently<F, Fut, T>(ask: F) -> Result<T, BackendError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, BackendError>>,
{
    let until = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Err(error)
                if error.kind() == BackendErrorKind::Unreachable && Instant::now() < until => {}
            result => return result,
        }
        tokio::time::sleep(PAUSE).await;
    }
}

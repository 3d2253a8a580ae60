//! Streams and consumers: made once, compared, changed only when asked for.

use std::time::{Duration, Instant};

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy};
use async_nats::jetstream::{self, Context};
use queue::backend::{BackendErrorKind, JetStreamOptions, ProvisionAction, Provisioning};
use queue::create_notification_sms_job;
use queue::testing::nats_server::NatsServer;

async fn context(server: &NatsServer) -> Context {
    jetstream::new(async_nats::connect(server.url()).await.unwrap())
}

fn actions(plan: &queue::backend::ProvisionPlan) -> Vec<&ProvisionAction> {
    plan.steps().iter().map(|step| &step.action).collect()
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_made_and_makes_nothing() {
    let server = NatsServer::start().await.unwrap();
    let options = || JetStreamOptions::at(server.url());
    for _ in 0..2 {
        let plan = options().plan("sms").await.unwrap();
        assert_eq!(
            plan.to_string(),
            "create stream SMS_EVENTS\n\
             create stream SMS_DEAD\n\
             create stream SMS_LIMITS\n\
             create stream SMS\n\
             create consumer SMS/send-critical\n\
             create consumer SMS/send-high\n\
             create consumer SMS/send-normal\n\
             create consumer SMS/send-low\n\
             on use stream QUEUE_RECORDS\n\
             on use consumer SMS/count-scheduled\n\
             on use consumer SMS/count-retrying\n\
             on use consumer SMS/count-snoozed\n\
             on use consumer SMS_DEAD/count-dead\n\
             on use consumer SMS_DEAD/count-unknown\n\
             on use consumer SMS_DEAD/count-parked\n"
        );
    }
    options().provision("sms").await.unwrap();
    assert!(options().plan("sms").await.unwrap().is_settled());
    let (queue, _health) = super::support::open(server.url()).await;
    queue.stats().await.unwrap();
    let plan = options().plan("sms").await.unwrap().to_string();
    assert!(
        plan.contains("keep   consumer SMS_DEAD/count-parked"),
        "{plan}"
    );
    let mut stream = context(&server).await.get_stream("SMS").await.unwrap();
    let config = stream.info().await.unwrap().config.clone();
    assert_eq!(config.retention, RetentionPolicy::WorkQueue);
    assert_eq!(config.max_age, Duration::from_secs(7 * 24 * 3600));
    assert!(config.allow_message_schedules && config.allow_atomic_publish);
}

#[tokio::test]
async fn many_processes_may_provision_at_once() {
    let server = NatsServer::start().await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| tokio::spawn(JetStreamOptions::at(server.url()).provision("email")))
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let plan = JetStreamOptions::at(server.url())
        .plan("email")
        .await
        .unwrap();
    assert!(plan.is_settled(), "{plan}");
}

#[tokio::test]
async fn one_message_stays_in_the_first_place_of_the_stream_when_all_jobs_are_done() {
    let server = NatsServer::start().await.unwrap();
    let (queue, _health) = super::support::open(server.url()).await;
    let ledger = super::support::Ledger::default();
    for _ in 0..3 {
        let job = create_notification_sms_job(&queue, super::support::message("x"));
        job.await.unwrap();
    }
    let worker = ledger.worker(&queue, 4, Duration::ZERO);
    super::support::until("all ran", || ledger.jobs() == 3).await;
    worker.shutdown(Duration::from_secs(5)).await.unwrap();
    // Other processes find it, and lay no other.
    for _ in 0..2 {
        let options = JetStreamOptions::at(server.url());
        options.provision("sms").await.unwrap();
    }
    let mut stream = context(&server).await.get_stream("SMS").await.unwrap();
    let state = stream.info().await.unwrap().state.clone();
    assert_eq!((state.messages, state.first_sequence), (1, 1));
    let first = stream.get_raw_message(1).await.unwrap();
    assert_eq!(first.subject.as_str(), "sms.key._");
    assert_eq!(queue.stats().await.unwrap().ready, 0);
}

#[tokio::test]
async fn a_stream_of_somebody_else_is_never_touched() {
    let server = NatsServer::start().await.unwrap();
    let context = context(&server).await;
    let foreign = Config {
        name: "SMS".to_owned(),
        subjects: vec!["orders.>".to_owned()],
        ..Config::default()
    };
    context.create_stream(foreign).await.unwrap();
    let before = context
        .get_stream("SMS")
        .await
        .unwrap()
        .cached_info()
        .config
        .clone();
    for provisioning in [
        Provisioning::Create,
        Provisioning::Update,
        Provisioning::Verify,
    ] {
        let options = || JetStreamOptions::at(server.url()).provisioning(provisioning);
        let error = options().provision("sms").await.unwrap_err();
        if provisioning == Provisioning::Verify {
            assert_eq!(error.kind(), BackendErrorKind::Missing, "{error}");
        } else {
            assert_eq!(error.kind(), BackendErrorKind::Conflict, "{error}");
            assert!(error.to_string().contains("stream SMS "), "{error}");
        }
    }
    let after = context
        .get_stream("SMS")
        .await
        .unwrap()
        .cached_info()
        .config
        .clone();
    assert_eq!(before, after);
    // Nothing else was made beside it either.
    assert!(context.get_stream("SMS_EVENTS").await.is_err());
}

#[tokio::test]
async fn subjects_of_somebody_else_are_a_conflict() {
    let server = NatsServer::start().await.unwrap();
    let foreign = Config {
        name: "MINE".to_owned(),
        subjects: vec!["sms.send.>".to_owned()],
        ..Config::default()
    };
    context(&server).await.create_stream(foreign).await.unwrap();
    let error = JetStreamOptions::at(server.url())
        .provision("sms")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Conflict, "{error}");
}

#[tokio::test]
async fn what_differs_is_reported_and_changed_only_when_asked_for() {
    let server = NatsServer::start().await.unwrap();
    let at = || JetStreamOptions::at(server.url());
    at().provision("sms").await.unwrap();
    let changed = || {
        at().age_max(Duration::from_secs(3600))
            .ack_wait(Duration::from_secs(7))
    };
    let plan = changed().provision("sms").await.unwrap();
    let left = actions(&plan)
        .iter()
        .filter(|action| matches!(action, ProvisionAction::Leave(_)))
        .count();
    assert_eq!(left, 5, "the stream and four consumers: {plan}");
    let stream = context(&server).await.get_stream("SMS").await.unwrap();
    assert_eq!(
        stream.cached_info().config.max_age,
        Duration::from_secs(7 * 24 * 3600)
    );

    let plan = changed()
        .provisioning(Provisioning::Update)
        .provision("sms")
        .await
        .unwrap();
    assert!(
        plan.to_string()
            .contains("update consumer SMS/send-low: ack_wait is 30s, not 7s")
    );
    assert!(changed().plan("sms").await.unwrap().is_settled());
    let stream = context(&server).await.get_stream("SMS").await.unwrap();
    assert_eq!(
        stream.cached_info().config.max_age,
        Duration::from_secs(3600)
    );
}

#[tokio::test]
async fn a_bound_that_would_drop_jobs_is_refused_until_it_may_be_changed() {
    let server = NatsServer::start().await.unwrap();
    let at = || JetStreamOptions::at(server.url());
    at().provision("sms").await.unwrap();
    let context = context(&server).await;
    let mut config = context
        .get_stream("SMS")
        .await
        .unwrap()
        .cached_info()
        .config
        .clone();
    assert_eq!(config.discard, DiscardPolicy::Old);
    config.max_messages = 10;
    context.update_stream(config).await.unwrap();
    let error = at().provision("sms").await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Conflict);
    assert!(error.to_string().contains("max_msgs is 10"), "{error}");
    at().provisioning(Provisioning::Update)
        .provision("sms")
        .await
        .unwrap();
    assert!(at().plan("sms").await.unwrap().is_settled());
}

#[tokio::test]
async fn verifying_makes_nothing() {
    let server = NatsServer::start().await.unwrap();
    let verify = || JetStreamOptions::at(server.url()).provisioning(Provisioning::Verify);
    let error = verify().provision("sms").await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Missing);
    JetStreamOptions::at(server.url())
        .provision("sms")
        .await
        .unwrap();
    assert!(verify().provision("sms").await.unwrap().is_settled());
}

#[tokio::test]
async fn a_missing_permission_is_named_at_once() {
    let server = NatsServer::builder()
        .config(
            "authorization { users: [ { user: w, password: w, permissions: {\n\
               publish: { deny: [\"$JS.API.STREAM.CREATE.SMS_DEAD\"] } } } ] }",
        )
        .start()
        .await
        .unwrap();
    let start = Instant::now();
    let options = JetStreamOptions::at(server.url()).user_and_password("w", "w");
    let error = options.provision("sms").await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Unauthorized, "{error}");
    assert!(
        error.to_string().contains("$JS.API.STREAM.CREATE.SMS_DEAD"),
        "{error}"
    );
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
}

//! Surprises: each is seen in 10 s as what it is, mended where that is safe, and ends no worker.

use std::time::Duration;

use async_nats::jetstream;
use queue::backend::{Health, JetStreamOptions, JetStreamProblem};
use queue::create_notification_sms_job;
use queue::testing::nats_server::{NatsServer, ServerVersion};

use super::proxy::Proxy;
use super::support::{Ledger, enqueue, message, open, open_with, until, until_health};

/// How long a problem may stay unseen.
const SEEN_WITHIN: Duration = Duration::from_secs(10);

async fn context(server: &NatsServer) -> jetstream::Context {
    jetstream::new(async_nats::connect(server.url()).await.unwrap())
}

fn has(name: &'static str) -> impl Fn(&Health) -> bool {
    move |health| {
        health
            .problems
            .iter()
            .any(|problem| problem.as_str() == name)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_consumer_is_made_anew_and_its_jobs_run() {
    let server = NatsServer::start().await.unwrap();
    let (queue, health) = open(server.url()).await;
    let ledger = Ledger::default();
    let worker = ledger.worker(&queue, 4, Duration::ZERO);
    enqueue(&queue, "before").await;
    until("the first job ran", || ledger.jobs() == 1).await;

    let stream = context(&server).await.get_stream("SMS").await.unwrap();
    for priority in ["critical", "high", "normal", "low"] {
        stream
            .delete_consumer(&format!("send-{priority}"))
            .await
            .unwrap();
    }
    enqueue(&queue, "after").await;
    let took = until("the second job ran", || ledger.jobs() == 2).await;
    assert!(took < SEEN_WITHIN, "{took:?}");
    until_health(&health, "well", Health::is_well).await;
    worker.shutdown(Duration::from_secs(5)).await.unwrap();
    assert_eq!(ledger.runs(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_stream_of_jobs_is_reported_and_left_to_a_person() {
    let server = NatsServer::start().await.unwrap();
    let (queue, health) = open(server.url()).await;
    let worker = Ledger::default().worker(&queue, 4, Duration::ZERO);
    context(&server).await.delete_stream("SMS").await.unwrap();
    let took = until_health(&health, "missing", has("stream_missing")).await;
    assert!(took < SEEN_WITHIN, "{took:?}");
    let names: Vec<_> = health
        .current()
        .problems
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        names.contains(&"stream SMS is gone".to_owned()),
        "{names:?}"
    );
    let refused = tokio::time::timeout(
        Duration::from_secs(30),
        create_notification_sms_job(&queue, message("lost")).into_future(),
    );
    refused.await.expect("it ends").unwrap_err();
    assert!(!worker.is_finished(), "it waits for a person");
    // Somebody makes it again, and everything goes on.
    JetStreamOptions::at(server.url())
        .ack_wait(Duration::from_secs(2))
        .provision("sms")
        .await
        .unwrap();
    enqueue(&queue, "again").await;
    until_health(&health, "well", Health::is_well).await;
    worker.shutdown(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_stream_of_counters_is_made_anew() {
    let server = NatsServer::start().await.unwrap();
    let (_queue, health) = open(server.url()).await;
    let context = context(&server).await;
    context.delete_stream("SMS_LIMITS").await.unwrap();
    let start = std::time::Instant::now();
    while context.get_stream("SMS_LIMITS").await.is_err() {
        assert!(start.elapsed() < SEEN_WITHIN);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    until_health(&health, "well", Health::is_well).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_permissions_and_credentials_are_seen_and_so_is_their_return() {
    let user = |password: &str, permissions: &str| {
        format!(
            "authorization {{ users: [ {{ user: w, password: {password}, permissions: {{ {permissions} }} }} ] }}"
        )
    };
    let all = user("one", "publish: \">\", subscribe: \">\"");
    let server = NatsServer::builder().config(&all).start().await.unwrap();
    let options = JetStreamOptions::at(server.url()).user_and_password("w", "one");
    let (queue, health) = open_with(options).await;
    enqueue(&queue, "first").await;

    let denied = "publish: { deny: [\"sms.send.>\", \"sms.key.>\"] }, subscribe: \">\"";
    server.set_config(user("one", denied));
    server.reload().unwrap();
    // Nobody answers a publish that is not permitted: the caller is told in the end, and the health at once.
    let refused = tokio::spawn({
        let queue = queue.clone();
        // The server takes the new settings a moment later.
        async move {
            while create_notification_sms_job(&queue, message("no"))
                .await
                .is_ok()
            {}
        }
    });
    let took = until_health(&health, "denied", has("permission_denied")).await;
    assert!(took < SEEN_WITHIN, "{took:?}");
    let shown = format!("{:?}", health.current());
    assert!(
        shown.contains("sms.send") && !shown.contains("sms.send.low"),
        "{shown}"
    );
    refused.await.unwrap();

    server.set_config(user("two", denied));
    server.reload().unwrap();
    let took = until_health(&health, "refused", has("credentials_refused")).await;
    assert!(took < SEEN_WITHIN, "{took:?}");
    server.set_config(&all);
    server.reload().unwrap();
    until_health(&health, "well", Health::is_well).await;
    enqueue(&queue, "last").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_heard_for_a_while_is_heard_again() {
    let user = |subscribe: &str| {
        format!(
            "authorization {{ users: [ {{ user: w, password: w, permissions: {{ publish: \">\", subscribe: {subscribe} }} }} ] }}"
        )
    };
    let all = user("\">\"");
    let server = NatsServer::builder().config(&all).start().await.unwrap();
    let options = JetStreamOptions::at(server.url()).user_and_password("w", "w");
    let (queue, health) = open_with(options).await;
    let ledger = Ledger::default();
    let worker = ledger.worker(&queue, 4, Duration::ZERO);
    enqueue(&queue, "first").await;
    until("the first job ran", || ledger.jobs() == 1).await;

    server.set_config(user("{ allow: \">\", deny: \"_INBOX.>\" }"));
    server.reload().unwrap();
    let took = until_health(&health, "denied", has("permission_denied")).await;
    assert!(took < SEEN_WITHIN, "{took:?}");
    // Long enough that it was tried again in vain, and is still shown.
    tokio::time::sleep(SEEN_WITHIN).await;
    assert!(
        has("permission_denied")(&health.current()),
        "{:?}",
        health.current()
    );

    // The server has forgotten the subscriptions, and does not say that they are permitted now.
    server.set_config(&all);
    server.reload().unwrap();
    let took = until_health(&health, "well", Health::is_well).await;
    assert!(took < 2 * SEEN_WITHIN, "{took:?}");
    enqueue(&queue, "last").await;
    until("the last job ran", || ledger.jobs() == 2).await;
    worker.shutdown(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_account_refuses_and_takes_jobs_again_when_there_is_room() {
    let server = NatsServer::builder()
        .config("accounts { A: { jetstream: { max_file: 300KB, max_mem: 1MB }, users: [ { user: a, password: a } ] } }")
        .start()
        .await
        .unwrap();
    let options = JetStreamOptions::at(server.url()).user_and_password("a", "a");
    let (queue, health) = open_with(options).await;
    let long = "x".repeat(300);
    let mut stored = 0;
    let error = loop {
        match create_notification_sms_job(&queue, message(&long)).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 5000, "it must be refused some time");
    };
    assert!(error.is_retryable(), "{error:?}");
    assert!(stored > 10, "{stored}");
    until_health(&health, "full", has("account_full")).await;
    let ledger = Ledger::default();
    let worker = ledger.worker(&queue, 8, Duration::ZERO);
    until("some jobs ran", || ledger.jobs() > stored / 2).await;
    enqueue(&queue, "again").await;
    worker.shutdown(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lowered_payload_limit_is_seen_and_refuses_only_what_is_larger() {
    let server = NatsServer::start().await.unwrap();
    let (queue, health) = open(server.url()).await;
    until_health(&health, "the guarantee is read", |h| {
        !h.guarantees.is_empty()
    })
    .await;
    assert!(health.current().is_well());
    server.set_config("max_payload: 8KB");
    server.restart().await.unwrap();
    until_health(&health, "low", has("payload_limit_low")).await;
    let large = "x".repeat(600);
    let error = create_notification_sms_job(&queue, message(&large))
        .metadata("note", "y".repeat(3900))
        .metadata("more", "z".repeat(100))
        .await;
    // 8 KiB hold that; what they do not hold is refused before it is sent.
    error.unwrap();
    server.set_config("max_payload: 2KB");
    server.restart().await.unwrap();
    enqueue(&queue, "small").await;
    let error = create_notification_sms_job(&queue, message(&large))
        .metadata("note", "y".repeat(3000))
        .await
        .unwrap_err();
    assert!(!error.is_retryable(), "{error:?}");
    assert!(
        format!("{error:?}").contains("PayloadTooLarge"),
        "{error:?}"
    );
    enqueue(&queue, "small again").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_server_behind_the_same_address_is_seen() {
    let new = NatsServer::start().await.unwrap();
    let old = NatsServer::builder()
        .version(ServerVersion::V2_11_11)
        .start()
        .await
        .unwrap();
    let proxy = Proxy::to(new.address()).await;
    let (_queue, health) = open(proxy.url()).await;
    proxy.point_to(old.address());
    until_health(&health, "too old", has("server_too_old")).await;
    proxy.point_to(new.address());
    until_health(&health, "well", Health::is_well).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_nobody_can_read_stops_its_own_job_only() {
    let server = NatsServer::start().await.unwrap();
    let (queue, _health) = open(server.url()).await;
    let context = context(&server).await;
    for (key, record) in [("newer", r#"{"v":99}"#), ("damaged", "{")] {
        let job = create_notification_sms_job(&queue, message(key)).job_id(key);
        let id = job.await.unwrap().job_id;
        let stored = context.publish(format!("sms.status.{id}"), record.into());
        stored.await.unwrap().await.unwrap();
    }
    for number in 0..5 {
        enqueue(&queue, &number.to_string()).await;
    }
    let ledger = Ledger::default();
    let worker = ledger.worker(&queue, 2, Duration::ZERO);
    until("the other jobs ran", || ledger.jobs() == 5).await;
    enqueue(&queue, "later").await;
    until("a later job ran", || ledger.jobs() == 6).await;
    assert!(!worker.is_finished());
    worker.shutdown(Duration::from_secs(5)).await.unwrap();
    assert_eq!(ledger.runs(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_messages_are_set_aside_and_stop_nobody() {
    let server = NatsServer::start().await.unwrap();
    let (queue, health) = open(server.url()).await;
    let context = context(&server).await;
    for (subject, bytes) in [
        ("sms.send.normal.0.x.acme", &b"not a job"[..]),
        ("sms.send.normal.0.y.acme", b"{\"version\":1}"),
        ("sms.send.normal.z", b""),
        ("sms.send.high.0.a.b.c.d.e", b"\xff\xfe"),
    ] {
        let ack = context
            .publish(subject, bytes.to_vec().into())
            .await
            .unwrap();
        ack.await.unwrap();
    }
    enqueue(&queue, "ours").await;
    let ledger = Ledger::default();
    let worker = ledger.worker(&queue, 2, Duration::ZERO);
    until("our job ran", || ledger.jobs() == 1).await;
    until_health(&health, "foreign", has("foreign_message")).await;
    let start = std::time::Instant::now();
    loop {
        let stream = context.get_stream("SMS_DEAD").await.unwrap();
        let set_aside = stream.cached_info().state.messages;
        if set_aside == 4 {
            break;
        }
        assert!(start.elapsed() < SEEN_WITHIN, "{set_aside} are set aside");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    worker.shutdown(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_is_seen_at_once_and_so_is_the_next_one() {
    let server = NatsServer::start().await.unwrap();
    let proxy = Proxy::to(server.address()).await;
    let (_queue, health) = open(proxy.url()).await;
    proxy.take_down();
    let took = until_health(&health, "disconnected", has("disconnected")).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    proxy.mend();
    until_health(&health, "well", Health::is_well).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guarantee_says_what_an_acknowledged_job_survives() {
    let server = NatsServer::start().await.unwrap();
    let (_queue, health) = open(server.url()).await;
    until_health(&health, "read", |health| !health.guarantees.is_empty()).await;
    let guarantee = health.current().guarantees[0].clone();
    assert_eq!(guarantee.stream, "SMS");
    assert!(guarantee.is_weak() && guarantee.survives_process_crash());
    assert_eq!((guarantee.replicas, &guarantee.cluster), (1, &None));
    assert!(guarantee.api_level >= Some(3), "{guarantee:?}");
    assert_eq!(guarantee.payload_bytes_max, 1024 * 1024);
    assert!(guarantee.to_string().contains(&guarantee.server_version));

    let cluster = NatsServer::builder().start_cluster(3).await.unwrap();
    let options = JetStreamOptions::at(cluster.url())
        .replicas(3)
        .sync_always(true);
    let (_queue, health) = open_with(options).await;
    until_health(&health, "read", |health| !health.guarantees.is_empty()).await;
    let guarantee = health.current().guarantees[0].clone();
    assert!(!guarantee.is_weak() && guarantee.survives_node_loss());
    assert_eq!(
        (guarantee.replicas, guarantee.cluster),
        (3, Some("test".to_owned()))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_changed_under_us_is_seen() {
    let server = NatsServer::start().await.unwrap();
    let (_queue, health) = open(server.url()).await;
    let context = context(&server).await;
    let mut config = context
        .get_stream("SMS")
        .await
        .unwrap()
        .cached_info()
        .config
        .clone();
    config.max_messages = 5;
    context.update_stream(config.clone()).await.unwrap();
    let took = until_health(&health, "changed", has("stream_changed")).await;
    assert!(took < SEEN_WITHIN, "{took:?}");
    let problem = JetStreamProblem::StreamChanged {
        stream: "SMS".to_owned(),
        settings: vec!["max_msgs"],
    };
    assert!(matches!(&health.current().problems[..], [one] if *one == problem));
    config.max_messages = -1;
    context.update_stream(config).await.unwrap();
    until_health(&health, "well", Health::is_well).await;
}

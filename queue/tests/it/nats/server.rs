//! The helper that starts servers.

use std::time::Duration;

use queue::testing::nats_server::{NatsServer, ServerVersion};

#[tokio::test]
async fn a_server_keeps_its_port_and_store_over_crashes_and_restarts() {
    let server = NatsServer::start().await.unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    let context = async_nats::jetstream::new(client);
    let config = async_nats::jetstream::stream::Config {
        name: "KEPT".to_owned(),
        subjects: vec!["kept.>".to_owned()],
        ..Default::default()
    };
    context.create_stream(config).await.unwrap();
    let ack = context.publish("kept.one", "1".into()).await.unwrap();
    ack.await.unwrap();
    let (url, pid) = (server.url(), server.pid());
    server.kill().unwrap();
    assert_eq!(server.pid(), None);
    server.restart().await.unwrap();
    assert_ne!(server.pid(), pid);
    assert_eq!(server.url(), url);
    let client = async_nats::connect(server.url()).await.unwrap();
    let context = async_nats::jetstream::new(client);
    let stream = context.get_stream("KEPT").await.unwrap();
    assert_eq!(stream.cached_info().state.messages, 1);
    assert!(server.figure("/varz", "in_msgs").await.unwrap() > 0);
}

#[tokio::test]
async fn a_frozen_server_answers_again_when_it_is_thawed() {
    let server = NatsServer::start().await.unwrap();
    server.freeze().unwrap();
    let answer = tokio::time::timeout(Duration::from_millis(300), server.monitor("/varz")).await;
    assert!(answer.is_err(), "a frozen server must not answer");
    server.thaw().unwrap();
    assert!(server.monitor("/varz").await.unwrap().contains("server_id"));
}

#[tokio::test]
async fn other_versions_are_fetched_as_asked() {
    let server = NatsServer::builder()
        .version(ServerVersion::V2_11_11)
        .start()
        .await
        .unwrap();
    let varz = server.monitor("/varz").await.unwrap();
    assert!(varz.contains("\"version\": \"2.11.11\""));
}

#[tokio::test]
async fn three_servers_find_a_leader() {
    let cluster = NatsServer::builder().start_cluster(3).await.unwrap();
    assert_eq!(cluster.servers().len(), 3);
    assert_eq!(cluster.url().split(',').count(), 3);
    let client = async_nats::connect(cluster.servers()[2].url())
        .await
        .unwrap();
    let config = async_nats::jetstream::stream::Config {
        name: "LED".to_owned(),
        num_replicas: 3,
        ..Default::default()
    };
    let context = async_nats::jetstream::new(client);
    context.create_stream(config).await.unwrap();
    let leader = cluster.leader_of("LED").await.unwrap().name().to_owned();
    let info = context.get_stream("LED").await.unwrap();
    let info = info.cached_info().cluster.clone().unwrap();
    assert_eq!(info.leader, Some(leader));
}

#[tokio::test]
async fn settings_that_the_server_refuses_are_an_error_with_its_words() {
    let error = NatsServer::builder()
        .config("no_such_setting_at_all: 1")
        .start()
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("no_such_setting_at_all"),
        "{error}"
    );
}

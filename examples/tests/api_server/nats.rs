//! The same server on NATS, by `QUEUE_URL` alone: nothing that was answered with 201 is lost when NATS is killed under it, and
//! when it is stopped itself.

use std::collections::BTreeSet;
use std::time::Duration;

use queue::testing::gateway::Gateway;
use queue::testing::nats_server::NatsServer;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::http::get;
use crate::load::{CLIENTS, Ledger, REQUESTS, drained, promised, run_client};
use crate::server::{CONCURRENCY, Server, in_time};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_nats_is_killed_under_load() {
    let nats = NatsServer::start().await.unwrap();
    let gateway = Gateway::start().await.unwrap();
    gateway.latency(Duration::from_millis(20), Duration::from_millis(30));
    let server = Server::start_at(&nats.url(), &gateway).await;
    let (moved, address) = watch::channel(server.address);
    let ledger = Ledger::default();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(run_client(client, address.clone(), ledger.clone()));
    }

    promised(&ledger, REQUESTS / 3).await;
    nats.kill().unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    nats.restart().await.unwrap();

    promised(&ledger, 2 * REQUESTS / 3).await;
    let status = server.terminate().await;
    assert!(status.success(), "{status}");
    let server = Server::start_at(&nats.url(), &gateway).await;
    moved.send_replace(server.address);

    while let Some(client) = in_time(clients.join_next()).await {
        client.unwrap();
    }
    drained(server.address).await;
    let ledger = ledger.lock().unwrap().clone();
    assert_eq!(ledger.len(), REQUESTS);
    let sent: BTreeSet<String> = (gateway.accepted().into_iter())
        .map(|row| row.message)
        .collect();
    let lost: Vec<_> = ledger.keys().filter(|text| !sent.contains(*text)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert_eq!(sent.len(), REQUESTS, "nothing else is sent");
    let extra = gateway.accepted_count() - sent.len();
    assert!(extra <= CONCURRENCY, "{extra} extra sends after one crash");
    for id in ledger.values() {
        let view = get(server.address, &format!("/jobs/{id}")).await.unwrap();
        assert_eq!(view.json()["state"], "completed", "{}", view.text);
    }
    assert!(server.terminate().await.success());
}

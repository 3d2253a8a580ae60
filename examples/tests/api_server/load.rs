//! Many clients, and a server that is stopped and killed under them: nothing that was answered with 201 is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use queue::testing::gateway::Gateway;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::http::{Answer, get, post};
use crate::server::{CONCURRENCY, Server, in_time};

pub(crate) const CLIENTS: usize = 8;
const REQUESTS_PER_CLIENT: usize = 75;
pub(crate) const REQUESTS: usize = CLIENTS * REQUESTS_PER_CLIENT;

/// What clients were promised: the id of each text's job.
pub(crate) type Ledger = Arc<Mutex<BTreeMap<String, String>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_server_is_stopped_and_killed_under_load() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start().await.unwrap();
    // Slow enough that sends are always under way.
    gateway.latency(Duration::from_millis(20), Duration::from_millis(30));
    let server = Server::start(folder.path(), &gateway).await;
    let (moved, address) = watch::channel(server.address);
    let ledger = Ledger::default();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(run_client(client, address.clone(), ledger.clone()));
    }

    promised(&ledger, REQUESTS / 3).await;
    let status = server.terminate().await;
    assert!(status.success(), "{status}");
    let server = Server::start(folder.path(), &gateway).await;
    moved.send_replace(server.address);

    promised(&ledger, 2 * REQUESTS / 3).await;
    assert_eq!(
        gateway.duplicates(),
        [],
        "a graceful stop sends nothing twice"
    );
    server.kill().await;
    let server = Server::start(folder.path(), &gateway).await;
    moved.send_replace(server.address);

    while let Some(client) = in_time(clients.join_next()).await {
        client.unwrap();
    }
    drained(server.address).await;
    let ledger = ledger.lock().unwrap().clone();
    assert_eq!(ledger.len(), REQUESTS);
    let sent: BTreeSet<String> = gateway
        .accepted()
        .into_iter()
        .map(|row| row.message)
        .collect();
    let lost: Vec<_> = ledger.keys().filter(|text| !sent.contains(*text)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let invented: Vec<_> = sent
        .iter()
        .filter(|text| !ledger.contains_key(*text))
        .collect();
    assert!(invented.is_empty(), "invented: {invented:?}");
    let extra = gateway.accepted_count() - sent.len();
    assert!(extra <= CONCURRENCY, "{extra} extra sends after one kill");
    for id in ledger.values() {
        let view = get(server.address, &format!("/jobs/{id}")).await.unwrap();
        assert_eq!(view.json()["state"], "completed", "{}", view.text);
    }
    assert!(server.terminate().await.success());
}

pub(crate) async fn run_client(
    client: usize,
    address: watch::Receiver<SocketAddr>,
    ledger: Ledger,
) {
    for number in 0..REQUESTS_PER_CLIENT {
        let text = format!("load {client}-{number}");
        let id = insist(&address, &text).await;
        ledger.lock().unwrap().insert(text, id);
    }
}

/// Asks until the server promises, as a client should: the same key each time, so that asking again is safe.
async fn insist(address: &watch::Receiver<SocketAddr>, text: &str) -> String {
    let body = json!({ "phone": "0712345678", "message": text }).to_string();
    let attempts = async {
        loop {
            let server = *address.borrow();
            match post(server, "/notify", &body, Some(text)).await {
                // 409: it was stored before, but the answer was cut.
                Ok(
                    answer @ Answer {
                        status: 201 | 409, ..
                    },
                ) => return answer.json(),
                Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text),
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let answer = in_time(attempts).await;
    let id = answer["job_id"].as_str();
    id.expect("both answers hold the job's id").to_owned()
}

pub(crate) async fn promised(ledger: &Ledger, count: usize) {
    in_time(async {
        while ledger.lock().unwrap().len() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

pub(crate) async fn drained(server: SocketAddr) {
    in_time(async {
        while get(server, "/health").await.unwrap().json()["backlog"] != 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

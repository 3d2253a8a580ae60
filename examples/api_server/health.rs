//! `GET /health`: for the load balancer in the status, for people in the body.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::routes::App;

/// 200 while jobs can be stored and sent, 503 otherwise.
///
/// A pause and a backlog are told but are no reason for 503: requests are still accepted, and taking servers away would not
/// shorten the backlog. Alarms belong on `oldest_ready_ms` and `dead`.
pub(crate) async fn health(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let worker_runs = !app.worker.is_finished();
    let worker = if worker_runs { "running" } else { "stopped" };
    let stats = match app.queue.stats().await {
        Ok(stats) => stats,
        Err(error) => {
            tracing::error!(%error, "the store can't be read");
            let body = json!({
                "status": "unavailable",
                "store": error.kind().as_str(),
                "worker": worker,
            });
            return (StatusCode::SERVICE_UNAVAILABLE, Json(body));
        }
    };
    let (code, status) = match (worker_runs, stats.paused) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        (true, true) => (StatusCode::OK, "paused"),
        (true, false) => (StatusCode::OK, "ok"),
    };
    let body = json!({
        "status": status,
        "store": "reachable",
        "worker": worker,
        "paused": stats.paused,
        "backlog": stats.pending(),
        "ready": stats.ready,
        "running": stats.running,
        "oldest_ready_ms": stats.oldest_ready_ms,
        "dead": stats.dead,
        "unknown": stats.unknown,
    });
    (code, Json(body))
}

//! `GET /health`: for the load balancer in the status, for people in the body.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::routes::App;

/// 200 while jobs can be stored and sent, 503 otherwise.
///
/// A pause, a backlog and a provider that is held are told but are no reason for 503: requests are still accepted, and
/// taking servers away would not shorten the backlog. Alarms belong on `oldest_ready_ms` and `dead`.
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
        "providers": providers(&app),
    });
    (code, Json(body))
}

/// Each provider's circuit breaker.
fn providers(app: &App) -> Vec<Value> {
    let shown = app.providers.breakers().into_iter().map(|breaker| {
        json!({
            "name": breaker.provider,
            "breaker": breaker.state.as_str(),
            "failures": breaker.failures,
            "failures_threshold": breaker.failures_threshold,
            "last_failure": breaker.last_failure.map(|failure| failure.kind),
            "next_try": breaker.next_try,
        })
    });
    shown.collect()
}

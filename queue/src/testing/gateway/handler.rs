//! One request: what happens to it, and what comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::connection::Scissors;
use super::desk::{Asked, Heard, Reply, Sent, Written};
use super::fault::{Fault, FaultKind, RowFault};
use super::log::GatewayRequest;
use super::state::{Shared, World};
use super::stream::{Bomb, Endless, Nothing, Trickle};

pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = Asked {
        method,
        uri,
        headers,
        body,
    };
    let (fault, written, wait, accepted) = {
        let mut world = shared.lock();
        let world = &mut *world;
        let Some(endpoint) = world.desk.endpoint(&asked) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let fault = world.desk.own_fault(&asked).or_else(|| world.next_fault());
        let heard = match &fault {
            Some(fault) if !fault.accepts => None,
            _ => Some(world.desk.hear(&mut world.account, &endpoint, &asked)),
        };
        let accepted = note(world, endpoint, fault.as_ref(), heard.as_ref());
        let written = write(world, heard.map(|heard| heard.reply), fault.as_ref());
        (fault, written, world.latency(), accepted)
    };
    let address = asked.uri.to_string();
    // After the lock: whoever waits for messages looks at the log.
    shared.announce();
    shared.push(accepted).await;
    tokio::select! {
        () = shared.stop.cancelled() => {
            scissors.cut_after(0);
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        response = respond(fault, written, wait, &address, &scissors) => response,
    }
}

/// Writes the request into the log; gives the ids that were accepted.
fn note(
    world: &mut World,
    endpoint: String,
    fault: Option<&Fault>,
    heard: Option<&Heard>,
) -> Vec<String> {
    let rows = heard.map(|heard| heard.rows.clone()).unwrap_or_default();
    let callback = heard.and_then(|heard| heard.callback.clone());
    let mut accepted = Vec::new();
    for row in &rows {
        let Some(id) = &row.message_id else {
            continue;
        };
        let sent = Sent {
            at: Instant::now(),
            to: row.mobile.clone(),
            callback: callback.clone(),
            end: None,
        };
        // A desk that knows more about it has put it there already.
        world.account.sent.entry(id.clone()).or_insert(sent);
        accepted.push(id.clone());
    }
    world.accepted += accepted.len();
    world.log.append(GatewayRequest {
        number: 0,
        at: world.log.elapsed(),
        endpoint,
        fault: fault.map(Fault::name),
        code: match fault.map(|fault| &fault.kind) {
            Some(FaultKind::Flat(code)) => Some(*code),
            _ => heard.and_then(|heard| heard.code),
        },
        rows,
    });
    accepted
}

/// The answer, with the faults that are in its rows.
fn write(world: &mut World, reply: Option<Reply>, fault: Option<&Fault>) -> Written {
    let kind = fault.map(|fault| &fault.kind);
    if let Some(FaultKind::Flat(code)) = kind {
        return world.desk.refusal(*code);
    }
    match reply {
        None => Written::text(StatusCode::OK, ""),
        Some(Reply::Written(written)) => written,
        Some(Reply::Rows(mut rows)) => {
            if let Some(FaultKind::Rows(fault)) = kind {
                spoil(&mut rows, *fault, world);
            }
            world.desk.envelope(rows)
        }
    }
}

fn spoil(rows: &mut Vec<Value>, fault: RowFault, world: &mut World) {
    let Some(first) = rows.first().cloned() else {
        return;
    };
    let mut other = first.clone();
    match fault {
        RowFault::Shuffled => world.random.shuffle(rows),
        RowFault::Missing => {
            rows.remove(0);
        }
        RowFault::Repeated => rows.push(first),
        RowFault::Contradicting => {
            world.desk.spoil(&mut other, fault);
            rows.push(other);
        }
        RowFault::Foreign => {
            world.desk.spoil(&mut other, fault);
            rows.insert(0, other);
        }
        RowFault::WithoutClientIds => {
            for row in rows {
                world.desk.spoil(row, fault);
            }
        }
    }
}

/// The response, with the faults that are in its delivery.
async fn respond(
    fault: Option<Fault>,
    written: Written,
    wait: Duration,
    address: &str,
    scissors: &Scissors,
) -> Response {
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    let page = "<html><body>Something went wrong</body></html>";
    let (status, body) = (written.status, written.body);
    let head = [(header::CONTENT_TYPE, written.content_type)];
    let Some(fault) = fault else {
        return (status, head, body).into_response();
    };
    match fault.kind {
        FaultKind::Status {
            status,
            retry_after,
        } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
            match retry_after {
                Some(after) => (status, [(header::RETRY_AFTER, after)], page).into_response(),
                None => (status, page).into_response(),
            }
        }
        FaultKind::Flat(_) | FaultKind::Rows(_) => (status, head, body).into_response(),
        FaultKind::Body(body) => body.into_response(),
        FaultKind::Truncated => {
            let half = body.as_bytes().get(..body.len() / 2).unwrap_or_default();
            (status, head, half.to_owned()).into_response()
        }
        FaultKind::CutAfter(bytes) => {
            scissors.cut_after(bytes);
            (status, head, body).into_response()
        }
        FaultKind::Hang => std::future::pending().await,
        FaultKind::Slow(delay) => {
            tokio::time::sleep(delay).await;
            (status, head, body).into_response()
        }
        FaultKind::Trickle(pause) => {
            (status, head, Body::from_stream(Trickle::new(body, pause))).into_response()
        }
        FaultKind::Redirect => {
            let location = [(header::LOCATION, address.to_owned())];
            (StatusCode::TEMPORARY_REDIRECT, location).into_response()
        }
        FaultKind::Stall => (status, head, Body::from_stream(Nothing)).into_response(),
        FaultKind::Bomb => {
            let gzip = [(header::CONTENT_ENCODING, "gzip")];
            (status, gzip, Body::from_stream(Bomb::new())).into_response()
        }
        FaultKind::Endless => (status, head, Body::from_stream(Endless)).into_response(),
        FaultKind::LengthLie(bytes) => {
            let length = [(header::CONTENT_LENGTH, bytes.to_string())];
            (
                length,
                Body::from_stream(Trickle::new(page.into(), Duration::ZERO)),
            )
                .into_response()
        }
    }
}

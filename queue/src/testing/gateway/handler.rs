//! One request: what happens to it, and what comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::account::{Decision, Refusal};
use super::answer;
use super::connection::Scissors;
use super::delivery;
use super::fault::{Fault, FaultKind, RowFault};
use super::log::{GatewayRequest, GatewayRow};
use super::personality::SlashRule;
use super::request::Fields;
use super::state::{Shared, World};
use super::stream::{Endless, Trickle};

/// Under which path the endpoints are.
pub(super) const PATH: &str = "/api/services";

/// What the gateway has to say, before it is written and before a fault spoils it.
enum Reply {
    Rows(Vec<Decision>),
    Refused(Refusal),
    /// A report or a balance, already written.
    Written(String),
    Nothing,
}

pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response {
    let rest = uri
        .path()
        .strip_prefix(PATH)
        .and_then(|p| p.strip_prefix('/'));
    let Some(rest) = rest else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let endpoint = rest.strip_suffix('/').unwrap_or(rest);
    if !matches!(
        endpoint,
        "sendsms" | "sendotp" | "sendbulk" | "getdlr" | "getbalance"
    ) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let slash = rest.ends_with('/');

    let (fault, written, wait, early) = {
        let mut world = shared.lock();
        let fault = match (world.personality.slash, slash) {
            (SlashRule::EmptyWithSlash, true) | (SlashRule::EmptyWithoutSlash, false) => {
                Some(Fault::body(""))
            }
            _ => world.next_fault(),
        };
        let reply = match &fault {
            Some(fault) if !fault.accepts => Reply::Nothing,
            _ => reply(&mut world, endpoint, &method, &uri, &body),
        };
        let early = note(&mut world, endpoint, fault.as_ref(), &reply);
        let written = write(&mut world, reply, fault.as_ref());
        (fault, written, world.latency(), early)
    };
    // After the lock: whoever waits for messages looks at the log.
    shared.announce();
    shared.push(early).await;
    tokio::select! {
        () = shared.stop.cancelled() => {
            scissors.cut_after(0);
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        response = respond(fault, written, wait, &scissors) => response,
    }
}

/// What the gateway decides, and does.
fn reply(world: &mut World, endpoint: &str, method: &Method, uri: &Uri, body: &[u8]) -> Reply {
    let Some(fields) = Fields::read(method, uri, body) else {
        return Reply::Refused(1010.into());
    };
    let personality = &world.personality;
    let decisions = match endpoint {
        "sendsms" | "sendotp" => world.account.send(&fields, personality),
        "sendbulk" if method == Method::POST => world.account.send_bulk(&fields, personality),
        "sendbulk" => Err(1010.into()),
        question => match world.account.admit(&fields) {
            Err(refusal) => Err(refusal),
            Ok(()) if question == "getbalance" => {
                let cents = world.account.credit_cents;
                let balance = json!({
                    "response-code": delivery::code(personality, 200),
                    "credit": format!("{}.{:02}", cents / 100, cents % 100),
                    "partner-id": world.account.partner_id,
                });
                return Reply::Written(balance.to_string());
            }
            Ok(()) => match fields.text("messageID") {
                Some(id) => return Reply::Written(world.deliveries.report(personality, &id)),
                None => Err(Refusal {
                    code: 1010,
                    missing: vec!["messageID"],
                }),
            },
        },
    };
    match decisions {
        Ok(decisions) => Reply::Rows(decisions),
        Err(refusal) => Reply::Refused(refusal),
    }
}

/// Writes the request into the log; gives the ids that were accepted.
fn note(world: &mut World, endpoint: &str, fault: Option<&Fault>, reply: &Reply) -> Vec<u64> {
    let decisions = match reply {
        Reply::Rows(decisions) => decisions.as_slice(),
        _ => &[],
    };
    let row = |decision: &Decision| GatewayRow {
        request: 0,
        mobile: decision.mobile.clone(),
        message: decision.message.clone(),
        client_id: decision.client_id.as_ref().map(|id| match id {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }),
        code: decision.code,
        message_id: decision.message_id,
        segments: decision.segments,
    };
    let request = GatewayRequest {
        number: 0,
        at: world.log.elapsed(),
        endpoint: endpoint.to_owned(),
        fault: fault.map(Fault::name),
        code: match (reply, fault.map(|fault| &fault.kind)) {
            (_, Some(FaultKind::Flat(code))) => Some(*code),
            (Reply::Refused(refusal), _) => Some(refusal.code),
            _ => None,
        },
        rows: decisions.iter().map(row).collect(),
    };
    world.log.append(request);
    let accepted: Vec<u64> = decisions.iter().filter_map(|d| d.message_id).collect();
    world.accepted += accepted.len();
    for id in &accepted {
        world.deliveries.accepted.insert(*id, Instant::now());
    }
    accepted
}

/// The body of the answer, with the faults that are in its rows.
fn write(world: &mut World, reply: Reply, fault: Option<&Fault>) -> String {
    let personality = &world.personality;
    let decisions = match reply {
        Reply::Written(body) => return body,
        Reply::Nothing => return String::new(),
        Reply::Refused(refusal) => return answer::flat(personality, &refusal),
        Reply::Rows(decisions) => decisions,
    };
    if let [only] = decisions.as_slice()
        && only.code != 200
        && personality.refuses_flat
    {
        return answer::flat(personality, &only.code.into());
    }
    let mut rows = answer::rows(personality, &decisions);
    if let Some(FaultKind::Rows(fault)) = fault.map(|fault| &fault.kind) {
        spoil(&mut rows, *fault, world);
    }
    answer::envelope(&world.personality, rows)
}

fn spoil(rows: &mut Vec<Value>, fault: RowFault, world: &mut World) {
    let Some(first) = rows.first().cloned() else {
        return;
    };
    match fault {
        RowFault::Shuffled => world.random.shuffle(rows),
        RowFault::Missing => {
            rows.remove(0);
        }
        RowFault::Repeated => rows.push(first),
        RowFault::Contradicting => {
            let mut other = first;
            let refused = if other.get("messageid").is_some() {
                1003
            } else {
                200
            };
            if let Value::Object(row) = &mut other {
                answer::put_code(&world.personality, row, refused);
            }
            rows.push(other);
        }
        RowFault::Foreign => {
            let mut other = first;
            other["mobile"] = "254799999999".into();
            other["clientsmsid"] = "somebody-else".into();
            rows.insert(0, other);
        }
        RowFault::WithoutClientIds => {
            for row in rows.iter_mut().filter_map(Value::as_object_mut) {
                row.remove("clientsmsid");
            }
        }
    }
}

/// The response, with the faults that are in its delivery.
async fn respond(
    fault: Option<Fault>,
    body: String,
    wait: Duration,
    scissors: &Scissors,
) -> Response {
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    let page = "<html><body>Something went wrong</body></html>";
    let json = [(header::CONTENT_TYPE, "application/json")];
    let Some(fault) = fault else {
        return (json, body).into_response();
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
        FaultKind::Flat(code) => {
            let body = json!({
                "response-code": code,
                "response-description": answer::description(code),
            });
            (json, body.to_string()).into_response()
        }
        FaultKind::Body(body) => body.into_response(),
        FaultKind::Truncated => {
            // JSON of the gateway's own is ASCII but for texts, which it does not repeat.
            let half = body.get(..body.len() / 2).unwrap_or_default().to_owned();
            (json, half).into_response()
        }
        FaultKind::CutAfter(bytes) => {
            scissors.cut_after(bytes);
            (json, body).into_response()
        }
        FaultKind::Hang => std::future::pending().await,
        FaultKind::Slow(delay) => {
            tokio::time::sleep(delay).await;
            (json, body).into_response()
        }
        FaultKind::Trickle(pause) => {
            (json, Body::from_stream(Trickle::new(body, pause))).into_response()
        }
        FaultKind::Endless => (json, Body::from_stream(Endless)).into_response(),
        FaultKind::LengthLie(bytes) => {
            let length = [(header::CONTENT_LENGTH, bytes.to_string())];
            (
                length,
                Body::from_stream(Trickle::new(page.into(), Duration::ZERO)),
            )
                .into_response()
        }
        FaultKind::Rows(_) => (json, body).into_response(),
    }
}

//! The routes. A handler checks its input, calls the creator of its job, and is done: sending is the worker's.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use queue::backend::{BUSY_TIMEOUT, JobView};
use queue::job::IdempotencyKey;
use queue::provider::stack::ProviderStack;
use queue::{
    Enqueue, JobId, NotificationSms, OtpSms, Queue, SmsJob, SmsMessage, WelcomeSms, WorkerHandle,
    create_notification_sms_job, create_otp_sms_job, create_welcome_sms_job,
};

use super::answer::{Created, Refusal};
use super::health::health;
use super::input::{Issue, Posted};
use super::readers;

/// Largest body: several times the longest SMS, whatever its alphabet.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// Longest time for one request, body included: longer than the store waits for a locked file, so that its own answer comes
/// first unless other writes wait before ours.
const REQUEST_TIME_MAX: Duration = BUSY_TIMEOUT.saturating_add(Duration::from_secs(5));
/// How long a code is valid unless the request says otherwise.
const EXPIRY_MINUTES: u16 = 10;

/// What handlers share. Both are cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) queue: Queue<SmsJob>,
    pub(crate) worker: Arc<WorkerHandle>,
    pub(crate) providers: ProviderStack<SmsMessage>,
}

pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/signup", post(signup))
        .route("/otp", post(otp))
        .route("/notify", post(notify))
        .route("/jobs/{id}", get(job))
        .route("/health", get(health))
        .fallback(async || Refusal::NotFound("there is no such path"))
        .method_not_allowed_fallback(async || Refusal::WrongMethod)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(in_time))
        .with_state(app)
}

/// `{phone, user_name}`
async fn signup(State(app): State<App>, request: Posted) -> Result<Created, Refusal> {
    let (welcome, key) = request.read(|fields| {
        // First all fields, then the `?`: so every fault is noted, not only the first.
        let recipient = fields.required("phone", readers::phone);
        let user_name = fields.required("user_name", readers::name);
        Some(WelcomeSms {
            recipient: recipient?,
            user_name: user_name?,
        })
    })?;
    store(create_welcome_sms_job(&app.queue, welcome), key).await
}

/// `{phone, code, expiry_minutes?}`
async fn otp(State(app): State<App>, request: Posted) -> Result<Created, Refusal> {
    let (otp, key) = request.read(|fields| {
        let recipient = fields.required("phone", readers::phone);
        let code = fields.required("code", readers::code);
        let expiry_minutes =
            fields.optional("expiry_minutes", EXPIRY_MINUTES, readers::expiry_minutes);
        Some(OtpSms {
            recipient: recipient?,
            code: code?,
            expiry_minutes: expiry_minutes?,
        })
    })?;
    store(create_otp_sms_job(&app.queue, otp), key).await
}

/// `{phone, message, priority?, delay_ms?}`
async fn notify(State(app): State<App>, request: Posted) -> Result<Created, Refusal> {
    let ((notification, priority, delay), key) = request.read(|fields| {
        let recipient = fields.required("phone", readers::phone);
        let message = fields.required("message", readers::message);
        let priority = fields.optional("priority", None, readers::priority);
        let delay = fields.optional("delay_ms", Duration::ZERO, readers::delay);
        let notification = NotificationSms {
            recipient: recipient?,
            message: message?,
        };
        Some((notification, priority?, delay?))
    })?;
    let mut job = create_notification_sms_job(&app.queue, notification).delay(delay);
    if let Some(priority) = priority {
        job = job.priority(priority);
    }
    store(job, key).await
}

/// What became of a job. Never its payload.
async fn job(State(app): State<App>, Path(id): Path<String>) -> Result<Json<JobView>, Refusal> {
    let id: JobId = id.parse().map_err(|error| {
        Refusal::Invalid(vec![Issue {
            field: "id",
            issue: format!("is {error}"),
        }])
    })?;
    let view = app.queue.job(id).await?;
    view.map(Json).ok_or(Refusal::NotFound(
        "there is no such job, or it is not kept any more",
    ))
}

/// Awaiting the job stores it: 201 only when it is safe.
async fn store(
    mut job: Enqueue<'_, SmsJob>,
    key: Option<IdempotencyKey>,
) -> Result<Created, Refusal> {
    if let Some(key) = key {
        job = job.job_id(key.as_str());
    }
    let receipt = job.await?;
    if receipt.is_duplicate {
        return Err(Refusal::Duplicate(receipt));
    }
    Ok(Created(receipt))
}

/// Answers 503 when a request takes too long. The job is then stored or not: a client that sent an idempotency key may
/// simply ask again.
async fn in_time(request: Request, next: Next) -> Result<Response, Refusal> {
    let answer = tokio::time::timeout(REQUEST_TIME_MAX, next.run(request)).await;
    answer.map_err(|_| Refusal::Unavailable {
        retry_after: Duration::from_secs(1),
    })
}

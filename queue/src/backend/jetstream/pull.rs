//! [`Puller`]: takes work messages from the server, one task for each queue of a process. The client's own streams stall in
//! four ways (measured on 0.51.0: small batches, a shared consumer after a reconnect, heartbeats in batches, many waiting
//! pulls), so this one asks by itself.
//!
//! Nothing is taken that nobody asked for. Two kinds of request are used:
//! - a *probe* asks a lane for so many messages at once and is answered at once;
//! - a *standing* request waits for the next message of a lane that is empty. There is one for each lane at most, whatever
//!   the number of workers, so idle workers cost nothing.
//!
//! A message that arrives when nobody waits any more is given back at once; nothing was written, so no attempt is charged.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::{Client, Message, StatusCode, Subscriber};
use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use super::lane::{Call, Lane, Share, Taken};
use super::names::Names;
use super::refusal::{closed, unanswered};
use crate::backend::BackendError;
use crate::backend::lanes::Lanes;
use crate::job::Priority;

/// How long a standing request waits on the server.
const STANDING_EXPIRES: Duration = Duration::from_secs(5);
/// How often the server says that a standing request still waits.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// A standing request that was not heard of for so long is lost: two heartbeats and a little.
const SILENCE_MAX: Duration = Duration::from_millis(2_300);
/// A probe that was not answered for so long is lost. The server answers one within a millisecond.
const PROBE_WAIT: Duration = Duration::from_secs(1);
/// A call is answered so long after its time at the latest, whatever the server does.
pub(super) const LATE_MAX: Duration = Duration::from_secs(1);
/// The most messages of one probe.
const PROBE_MAX: usize = 512;
/// The pause after the server refused, doubled each time up to the second figure, ±50 %.
const REFUSED_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// What a lease call asks for.
pub(super) struct Ask {
    pub(super) max: usize,
    pub(super) caps: [usize; 4],
    pub(super) until: Instant,
    pub(super) reply: oneshot::Sender<Vec<Taken>>,
}

/// The handle to a queue's pull task. The task ends when the last handle is gone.
pub(super) struct Puller(mpsc::UnboundedSender<Ask>);

impl Puller {
    /// Starts the task. `suspicion` is told when the server refuses a request, for which a look at its streams and
    /// consumers may find the reason.
    pub(super) async fn start(
        context: Context,
        names: &Names,
        suspicion: Arc<Notify>,
    ) -> Result<Self, BackendError> {
        let (asks, asked) = mpsc::unbounded_channel();
        let client = context.client();
        let inbox = client.new_inbox();
        let heard = client.subscribe(format!("{inbox}.>")).await;
        let heard = heard.map_err(unanswered)?;
        let pull = Pull {
            connects: 0,
            context,
            client,
            suspicion,
            stream: names.work.clone(),
            lane_filters: Priority::ALL.map(|priority| names.ready_filter(priority)),
            inbox,
            heard,
            calls: VecDeque::new(),
            lanes: Default::default(),
            shares: Lanes::default(),
            token: 0,
            refused: 0,
            paused_until: None,
        };
        tokio::spawn(pull.run(asked));
        Ok(Self(asks))
    }

    /// Asks for messages.
    pub(super) fn ask(&self, ask: Ask) -> Result<(), BackendError> {
        self.0.send(ask).map_err(|_| closed())
    }
}

struct Pull {
    context: Context,
    client: Client,
    suspicion: Arc<Notify>,
    stream: String,
    lane_filters: [String; 4],
    inbox: String,
    heard: Subscriber,
    calls: VecDeque<Call>,
    lanes: [Lane; 4],
    shares: Lanes,
    token: u64,
    connects: u64,
    refused: u32,
    paused_until: Option<Instant>,
}

impl Pull {
    async fn run(mut self, mut asked: mpsc::UnboundedReceiver<Ask>) {
        loop {
            self.notice_reconnect();
            self.end_calls().await;
            self.request().await;
            // Some calls end because there was nothing left to ask for.
            self.end_calls().await;
            let wake = self.next_wake();
            tokio::select! {
                biased;
                message = self.heard.next() => match message {
                    Some(message) => {
                        self.hear(message).await;
                        // Messages come in bunches; what follows is looked at once for all of them.
                        for _ in 0..PROBE_MAX {
                            let Some(Some(message)) = self.heard.next().now_or_never() else {
                                break;
                            };
                            self.hear(message).await;
                        }
                    }
                    // The client is closed for good.
                    None => return,
                },
                ask = asked.recv() => match ask {
                    Some(ask) => self.calls.push_back(Call::new(ask)),
                    None => return self.stop().await,
                },
                () = tokio::time::sleep_until(wake), if !self.calls.is_empty() || self.is_probing() => {}
            }
        }
    }

    /// After a reconnect the server may have forgotten what was asked.
    fn notice_reconnect(&mut self) {
        let statistics = self.client.statistics();
        let connects = statistics
            .connects
            .load(std::sync::atomic::Ordering::Relaxed);
        if std::mem::replace(&mut self.connects, connects) != connects {
            for lane in &mut self.lanes {
                lane.forget();
            }
            self.paused_until = None;
        }
    }

    /// Answers the calls that have what they wanted, or waited long enough. Messages of callers who went away go back.
    async fn end_calls(&mut self) {
        let now = Instant::now();
        let probing = self.is_probing();
        let mut waiting = VecDeque::with_capacity(self.calls.len());
        let mut back = Vec::new();
        for call in std::mem::take(&mut self.calls) {
            if call.is_abandoned() {
                back.extend(call.take_back());
            } else if call.is_over(now, probing) {
                back.extend(call.answer());
            } else {
                waiting.push_back(call);
            }
        }
        self.calls = waiting;
        if !self.calls.iter().any(|call| call.probes) && !probing {
            for lane in &mut self.lanes {
                lane.begin_round();
            }
        }
        for taken in back {
            self.hand_out(taken).await;
        }
    }

    /// Sends the requests that the waiting calls need.
    async fn request(&mut self) {
        let now = Instant::now();
        for lane in &mut self.lanes {
            lane.expire(now, PROBE_WAIT, SILENCE_MAX);
        }
        if self.calls.is_empty() || self.paused_until.is_some_and(|until| until > now) {
            return;
        }
        if !self.is_probing() && self.calls.iter().any(|call| call.probes) {
            let share = Share::of(&self.calls, &self.lanes, &mut self.shares, PROBE_MAX);
            if share.is_empty() {
                for call in &mut self.calls {
                    call.probes = false;
                }
            } else {
                for (lane, count) in share.0.into_iter().enumerate() {
                    if count > 0 {
                        let token = self.next_token();
                        self.lanes[lane].probe(token, count, now);
                        let body = json!({ "batch": count, "no_wait": true });
                        self.pull(lane, token, &body).await;
                    }
                }
            }
        }
        for lane in 0..4 {
            // Also while other lanes are still probed: a lane that has nothing says by itself when it has.
            let found_empty = self.lanes[lane].is_exhausted();
            let wanted = (self.calls.iter())
                .any(|call| (found_empty || !call.probes) && call.room(lane) > 0);
            if wanted && self.lanes[lane].is_idle() {
                let token = self.next_token();
                self.lanes[lane].stand(token, now);
                let body = json!({
                    "batch": 1,
                    "expires": STANDING_EXPIRES.as_nanos() as u64,
                    "idle_heartbeat": HEARTBEAT.as_nanos() as u64,
                });
                self.pull(lane, token, &body).await;
            }
        }
    }

    async fn pull(&mut self, lane: usize, token: u64, body: &serde_json::Value) {
        let consumer = Names::consumer(Priority::ALL[lane]);
        let subject = format!("CONSUMER.MSG.NEXT.{}.{consumer}", self.stream);
        let request = async_nats::Request::new()
            .payload(body.to_string().into())
            .inbox(format!("{}.{lane}.{token}", self.inbox));
        // Without a connection it waits in the client; a lost request is noticed by its silence.
        if self.context.send_request(subject, request).await.is_err() {
            self.lanes[lane].forget();
            self.pause();
        }
    }

    /// A message or a status arrived.
    async fn hear(&mut self, message: Message) {
        if let Some(rest) = message.subject.strip_prefix(self.inbox.as_str()) {
            let mut tokens = rest.trim_start_matches('.').split('.');
            let lane: Option<usize> = tokens.next().and_then(|token| token.parse().ok());
            let token: Option<u64> = tokens.next().and_then(|token| token.parse().ok());
            if let (Some(lane), Some(token)) = (lane.filter(|lane| *lane < 4), token) {
                self.hear_status(lane, token, message.status);
            }
            return;
        }
        let lane = (self.lane_filters.iter())
            .position(|filter| message.subject.starts_with(filter.trim_end_matches('>')));
        let Some(taken) = lane.and_then(|lane| Taken::new(lane, message, &self.context)) else {
            return;
        };
        self.refused = 0;
        self.lanes[taken.lane].delivered(taken.waited);
        self.hand_out(taken).await;
    }

    fn hear_status(&mut self, lane: usize, token: u64, status: Option<StatusCode>) {
        let now = Instant::now();
        match status.map(|status| status.as_u16()) {
            Some(100) => self.lanes[lane].heard(token, now),
            // Nothing there, or nothing more, or the time is over.
            Some(404 | 408) => {
                self.refused = 0;
                self.lanes[lane].ended(token);
            }
            // The consumer is gone, moves, or has too many requests.
            _ => {
                self.lanes[lane].ended(token);
                self.suspicion.notify_one();
                self.pause();
            }
        }
    }

    /// Gives a message to the first call that has room for it, or back to the server.
    async fn hand_out(&mut self, taken: Taken) {
        for call in &mut self.calls {
            if call.room(taken.lane) > 0 && !call.is_abandoned() {
                call.give(taken);
                return;
            }
        }
        taken.give_back(&self.client).await;
    }

    /// The server refuses; it is asked again a little later.
    fn pause(&mut self) {
        let (first, most) = REFUSED_PAUSE;
        let pause = first.saturating_mul(1 << self.refused.min(8)).min(most);
        self.refused += 1;
        self.paused_until = Some(Instant::now() + pause.mul_f64(0.5 + fastrand::f64()));
    }

    fn is_probing(&self) -> bool {
        self.lanes.iter().any(Lane::is_probing)
    }

    fn next_token(&mut self) -> u64 {
        self.token += 1;
        self.token
    }

    /// When there is something to do that nobody announces.
    fn next_wake(&self) -> Instant {
        /// How late a reconnect or a caller that went away may be noticed.
        const LOOK: Duration = Duration::from_millis(100);
        let now = Instant::now();
        // One whose time is over waits for the answers to what was asked on its behalf.
        let calls = self.calls.iter().map(|call| match call.until > now {
            true => call.until,
            false => call.until + LATE_MAX,
        });
        let pause = self.paused_until.filter(|until| *until > now);
        calls
            .chain(pause)
            .chain([now + LOOK])
            .min()
            .unwrap_or(now + LOOK)
    }

    /// Gives back what was taken for callers who will never hear of it.
    async fn stop(mut self) {
        for call in std::mem::take(&mut self.calls) {
            for taken in call.take_back() {
                taken.give_back(&self.client).await;
            }
        }
    }
}

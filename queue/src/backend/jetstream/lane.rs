//! What the pull task knows of a lane and of a call, and how the calls' demand is shared over the lanes. No I/O but the
//! answers.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::jetstream::{self, Context};
use async_nats::{Client, HeaderMap, Message, Subject};
use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::pull::Ask;
use crate::backend::lanes::Lanes;

/// A work message in hand.
pub(super) struct Taken {
    pub(super) lane: usize,
    /// Where to answer it.
    pub(super) reply: Subject,
    pub(super) headers: Option<HeaderMap>,
    pub(super) payload: Bytes,
    /// Its place in the stream.
    pub(super) slot: u64,
    /// How often the server handed it out, this time included.
    pub(super) deliveries: u64,
    /// When it arrived here.
    pub(super) at: Instant,
    /// How long it waited in the stream, by the wall clocks of the server and of this machine.
    pub(super) waited: Duration,
}

impl Taken {
    pub(super) fn new(lane: usize, message: Message, context: &Context) -> Option<Self> {
        let message = jetstream::Message {
            message,
            context: context.clone(),
        };
        let info = message.info().ok()?;
        let published = std::time::SystemTime::from(info.published);
        let waited = published.elapsed().unwrap_or_default();
        let (slot, deliveries) = (info.stream_sequence, info.delivered.unsigned_abs());
        let reply = message.reply.clone()?;
        Some(Self {
            lane,
            reply,
            slot,
            deliveries,
            at: Instant::now(),
            waited,
            payload: message.message.payload,
            headers: message.message.headers,
        })
    }

    /// Another worker may have it, at once.
    pub(super) async fn give_back(&self, client: &Client) {
        // A lost answer only costs the acknowledgement's waiting time.
        let _ = client.publish(self.reply.clone(), "-NAK".into()).await;
    }
}

/// A lease call that waits.
pub(super) struct Call {
    max: usize,
    caps: [usize; 4],
    pub(super) until: Instant,
    /// It has not looked into all lanes yet.
    pub(super) probes: bool,
    got: Vec<Taken>,
    got_of: [usize; 4],
    reply: oneshot::Sender<Vec<Taken>>,
}

impl Call {
    pub(super) fn new(ask: Ask) -> Self {
        Self {
            max: ask.max,
            caps: ask.caps,
            until: ask.until,
            probes: true,
            got: Vec::new(),
            got_of: [0; 4],
            reply: ask.reply,
        }
    }

    /// How many more messages of a lane it takes.
    pub(super) fn room(&self, lane: usize) -> usize {
        (self.max - self.got.len()).min(self.caps[lane].saturating_sub(self.got_of[lane]))
    }

    /// One more message for it.
    pub(super) fn give(&mut self, taken: Taken) {
        // Where one is there may be more.
        self.probes = self.probes || self.got.is_empty();
        self.got_of[taken.lane] += 1;
        self.got.push(taken);
    }

    /// What it got, when nobody waits for it any more.
    pub(super) fn take_back(self) -> Vec<Taken> {
        self.got
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    pub(super) fn is_over(&self, now: Instant, probing: bool) -> bool {
        if self.got.len() >= self.max {
            return true;
        }
        // It waits for the first message only; but what was asked for on its behalf is heard out.
        let looked = !self.probes && !probing;
        looked && (!self.got.is_empty() || self.until <= now)
            || self.until + super::pull::LATE_MAX <= now
    }

    /// Answers; what nobody took is returned.
    pub(super) fn answer(self) -> Vec<Taken> {
        self.reply.send(self.got).err().unwrap_or_default()
    }

    fn is_immediate(&self, now: Instant) -> bool {
        self.until <= now
    }
}

/// A request to a lane that has not ended.
struct Request {
    token: u64,
    left: usize,
    heard: Instant,
}

/// What is known of a lane.
#[derive(Default)]
pub(super) struct Lane {
    probe: Option<Request>,
    standing: Option<Request>,
    /// The last look found its end.
    empty: bool,
    /// This round of probes found its end.
    exhausted: bool,
    waited: Duration,
}

impl Lane {
    pub(super) fn is_probing(&self) -> bool {
        self.probe.is_some()
    }

    /// Nothing is asked of it.
    pub(super) fn is_idle(&self) -> bool {
        self.probe.is_none() && self.standing.is_none()
    }

    /// This round of probes found its end.
    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    pub(super) fn begin_round(&mut self) {
        self.exhausted = false;
    }

    pub(super) fn probe(&mut self, token: u64, count: usize, now: Instant) {
        self.probe = Some(Request {
            token,
            left: count,
            heard: now,
        });
    }

    pub(super) fn stand(&mut self, token: u64, now: Instant) {
        self.standing = Some(Request {
            token,
            left: 1,
            heard: now,
        });
    }

    /// A message came. Which request it answers is not said; the standing one was first in the server's line.
    pub(super) fn delivered(&mut self, waited: Duration) {
        self.waited = waited;
        self.empty = false;
        if self.standing.take().is_some() {
            return;
        }
        if let Some(probe) = &mut self.probe {
            probe.left -= 1;
            if probe.left == 0 {
                self.probe = None;
            }
        }
    }

    pub(super) fn heard(&mut self, token: u64, now: Instant) {
        if let Some(standing) = self.standing.as_mut().filter(|asked| asked.token == token) {
            standing.heard = now;
        }
    }

    /// The server said that a request has ended.
    pub(super) fn ended(&mut self, token: u64) {
        if self
            .standing
            .take_if(|asked| asked.token == token)
            .is_some()
        {
            return;
        }
        if self.probe.take_if(|asked| asked.token == token).is_some() {
            self.empty = true;
            self.exhausted = true;
            self.waited = Duration::ZERO;
        }
    }

    /// Forgets requests that were not heard of for too long.
    pub(super) fn expire(&mut self, now: Instant, probe_wait: Duration, silence_max: Duration) {
        self.standing
            .take_if(|asked| now.duration_since(asked.heard) > silence_max);
        if (self.probe)
            .take_if(|asked| now.duration_since(asked.heard) > probe_wait)
            .is_some()
        {
            self.exhausted = true;
        }
    }

    /// Whatever was asked is not answered any more.
    pub(super) fn forget(&mut self) {
        self.probe = None;
        self.standing = None;
        self.exhausted = false;
    }
}

/// How many messages to ask each lane for.
pub(super) struct Share(pub(super) [usize; 4]);

impl Share {
    /// Shares what the calls still want over the lanes that may have work.
    pub(super) fn of(
        calls: &VecDeque<Call>,
        lanes: &[Lane; 4],
        shares: &mut Lanes,
        most: usize,
    ) -> Self {
        let now = Instant::now();
        let demand: usize = (calls.iter())
            .filter(|call| call.probes)
            .map(|call| call.max - call.got.len())
            .sum();
        // A call that does not wait asks even where a request stands, so that it hears the server's answer of now.
        let asks_all = calls
            .iter()
            .any(|call| call.probes && call.is_immediate(now));
        let room: [usize; 4] = std::array::from_fn(|lane| {
            let of_calls: usize = (calls.iter())
                .filter(|call| call.probes)
                .map(|call| call.room(lane))
                .sum();
            let known = &lanes[lane];
            if known.exhausted || (known.standing.is_some() && !asks_all) {
                0
            } else if known.empty {
                // One tells whether that has changed.
                of_calls.min(1)
            } else {
                of_calls
            }
        });
        let mut asked = [0; 4];
        for _ in 0..demand.min(most) {
            let waits = std::array::from_fn(|lane| {
                (asked[lane] < room[lane]).then_some(lanes[lane].waited)
            });
            let Some(priority) = shares.pick(waits) else {
                break;
            };
            asked[priority.index()] += 1;
        }
        Self(asked)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }
}

//! What was asked, what was acknowledged, and the invariants that tie both to the gateway's log.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use queue::testing::gateway::GatewayRow;

/// One job, as the test asked for it.
pub(crate) struct Asked {
    /// What the gateway must read; of a code's text, what does not depend on the time that is left (see [`asked_text`]).
    text: String,
    at: Instant,
    delay: Duration,
    lifetime: Option<Duration>,
}

#[derive(Default)]
pub(crate) struct Ledger {
    asked: BTreeMap<String, Asked>,
    acknowledged: BTreeMap<String, String>,
    /// A cancel was asked for; a kill may have swallowed the answer.
    cancels: BTreeSet<String>,
    cancelled: BTreeSet<String>,
    recovered: u64,
    pub(crate) kills: u64,
}

impl Ledger {
    /// The command for a new job: kinds, delays and lifetimes in turn.
    pub(crate) fn next_command(&mut self) -> (String, String) {
        let number = self.asked.len();
        let id = format!("j{number}");
        let recipient = format!("+254712{number:06}");
        let (kind, fields, text) = match number % 3 {
            0 => (
                "welcome",
                r#""user_name":"User""#.to_owned(),
                format!(
                    "Hello User #{id}, welcome to the platform! We are glad to have you. Open your dashboard to get started."
                ),
            ),
            1 => (
                "otp",
                format!(r#""code":"{number:08}","expiry_minutes":10"#),
                format!("{number:08} is your verification code."),
            ),
            _ => (
                "notification",
                r#""message":"Message""#.to_owned(),
                format!("Message #{id}"),
            ),
        };
        let delay = if number % 7 == 3 {
            Duration::from_millis(400)
        } else {
            Duration::ZERO
        };
        let lifetime = (number % 11 == 5).then_some(Duration::from_millis(600));
        let mut options = String::new();
        if !delay.is_zero() {
            options.push_str(&format!(r#","_delay_ms":{}"#, delay.as_millis()));
        }
        if let Some(lifetime) = lifetime {
            options.push_str(&format!(r#","_expires_in_ms":{}"#, lifetime.as_millis()));
        }
        let command =
            format!(r#"enqueue {id} {kind} {{"recipient":"{recipient}",{fields}{options}}}"#);
        self.asked.insert(
            id.clone(),
            Asked {
                text,
                at: Instant::now(),
                delay,
                lifetime,
            },
        );
        (id, command)
    }

    /// The command that cancels job `id`.
    pub(crate) fn cancel_command(&mut self, id: &str) -> String {
        self.cancels.insert(id.to_owned());
        format!("cancel {id}")
    }

    /// Takes note of what the target said.
    pub(crate) fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["ack" | "dup", id, job] => {
                let known = self
                    .acknowledged
                    .insert((*id).to_owned(), (*job).to_owned());
                assert!(
                    known.is_none_or(|known| known == *job),
                    "{id} was acknowledged as two jobs"
                );
            }
            ["cancelled", id] => {
                self.cancelled.insert((*id).to_owned());
            }
            ["event", "recovered", ..] => self.recovered += 1,
            ["nack", id, reason] => panic!("{id} was refused: {reason}"),
            _ => {}
        }
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    /// Checks I1 to I6 and I11 of the invariants, after the last fault, when nothing is left to do.
    pub(crate) fn check(&self, rows: &[GatewayRow], states: &[(String, String)], extras_max: u64) {
        let mut sent: BTreeMap<&str, u64> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.is_accepted()) {
            *sent.entry(asked_text(&row.message)).or_default() += 1;
        }
        let states: BTreeMap<&str, &str> = {
            let distinct: BTreeMap<&str, &str> = states
                .iter()
                .map(|(id, state)| (id.as_str(), state.as_str()))
                .collect();
            assert_eq!(distinct.len(), states.len(), "I5: every job has one state");
            distinct
        };
        let texts: BTreeSet<&str> = self
            .asked
            .values()
            .map(|asked| asked.text.as_str())
            .collect();
        for text in sent.keys() {
            assert!(
                texts.contains(text),
                "I2: nobody asked for this text: {text}"
            );
        }
        let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
        for id in self.acknowledged.keys() {
            let asked = &self.asked[id];
            let state = states
                .get(id.as_str())
                .unwrap_or_else(|| panic!("I1: {id} is gone"));
            let times = sent.get(asked.text.as_str()).copied().unwrap_or(0);
            match *state {
                "completed" => assert!(times >= 1, "I1: {id} is completed and was never sent"),
                "expired" => {
                    assert!(
                        asked.lifetime.is_some(),
                        "I1: {id} expired without a deadline"
                    );
                    assert_eq!(times, 0, "I4: {id} expired and was sent");
                }
                "cancelled" => {
                    assert!(self.cancels.contains(id), "I1: nobody cancelled {id}");
                    assert_eq!(times, 0, "I11: {id} was cancelled and sent");
                }
                "unknown" | "dead" => {}
                state => panic!("I9: {id} is still {state}"),
            }
            *ends.entry(state).or_default() += 1;
        }
        for id in &self.cancelled {
            assert_eq!(states.get(id.as_str()), Some(&"cancelled"), "I11: {id}");
        }
        let extras: u64 = sent.values().map(|times| times - 1).sum();
        println!(
            "{} kills, {} acknowledged, {} recovered, {extras} extra sends (at most {extras_max}), ends {ends:?}",
            self.kills,
            self.acknowledged.len(),
            self.recovered
        );
        assert!(
            extras <= extras_max,
            "I3: {extras} extra sends, at most {extras_max}"
        );
        assert_eq!(
            ends.values().sum::<u64>(),
            self.acknowledged.len() as u64,
            "I6: the books balance"
        );
    }

    /// Checks that nothing was sent before it was due or after its deadline. `arrivals` are the texts and when they came.
    pub(crate) fn check_times(&self, arrivals: &[(String, Instant)]) {
        // The target reads the clock after the test wrote the command, and the gateway's log after the request came in.
        const SLACK: Duration = Duration::from_millis(250);
        self.check_due_times(arrivals);
        let by_text = self.by_text();
        for (text, at) in arrivals {
            let asked = by_text[asked_text(text)];
            let waited = at.saturating_duration_since(asked.at);
            if let Some(lifetime) = asked.lifetime {
                assert!(
                    waited <= lifetime + SLACK,
                    "I4: `{text}` came {waited:?} after it was asked for, too late"
                );
            }
        }
    }

    /// Checks that nothing was sent before it was due. How late it may come can't be told from outside where the target
    /// itself has to wait for a server before it takes the next command.
    pub(crate) fn check_due_times(&self, arrivals: &[(String, Instant)]) {
        let by_text = self.by_text();
        for (text, at) in arrivals {
            let asked = by_text[asked_text(text)];
            let waited = at.saturating_duration_since(asked.at);
            assert!(
                waited >= asked.delay,
                "I4: `{text}` came {waited:?} after it was asked for, due after {:?}",
                asked.delay
            );
        }
    }

    fn by_text(&self) -> BTreeMap<&str, &Asked> {
        (self.asked.values())
            .map(|asked| (asked.text.as_str(), asked))
            .collect()
    }
}

/// A sent text without what depends on the time that is left: a code that waited says a shorter validity, never a longer one.
fn asked_text(sent: &str) -> &str {
    let Some((text, rest)) = sent.split_once(" It is valid for ") else {
        return sent;
    };
    let minutes = rest.strip_suffix(". Never share it with anyone.");
    let minutes = minutes.and_then(|rest| rest.split(' ').next()?.parse().ok());
    assert!(
        minutes.is_some_and(|minutes: u32| (1..=10).contains(&minutes)),
        "a code's text says another validity than was asked for: {sent}"
    );
    text
}

//! [`Machine`]: closed, open, half-open. A function of calls and moments; no clock, no lock, no I/O.

use super::options::BreakerOptions;
use super::ratio::RatioWindow;
use super::state::{BreakerCause, BreakerState};

/// How long another message waits while a probe is under way.
pub(super) const PROBE_WAIT_MS: u64 = 1_000;

/// What a call says of its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It works: it accepted the message, or refused this very one.
    Good,
    /// It does not.
    Bad,
    /// It works, but not with our settings.
    Misconfigured,
    /// It says *not now*: neither.
    Neither,
}

/// May a message go through?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Yes; its sign is told with this number.
    Call(u64),
    /// Not for so many milliseconds.
    Refused { wait_ms: u64, misconfigured: bool },
}

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) from: BreakerState,
    pub(super) to: BreakerState,
    pub(super) cause: Option<BreakerCause>,
}

#[derive(Debug)]
enum Phase {
    Closed,
    Open { until: u64 },
    HalfOpen { good: u32, probing: bool },
}

/// The state of one breaker. Moments are milliseconds of [`Clock::uptime`](crate::clock::Clock::uptime).
#[derive(Debug)]
pub(super) struct Machine {
    options: BreakerOptions,
    phase: Phase,
    /// Counts the changes of state: the sign of a call that began before the last one says nothing any more.
    epoch: u64,
    in_row: u32,
    window: RatioWindow,
    /// Our settings were wrong when it was last asked.
    misconfigured: bool,
}

impl Machine {
    pub(super) fn new(options: BreakerOptions) -> Self {
        Self {
            options,
            phase: Phase::Closed,
            epoch: 0,
            in_row: 0,
            window: RatioWindow::new(options.window),
            misconfigured: false,
        }
    }

    pub(super) fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Asks for one message.
    pub(super) fn admit(&mut self, now: u64) -> (Admission, Option<Change>) {
        match self.phase {
            Phase::Closed => (Admission::Call(self.epoch), None),
            Phase::Open { until } if until > now => (self.refused(until - now), None),
            Phase::Open { .. } => {
                let probing = Phase::HalfOpen {
                    good: 0,
                    probing: true,
                };
                let change = self.change(probing, None);
                (Admission::Call(self.epoch), Some(change))
            }
            Phase::HalfOpen { probing: true, .. } => (self.refused(PROBE_WAIT_MS), None),
            Phase::HalfOpen { good, .. } => {
                self.phase = Phase::HalfOpen {
                    good,
                    probing: true,
                };
                (Admission::Call(self.epoch), None)
            }
        }
    }

    fn refused(&self, wait_ms: u64) -> Admission {
        Admission::Refused {
            wait_ms,
            misconfigured: self.misconfigured,
        }
    }

    /// In how many milliseconds a message may go through; zero: now. While it is half-open, only one may.
    pub(super) fn wait_ms(&self, now: u64) -> u64 {
        match self.phase {
            Phase::Closed | Phase::HalfOpen { probing: false, .. } => 0,
            Phase::Open { until } => until.saturating_sub(now),
            Phase::HalfOpen { probing: true, .. } => PROBE_WAIT_MS,
        }
    }

    /// Hears how a call went that was admitted as `epoch`.
    pub(super) fn told(&mut self, epoch: u64, sign: Sign, now: u64) -> Option<Change> {
        if epoch != self.epoch {
            return None;
        }
        match self.phase {
            Phase::Closed => self.told_closed(sign, now),
            Phase::HalfOpen { good, .. } => self.told_probe(good, sign, now),
            // A call is admitted by a change out of it.
            Phase::Open { .. } => None,
        }
    }

    fn told_closed(&mut self, sign: Sign, now: u64) -> Option<Change> {
        match sign {
            Sign::Neither => return None,
            Sign::Misconfigured => return Some(self.open(BreakerCause::Misconfigured, now)),
            Sign::Good => self.in_row = 0,
            Sign::Bad => self.in_row = self.in_row.saturating_add(1),
        }
        self.window.note(sign == Sign::Bad, now);
        if sign == Sign::Good {
            return None;
        }
        if self.in_row >= self.options.failures {
            return Some(self.open(BreakerCause::Failures, now));
        }
        let (calls, failures) = self.window.counts(now);
        let enough = calls >= self.options.ratio_calls;
        if enough && f64::from(failures) >= self.options.ratio * f64::from(calls) {
            return Some(self.open(BreakerCause::Ratio, now));
        }
        None
    }

    fn told_probe(&mut self, good: u32, sign: Sign, now: u64) -> Option<Change> {
        match sign {
            Sign::Misconfigured => Some(self.open(BreakerCause::Misconfigured, now)),
            Sign::Bad => {
                self.in_row = self.in_row.saturating_add(1);
                Some(self.open(BreakerCause::Probe, now))
            }
            Sign::Good if good + 1 >= self.options.probes => {
                self.in_row = 0;
                self.misconfigured = false;
                self.window.clear();
                Some(self.change(Phase::Closed, None))
            }
            Sign::Good | Sign::Neither => {
                self.phase = Phase::HalfOpen {
                    good: good + u32::from(sign == Sign::Good),
                    probing: false,
                };
                None
            }
        }
    }

    fn open(&mut self, cause: BreakerCause, now: u64) -> Change {
        self.misconfigured = cause == BreakerCause::Misconfigured;
        let open_ms = u64::try_from(self.options.open.as_millis()).unwrap_or(u64::MAX);
        let until = now.saturating_add(open_ms);
        self.change(Phase::Open { until }, Some(cause))
    }

    fn change(&mut self, to: Phase, cause: Option<BreakerCause>) -> Change {
        let from = self.state();
        self.epoch += 1;
        self.phase = to;
        Change {
            from,
            to: self.state(),
            cause,
        }
    }

    /// Nothing would be lost by forgetting it.
    pub(super) fn is_idle(&self, now: u64) -> bool {
        matches!(self.phase, Phase::Closed) && self.window.counts(now).0 == 0 && self.in_row == 0
    }

    /// Failures in a row; good probes; calls and failures in the window.
    pub(super) fn counts(&self, now: u64) -> (u32, u32, (u32, u32)) {
        let good = match self.phase {
            Phase::HalfOpen { good, .. } => good,
            Phase::Closed | Phase::Open { .. } => 0,
        };
        (self.in_row, good, self.window.counts(now))
    }

    pub(super) fn options(&self) -> &BreakerOptions {
        &self.options
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::BreakerState::{Closed, HalfOpen, Open};
    use super::Sign::{Bad, Good, Misconfigured, Neither};
    use super::*;

    /// A machine and the moment.
    struct Walk(Machine, u64);

    impl Walk {
        fn new() -> Self {
            Self(Machine::new(BreakerOptions::new()), 1_000_000)
        }

        fn after(&mut self, ms: u64) -> &mut Self {
            self.1 += ms;
            self
        }

        fn admit(&mut self) -> Option<u64> {
            match self.0.admit(self.1).0 {
                Admission::Call(epoch) => Some(epoch),
                Admission::Refused { .. } => None,
            }
        }

        /// One call that goes like this; the state after it.
        fn call(&mut self, sign: Sign) -> BreakerState {
            let epoch = self.admit().expect("it is let through");
            self.0.told(epoch, sign, self.1);
            self.0.state()
        }

        fn opened() -> Self {
            let mut walk = Self::new();
            for _ in 0..5 {
                walk.call(Bad);
            }
            assert_eq!(walk.0.state(), Open);
            walk
        }
    }

    #[test]
    fn it_opens_after_five_failures_in_a_row_and_not_before() {
        let mut walk = Walk::new();
        for _ in 0..4 {
            assert_eq!(walk.call(Bad), Closed);
        }
        // A good one begins the row anew; one that says nothing does not.
        assert_eq!(walk.call(Good), Closed);
        for sign in [Bad, Bad, Neither, Bad, Bad] {
            assert_eq!(walk.call(sign), Closed);
        }
        assert_eq!(walk.call(Bad), Open);
        assert_eq!(walk.admit(), None);
    }

    #[test]
    fn it_opens_when_half_of_twenty_calls_failed() {
        let mut walk = Walk::new();
        for _ in 0..9 {
            assert_eq!(walk.call(Good), Closed);
            assert_eq!(walk.call(Bad), Closed);
        }
        assert_eq!(walk.call(Good), Closed);
        assert_eq!(walk.call(Bad), Open);
        // The same calls, spread over more than the window, say nothing.
        let mut walk = Walk::new();
        for _ in 0..40 {
            assert_eq!(walk.after(8_000).call(Good), Closed);
            assert_eq!(walk.call(Bad), Closed);
        }
    }

    #[test]
    fn wrong_settings_open_it_at_once() {
        let mut walk = Walk::new();
        let epoch = walk.admit().unwrap();
        let change = walk.0.told(epoch, Misconfigured, walk.1).unwrap();
        assert_eq!(change.cause, Some(BreakerCause::Misconfigured));
        let refused = Admission::Refused {
            wait_ms: 60_000,
            misconfigured: true,
        };
        assert_eq!(walk.0.admit(walk.1).0, refused);
        assert_eq!(walk.after(60_000).call(Good), HalfOpen);
        assert_eq!(walk.call(Good), Closed);
        assert!(walk.admit().is_some());
    }

    #[test]
    fn it_lets_one_probe_through_after_sixty_seconds_and_closes_after_two_good_ones() {
        let mut walk = Walk::opened();
        assert_eq!(walk.after(59_999).admit(), None);
        assert_eq!(walk.0.wait_ms(walk.1), 1);
        walk.after(1);
        let (admission, change) = walk.0.admit(walk.1);
        let change = change.unwrap();
        assert_eq!((change.from, change.to), (Open, HalfOpen));
        // One at a time.
        assert_eq!(walk.admit(), None);
        assert_eq!(walk.0.wait_ms(walk.1), PROBE_WAIT_MS);
        let Admission::Call(epoch) = admission else {
            panic!("the first is the probe");
        };
        assert_eq!(walk.0.told(epoch, Good, walk.1), None);
        assert_eq!(walk.0.state(), HalfOpen);
        // A probe that says nothing is repeated.
        assert_eq!(walk.call(Neither), HalfOpen);
        assert_eq!(walk.call(Good), Closed);
        // The failures before are forgotten.
        for _ in 0..4 {
            assert_eq!(walk.call(Bad), Closed);
        }
    }

    #[test]
    fn a_failed_probe_opens_it_for_as_long_again() {
        let mut walk = Walk::opened();
        assert_eq!(walk.after(60_000).call(Good), HalfOpen);
        assert_eq!(walk.call(Bad), Open);
        assert_eq!(walk.after(59_999).admit(), None);
        assert_eq!(walk.after(1).call(Good), HalfOpen);
        // The good probe before the failed one does not count.
        assert_eq!(walk.call(Good), Closed);
    }

    #[test]
    fn a_call_that_outlived_a_change_says_nothing() {
        let mut walk = Walk::new();
        let late = walk.admit().unwrap();
        for _ in 0..5 {
            walk.call(Bad);
        }
        assert_eq!(walk.0.told(late, Good, walk.1), None);
        assert_eq!(walk.0.state(), Open);
        walk.after(60_000);
        let probe = walk.admit().unwrap();
        // Neither closes it nor frees the probe's place.
        assert_eq!(walk.0.told(late, Bad, walk.1), None);
        assert_eq!(walk.admit(), None);
        walk.0.told(probe, Good, walk.1);
        assert_eq!(walk.call(Good), Closed);
        assert_eq!(walk.0.told(probe, Bad, walk.1), None);
        assert_eq!(walk.0.state(), Closed);
    }

    #[test]
    fn a_flapping_provider_is_probed_once_a_minute_and_no_more() {
        let mut walk = Walk::opened();
        let mut probes = 0;
        for _ in 0..600 {
            if walk.after(1_000).admit().is_some() {
                probes += 1;
                // Good, then bad, for ever.
                let sign = if probes % 2 == 1 { Good } else { Bad };
                walk.0.told(walk.0.epoch, sign, walk.1);
            }
        }
        // In 600 s: a good probe and, a second later, a bad one, every 61 s.
        assert!((18..=20).contains(&probes), "{probes}");
    }

    #[test]
    fn settings_are_kept_within_bounds() {
        let options = BreakerOptions::new()
            .failures(0)
            .probes(0)
            .open(Duration::ZERO)
            .ratio(f64::NAN, 0, Duration::ZERO);
        let mut machine = Machine::new(options);
        machine.told(0, Good, 0);
        machine.told(0, Bad, 0);
        assert_eq!(machine.state(), Open);
        assert_eq!(machine.wait_ms(0), 100);
    }
}

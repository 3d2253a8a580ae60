//! Budgets of starts: sliding windows over a clock in milliseconds. Pure.
//!
//! Exact enough to promise: never more than `count` starts in any window of `per`. A window is kept in slots, so a start is
//! forgotten up to one slot late: the full rate is `count` in 21/20 of `per`, and for a `per` of less than 20 ms in
//! `per` + 1 ms.

use std::time::Duration;

use super::RateLimit;

/// How many slots a window has, unless it is too short for slots of a millisecond.
const SLOTS: u64 = 20;

/// The starts of the last `per`, by slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Length of the window in milliseconds, at least 1.
    period_ms: u64,
    /// Slot number and its starts, oldest first.
    starts: Vec<(u64, u32)>,
}

impl Window {
    /// A window for `limit` without any starts.
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self::of(period_ms(limit))
    }

    const fn of(period_ms: u64) -> Self {
        Self {
            period_ms,
            starts: Vec::new(),
        }
    }

    /// Takes up to `want` starts at `now_ms`. Answers how many were granted, and when none was, how long to wait.
    pub(crate) fn take(
        &mut self,
        limit: RateLimit,
        now_ms: u64,
        want: u32,
    ) -> Result<u32, Duration> {
        self.forget(now_ms);
        let slot = now_ms / self.slot_ms();
        let granted = want.min(limit.count.max(1).saturating_sub(self.taken()));
        if granted == 0 {
            let free_at_ms = self.free_at(limit, 0, now_ms);
            return Err(Duration::from_millis(
                free_at_ms.saturating_sub(now_ms).max(1),
            ));
        }
        match self.starts.last_mut() {
            Some((at, count)) if *at == slot => *count += granted,
            _ => self.starts.push((slot, granted)),
        }
        Ok(granted)
    }

    /// The slot of the newest starts.
    pub(crate) fn newest(&self) -> u64 {
        self.starts.last().map_or(0, |(slot, _)| *slot)
    }

    /// Gives back starts where they were taken. When their slot is forgotten there is nothing to give back.
    pub(crate) fn give_back(&mut self, slot: u64, unused: u32) {
        let granted = self.starts.iter_mut().find(|(at, _)| *at == slot);
        if let Some((_, count)) = granted {
            *count = count.saturating_sub(unused);
        }
    }

    /// When the start after `others` more will be free, if those are made as soon as they may; for a window that was just
    /// found full at `now_ms`.
    pub(crate) fn free_at(&self, limit: RateLimit, others: u64, now_ms: u64) -> u64 {
        let count = u64::from(limit.count.max(1));
        // `count` starts are free a whole length after the `count` before them.
        let (rounds, rest) = (others / count, others % count);
        // It is free when so many of the starts of now are forgotten that it is one of `count` with the others.
        let forgotten = (u64::from(self.taken()) + rest + 1).saturating_sub(count);
        let mut seen = 0;
        let last = self.starts.iter().find(|(_, starts)| {
            seen += u64::from(*starts);
            seen >= forgotten
        });
        let first = match last {
            Some((slot, _)) if forgotten > 0 => self.forgotten_at(*slot),
            _ => now_ms,
        };
        first.saturating_add(rounds.saturating_mul(self.forgotten_at(0)))
    }

    /// The latest moment it knows of, in milliseconds on the clock of whoever wrote it.
    #[cfg(feature = "nats")]
    pub(crate) fn latest_ms(&self) -> u64 {
        (self.starts.last()).map_or(0, |(slot, _)| slot.saturating_mul(self.slot_ms()))
    }

    /// When all of its starts are forgotten.
    pub(crate) fn idle_at(&self) -> u64 {
        self.starts
            .last()
            .map_or(0, |(slot, _)| self.forgotten_at(*slot))
    }

    /// Forgets the starts that are older than the window. Those in the future too: the clock began anew, or was set back.
    fn forget(&mut self, now_ms: u64) {
        let slot = now_ms / self.slot_ms();
        let slots = self.slots();
        self.starts
            .retain(|(at, count)| *at <= slot && slot - at <= slots && *count > 0);
    }

    fn taken(&self) -> u32 {
        self.starts
            .iter()
            .fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    fn slots(&self) -> u64 {
        self.period_ms.min(SLOTS)
    }

    fn slot_ms(&self) -> u64 {
        self.period_ms.div_ceil(self.slots())
    }

    /// When the starts of `slot` are forgotten: a slot late, so that all of them are old enough.
    fn forgotten_at(&self, slot: u64) -> u64 {
        slot.saturating_add(self.slots() + 1)
            .saturating_mul(self.slot_ms())
    }

    /// The starts as bytes; the length is the reader's to know.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.starts.len() * START_BYTES);
        for (slot, count) in &self.starts {
            bytes.extend_from_slice(&slot.to_le_bytes());
            bytes.extend_from_slice(&count.to_le_bytes());
        }
        bytes
    }

    /// The window for `limit` with the starts in `bytes`; without any when they make no sense.
    pub(crate) fn decode(limit: RateLimit, bytes: &[u8]) -> Self {
        let starts = decode_starts(bytes);
        Self {
            starts: starts.unwrap_or_default(),
            ..Self::new(limit)
        }
    }
}

/// The windows of one budget: one for each length that somebody asked for, so that workers with different limits share
/// what they agree on and leave the rest alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Windows(Vec<Window>);

impl Windows {
    /// What is stored; nothing when it makes no sense.
    pub(crate) fn load(stored: Option<&[u8]>) -> Self {
        Self(stored.and_then(Self::decode).unwrap_or_default())
    }

    /// The window for `limit`.
    pub(crate) fn of(&mut self, limit: RateLimit) -> &mut Window {
        let period_ms = period_ms(limit);
        let known = self.0.iter().position(|one| one.period_ms == period_ms);
        let place = known.unwrap_or_else(|| {
            self.0.push(Window::of(period_ms));
            self.0.len() - 1
        });
        &mut self.0[place]
    }

    /// The windows as bytes, without those that hold nothing any more.
    pub(crate) fn encode(&mut self, now_ms: u64) -> Vec<u8> {
        self.0.iter_mut().for_each(|window| window.forget(now_ms));
        self.0.retain(|window| !window.starts.is_empty());
        let mut bytes = Vec::new();
        for window in &self.0 {
            bytes.extend_from_slice(&window.period_ms.to_le_bytes());
            // At most one entry for each slot.
            bytes.push(u8::try_from(window.starts.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(&window.encode());
        }
        bytes
    }

    fn decode(mut bytes: &[u8]) -> Option<Vec<Window>> {
        let mut windows = Vec::new();
        while !bytes.is_empty() {
            let (period_ms, rest) = bytes.split_first_chunk::<8>()?;
            let (starts, rest) = rest.split_first()?;
            let (starts, rest) = rest.split_at_checked(usize::from(*starts) * START_BYTES)?;
            windows.push(Window {
                period_ms: u64::from_le_bytes(*period_ms).max(1),
                starts: decode_starts(starts)?,
            });
            bytes = rest;
        }
        Some(windows)
    }
}

/// A slot's number and how many starts it has.
const START_BYTES: usize = 12;

fn decode_starts(bytes: &[u8]) -> Option<Vec<(u64, u32)>> {
    bytes
        .chunks(START_BYTES)
        .map(|entry| {
            let (slot, count) = entry.split_first_chunk::<8>()?;
            Some((
                u64::from_le_bytes(*slot),
                u32::from_le_bytes(count.try_into().ok()?),
            ))
        })
        .collect()
}

/// The length of the limit's window in milliseconds.
pub(crate) fn period_ms(limit: RateLimit) -> u64 {
    u64::try_from(limit.per.as_millis())
        .unwrap_or(u64::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_given_back_where_they_were_taken() {
        let limit = RateLimit {
            count: 10,
            per: Duration::from_secs(1),
        };
        let mut window = Window::new(limit);
        assert_eq!(window.take(limit, 0, 6), Ok(6));
        let slot = window.newest();
        assert_eq!(window.take(limit, 500, 4), Ok(4));
        window.give_back(slot, 6);
        assert_eq!(window.take(limit, 500, 10), Ok(6));
        // Those of the first slot are forgotten by now; the others are somebody's.
        assert!(window.take(limit, 1_200, 10).is_err());
        window.give_back(slot, 6);
        assert!(window.take(limit, 1_200, 10).is_err());
    }

    const TEN_A_SECOND: RateLimit = RateLimit {
        count: 10,
        per: Duration::from_secs(1),
    };

    fn limit(count: u32, ms: u64) -> RateLimit {
        RateLimit {
            count,
            per: Duration::from_millis(ms),
        }
    }

    /// The starts of one who asks every `step` ms for 20 s.
    fn starts(limit: RateLimit, step: u64) -> Vec<u64> {
        let mut window = Window::new(limit);
        let mut starts = Vec::new();
        let mut now = 5_000;
        while now < 25_000 {
            if let Ok(granted) = window.take(limit, now, 3) {
                starts.extend(std::iter::repeat_n(now, granted as usize));
            }
            now += step;
        }
        starts
    }

    #[test]
    fn no_window_holds_more_than_the_limit() {
        for (limit, step, least) in [
            (TEN_A_SECOND, 7, 180),
            // Of short windows too, and they are not much longer than they say.
            (limit(1, 1), 1, 9_900),
            (limit(2, 5), 1, 6_600),
            (limit(3, 19), 1, 2_900),
            (limit(1, 20), 1, 900),
            (limit(4, 333), 7, 210),
        ] {
            let starts = starts(limit, step);
            let per = period_ms(limit);
            for (index, &start) in starts.iter().enumerate() {
                let within = starts[index..].iter().take_while(|&&at| at < start + per);
                let within = within.count();
                let count = limit.count as usize;
                assert!(within <= count, "{within} in {per} ms from {start}");
            }
            assert!(starts.len() >= least, "{limit:?}: {}", starts.len());
        }
    }

    #[test]
    fn a_refusal_says_when_to_come_back() {
        let mut window = Window::new(TEN_A_SECOND);
        assert_eq!(window.take(TEN_A_SECOND, 5_000, 50), Ok(10));
        let wait = window.take(TEN_A_SECOND, 5_010, 1).unwrap_err();
        let again = 5_010 + u64::try_from(wait.as_millis()).unwrap();
        assert!(window.take(TEN_A_SECOND, again - 1, 1).is_err());
        assert_eq!(window.take(TEN_A_SECOND, again, 1), Ok(1));
    }

    #[test]
    fn those_who_come_back_when_they_were_told_find_room() {
        for (limit, before) in [
            (limit(3, 1_000), vec![5_000, 5_300, 5_300]),
            (limit(1, 60_000), vec![5_000]),
            (
                limit(4, 86_400_000),
                vec![5_000, 6_000, 7_000_000, 8_000_000],
            ),
        ] {
            let mut window = Window::new(limit);
            let now = *before.last().unwrap();
            for at in before {
                assert_eq!(window.take(limit, at, 1), Ok(1));
            }
            assert!(window.take(limit, now, 1).is_err());
            let told: Vec<u64> = (0..10).map(|n| window.free_at(limit, n, now)).collect();
            assert!(told.is_sorted(), "{told:?}");
            let mut before = now;
            for at in told {
                if at > before {
                    let early = window.clone().take(limit, at - 1, 1);
                    assert!(early.is_err(), "{at} is too late");
                }
                assert_eq!(window.take(limit, at, 1), Ok(1), "{at} is too soon");
                before = at;
            }
        }
    }

    #[test]
    fn a_lowered_limit_waits_until_enough_is_forgotten() {
        let two = limit(2, 1_000);
        let mut window = Window::new(TEN_A_SECOND);
        for at in 0..10 {
            assert_eq!(window.take(TEN_A_SECOND, 5_000 + at * 50, 1), Ok(1));
        }
        let wait = window.take(two, 5_500, 1).unwrap_err();
        let again = 5_500 + u64::try_from(wait.as_millis()).unwrap();
        assert!(window.take(two, again - 1, 1).is_err());
        assert_eq!(window.take(two, again, 1), Ok(1));
    }

    #[test]
    fn it_survives_the_store_a_reboot_and_nonsense() {
        let mut windows = Windows::default();
        windows
            .of(TEN_A_SECOND)
            .take(TEN_A_SECOND, 50_000, 10)
            .unwrap();
        let stored = windows.encode(50_000);
        let mut same = Windows::load(Some(&stored));
        assert_eq!(same, windows);
        assert!(same.of(TEN_A_SECOND).take(TEN_A_SECOND, 50_001, 1).is_err());
        let mut rebooted = Windows::load(Some(&stored));
        assert_eq!(rebooted.of(TEN_A_SECOND).take(TEN_A_SECOND, 3, 1), Ok(1));
        for nonsense in [b"nonsense...".as_slice(), b"", &stored[1..]] {
            assert_eq!(Windows::load(Some(nonsense)).0, []);
        }
        let mut alone = windows.of(TEN_A_SECOND).clone();
        assert_eq!(Window::decode(TEN_A_SECOND, &alone.encode()), alone);
        assert!(alone.take(TEN_A_SECOND, alone.idle_at() - 1, 10).is_err());
        assert_eq!(alone.take(TEN_A_SECOND, alone.idle_at(), 10), Ok(10));
        let no_starts = Window::decode(TEN_A_SECOND, b"nonsense");
        assert_eq!(no_starts, Window::new(TEN_A_SECOND));
    }

    #[test]
    fn limits_of_different_lengths_leave_each_other_alone() {
        let a_minute = limit(10, 60_000);
        let mut windows = Windows::default();
        for round in 0..2 {
            // Stored in between, as every lease does.
            let now = 50_000 + round;
            let (brief, long) = (
                windows.of(TEN_A_SECOND).take(TEN_A_SECOND, now, 5),
                windows.of(a_minute).take(a_minute, now, 5),
            );
            assert_eq!((brief, long), (Ok(5), Ok(5)));
            windows = Windows::load(Some(&windows.encode(now)));
        }
        assert!(
            windows
                .of(TEN_A_SECOND)
                .take(TEN_A_SECOND, 50_002, 1)
                .is_err()
        );
        assert!(windows.of(a_minute).take(a_minute, 50_002, 1).is_err());
        assert_eq!(
            windows.of(TEN_A_SECOND).take(TEN_A_SECOND, 51_100, 1),
            Ok(1)
        );
        assert!(windows.of(a_minute).take(a_minute, 51_100, 1).is_err());
        // What is over is not kept.
        assert!(windows.encode(500_000).is_empty());
    }

    #[test]
    fn unused_starts_are_given_back() {
        let mut window = Window::new(TEN_A_SECOND);
        window.take(TEN_A_SECOND, 5_000, 10).unwrap();
        window.give_back(window.newest(), 4);
        assert_eq!(window.take(TEN_A_SECOND, 5_001, 10), Ok(4));
    }
}

//! The budget that all workers of a queue share: a sliding window over a clock that they share. Pure.
//!
//! Exact enough to promise: never more than `count` starts in any window of `per`. The window is kept in slots, so a start
//! is forgotten up to one slot late; the full rate is `count` in 21/20 of `per`.

use std::time::Duration;

use super::RateLimit;

const SLOTS: u64 = 20;

/// The starts of the last `per`, by slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Length of a slot in milliseconds, at least 1.
    slot_ms: u64,
    /// Slot number and its starts, oldest first.
    starts: Vec<(u64, u32)>,
}

impl Window {
    /// The window for `limit`; what `stored` knows of it is kept when it was made for the same length.
    pub(crate) fn load(limit: RateLimit, stored: Option<&[u8]>) -> Self {
        let slot_ms = u64::try_from(limit.per.as_millis())
            .unwrap_or(u64::MAX)
            .div_ceil(SLOTS)
            .max(1);
        let fresh = Self {
            slot_ms,
            starts: Vec::new(),
        };
        stored
            .and_then(Self::decode)
            .filter(|stored| stored.slot_ms == slot_ms)
            .unwrap_or(fresh)
    }

    /// Takes up to `want` starts at `now_ms`. Answers how many were granted, and when none was, how long to wait.
    pub(crate) fn take(
        &mut self,
        limit: RateLimit,
        now_ms: u64,
        want: u32,
    ) -> Result<u32, Duration> {
        let slot = now_ms / self.slot_ms;
        // Slots of the future are left from before a reboot: the clock began anew.
        self.starts
            .retain(|(at, _)| *at <= slot && slot - at <= SLOTS);
        let taken: u32 = self.starts.iter().map(|(_, count)| count).sum();
        let granted = want.min(limit.count.max(1).saturating_sub(taken));
        if granted == 0 {
            let oldest = self.starts.first().map_or(slot, |(at, _)| *at);
            let free_at_ms = (oldest + SLOTS + 1) * self.slot_ms;
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

    /// The latest moment it knows of, in milliseconds on the clock of whoever wrote it.
    #[cfg(feature = "nats")]
    pub(crate) fn latest_ms(&self) -> u64 {
        (self.starts.last()).map_or(0, |(slot, _)| slot.saturating_mul(self.slot_ms))
    }

    /// Gives back starts that were granted just now and not used.
    pub(crate) fn give_back(&mut self, unused: u32) {
        if let Some((_, count)) = self.starts.last_mut() {
            *count = count.saturating_sub(unused);
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.slot_ms.to_le_bytes().to_vec();
        for (slot, count) in &self.starts {
            bytes.extend_from_slice(&slot.to_le_bytes());
            bytes.extend_from_slice(&count.to_le_bytes());
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (slot_ms, rest) = bytes.split_first_chunk::<8>()?;
        let starts = rest
            .chunks_exact(12)
            .map(|entry| {
                let (slot, count) = entry.split_first_chunk::<8>()?;
                Some((
                    u64::from_le_bytes(*slot),
                    u32::from_le_bytes(count.try_into().ok()?),
                ))
            })
            .collect::<Option<_>>()?;
        Some(Self {
            slot_ms: u64::from_le_bytes(*slot_ms),
            starts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN_A_SECOND: RateLimit = RateLimit {
        count: 10,
        per: Duration::from_secs(1),
    };

    #[test]
    fn no_window_holds_more_than_the_limit() {
        let mut window = Window::load(TEN_A_SECOND, None);
        let mut starts: Vec<u64> = Vec::new();
        let mut now = 5_000;
        while now < 25_000 {
            if let Ok(granted) = window.take(TEN_A_SECOND, now, 3) {
                starts.extend(std::iter::repeat_n(now, granted as usize));
            }
            now += 7;
        }
        for (index, &start) in starts.iter().enumerate() {
            let within = starts[index..]
                .iter()
                .take_while(|&&at| at < start + 1000)
                .count();
            assert!(within <= 10, "{within} starts in the second from {start}");
        }
        assert!(starts.len() >= 180, "only {} starts in 20 s", starts.len());
    }

    #[test]
    fn a_refusal_says_when_to_come_back() {
        let mut window = Window::load(TEN_A_SECOND, None);
        assert_eq!(window.take(TEN_A_SECOND, 5_000, 50), Ok(10));
        let wait = window.take(TEN_A_SECOND, 5_010, 1).unwrap_err();
        let again = 5_010 + u64::try_from(wait.as_millis()).unwrap();
        assert!(window.take(TEN_A_SECOND, again - 1, 1).is_err());
        assert_eq!(window.take(TEN_A_SECOND, again, 1), Ok(1));
    }

    #[test]
    fn it_survives_the_store_a_reboot_and_a_changed_limit() {
        let mut window = Window::load(TEN_A_SECOND, None);
        window.take(TEN_A_SECOND, 50_000, 10).unwrap();
        let mut same = Window::load(TEN_A_SECOND, Some(&window.encode()));
        assert_eq!(same, window);
        assert!(same.take(TEN_A_SECOND, 50_001, 1).is_err());
        let mut rebooted = Window::load(TEN_A_SECOND, Some(&window.encode()));
        assert_eq!(rebooted.take(TEN_A_SECOND, 3, 1), Ok(1));
        let a_minute = RateLimit {
            count: 10,
            per: Duration::from_secs(60),
        };
        assert!(
            Window::load(a_minute, Some(&window.encode()))
                .starts
                .is_empty()
        );
        assert!(
            Window::load(TEN_A_SECOND, Some(b"nonsense..."))
                .starts
                .is_empty()
        );
    }

    #[test]
    fn unused_starts_are_given_back() {
        let mut window = Window::load(TEN_A_SECOND, None);
        window.take(TEN_A_SECOND, 5_000, 10).unwrap();
        window.give_back(4);
        assert_eq!(window.take(TEN_A_SECOND, 5_001, 10), Ok(4));
    }
}

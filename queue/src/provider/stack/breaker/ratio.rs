//! [`RatioWindow`]: how many of the last calls failed. Pure.

use std::time::Duration;

/// How finely the window forgets.
const SLOTS: u64 = 10;

/// Calls and failures of the last while, in slots; a slot is forgotten whole.
#[derive(Debug)]
pub(super) struct RatioWindow {
    slot_ms: u64,
    /// The slot's number, its calls and its failures; at its number modulo [`SLOTS`].
    slots: [(u64, u32, u32); SLOTS as usize],
}

impl RatioWindow {
    pub(super) fn new(length: Duration) -> Self {
        let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        Self {
            slot_ms: length.div_ceil(SLOTS).max(1),
            slots: Default::default(),
        }
    }

    pub(super) fn note(&mut self, failed: bool, now_ms: u64) {
        let number = now_ms / self.slot_ms;
        // The remainder fits: it is below ten.
        let slot = &mut self.slots[(number % SLOTS) as usize];
        if slot.0 != number {
            *slot = (number, 0, 0);
        }
        slot.1 = slot.1.saturating_add(1);
        slot.2 = slot.2.saturating_add(u32::from(failed));
    }

    /// Calls and failures.
    pub(super) fn counts(&self, now_ms: u64) -> (u32, u32) {
        let number = now_ms / self.slot_ms;
        self.slots
            .iter()
            .filter(|(at, ..)| *at <= number && number - *at < SLOTS)
            .fold((0, 0), |(calls, failures), slot| {
                (
                    calls.saturating_add(slot.1),
                    failures.saturating_add(slot.2),
                )
            })
    }

    pub(super) fn clear(&mut self) {
        self.slots = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_window_is_forgotten_slot_by_slot() {
        let mut window = RatioWindow::new(Duration::from_secs(60));
        window.note(true, 1_000_000);
        window.note(false, 1_000_000);
        window.note(true, 1_030_000);
        assert_eq!(window.counts(1_030_000), (3, 2));
        assert_eq!(window.counts(1_062_000), (1, 1));
        assert_eq!(window.counts(2_000_000), (0, 0));
        // A slot of long ago is not added to.
        window.note(false, 2_000_000);
        assert_eq!(window.counts(2_000_000), (1, 0));
        window.clear();
        assert_eq!(window.counts(2_000_000), (0, 0));
    }
}

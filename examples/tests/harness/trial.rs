//! [`Trial`]: a gateway, a store's owner that is started again and again, and the ledger of what it said.

use std::path::Path;
use std::time::Duration;

use queue::testing::gateway::Gateway;
use tokio::runtime::Runtime;

use crate::ledger::Ledger;
use crate::process::Target;

pub(crate) struct Trial {
    pub(crate) gateway: Gateway,
    pub(crate) ledger: Ledger,
    flags: Vec<String>,
    concurrency: u64,
    // The gateway answers on it.
    _runtime: Runtime,
}

impl Trial {
    /// With a gateway that takes `least_ms`, and up to four times as much more, and targets of this concurrency and unknown policy.
    pub(crate) fn new(least_ms: u64, concurrency: u64, unknown: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let latency = Duration::from_millis(least_ms);
        let gateway = Gateway::builder().latency(latency, 4 * latency).start();
        let concurrency_flag = concurrency.to_string();
        let flags = ["--concurrency", &concurrency_flag, "--unknown", unknown];
        Self {
            gateway: runtime.block_on(gateway).unwrap(),
            ledger: Ledger::default(),
            flags: flags.map(str::to_owned).to_vec(),
            concurrency,
            _runtime: runtime,
        }
    }

    pub(crate) fn start(&self, folder: &Path) -> Target {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        Target::start(folder, &self.gateway.url(), &flags)
    }

    /// Hears what a target said until it ended, however it was ended.
    pub(crate) fn ended(&mut self, lines: Vec<String>) {
        lines.iter().for_each(|line| self.ledger.hear(line));
        self.ledger.kills += 1;
    }

    /// Starts it once more, lets it finish everything, and compares: in each of the ends before, as much may have been sent
    /// twice as was in flight, or nothing at all.
    pub(crate) fn finish(&mut self, folder: &Path, twice: Twice) {
        let ends = self.ledger.kills;
        let mut target = self.start(folder);
        for line in target.wait_until_idle() {
            self.ledger.hear(&line);
        }
        let states = target.dump();
        target.stop();
        let acknowledged = self.ledger.acknowledged();
        assert!(acknowledged as u64 > ends, "the loop did something");
        let extras_max = match twice {
            Twice::WhatWasInFlight => ends * self.concurrency,
            Twice::Nothing => 0,
        };
        self.ledger.check(&self.gateway.rows(), &states, extras_max);
    }
}

/// What may be sent twice.
#[derive(Clone, Copy)]
pub(crate) enum Twice {
    Nothing,
    WhatWasInFlight,
}

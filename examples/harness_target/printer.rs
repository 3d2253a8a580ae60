//! Standard output: one line at a time, flushed, in the order in which it was said.

use std::io::Write;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

/// Prints lines on a thread of its own, so that a slow reader never holds up the queue.
#[derive(Clone)]
pub(crate) struct Printer(Sender<String>);

impl Printer {
    pub(crate) fn start() -> (Self, JoinHandle<()>) {
        let (lines, inbox) = channel::<String>();
        let thread = std::thread::spawn(move || {
            let mut out = std::io::stdout().lock();
            for line in inbox {
                if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
                    // Nobody reads any more.
                    return;
                }
            }
        });
        (Self(lines), thread)
    }

    pub(crate) fn say(&self, line: String) {
        let _ = self.0.send(line);
    }
}

//! [`Stop`]: when the process was asked to end. Signals belong to the program; the library never touches them.

use std::io;
use std::time::Duration;

use tokio::sync::watch;

/// Exit code after a second signal: 128 and the number of SIGINT, as shells count.
const EXIT_AT_ONCE: i32 = 130;

/// Whether the process was asked to end; for any number of listeners.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens to SIGTERM and SIGINT (Ctrl-C) from now on. The first asks to stop; the second ends the process at once,
    /// which loses nothing either: what was being sent then is found again by the next start.
    pub(crate) fn on_signals() -> io::Result<Self> {
        let (tell, told) = watch::channel(false);
        let mut signals = Signals::listen()?;
        tokio::spawn(async move {
            signals.next().await;
            tracing::info!("stopping: finishing what is under way; a second signal ends at once");
            tell.send_replace(true);
            signals.next().await;
            std::process::exit(EXIT_AT_ONCE);
        });
        Ok(Self(told))
    }

    /// Resolves when the process is asked to end.
    pub(crate) async fn asked(mut self) {
        // The teller lives until the process ends.
        let _ = self.0.wait_for(|asked| *asked).await;
    }

    /// Resolves this long after the process was asked to end.
    pub(crate) async fn asked_and(self, then: Duration) {
        self.asked().await;
        tokio::time::sleep(then).await;
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

//! Makes system calls of a running process fail, with `strace`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A process under `strace`, until this is dropped.
pub(crate) struct Tracer(Child);

impl Tracer {
    /// Makes calls of process `id` fail as `injection` says, such as `fdatasync:error=EIO:when=2`. Answers `None`, and says
    /// so, where there is no `strace` or it may not trace.
    pub(crate) fn attach(id: u32, injection: &str) -> Option<Self> {
        let (call, _) = injection.split_once(':').unwrap();
        let started = Command::new("strace")
            .args(["-f", "-o", "/dev/null", "-p", &id.to_string()])
            .args(["-e", &format!("trace={call}")])
            .args(["-e", &format!("inject={injection}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = started else {
            println!("SKIPPED: there is no strace");
            return None;
        };
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let attached = said
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains("attached"));
        if !attached {
            println!("SKIPPED: strace may not trace other processes here");
            let _ = child.wait();
            return None;
        }
        // It says more when threads come and go; nobody may stop reading.
        std::thread::spawn(move || said.for_each(drop));
        Some(Self(child))
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // On SIGINT it lets the process go on unharmed.
        let _ = Command::new("kill")
            .args(["-INT", &self.0.id().to_string()])
            .status();
        let _ = self.0.wait();
    }
}

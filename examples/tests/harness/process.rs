//! The harness target as a child process.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long any answer may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Target {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// From the start of the process to its `ready`.
    pub(crate) opened_in: Duration,
}

impl Target {
    pub(crate) fn start(folder: &Path, gateway: &str, flags: &[&str]) -> Self {
        Self::start_at(&format!("file:{}", folder.display()), gateway, flags)
    }

    /// Over the store at `url`.
    pub(crate) fn start_at(url: &str, gateway: &str, flags: &[&str]) -> Self {
        let started = Instant::now();
        let mut child = Command::new(binary())
            .arg("--url")
            .arg(url)
            // So that the jobs of a killed worker come back while the test runs.
            .env("QUEUE_NATS_ACK_WAIT_MS", "3000")
            .args(["--gateway", gateway, "--send-timeout-ms", "5000"])
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines() {
                // A line cut off by a kill says nothing.
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        let mut target = Self {
            child,
            input,
            lines,
            opened_in: Duration::ZERO,
        };
        let first = target.lines.recv_timeout(PATIENCE).unwrap();
        assert_eq!(first, "ready");
        target.opened_in = started.elapsed();
        target
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Says `command` and waits for its answer.
    pub(crate) fn ask(&mut self, command: &str) -> String {
        self.say(command);
        loop {
            let line = self
                .line(PATIENCE)
                .unwrap_or_else(|| panic!("no answer came to `{command}`"));
            if !line.starts_with("event ") {
                return line;
            }
        }
    }

    pub(crate) fn say(&mut self, command: &str) {
        // The process may have been killed; then nobody listens.
        let _ = writeln!(self.input.as_mut().unwrap(), "{command}");
    }

    /// The next line, if one comes within `patience`.
    pub(crate) fn line(&self, patience: Duration) -> Option<String> {
        self.lines.recv_timeout(patience).ok()
    }

    /// All lines up to one that starts with `last`.
    pub(crate) fn lines_until(&self, last: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self
                .line(PATIENCE)
                .unwrap_or_else(|| panic!("no `{last}` came"));
            let done = line.starts_with(last);
            lines.push(line);
            if done {
                return lines;
            }
        }
    }

    /// `SIGKILL`; then all lines that were still on their way.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.lines.iter().collect()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// `SIGSTOP`, and waits until no thread runs any more.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
        let tasks = format!("/proc/{}/task", self.child.id());
        let is_stopped = |task: std::io::Result<std::fs::DirEntry>| {
            let stat = task.and_then(|task| std::fs::read_to_string(task.path().join("stat")));
            // A thread that ended in between is stopped too.
            stat.map_or(true, |stat| {
                stat.rsplit(')')
                    .next()
                    .is_some_and(|rest| rest.trim_start().starts_with('T'))
            })
        };
        let start = Instant::now();
        while !std::fs::read_dir(&tasks).unwrap().all(is_stopped) {
            assert!(start.elapsed() < PATIENCE, "the process does not stop");
            std::thread::yield_now();
        }
    }

    /// Waits until nothing is left to do; answers what was said in between.
    pub(crate) fn wait_until_idle(&mut self) -> Vec<String> {
        self.wait_until_idle_for(PATIENCE)
    }

    /// Waits until nothing is left to do, at most so long.
    pub(crate) fn wait_until_idle_for(&mut self, patience: Duration) -> Vec<String> {
        let start = Instant::now();
        let mut said = Vec::new();
        while start.elapsed() < patience {
            self.say("stats");
            let lines = self.lines_until("stats ");
            let stats: serde_json::Value =
                serde_json::from_str(&lines.last().unwrap()["stats ".len()..]).unwrap();
            said.extend(lines);
            let left: u64 = ["scheduled", "ready", "running", "retrying", "snoozed"]
                .iter()
                .map(|state| stats[state].as_u64().unwrap())
                .sum();
            if left == 0 {
                return said;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the backlog does not drain");
    }

    /// Every job's id and state.
    pub(crate) fn dump(&mut self) -> Vec<(String, String)> {
        self.say("dump");
        let lines = self.lines_until("dumped");
        let jobs = lines.iter().filter_map(|line| line.strip_prefix("job "));
        jobs.map(|job| {
            job.split_once(' ')
                .map(|(id, state)| (id.to_owned(), state.to_owned()))
                .unwrap()
        })
        .collect()
    }

    /// A graceful stop by `SIGTERM`.
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.signal("TERM");
        let lines = self.lines_until("stopped");
        assert!(self.child.wait().unwrap().success());
        lines
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The example beside this test: `target/<profile>/examples/harness_target`.
fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let binary = test
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/harness_target");
    assert!(
        binary.exists(),
        "build it first: cargo build -p queue-examples --example harness_target"
    );
    binary
}

//! Measures and prints: jobs per second, CPU per job, and the ratio to a ceiling measured in the same run.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// What one round of a measurement took.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// How many jobs passed.
    pub jobs: u64,
    /// In which wall time.
    pub wall: Duration,
    /// For how much CPU time of this process.
    pub cpu: Duration,
    /// And of the server, when there is one that is [watched](watch_server).
    pub server_cpu: Option<Duration>,
}

impl Round {
    /// Jobs per second.
    pub fn rate(&self) -> f64 {
        self.jobs as f64 / self.wall.as_secs_f64()
    }

    /// Microseconds of `cpu` for each job.
    fn micros(&self, cpu: Duration) -> f64 {
        cpu.as_secs_f64() * 1e6 / self.jobs as f64
    }
}

/// The process of the server beside which this one measures; 0 for none.
static SERVER: AtomicU32 = AtomicU32::new(0);

/// Shows the CPU time of a server's process beside one's own from now on.
pub fn watch_server(pid: u32) {
    SERVER.store(pid, Ordering::Relaxed);
}

/// Measures `work`, which says how many jobs it passed.
pub async fn round<F: Future<Output = u64>>(work: F) -> Round {
    let (cpu, server, start) = (cpu_time(), server_cpu_time(), Instant::now());
    let jobs = work.await;
    Round {
        jobs,
        wall: start.elapsed(),
        cpu: cpu_time().saturating_sub(cpu),
        server_cpu: server_cpu_time().map(|now| now.saturating_sub(server.unwrap_or_default())),
    }
}

/// CPU time of this process so far: all threads, user and system.
pub fn cpu_time() -> Duration {
    cpu_time_of("self")
}

fn server_cpu_time() -> Option<Duration> {
    let pid = SERVER.load(Ordering::Relaxed);
    (pid > 0).then(|| cpu_time_of(&pid.to_string()))
}

fn cpu_time_of(process: &str) -> Duration {
    // Fields 14 and 15 of /proc/PID/stat, in ticks of 10 ms; zero where there is no such file.
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let ticks = |index: usize| {
        fields
            .get(index)
            .and_then(|field| field.parse::<u64>().ok())
            .unwrap_or(0)
    };
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// The round in the middle, by rate.
fn median(rounds: &[Round]) -> Round {
    let mut rounds = rounds.to_vec();
    rounds.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
    rounds[rounds.len() / 2]
}

/// The middle of the ratios of rounds that were measured one after the other. A machine whose speed changes from minute to
/// minute changes both of a pair.
fn ratio(rounds: &[Round], ceilings: &[Round]) -> f64 {
    let mut ratios: Vec<f64> = (rounds.iter().zip(ceilings.iter().cycle()))
        .map(|(round, ceiling)| round.rate() / ceiling.rate())
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

/// Prints the middle of some rounds, with its ratio to a ceiling measured in turn with them when there is one.
///
/// # Panics
/// Without rounds there is nothing to print.
#[expect(clippy::print_stdout, reason = "a benchmark's report")]
pub fn line(what: &str, rounds: &[Round], ceiling: Option<&[Round]>) {
    let ratio = ceiling
        .map(|ceiling| format!("{:>6.2} × ceiling", ratio(rounds, ceiling)))
        .unwrap_or_default();
    let round = median(rounds);
    let server = (round.server_cpu)
        .map(|cpu| format!(" + {:>5.1} of the server", round.micros(cpu)))
        .unwrap_or_default();
    println!(
        "{what:<60} {:>10.0} jobs/s {:>7.1} µs CPU/job{server}  {ratio}",
        round.rate(),
        round.micros(round.cpu)
    );
}

/// Prints a heading.
#[expect(clippy::print_stdout, reason = "a benchmark's report")]
pub fn heading(text: &str) {
    println!("\n{text}");
}

/// Prints the distribution of times.
///
/// # Panics
/// Without samples there is none.
#[expect(clippy::print_stdout, reason = "a benchmark's report")]
pub fn percentiles(what: &str, mut samples: Vec<Duration>) {
    samples.sort_unstable();
    let at = |share: f64| {
        let last = samples.len() - 1;
        samples[(last as f64 * share).round() as usize].as_secs_f64() * 1e3
    };
    println!(
        "{what:<60} p50 {:>8.2} ms   p95 {:>8.2}   p99 {:>8.2}   max {:>8.2}",
        at(0.5),
        at(0.95),
        at(0.99),
        at(1.0)
    );
}

//! Kills a worker behind a spend guard just after a message was counted, just after its receipt was recorded, and at any other
//! moment: never is more sent than the cap allows, nothing is counted twice, and no receipt is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use queue::testing::gateway::Gateway;
use queue::testing::nats_server::NatsServer;

use crate::process::Target;

const CONCURRENCY: usize = 8;
/// Jobs for each process.
const BULK: usize = 14;

#[test]
fn a_cap_holds_and_receipts_stay_over_kills() {
    let folder = tempfile::tempdir().unwrap();
    run(
        &format!("file:{}", folder.path().display()),
        "stop",
        30,
        200,
    );
}

#[test]
fn a_cap_holds_over_kills_when_attempts_are_repeated() {
    let folder = tempfile::tempdir().unwrap();
    run(
        &format!("file:{}", folder.path().display()),
        "retry",
        30,
        200,
    );
}

#[test]
fn a_cap_holds_over_kills_on_nats() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(NatsServer::start()).unwrap();
    run(&server.url(), "stop", 18, 120);
}

/// What the processes said.
#[derive(Default)]
struct Books {
    /// The jobs by their keys.
    jobs: BTreeMap<String, String>,
    /// Attempts that were counted.
    counted: BTreeSet<(String, String)>,
    /// Jobs whose receipt is on record.
    recorded: BTreeSet<String>,
    /// How many messages of each job are known.
    deliveries: BTreeMap<String, usize>,
    /// Used of the cap, and left.
    caps: (usize, usize),
}

impl Books {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["ack" | "dup", id, job] => {
                self.jobs.insert((*id).to_owned(), (*job).to_owned());
            }
            ["counted", job, attempt] => {
                let attempt = ((*job).to_owned(), (*attempt).to_owned());
                self.counted.insert(attempt);
            }
            ["recorded", job, _] => {
                self.recorded.insert((*job).to_owned());
            }
            ["delivery", job, messages] => {
                let messages = messages.parse().unwrap();
                self.deliveries.insert((*job).to_owned(), messages);
            }
            ["caps", used, left] => self.caps = (used.parse().unwrap(), left.parse().unwrap()),
            ["nack", ..] => panic!("{line}"),
            _ => {}
        }
    }

    /// Listens until `target` says something that begins so, for a moment.
    fn listen(&mut self, target: &Target, beginning: &str) {
        let until = Instant::now() + Duration::from_millis(400);
        while Instant::now() < until {
            let Some(line) = target.line(Duration::from_millis(50)) else {
                continue;
            };
            self.hear(&line);
            if line.starts_with(beginning) {
                return;
            }
        }
    }
}

/// `cap` is less than what is asked for, so that it is reached while processes die.
fn run(url: &str, unknown: &str, kills: usize, cap: usize) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let latency = Gateway::builder().latency(Duration::from_millis(2), Duration::from_millis(8));
    let gateway = runtime.block_on(latency.start()).unwrap();
    let (concurrency, most) = (CONCURRENCY.to_string(), cap.to_string());
    let flags = ["--concurrency", &concurrency, "--unknown", unknown];
    let more = ["--cap", &most, "--pause-ms", "10", "--lease-ms", "3000"];
    let flags = [flags.as_slice(), &more].concat();
    let start = || Target::start_at(url, &gateway.url(), &flags);
    let mut random = fastrand::Rng::with_seed(23);
    let mut books = Books::default();
    for kill in 0..kills {
        let mut target = start();
        target.say(&format!("bulk {BULK} k{kill}-"));
        match kill % 3 {
            0 => books.listen(&target, "counted "),
            1 => books.listen(&target, "recorded "),
            _ => std::thread::sleep(Duration::from_millis(random.u64(0..80))),
        }
        for line in target.kill() {
            books.hear(&line);
        }
    }

    let mut target = start();
    target.say(&format!("bulk {BULK} last-"));
    let mut lines = target.lines_until(&format!("ack last-{} ", BULK - 1));
    lines.extend(target.wait_until_idle_for(Duration::from_secs(120)));
    for (command, last) in [("caps", "caps "), ("deliveries", "told")] {
        target.say(command);
        lines.extend(target.lines_until(last));
    }
    lines.iter().for_each(|line| books.hear(line));
    let states: BTreeMap<String, String> = target.dump().into_iter().collect();
    target.stop();
    check(&books, &states, &gateway, unknown, kills, cap);
}

fn check(
    books: &Books,
    states: &BTreeMap<String, String>,
    gateway: &Gateway,
    unknown: &str,
    kills: usize,
    cap: usize,
) {
    let in_state = |state: &str| states.values().filter(|found| *found == state).count();
    let (completed, unknowns, dead) =
        (in_state("completed"), in_state("unknown"), in_state("dead"));
    let accepted = gateway.accepted_count();
    let (used, left) = books.caps;
    println!(
        "{kills} kills, {} jobs: {completed} completed, {unknowns} unknown, {dead} dead; {accepted} sent, {used} of {cap} counted, \
         {} counts heard of, {} receipts known",
        states.len(),
        books.counted.len(),
        books.deliveries.len(),
    );
    assert!(accepted <= used, "everything that was sent is counted");
    assert!(used <= cap, "and never more than the cap");
    assert_eq!(left, cap - used);
    assert_eq!(
        used, cap,
        "the cap was reached, and what was refused took no room"
    );
    assert!(dead > 0, "the rest was refused");
    assert!(books.counted.len() <= used, "each attempt counts once");

    // Whose receipt was recorded before the process died is known of, settled or not; so is what was completed.
    for job in &books.recorded {
        assert!(
            books.deliveries.contains_key(job),
            "the receipt of {job} is lost"
        );
    }
    for (id, _) in states.iter().filter(|(_, state)| *state == "completed") {
        if let Some(job) = books.jobs.get(id) {
            assert!(
                books.deliveries.contains_key(job),
                "{id} is completed without a receipt"
            );
        }
    }
    let known: usize = books.deliveries.values().sum();
    assert!(known <= accepted, "no receipt of what was not sent");
    assert!(
        accepted - known <= kills * CONCURRENCY,
        "receipts that nobody heard: at most those in flight at the kills"
    );
    if unknown == "stop" {
        // One attempt for each job, so what is counted is what was, or may have been, sent.
        assert_eq!(books.deliveries.values().max(), Some(&1));
        assert!(
            (completed..=completed + unknowns).contains(&used),
            "each of them is counted once"
        );
        let unsettled = (books.recorded.iter())
            .filter(|job| {
                let id = books.jobs.iter().find(|(_, known)| known == job);
                id.is_some_and(|(id, _)| states.get(id).is_some_and(|state| state == "unknown"))
            })
            .count();
        assert!(
            unsettled > 0,
            "some died between the receipt and the settlement"
        );
    }
    assert!(unknowns > 0 || unknown == "retry", "some died on their way");
}

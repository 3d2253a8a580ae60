//! Syncs and writes that fail: nothing is acknowledged that may not be stored, whatever the call says afterwards.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::process::Target;
use crate::tracer::Tracer;

/// Enqueue only; so nothing reaches a gateway.
fn start(folder: &Path) -> Target {
    let flags = ["--concurrency", "1", "--unknown", "retry", "--no-worker"];
    Target::start(folder, "http://127.0.0.1:9", &flags)
}

fn enqueue(target: &mut Target, id: usize) -> String {
    target.ask(&format!(
        r#"enqueue j{id} notification {{"recipient":"+254712000000","message":"m"}}"#
    ))
}

/// Enqueues until one is refused, then some more; answers the acknowledged ids and the reasons of all refusals.
fn enqueue_through(target: &mut Target) -> (Vec<String>, Vec<String>) {
    let (mut acknowledged, mut refusals) = (Vec::new(), Vec::new());
    for id in 0..40 {
        let answer = enqueue(target, id);
        let words: Vec<&str> = answer.split(' ').collect();
        match words.as_slice() {
            ["ack", id, _] => {
                assert!(refusals.is_empty(), "{id} was acknowledged after a failure");
                acknowledged.push((*id).to_owned());
            }
            ["nack", _, reason] => refusals.push((*reason).to_owned()),
            _ => panic!("not an answer: {answer}"),
        }
        if refusals.len() > 5 {
            break;
        }
    }
    (acknowledged, refusals)
}

/// Call number `when` fails once; the calls after it succeed again, which must not be believed.
fn fails_once(call: &str, error: &str, when: usize) {
    let folder = tempfile::tempdir().unwrap();
    let mut target = start(folder.path());
    let Some(tracer) = Tracer::attach(target.id(), &format!("{call}:error={error}:when={when}"))
    else {
        return;
    };
    let (acknowledged, refusals) = enqueue_through(&mut target);
    drop(tracer);
    assert_eq!(
        refusals, ["poisoned"; 6],
        "{call} {when}: every call after the failure is refused"
    );
    assert_eq!(
        enqueue(&mut target, 99),
        "nack j99 poisoned",
        "until it is reopened"
    );
    target.kill();

    let mut target = start(folder.path());
    let stored = target.dump();
    for id in &acknowledged {
        assert!(stored.iter().any(|(known, _)| known == id), "{id} is gone");
    }
    assert!(
        enqueue(&mut target, 100).starts_with("ack "),
        "reopened, it goes on"
    );
    target.stop();
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_until_it_is_reopened() {
    for when in [1, 2, 5] {
        fails_once("fdatasync", "EIO", when);
    }
}

#[test]
fn after_a_failed_write_nothing_is_acknowledged_until_it_is_reopened() {
    for when in [1, 2, 3, 4, 11, 20] {
        fails_once("pwrite64", "EIO", when);
    }
}

#[test]
fn an_interrupted_sync_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut target = start(folder.path());
    let Some(tracer) = Tracer::attach(target.id(), "fdatasync:error=EINTR:when=2+3") else {
        return;
    };
    for id in 0..10 {
        let answer = enqueue(&mut target, id);
        assert!(answer.starts_with("ack "), "{answer}");
    }
    drop(tracer);
    target.stop();
}

#[test]
fn a_full_disk_refuses_and_resumes_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut target = start(folder.path());
    assert!(enqueue(&mut target, 0).starts_with("ack "));
    let Some(tracer) = Tracer::attach(target.id(), "pwrite64:error=ENOSPC") else {
        return;
    };
    for id in 1..4 {
        assert_eq!(enqueue(&mut target, id), format!("nack j{id} full"));
    }
    drop(tracer);
    let freed = Instant::now();
    while !enqueue(&mut target, 4).starts_with("ack ") {
        assert!(
            freed.elapsed() < Duration::from_secs(5),
            "it does not resume"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    let stored = target.dump();
    let ids: Vec<&str> = stored.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["j0", "j4"], "what was refused as full is not stored");
    target.stop();
}

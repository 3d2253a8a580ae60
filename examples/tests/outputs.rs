//! Runs every example as a user would and compares what it prints.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use queue::notification::OTP_MINUTE_SLACK;

/// Where cargo puts the examples: beside the folder of this test.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("it is in target/PROFILE/deps");
    let path = profile.join("examples").join(name);
    assert!(
        path.exists(),
        "{} is not built: run `cargo build -p queue-examples --examples`",
        path.display()
    );
    let mut command = Command::new(path);
    command.env("NO_COLOR", "1");
    command
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn printed(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}\n{stdout}\n{stderr}",
        output.status
    );
    stdout
}

#[test]
fn every_example_prints_what_is_expected() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder().join("expected"))
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let name = file.file_stem().and_then(|name| name.to_str());
        let name = name.expect("examples have plain names");
        let output = example(name).output().expect("it starts");
        let expected = std::fs::read_to_string(&file).expect("it can be read");
        assert_eq!(
            printed(&output),
            expected,
            "the output of `{name}` has changed"
        );
    }
}

/// The last line of a quickstart, as numbers.
fn quickstart(folder: &Path, more: &[&str]) -> serde_json::Value {
    let output = example("quickstart")
        .args(["--json", "--dir"])
        .arg(folder)
        .args(more)
        .output()
        .expect("it starts");
    let printed = printed(&output);
    let last = printed.lines().last().expect("it prints a line");
    serde_json::from_str(last).expect("it is JSON")
}

/// What every run on the list of recipients comes to, whatever happened on the way.
fn assert_complete(summary: &serde_json::Value) {
    for (name, count) in [
        ("read", 208),
        ("accepted", 186),
        ("rejected", 22),
        ("unknown", 0),
    ] {
        assert_eq!(summary[name], count, "{name} in {summary}");
    }
    let number = |name: &str| summary[name].as_u64().expect("it is a count");
    assert_eq!(number("delivered") + number("expired"), 186, "{summary}");
    assert!(number("expired") >= 3, "{summary}");
    assert_eq!(
        summary.as_object().map(serde_json::Map::len),
        Some(12),
        "{summary}"
    );
}

#[test]
fn the_quickstart_delivers_everything_and_a_second_run_sends_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = quickstart(folder.path(), &[]);
    assert_complete(&first);
    assert_eq!(first["extra_sends"], 0);
    assert_eq!(first["delivered"], 183);
    let second = quickstart(folder.path(), &[]);
    assert_complete(&second);
    assert_eq!(second["extra_sends"], 0);
    assert_eq!(second["jobs_per_second"], 0.0);
}

#[test]
fn after_a_crash_the_next_run_finishes_the_rest() {
    for crash_after in ["1", "100", "160"] {
        let folder = tempfile::tempdir().expect("a folder");
        let crashed = example("quickstart")
            .args(["--json", "--crash-after", crash_after, "--dir"])
            .arg(folder.path())
            .output()
            .expect("it starts");
        assert!(!crashed.status.success());
        assert_eq!(String::from_utf8_lossy(&crashed.stdout), "");
        if crash_after == "1" {
            // The codes that are left say fewer minutes then, and are the same messages all the same.
            std::thread::sleep(OTP_MINUTE_SLACK + Duration::from_secs(1));
        }
        let rest = quickstart(folder.path(), &[]);
        assert_complete(&rest);
        let extra = rest["extra_sends"].as_u64().expect("it is a count");
        assert!((1..=32).contains(&extra), "{rest}");
        assert!(rest["recovered"].as_u64().expect("it is a count") >= extra);
    }
}

#[test]
fn what_is_no_list_of_recipients_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("list.csv");
    for (content, words) in [
        (&b""[..], "it is empty"),
        (b"kind;phone\nwelcome;0712345678\n", "no column `kind`"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not text in UTF-8"),
        (b"kind,phone,kind\n", "`kind` is there twice"),
    ] {
        std::fs::write(&file, content).expect("it can be written");
        let output = example("quickstart")
            .arg("--csv")
            .arg(&file)
            .arg("--dir")
            .arg(folder.path())
            .output()
            .expect("it starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(words), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

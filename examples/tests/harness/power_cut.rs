//! Power cuts: a real file system on a loop device is shut down at once, so that only what was synced is there afterwards.
//!
//! More of them: `QUEUE_CUTS=300 cargo test --release -p queue-examples --test harness power_cut -- --nocapture`

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::trial::{Trial, Twice};

const CONCURRENCY: u64 = 16;

/// A file system whose power can be cut. It needs root, `mkfs.ext4`, a loop device and `python3`.
struct Disk {
    image: PathBuf,
    mount: PathBuf,
    _folder: tempfile::TempDir,
}

impl Disk {
    /// `None`, and a word about it, where it can't be had.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let disk = Self {
            image: folder.path().join("image"),
            mount: folder.path().join("mount"),
            _folder: folder,
        };
        std::fs::create_dir(&disk.mount).unwrap();
        std::fs::File::create(&disk.image)
            .and_then(|image| image.set_len(128 * 1024 * 1024))
            .unwrap();
        let made = run("mkfs.ext4", &["-q", "-F", text(&disk.image)])
            && run("python3", &["-c", "import fcntl"])
            && disk.attach();
        if !made {
            println!("SKIPPED: a power cut needs root, a loop device, mkfs.ext4 and python3");
        }
        made.then_some(disk)
    }

    fn attach(&self) -> bool {
        run(
            "mount",
            &["-o", "loop", text(&self.image), text(&self.mount)],
        )
    }

    fn detach(&self) -> bool {
        run("umount", &[text(&self.mount)])
    }

    /// Drops everything that was not synced, as a power cut does: `EXT4_IOC_SHUTDOWN` without flushing the journal.
    fn cut(&self) {
        const SHUTDOWN: &str = "import fcntl, os, struct, sys; \
            fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";
        assert!(run("python3", &["-c", SHUTDOWN, text(&self.mount)]));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.detach();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn run(program: &str, args: &[&str]) -> bool {
    let output = Command::new(program).args(args).output();
    output.is_ok_and(|output| output.status.success())
}

#[test]
fn nothing_acknowledged_is_lost_in_a_power_cut() {
    let Some(disk) = Disk::new() else { return };
    let cuts: u64 = std::env::var("QUEUE_CUTS")
        .ok()
        .and_then(|cuts| cuts.parse().ok())
        .unwrap_or(8);
    let folder = disk.mount.join("queue");
    let mut random = fastrand::Rng::with_seed(815);
    let mut trial = Trial::new(1, CONCURRENCY, "retry");
    for _ in 0..cuts {
        let mut target = trial.start(&folder);
        for _ in 0..random.usize(20..200) {
            let (_, command) = trial.ledger.next_command();
            target.say(&command);
        }
        std::thread::sleep(Duration::from_millis(random.u64(5..120)));
        // Stopped first: a sync that races with the shutdown may be told that it succeeded.
        target.freeze();
        disk.cut();
        trial.ended(target.kill());
        assert!(disk.detach() && disk.attach(), "the file system comes back");
    }
    trial.finish(&folder, Twice::WhatWasInFlight);
}

//! The ceiling for a durable enqueue: an append-only, preallocated file with group commit, and nothing else.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};

use tokio::sync::oneshot;

/// A log whose appends resolve when they are synced.
#[derive(Clone)]
pub struct FileLog {
    records: Sender<(Vec<u8>, oneshot::Sender<()>)>,
}

impl FileLog {
    /// A log in `folder`, with its writer thread.
    ///
    /// # Panics
    /// When the file can't be written: a benchmark has no better answer.
    pub fn open(folder: &Path) -> Self {
        const PREALLOCATED_BYTES: u64 = 256 * 1024 * 1024;
        let mut file = File::create(folder.join("log")).expect("the log can be made");
        file.write_all(&vec![0; PREALLOCATED_BYTES as usize])
            .expect("the log can be filled");
        file.sync_all().expect("the log can be synced");
        let mut file = File::options()
            .write(true)
            .open(folder.join("log"))
            .expect("the log can be opened");
        let (records, inbox) = channel::<(Vec<u8>, oneshot::Sender<()>)>();
        std::thread::spawn(move || {
            let mut group = Vec::new();
            let mut waiters = Vec::new();
            while let Ok((record, done)) = inbox.recv() {
                group.extend_from_slice(&record);
                waiters.push(done);
                while let Ok((record, done)) = inbox.try_recv() {
                    group.extend_from_slice(&record);
                    waiters.push(done);
                }
                file.write_all(&group).expect("the log can be written");
                file.sync_data().expect("the log can be synced");
                group.clear();
                for done in waiters.drain(..) {
                    let _ = done.send(());
                }
            }
        });
        Self { records }
    }

    /// Appends a record; resolves when it is on the disk.
    pub async fn append(&self, record: Vec<u8>) {
        let (done, synced) = oneshot::channel();
        if self.records.send((record, done)).is_ok() {
            let _ = synced.await;
        }
    }
}

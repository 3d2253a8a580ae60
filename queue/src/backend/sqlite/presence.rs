//! Which processes of a store are alive: each holds a lock on a file of its own, which the kernel lets go when it dies.
//!
//! This tells a dead worker from a slow one at once, without waiting for its leases to end. A frozen process keeps its
//! lock, so only the end of its leases takes its jobs away.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::inaccessible;
use crate::backend::BackendError;

const FOLDER: &str = "workers";
const SUFFIX: &str = "lock";
/// A lock file that is about to get its name.
const DRAFT_SUFFIX: &str = "new";
/// A draft this old was left behind by a crash: it takes milliseconds to get its name.
const DRAFT_AGE_MAX: Duration = Duration::from_secs(60);

/// This process's own lock, held until it is dropped.
pub(super) struct Presence {
    folder: PathBuf,
    id: i64,
    file: PathBuf,
    _lock: File,
}

impl Presence {
    /// Announces a new incarnation in the store at `store`.
    pub(super) fn announce(store: &Path) -> Result<Self, BackendError> {
        let folder = store.join(FOLDER);
        fs::create_dir_all(&folder).map_err(|error| inaccessible(&folder, error))?;
        sweep(&folder);
        let id = new_id();
        // Locked before it gets its name, so that nobody can find it unlocked.
        let draft = folder.join(format!("{id:016x}.{DRAFT_SUFFIX}"));
        let file = folder.join(format!("{id:016x}.{SUFFIX}"));
        let lock = File::create(&draft).map_err(|error| inaccessible(&draft, error))?;
        lock.lock().map_err(|error| inaccessible(&draft, error))?;
        fs::rename(&draft, &file).map_err(|error| inaccessible(&file, error))?;
        // Durable before the first lease that names it.
        File::open(&folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| inaccessible(&folder, error))?;
        Ok(Self {
            folder,
            id,
            file,
            _lock: lock,
        })
    }

    /// This incarnation's number, never 0.
    pub(super) fn id(&self) -> i64 {
        self.id
    }

    /// The incarnations that have a lock file, alive or dead; this one among them.
    pub(super) fn announced(&self) -> Vec<i64> {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            // Nobody can be told missing when nobody can be found.
            return vec![self.id];
        };
        let ids = entries.flatten().filter_map(|entry| id_of(&entry.path()));
        ids.chain([self.id]).collect()
    }

    /// The incarnations that are dead. Their files stay until [`forget`](Self::forget), so that a crash during a recovery
    /// leaves them to be found again.
    pub(super) fn dead(&self) -> Vec<i64> {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter_map(|entry| self.dead_id(&entry.path()))
            .collect()
    }

    /// Removes the file of a dead incarnation whose jobs were recovered.
    pub(super) fn forget(&self, id: i64) {
        // Somebody else may have been faster; that is as good.
        let _ = fs::remove_file(self.folder.join(format!("{id:016x}.{SUFFIX}")));
    }

    /// A tidy end: no job of this incarnation runs, so nothing is left to recover.
    pub(super) fn retire(self) {
        let _ = fs::remove_file(&self.file);
    }

    fn dead_id(&self, path: &Path) -> Option<i64> {
        let id = id_of(path)?;
        if id == self.id {
            return None;
        }
        match File::open(path).ok()?.try_lock() {
            Ok(()) => Some(id),
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
        }
    }
}

/// Removes the drafts that crashes left behind.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let age = entry
            .metadata()
            .and_then(|file| file.modified())
            .ok()
            .and_then(|modified| modified.elapsed().ok());
        if path
            .extension()
            .is_some_and(|suffix| suffix == DRAFT_SUFFIX)
            && age.is_some_and(|age| age > DRAFT_AGE_MAX)
        {
            // Somebody else may have been faster.
            let _ = fs::remove_file(path);
        }
    }
}

/// The incarnation whose lock file is at `path`; `None` for any other file.
fn id_of(path: &Path) -> Option<i64> {
    if path.extension()? != SUFFIX {
        return None;
    }
    i64::from_str_radix(path.file_stem()?.to_str()?, 16).ok()
}

/// A random number that fits SQLite's integers and is never 0.
pub(super) fn new_id() -> i64 {
    fastrand::i64(1..=i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_are_not_dead_and_a_tidy_end_leaves_nothing() {
        let store = tempfile::tempdir().unwrap();
        let first = Presence::announce(store.path()).unwrap();
        let second = Presence::announce(store.path()).unwrap();
        assert!(first.dead().is_empty());
        let id = second.id();
        drop(second);
        assert_eq!(first.dead(), [id]);
        first.forget(id);
        let third = Presence::announce(store.path()).unwrap();
        third.retire();
        assert!(first.dead().is_empty());
    }

    #[test]
    fn drafts_of_crashes_go_and_those_of_others_stay() {
        let store = tempfile::tempdir().unwrap();
        let folder = store.path().join(FOLDER);
        fs::create_dir(&folder).unwrap();
        let (old, fresh) = (folder.join("1.new"), folder.join("2.new"));
        for draft in [&old, &fresh] {
            fs::write(draft, "").unwrap();
        }
        let long_ago = std::time::SystemTime::now() - 2 * DRAFT_AGE_MAX;
        File::options()
            .write(true)
            .open(&old)
            .and_then(|file| file.set_modified(long_ago))
            .unwrap();
        Presence::announce(store.path()).unwrap();
        assert_eq!((old.exists(), fresh.exists()), (false, true));
    }

    #[test]
    fn a_lock_file_nobody_holds_is_a_dead_incarnation_until_it_is_forgotten() {
        let store = tempfile::tempdir().unwrap();
        let presence = Presence::announce(store.path()).unwrap();
        fs::write(store.path().join(FOLDER).join("00000000000000ff.lock"), "").unwrap();
        assert_eq!(presence.dead(), [255]);
        assert_eq!(presence.dead(), [255]);
        presence.forget(255);
        assert!(presence.dead().is_empty());
    }
}

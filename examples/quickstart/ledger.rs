//! What the gateway really sent, over all runs, as its log says.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::Error;
use crate::hash::digest;

/// One request of the gateway's log, as far as it matters here.
#[derive(Deserialize)]
struct Request {
    rows: Vec<Sent>,
}

#[derive(Deserialize)]
struct Sent {
    mobile: String,
    message: String,
    code: u32,
}

/// The code of a message that was accepted, and so really sent.
const ACCEPTED: u32 = 200;

/// Where the gateway's log of the store at `url` is.
pub(crate) fn path(folder: &Path, url: &str) -> PathBuf {
    let name = format!("gateway-{:016x}.jsonl", crate::hash::fnv([url.as_bytes()]));
    folder.join(name)
}

/// Forgets a log that belongs to a store which is no more.
pub(crate) fn forget(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::Folder {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// How often each message was sent, by its digest.
pub(crate) fn read(path: &Path) -> Result<HashMap<String, u64>, Error> {
    let fault = |source| Error::Folder {
        path: path.to_owned(),
        source,
    };
    let mut sends = HashMap::new();
    for line in BufReader::new(File::open(path).map_err(fault)?).split(b'\n') {
        // A line that a crash cut off was never answered.
        let Ok(request) = serde_json::from_slice::<Request>(&line.map_err(fault)?) else {
            continue;
        };
        for sent in request.rows.iter().filter(|row| row.code == ACCEPTED) {
            *sends
                .entry(digest(&sent.mobile, &sent.message))
                .or_default() += 1;
        }
    }
    Ok(sends)
}

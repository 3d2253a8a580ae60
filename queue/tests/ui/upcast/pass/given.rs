//! An older payload is brought to the newer version.

#[path = "../../support.rs"]
mod support;

use queue::__private::serde_json::{Map, Value};
use queue::Job;
use queue::job::UpcastError;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(version = 2, upcast = upcast)]
    Greeting(Greeting),
}

fn upcast(_: u16, payload: Map<String, Value>) -> Result<Map<String, Value>, UpcastError> {
    Ok(payload)
}

fn main() {
    assert_eq!(PushJobKind::Greeting.info().version, 2);
    let old = br#"{"type":"greeting","recipient":"a","name":"b"}"#;
    assert!(PushJob::decode("greeting", 1, old).is_ok());
}

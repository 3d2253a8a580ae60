//! An enum without variants has no jobs.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::Push;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {}

fn main() {}

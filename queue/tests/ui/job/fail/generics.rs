//! A stored job names its types.

use queue::Job;

#[derive(Job)]
#[job(queue = "push", message = ())]
enum PushJob<T> {
    Greeting(T),
}

fn main() {}

//! The queue on real NATS servers: what it refuses, what it survives, what it says.

mod connecting;
mod faults;
mod health;
mod kept;
mod keys;
mod provisioning;
mod proxy;
mod server;
mod settling;
mod support;
mod tls;

//! The queue on real NATS servers: what it refuses, what it survives, what it says.

mod connecting;
mod provisioning;
mod server;
mod tls;

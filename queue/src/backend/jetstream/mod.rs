//! The distributed store: NATS JetStream, `nats://` and `tls://`.

mod ask;
mod connect;
mod consumers;
mod error;
mod guarantee;
mod health;
mod monitor;
mod names;
mod options;
mod plan;
mod provision;
mod streams;
mod tls;
mod variables;

pub use connect::SERVER_FLOOR;
pub use guarantee::{Guarantee, StreamStorage, SyncInterval};
pub use health::{Health, HealthWatch, JetStreamProblem};
pub use options::{
    ACK_WAIT, AGE_MAX, DUPLICATE_WINDOW, JetStreamOptions, MESSAGES_MAX, PING_INTERVAL,
    Provisioning, RUNNING_MAX, WAIT_FOR_SERVER,
};
pub use plan::{Difference, ProvisionAction, ProvisionPlan, ProvisionStep};
pub use variables::JetStreamOptionsError;

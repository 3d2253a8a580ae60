//! The distributed store: NATS JetStream, `nats://` and `tls://`.

mod account;
mod acks;
mod anchor;
mod api;
mod arrive;
mod ask;
mod cancel;
mod change;
mod charges;
mod charging;
mod claim;
mod connect;
mod connection;
mod consumers;
mod count;
mod enqueue;
mod error;
mod events;
mod extend;
mod finish;
mod guarantee;
mod health;
mod held;
mod judge;
mod keys;
mod lane;
mod lease;
mod limits;
mod message;
mod monitor;
mod names;
mod options;
mod outgoing;
mod pause;
mod plan;
mod provision;
mod publish;
mod pull;
mod purge;
mod query;
mod queue;
mod rate;
mod record;
mod records;
mod refusal;
mod requeue;
mod room;
mod settle;
mod shared;
mod start;
mod store;
mod streams;
mod tally;
mod tls;
mod variables;
mod writing;

pub use connect::SERVER_FLOOR;
pub use guarantee::{Guarantee, StreamStorage, SyncInterval};
pub use health::{Health, HealthWatch, JetStreamProblem};
pub use options::{
    ACK_WAIT, AGE_MAX, DUPLICATE_WINDOW, JetStreamOptions, MESSAGES_MAX, PING_INTERVAL,
    Provisioning, RUNNING_MAX, WAIT_FOR_SERVER,
};
pub use plan::{Difference, ProvisionAction, ProvisionPlan, ProvisionStep};
pub use store::JetStreamBackend;
pub use variables::JetStreamOptionsError;

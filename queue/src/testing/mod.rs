//! The test kit: for applications that use queues, and for backends.

pub mod conformance;
pub mod gateway;

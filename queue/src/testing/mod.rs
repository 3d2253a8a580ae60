//! The test kit (feature `testing`).

pub mod gateway;

//! The harness of the benchmarks: rounds in turn, medians, and ratios within one run.

pub mod file_log;
pub mod load;
pub mod raw_nats;
pub mod report;
pub mod sqlite;

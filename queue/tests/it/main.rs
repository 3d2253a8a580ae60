//! Integration tests: one binary, one module for each behaviour.

mod conformance;
mod format;
mod shared_file;
mod store_faults;
mod support;

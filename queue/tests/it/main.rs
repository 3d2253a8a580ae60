//! Integration tests: one binary, one module for each behaviour.

mod conformance;
mod worker;

//! The derives of the `queue` crate.

//! The template engine of the `queue` crate, pure: text and fields in, text out.

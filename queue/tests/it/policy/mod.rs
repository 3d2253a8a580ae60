//! Delivery policy: suppression, spend guard, quiet hours, through the worker that production uses.

mod support;
mod suppression;

//! The jobs we ship, and the handler that renders and sends. An application's own enum looks exactly the same.

mod notifier;

pub use notifier::Notifier;

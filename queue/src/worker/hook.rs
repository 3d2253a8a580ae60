//! [`Hook`]: something to do before and after every attempt.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::handler::JobContext;
use super::outcome::Outcome;

/// Something to do before and after every attempt: counting, logging, marking a record.
///
/// Hooks run in the order in which they were given to the builder, on the worker's own tasks: they must be quick and must
/// not block. A panic in a hook is contained and logged; it changes neither the attempt nor the other hooks. Each `before`
/// is followed by one `after`, unless the process dies in between; an attempt that never began has neither.
pub trait Hook: Send + Sync + 'static {
    /// The attempt begins now.
    fn before(&self, context: &JobContext) {
        let _ = context;
    }

    /// The attempt is over. Its outcome is about to be recorded: it may still be refused when the lease was lost.
    fn after(&self, context: &JobContext, outcome: &Outcome) {
        let _ = (context, outcome);
    }
}

/// The hooks of a worker.
#[derive(Clone, Default)]
pub(super) struct Hooks(Arc<[Arc<dyn Hook>]>);

impl Hooks {
    pub(super) fn new(hooks: Vec<Arc<dyn Hook>>) -> Self {
        Self(hooks.into())
    }

    pub(super) fn before(&self, context: &JobContext) {
        for hook in self.0.iter() {
            contained(|| hook.before(context));
        }
    }

    pub(super) fn after(&self, context: &JobContext, outcome: &Outcome) {
        for hook in self.0.iter() {
            contained(|| hook.after(context, outcome));
        }
    }
}

fn contained(call: impl FnOnce()) {
    // The payload of the panic is not logged: it may quote what the hook was given.
    if catch_unwind(AssertUnwindSafe(call)).is_err() {
        tracing::warn!("a hook panicked; the attempt is not affected");
    }
}

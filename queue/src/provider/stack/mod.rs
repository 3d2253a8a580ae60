//! What stands between a worker and its providers: [`ProviderStack`], and the wrappers that it is made of.
//!
//! Each wrapper is a provider around a provider, and is of use alone. [`ProviderStack`] puts them together in the one order
//! in which each does its work, from the outside in:
//!
//! | | Wrapper | Why there |
//! | --- | --- | --- |
//! | 1 | [`Failover`]: routes, and asks another provider when that helps | sees what the guards below say of each provider, so an open breaker or a used-up rate is a reason to go elsewhere |
//! | 2 | [`CircuitBreaker`]: leaves a provider alone that does not work | before the rate, so that what it refuses uses none of it |
//! | 3 | [`Throttle`]: keeps to the provider's rate; stops at once when the provider says *throttled* | before the record, so that only calls that were really made are recorded |
//! | 4 | [`Recorded`]: tells of every call: provider, outcome, latency | around the time limit, so that a call that was cut off is recorded with what it came to |
//! | 5 | [`TimeLimit`]: bounds the call | next to the provider: nothing above it waits, so all of the time is the call's |
//!
//! Guards that look at the message and not at a provider, such as a list of suppressed recipients or a cap on spending, go
//! around the whole: they are asked once for a message, however many providers are tried.

mod breaker;
mod builder;
mod failover;
mod recording;
mod route;
mod throttle;
mod time_limit;
mod verdict;
mod window;

pub use breaker::{
    BREAKER_FAILURES, BREAKER_OPEN, BREAKER_OPEN_MIN, BREAKER_PROBES, BREAKER_RATIO,
    BREAKER_RATIO_CALLS, BREAKER_TENANTS_MAX, BREAKER_WINDOW, BreakerCause, BreakerEvent,
    BreakerFailure, BreakerOptions, BreakerScope, BreakerSnapshot, BreakerState, BreakerView,
    CircuitBreaker,
};
pub use builder::{Guarded, ProviderStack, ProviderStackBuilder};
pub use failover::{Failover, TRY_TIME_MIN};
pub use recording::{CallOutcome, CallRecord, Recorded};
pub use route::{Order, Target, WEIGHT};
pub use throttle::{
    HOLD_JITTER, HOLD_MAX, HOLD_MIN, PROVIDER_RATE_MAX, RATE_RESERVE_DIVISOR, RATE_RESERVE_MIN,
    Throttle,
};
pub use time_limit::{TIME_LIMIT, TIME_LIMIT_SLACK, TimeLimit};
pub use verdict::Spill;

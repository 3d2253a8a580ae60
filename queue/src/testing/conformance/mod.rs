//! What every backend must do: one file for each promise of [`Backend`](crate::backend::Backend), run against all of them.
//!
//! A backend joins with one line in a test:
//!
//! ```
//! # mod tests {
//! use queue::testing::conformance::{Subject, suite};
//!
//! suite!(memory, |clock| async move { Subject::memory(clock).await });
//! # }
//! ```

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

mod charges;
mod control;
mod deadline;
mod deduplication;
mod doubt;
mod enqueue;
mod events;
mod lanes;
mod lease;
mod limits;
mod pace;
mod park;
mod query;
mod rate;
mod records;
mod retention;
mod settle;
mod subject;
mod time;

pub use pace::{Pace, SteppedClock};
pub use subject::{Promise, Subject};

macro_rules! promises {
    ($($file:ident::$name:ident),* $(,)?) => {
        &[$((stringify!($name), |subject| Box::pin($file::$name(subject)))),*]
    };
}

/// All promises, by name.
pub const PROMISES: &[(&str, Promise)] = promises![
    enqueue::what_is_enqueued_is_leased_intact,
    enqueue::a_batch_is_answered_in_its_order,
    enqueue::a_batch_over_the_limit_is_refused,
    enqueue::the_same_envelope_twice_is_one_job,
    deduplication::a_key_admits_one_job,
    deduplication::the_losers_of_a_batch_are_told_who_holds_their_key,
    deduplication::a_completed_job_holds_its_key_until_the_window_ends,
    deduplication::a_dead_or_cancelled_job_frees_its_key,
    deduplication::a_live_job_holds_its_key_beyond_the_window,
    lease::a_lease_is_exclusive,
    lease::a_lease_takes_no_more_than_asked,
    lease::an_expired_lease_is_recovered_and_fenced,
    lease::an_extended_lease_is_kept,
    lease::a_waiting_lease_is_woken_by_an_enqueue,
    lease::a_dropped_lease_call_loses_no_job,
    lease::what_dropped_lease_calls_took_is_back_after_two_empty_settlements,
    lease::a_job_that_kills_its_workers_ends_dead,
    lease::a_job_to_ask_about_that_kills_its_workers_ends_unknown,
    lease::a_lost_at_most_once_job_ends_unknown,
    settle::every_disposition_leads_to_its_state,
    settle::a_retry_counts_and_a_snooze_does_not,
    settle::a_settlement_is_recorded_once,
    settle::bodies_are_wiped_at_the_end,
    time::a_scheduled_job_waits_for_its_time,
    time::a_waiting_lease_wakes_at_the_due_time,
    time::a_step_of_the_wall_clock_takes_no_lease_away,
    deadline::an_expired_job_is_never_leased,
    deadline::a_lost_job_past_its_deadline_ends_unknown,
    deadline::a_job_in_doubt_ends_unknown_and_not_expired,
    doubt::a_lost_attempt_is_in_doubt,
    doubt::an_attempt_is_in_doubt_when_it_says_so,
    doubt::whoever_requeues_has_decided_on_the_doubt,
    lanes::lanes_share_and_caps_hold,
    lanes::an_urgent_job_passes_a_backlog,
    rate::a_rate_is_shared_by_all_who_lease,
    rate::rates_of_different_lengths_leave_each_other_alone,
    limits::a_job_over_its_limit_is_snoozed_and_not_charged,
    limits::nothing_waits_behind_a_limit,
    limits::a_flood_of_one_tenant_leaves_the_others_flowing,
    limits::no_window_of_a_limit_holds_more_than_its_count,
    limits::a_job_needs_room_in_all_of_its_limits,
    limits::limits_are_shared_by_all_who_lease,
    limits::a_put_off_job_keeps_its_deadline_and_can_be_cancelled,
    control::a_cancelled_job_never_starts,
    control::a_cancel_that_was_dropped_is_finished_or_was_never_begun,
    control::a_job_cancelled_in_doubt_is_unknown,
    control::a_running_or_finished_job_is_not_cancelled,
    control::a_dead_job_is_requeued_with_fresh_attempts,
    control::a_requeue_that_makes_no_sense_says_why,
    control::a_paused_queue_gives_nothing_out,
    control::a_purge_deletes_what_it_is_told,
    park::an_unknown_kind_is_parked_and_adopted,
    park::a_newer_version_is_parked,
    park::parked_jobs_hold_up_nobody,
    query::lists_page_through_everything_once,
    query::a_list_goes_on_behind_what_was_deleted,
    query::statistics_count_every_state,
    query::queues_do_not_see_each_other,
    events::events_tell_a_life_in_order,
    events::a_slow_observer_is_told_what_it_missed,
    retention::old_records_go_and_keys_stay,
    records::a_record_is_replaced_by_compare_and_set,
    records::a_revision_never_comes_back,
    records::records_expire,
    records::records_are_listed_in_the_order_of_their_keys,
    records::a_record_over_the_limit_is_refused,
    records::of_many_who_put_at_once_one_wins,
    charges::a_charge_is_whole_or_not_at_all,
    charges::a_token_is_charged_once,
    charges::a_refund_gives_back_and_forgets,
    charges::a_refused_charge_says_until_when,
    charges::a_charge_over_the_limit_is_refused,
    charges::those_who_charge_at_once_share_the_cap,
    charges::what_is_counted_can_be_read,
    control::a_closed_store_says_so,
];

/// Makes a module of tests, one for each promise: `suite!(name, |clock| async move { Subject })`. Where time really passes,
/// several at once: `suite!(name, 8, |clock| async move { Subject })`.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_suite {
    ($name:ident, $make:expr) => {
        $crate::testing::conformance::suite!($name, 1, $make);
    };
    ($name:ident, $at_once:expr, $make:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            #[test]
            fn keeps_every_promise() {
                $crate::testing::conformance::check_all(stringify!($name), $at_once, $make);
            }
        }
    };
}

pub use crate::__conformance_suite as suite;

/// Runs every promise on a fresh subject, `at_once` of them at a time, prints a line for each, and panics at the end when any
/// was broken, naming all. The variable `QUEUE_PROMISE` picks those whose names contain it.
///
/// # Panics
/// When a promise is broken.
#[expect(clippy::print_stdout, reason = "a test's report")]
pub fn check_all<F, Fut>(name: &str, at_once: usize, make: F)
where
    F: Fn(crate::clock::ManualClock) -> Fut + Sync,
    Fut: Future<Output = Subject> + Send + 'static,
{
    let picked = std::env::var("QUEUE_PROMISE").unwrap_or_default();
    let promises: Vec<_> = (PROMISES.iter())
        .filter(|(promise, _)| promise.contains(&picked))
        .collect();
    let next = AtomicUsize::new(0);
    let broken = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some((promise, check)) =
                    promises.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let kept = is_kept(make(crate::clock::ManualClock::default()), *check);
                    let word = if kept { "ok" } else { "BROKEN" };
                    println!("{name}: {promise} ... {word}");
                    if !kept {
                        let mut broken = broken.lock().unwrap_or_else(PoisonError::into_inner);
                        broken.push(*promise);
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(
        broken.is_empty(),
        "{name} breaks {} of {} promises: {broken:?}",
        broken.len(),
        promises.len()
    );
}

fn is_kept(subject: impl Future<Output = Subject> + Send + 'static, check: Promise) -> bool {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime can be built in a test");
    runtime.block_on(async move {
        let run = tokio::spawn(async move { check(subject.await).await });
        tokio::time::timeout(PATIENCE, run)
            .await
            .is_ok_and(|joined| joined.is_ok())
    })
}

/// How long one promise may take before it counts as broken.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

//! [`assert_enqueued!`] and [`refute_enqueued!`].

use std::collections::BTreeMap;

use super::TestQueue;
use crate::job::{Job, Kind};

/// Asserts that a job that matches a pattern was enqueued: at least one, or exactly as many as `count` says.
///
/// A failure names what was enqueued by kind and count. Payloads are never shown.
///
/// # Examples
/// ```
/// # use queue::testing::{TestQueue, assert_enqueued};
/// # use queue::{SmsJob, WelcomeSms, create_welcome_sms_job};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let queue = TestQueue::<SmsJob>::new().await;
/// for user_name in ["Wanjiru", "Otieno"] {
///     let recipient = "0712 345 678".parse()?;
///     create_welcome_sms_job(&queue, WelcomeSms { recipient, user_name: user_name.into() }).await?;
/// }
/// assert_enqueued!(queue, SmsJob::Welcome(_));
/// assert_enqueued!(queue, SmsJob::Welcome(welcome) if welcome.user_name == "Otieno");
/// assert_enqueued!(queue, SmsJob::Welcome(_), count = 2);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! assert_enqueued {
    ($queue:expr, $pattern:pat $(if $guard:expr)? $(,)?) => {
        $crate::testing::TestQueue::__expect_enqueued(
            &$queue,
            ::core::option::Option::None,
            ::core::stringify!($pattern $(if $guard)?),
            |job| ::core::matches!(job, $pattern $(if $guard)?),
        )
    };
    ($queue:expr, $pattern:pat $(if $guard:expr)?, count = $count:expr $(,)?) => {
        $crate::testing::TestQueue::__expect_enqueued(
            &$queue,
            ::core::option::Option::Some($count),
            ::core::stringify!($pattern $(if $guard)?),
            |job| ::core::matches!(job, $pattern $(if $guard)?),
        )
    };
}

/// Asserts that no job that matches a pattern was enqueued.
///
/// # Examples
/// ```
/// # use queue::testing::{TestQueue, refute_enqueued};
/// # use queue::SmsJob;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let queue = TestQueue::<SmsJob>::new().await;
/// refute_enqueued!(queue, SmsJob::Otp(otp) if otp.expiry_minutes > 60);
/// refute_enqueued!(queue, _);
/// # }
/// ```
#[macro_export]
macro_rules! refute_enqueued {
    ($queue:expr, $pattern:pat $(if $guard:expr)? $(,)?) => {
        $crate::assert_enqueued!($queue, $pattern $(if $guard)?, count = 0)
    };
}

impl<J: Job> TestQueue<J> {
    /// What the macros call.
    ///
    /// # Panics
    /// When the count is not as expected; `None` expects at least one.
    #[doc(hidden)]
    #[track_caller]
    pub fn __expect_enqueued(
        &self,
        expected: Option<usize>,
        pattern: &str,
        matches: impl Fn(&J) -> bool,
    ) {
        let jobs = self.enqueued();
        let found = jobs
            .iter()
            .filter(|recorded| matches(&recorded.job))
            .count();
        let there_were = summary(&self.enqueued_kinds());
        match expected {
            None => assert!(
                found > 0,
                "no job that matches `{pattern}` was enqueued; {there_were}"
            ),
            Some(0) => assert!(
                found == 0,
                "no job that matches `{pattern}` should have been enqueued, but {found} {was}; {there_were}",
                was = if found == 1 { "was" } else { "were" },
            ),
            Some(expected) => assert!(
                found == expected,
                "{expected} jobs that match `{pattern}` should have been enqueued, not {found}; {there_were}"
            ),
        }
    }
}

/// What was enqueued, by kind and count.
fn summary(kinds: &[Kind]) -> String {
    if kinds.is_empty() {
        return "nothing was".to_owned();
    }
    let mut counts = BTreeMap::new();
    for kind in kinds {
        *counts.entry(kind.as_str()).or_insert(0) += 1;
    }
    let counts: Vec<String> = counts
        .into_iter()
        .map(|(kind, count): (&str, usize)| format!("{count} {kind}"))
        .collect();
    format!("there were {}", counts.join(", "))
}

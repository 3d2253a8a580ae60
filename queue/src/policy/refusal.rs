//! [`Refusal`]: which policy refused or put off a message.

use std::fmt;

use crate::provider::ProviderError;

/// Which policy refused or put off a message, as the [code](ProviderError::provider_code) of the error it answered with.
///
/// The code is in the reason of the job too: `rejected (suppressed): …`.
///
/// # Examples
/// ```
/// use queue::policy::Refusal;
/// use queue::provider::ProviderError;
///
/// let error = ProviderError::rejected("the recipient opted out").code(Refusal::Suppressed);
/// assert_eq!(Refusal::of(&error), Some(Refusal::Suppressed));
/// assert_eq!(Refusal::of(&ProviderError::rejected("no such number").code(1003)), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The recipient is on the suppression list.
    Suppressed,
    /// It is night where the recipient is, or another time at which nothing may come.
    QuietHours,
    /// The recipient's country is not on the allow-list.
    Country,
    /// The recipient got a message of this kind a moment ago.
    CoolDown,
    /// A spend cap is reached.
    SpendCap,
    /// Somebody stopped all sending.
    Stopped,
    /// The store that a policy asks could not answer; nothing is sent that was not checked.
    Unchecked,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Suppressed,
        Self::QuietHours,
        Self::Country,
        Self::CoolDown,
        Self::SpendCap,
        Self::Stopped,
        Self::Unchecked,
    ];

    /// The code, such as `suppressed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suppressed => "suppressed",
            Self::QuietHours => "quiet_hours",
            Self::Country => "country_not_allowed",
            Self::CoolDown => "cool_down",
            Self::SpendCap => "spend_cap",
            Self::Stopped => "spend_stopped",
            Self::Unchecked => "policy_unchecked",
        }
    }

    /// The policy that answered with `error`; `None` when a provider did.
    pub fn of(error: &ProviderError) -> Option<Self> {
        let code = error.provider_code()?;
        Self::ALL
            .into_iter()
            .find(|refusal| refusal.as_str() == code)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

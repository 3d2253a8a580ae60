//! [`Kind`] and [`KindInfo`]: what a variant of a job enum is called, and what is declared of it.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::priority::Priority;

/// The stable wire name of a variant, such as `welcome`.
///
/// It is what is stored; renaming the variant in Rust must not change it (`#[job(name = "…")]`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kind(Cow<'static, str>);

impl Kind {
    /// A kind known when the program was compiled.
    pub const fn from_static(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The wire name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Kind {
    fn from(name: String) -> Self {
        Self(Cow::Owned(name))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({})", self.0)
    }
}

/// What a job enum declares of one of its variants. The `Job` derive writes one for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindInfo {
    /// The stable wire name.
    pub name: &'static str,
    /// The version of the payload's shape, from 1.
    pub version: u16,
    /// The priority a job gets unless its creator says otherwise.
    pub priority: Priority,
    /// How many attempts a job has in all, from 1.
    pub max_attempts: u16,
    /// What becomes of an attempt whose outcome nobody knows.
    pub unknown: UnknownPolicy,
    /// The payload holds a secret, so it is wiped at *every* terminal state.
    pub secret: bool,
}

/// What becomes of a job whose attempt may or may not have reached the recipient: a timeout after the
/// request was written, a cut connection, a process that died while sending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownPolicy {
    /// Try again: at least once, and perhaps twice.
    #[default]
    Retry,
    /// Stop and keep the job as `unknown` for a person to decide: at most once.
    Stop,
    /// Ask the provider first ([`Provider::inquire`](crate::provider::Provider::inquire)): what it accepted is completed,
    /// what it never got is tried again, and when it can't tell, the job is kept as with [`Stop`](Self::Stop).
    Ask,
}

impl UnknownPolicy {
    /// `retry`, `stop` or `ask`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Stop => "stop",
            Self::Ask => "ask",
        }
    }
}

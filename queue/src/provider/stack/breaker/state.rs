//! Where a circuit breaker is, and why.

/// Where a circuit breaker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Every message goes through.
    Closed,
    /// None does.
    Open,
    /// One at a time does, as a probe.
    HalfOpen,
}

impl BreakerState {
    /// `closed`, `open` or `half_open`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// Why a breaker opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerCause {
    /// Too many failures in a row.
    Failures,
    /// Too many of the last calls failed.
    Ratio,
    /// The provider says that our settings are wrong: credentials, sender id, credit. Further calls would meet the same.
    Misconfigured,
    /// A probe failed.
    Probe,
}

impl BreakerCause {
    /// `failures`, `ratio`, `misconfigured` or `probe`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::Ratio => "ratio",
            Self::Misconfigured => "misconfigured",
            Self::Probe => "probe",
        }
    }
}

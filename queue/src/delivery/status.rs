//! [`DeliveryStatus`]: where an accepted message is, and which moves are legal.

use serde::{Deserialize, Serialize};

/// Where a message is, as far as its provider says.
///
/// Reports come late, twice and in the wrong order, so a status only moves forward: from accepted to sent, from either to
/// unknown, and from all three to one of the three final ones, which never change. A report that would move it back, or
/// away from a final status, is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// The provider took it.
    Accepted,
    /// The provider handed it to the recipient's operator.
    Sent,
    /// Nobody says what became of it: no report came in time, its provider does not know or speaks a word that we do not
    /// know, or it is not even known whether the provider took it. A later report may still decide.
    Unknown,
    /// It is on the handset. Final.
    Delivered,
    /// It was not delivered, and will not be. Final.
    Failed,
    /// Its time was over before it was delivered. Final.
    Expired,
}

impl DeliveryStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Accepted,
        Self::Sent,
        Self::Unknown,
        Self::Delivered,
        Self::Failed,
        Self::Expired,
    ];

    /// The status's name, for logs and metrics, such as `delivered`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    /// Whether no report changes it any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Failed | Self::Expired)
    }

    /// Whether a report of `next` moves a message that is here.
    pub const fn may_become(self, next: Self) -> bool {
        self.rank() < next.rank()
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Accepted => 0,
            Self::Sent => 1,
            Self::Unknown => 2,
            Self::Delivered | Self::Failed | Self::Expired => 3,
        }
    }
}

impl std::fmt::Display for DeliveryStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::DeliveryStatus::{self, Accepted, Delivered, Expired, Failed, Sent, Unknown};

    #[test]
    fn every_move_is_forward_and_a_final_status_never_moves() {
        let legal = [
            (Accepted, Sent),
            (Accepted, Unknown),
            (Accepted, Delivered),
            (Accepted, Failed),
            (Accepted, Expired),
            (Sent, Unknown),
            (Sent, Delivered),
            (Sent, Failed),
            (Sent, Expired),
            (Unknown, Delivered),
            (Unknown, Failed),
            (Unknown, Expired),
        ];
        for from in DeliveryStatus::ALL {
            for to in DeliveryStatus::ALL {
                assert_eq!(
                    from.may_become(to),
                    legal.contains(&(from, to)),
                    "{from} to {to}"
                );
                assert!(!from.is_final() || !from.may_become(to));
            }
        }
    }

    #[test]
    fn reports_in_any_order_end_the_same() {
        // Every order of what one message may be told about.
        let told = [Sent, Accepted, Unknown, Delivered];
        for a in 0..4 {
            for b in 0..4 {
                for c in 0..4 {
                    for d in 0..4 {
                        let order = [told[a], told[b], told[c], told[d], Delivered];
                        let end = order.into_iter().fold(Accepted, |now, next| {
                            if now.may_become(next) { next } else { now }
                        });
                        assert_eq!(end, Delivered);
                    }
                }
            }
        }
    }

    #[test]
    fn a_name_is_what_is_stored() {
        for status in DeliveryStatus::ALL {
            let stored = serde_json::to_string(&status).unwrap();
            assert_eq!(stored, format!("\"{status}\""));
        }
    }
}

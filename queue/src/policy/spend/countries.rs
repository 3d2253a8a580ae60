//! [`Countries`]: where messages may go at all.

use crate::sms::{PhoneNumber, Region};

/// Where messages may go at all. A place that you have no customers in is where pumped traffic goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Countries {
    Only(Vec<Region>),
    All,
}

impl Countries {
    pub(super) fn allow(&self, recipient: &PhoneNumber) -> bool {
        match self {
            Self::All => true,
            Self::Only(regions) => recipient
                .region()
                .is_some_and(|region| regions.contains(&region)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_that_share_a_code_are_told_apart() {
        let home = Countries::Only(vec![Region::KE, "US".parse().unwrap()]);
        for (number, allowed) in [
            ("+254712345678", true),
            ("+12015550123", true),
            ("+18765550123", false),
            ("+255712345678", false),
            ("+870773111632", false),
        ] {
            let number = number.parse().unwrap();
            assert_eq!(home.allow(&number), allowed, "{number}");
            assert!(Countries::All.allow(&number));
        }
    }
}

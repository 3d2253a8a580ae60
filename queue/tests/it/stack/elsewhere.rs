//! What one provider does not do for a number: another one does, and the first goes on with all others.

use queue::provider::stack::{BreakerState, ProviderStack};
use queue::testing::gateway::{Fault, Gateway, TwilioPersonality};

use super::support::*;

#[tokio::test]
async fn a_region_that_is_denied_goes_elsewhere_and_holds_nobody() {
    let twilio = Gateway::builder().personality(TwilioPersonality::default());
    let (twilio, salum) = (
        twilio.start().await.unwrap(),
        Gateway::start().await.unwrap(),
    );
    let stack = ProviderStack::builder()
        .provider(twilio.twilio_options().unwrap().build().unwrap())
        .provider(salum.salum_options().build().unwrap())
        .build();
    let alone = ProviderStack::new(twilio.twilio_options().unwrap().build().unwrap());
    for (code, told_alone) in [
        (21219, "rejected"),
        (21408, "rejected"),
        (21608, "rejected"),
        (21612, "rejected"),
        (21659, "misconfigured"),
        (21662, "rejected"),
        (21703, "misconfigured"),
    ] {
        // Not only codes: a campaign goes elsewhere too, since here it gets nowhere.
        twilio.next(2, Fault::flat(code));
        assert_eq!(short(bulk(&stack).await), "salum", "{code}");
        assert_eq!(short(bulk(&alone).await), told_alone, "{code}");
        for stack in [&stack, &alone] {
            assert_eq!(stack.breakers()[0].state, BreakerState::Closed, "{code}");
            assert_eq!(short(bulk(stack).await), "twilio", "after {code}");
        }
    }
    twilio.next(1, Fault::flat(21606));
    assert_eq!(short(bulk(&stack).await), "salum");
    assert_eq!(stack.breakers()[0].state, BreakerState::Open);
}

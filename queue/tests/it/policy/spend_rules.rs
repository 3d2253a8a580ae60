//! What a guard may be told, and where messages may go at all.

use std::time::Duration;

use queue::JobId;
use queue::job::{Kind, Tenant};
use queue::policy::{
    Amount, Cap, CapScope, Money, Period, Refusal, SpendGuardBuilder, SpendGuardError,
};
use queue::provider::{Mock, Provider, ProviderErrorKind, SendContext};

use super::support::*;

crate::store::on_each_store! {
    "current_thread": countries_that_were_not_named_are_refused,
        guards_of_different_names_count_apart,
        guards_that_make_no_sense_are_refused,
        the_longest_names_there_may_be_are_counted
}

async fn countries_that_were_not_named_are_refused(store: Store) {
    let home = guard_builder(&store).build().unwrap().around(Mock::new());
    let (kenyan, tanzanian) = (message(KENYAN), message("+255712345678"));
    assert!(home.send(&kenyan, &context("otp")).await.is_ok());
    let error = home.send(&tanzanian, &context("otp")).await.unwrap_err();
    assert_eq!(Refusal::of(&error), Some(Refusal::Country));
    assert_eq!(error.kind(), ProviderErrorKind::Rejected);
    assert!(!error.to_string().contains("255"), "{error}");
    let named = guard_builder(&store)
        .countries(["TZ".parse().unwrap()])
        .build()
        .unwrap();
    let named = named.around(Mock::new());
    assert!(named.send(&tanzanian, &context("otp")).await.is_ok());
    assert_eq!(
        code(named.send(&kenyan, &context("otp")).await),
        "country_not_allowed"
    );
    let all = guard_builder(&store)
        .every_country()
        .build()
        .unwrap()
        .around(Mock::new());
    assert!(
        all.send(&message("+870773111632"), &context("otp"))
            .await
            .is_ok()
    );
}

async fn guards_of_different_names_count_apart(store: Store) {
    let cap = || Cap::new(CapScope::Provider, Amount::Messages(1), Period::Day);
    let named = |name: &str| guard_builder(&store).name(name).cap(cap()).build().unwrap();
    let (one, two) = (
        named("salum").around(Mock::new()),
        named("twilio").around(Mock::new()),
    );
    // The same attempt of a job may be tried through both.
    let context = context("otp");
    assert!(one.send(&message(KENYAN), &context).await.is_ok());
    assert!(two.send(&message(KENYAN), &context).await.is_ok());
    assert_eq!(sent(&one, KENYAN, 1).await + sent(&two, KENYAN, 1).await, 0);
}

async fn guards_that_make_no_sense_are_refused(store: Store) {
    let cap = || Cap::new(CapScope::All, Amount::Messages(1), Period::Day);
    let refused = |builder: SpendGuardBuilder| builder.build().unwrap_err();
    let name = |error| matches!(error, SpendGuardError::Name { .. });
    for wrong in ["", "with space", "UPPER", "a/b", &"a".repeat(33)] {
        assert!(name(refused(guard_builder(&store).name(wrong))), "{wrong}");
    }
    assert!(name(refused(guard_builder(&store).cap(cap().named("a/b")))));
    let twice = refused(guard_builder(&store).cap(cap()).cap(cap()));
    assert_eq!(
        twice.to_string(),
        "two caps are called `all_messages_day`: give one another name"
    );
    let money = Cap::new(CapScope::All, Amount::Cost(Money::minor(1)), Period::Day);
    assert!(matches!(
        refused(guard_builder(&store).cap(money)),
        SpendGuardError::NoPrices { .. }
    ));
    for digits in [0, 16] {
        let cap = Cap::new(
            CapScope::Prefix { digits },
            Amount::Messages(1),
            Period::Day,
        );
        assert!(matches!(
            refused(guard_builder(&store).cap(cap)),
            SpendGuardError::PrefixDigits { .. }
        ));
    }
    let short = Period::Every(Duration::from_millis(999));
    let cap_too_short = Cap::new(CapScope::All, Amount::Messages(1), short);
    assert!(matches!(
        refused(guard_builder(&store).cap(cap_too_short)),
        SpendGuardError::TooShort { .. }
    ));
    let brief = guard_builder(&store).cool_down("otp", Duration::ZERO);
    assert!(matches!(refused(brief), SpendGuardError::TooShort { .. }));
    let many = (0..17).fold(guard_builder(&store), |builder, n| {
        builder.cap(cap().named(format!("cap{n}")))
    });
    let expected = SpendGuardError::TooManyCaps {
        actual: 17,
        limit: 16,
    };
    assert_eq!(refused(many), expected);
}

async fn the_longest_names_there_may_be_are_counted(store: Store) {
    let cap = Cap::new(CapScope::Tenant, Amount::Messages(1), Period::Day);
    let guard = guard_builder(&store)
        .name("g".repeat(32))
        .cap(cap.named("c".repeat(64)));
    let provider = guard.build().unwrap().around(Mock::new());
    let mut context = SendContext::new(JobId::new(), Duration::from_secs(10));
    context.kind = Some(Kind::from_static("otp"));
    context.tenant = Some(Tenant::new("é".repeat(64)).unwrap());
    assert!(provider.send(&message(KENYAN), &context).await.is_ok());
    context.job = JobId::new();
    assert_eq!(
        code(provider.send(&message(KENYAN), &context).await),
        "spend_cap"
    );
}

//! Charges: counters of fixed periods, each charge whole or not at all, and once.

use std::sync::Arc;
use std::time::Duration;

use super::Subject;
use super::records::key;
use crate::backend::{
    BackendErrorKind, CHARGE_AGE, CHARGE_LINES_MAX, Charge, ChargeLine, Charged, Counter,
};
use crate::clock::{Clock, Timestamp};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn line(name: &str, amount: u64, cap: Option<u64>, period: Duration) -> ChargeLine {
    ChargeLine {
        key: key(name),
        amount,
        cap,
        period,
    }
}

async fn charge(subject: &Subject, token: &str, lines: &[ChargeLine]) -> Charged {
    let charge = Charge {
        token: key(token),
        lines: lines.to_vec(),
        at: subject.clock.now(),
    };
    let charged = subject.backend.records().charge(charge).await;
    charged.expect("charge works")
}

async fn refund(subject: &Subject, token: &str) -> bool {
    let refunded = subject.backend.records().refund(key(token)).await;
    refunded.expect("refund works")
}

/// How much fits into a counter yet, found by asking, without a trace.
async fn room(subject: &Subject, name: &str, cap: u64, period: Duration) -> u64 {
    let mut most = 0;
    while most < cap {
        let more = most + 1;
        let probe = [line(name, more, Some(cap), period)];
        if charge(subject, "probe", &probe).await != Charged::Taken {
            break;
        }
        assert!(refund(subject, "probe").await);
        most = more;
    }
    most
}

/// Every period begins now: a clock that runs by itself must not pass from one to the next in the middle of a test.
fn begin_periods(subject: &Subject) {
    let hour = HOUR.as_millis() as u64;
    let passed = subject.clock.now().as_millis().cast_unsigned() % hour;
    subject.skip(Duration::from_millis(hour - passed));
}

pub(super) async fn a_charge_is_whole_or_not_at_all(subject: Subject) {
    begin_periods(&subject);
    let roomy = line("all", 3, Some(100), HOUR);
    let tight = line("one", 3, Some(5), HOUR);
    let both = [roomy.clone(), tight];
    assert_eq!(charge(&subject, "first", &both).await, Charged::Taken);
    let refused = charge(&subject, "second", &both).await;
    assert!(
        matches!(refused, Charged::Over { line: 1, .. }),
        "{refused:?}"
    );
    assert_eq!(
        room(&subject, "all", 10, HOUR).await,
        7,
        "nothing was added"
    );
    // Up to the cap, and not a unit more.
    assert_eq!(room(&subject, "one", 5, HOUR).await, 2);
    // What was refused is not remembered: it may be charged later, and for other lines.
    let less = [roomy, line("one", 2, Some(5), HOUR)];
    assert_eq!(charge(&subject, "second", &less).await, Charged::Taken);
    assert_eq!(room(&subject, "one", 5, HOUR).await, 0);
    // Two lines on one counter count together.
    let twice = [line("two", 3, Some(5), HOUR), line("two", 3, Some(5), HOUR)];
    let refused = charge(&subject, "third", &twice).await;
    assert!(
        matches!(refused, Charged::Over { line: 1, .. }),
        "{refused:?}"
    );
    assert_eq!(room(&subject, "two", 5, HOUR).await, 5);
    // Without a cap it only counts, and a key with another period is another counter.
    let counts = [line("one", 1000, None, HOUR)];
    assert_eq!(charge(&subject, "fourth", &counts).await, Charged::Taken);
    assert_eq!(room(&subject, "one", 2000, HOUR).await, 995);
    assert_eq!(room(&subject, "one", 5, MINUTE).await, 5);
}

pub(super) async fn a_token_is_charged_once(subject: Subject) {
    let lines = [line("all", 4, Some(10), Duration::MAX)];
    assert_eq!(charge(&subject, "job", &lines).await, Charged::Taken);
    // Asked now and then, as the attempts of one job do, it is remembered for as long as they go on.
    for _ in 0..4 {
        assert_eq!(charge(&subject, "job", &lines).await, Charged::AlreadyTaken);
        subject.skip(CHARGE_AGE - HOUR);
    }
    assert_eq!(charge(&subject, "job", &lines).await, Charged::AlreadyTaken);
    assert_eq!(room(&subject, "all", 10, Duration::MAX).await, 6);
}

pub(super) async fn a_refund_gives_back_and_forgets(subject: Subject) {
    begin_periods(&subject);
    let lines = [
        line("all", 4, Some(10), HOUR),
        line("one", 1, Some(1), MINUTE),
    ];
    assert!(!refund(&subject, "job").await);
    assert_eq!(charge(&subject, "job", &lines).await, Charged::Taken);
    assert!(refund(&subject, "job").await);
    assert!(!refund(&subject, "job").await, "once");
    assert_eq!(room(&subject, "all", 10, HOUR).await, 10);
    assert_eq!(charge(&subject, "job", &lines).await, Charged::Taken);
    // A period that ended is not given anything back, and its successor neither.
    subject.skip(MINUTE);
    assert_eq!(charge(&subject, "next", &lines[1..]).await, Charged::Taken);
    assert!(refund(&subject, "job").await);
    let over = charge(&subject, "another", &lines[1..]).await;
    assert!(matches!(over, Charged::Over { line: 0, .. }), "{over:?}");
}

pub(super) async fn a_refused_charge_says_until_when(subject: Subject) {
    begin_periods(&subject);
    let now = subject.clock.now();
    let end = |period: Duration| {
        let period = i64::try_from(period.as_millis()).expect("a short period");
        Timestamp::from_millis((now.as_millis() / period + 1) * period)
    };
    let full = [
        line("minute", 1, Some(1), MINUTE),
        line("hour", 1, Some(1), HOUR),
        line("free", 1, Some(9), 24 * HOUR),
    ];
    assert_eq!(charge(&subject, "first", &full).await, Charged::Taken);
    // Whoever waited for the minute only would be refused again.
    let over = Charged::Over {
        line: 1,
        until: end(HOUR),
    };
    assert_eq!(charge(&subject, "second", &full).await, over);
    let over = Charged::Over {
        line: 0,
        until: end(MINUTE),
    };
    assert_eq!(charge(&subject, "second", &full[..1]).await, over);
    subject.skip(end(HOUR).since(now));
    assert_eq!(charge(&subject, "second", &full).await, Charged::Taken);
}

pub(super) async fn a_charge_over_the_limit_is_refused(subject: Subject) {
    begin_periods(&subject);
    let lines: Vec<_> = (0..=CHARGE_LINES_MAX)
        .map(|n| line(&n.to_string(), 1, Some(1), HOUR))
        .collect();
    let too_many = Charge {
        token: key("job"),
        lines: lines.clone(),
        at: subject.clock.now(),
    };
    let error = subject.backend.records().charge(too_many).await;
    let error = error.expect_err("too many lines");
    assert_eq!(error.kind(), BackendErrorKind::RecordTooLarge);
    let most = &lines[..CHARGE_LINES_MAX];
    assert_eq!(charge(&subject, "job", most).await, Charged::Taken);
}

pub(super) async fn those_who_charge_at_once_share_the_cap(subject: Subject) {
    begin_periods(&subject);
    let subject = Arc::new(subject);
    let charges: Vec<_> = (0..40)
        .map(|n| {
            let subject = subject.clone();
            tokio::spawn(async move {
                let lines = [
                    line("all", 2, Some(50), HOUR),
                    line(&format!("of {}", n % 4), 2, Some(12), HOUR),
                ];
                // Each token twice: only one of the two may count.
                charge(&subject, &format!("job {}", n / 2), &lines).await
            })
        })
        .collect();
    let mut taken = 0;
    for charge in charges {
        taken += u64::from(charge.await.expect("no panic") == Charged::Taken);
    }
    assert_eq!(taken, 20, "each token once, and there was room for all");
    assert_eq!(room(&subject, "all", 50, HOUR).await, 10);
    let late: Vec<_> = (0..20)
        .map(|n| {
            let subject = subject.clone();
            tokio::spawn(async move {
                let lines = [line("all", 2, Some(50), HOUR)];
                charge(&subject, &format!("late {n}"), &lines).await
            })
        })
        .collect();
    let mut taken = 0;
    for charge in late {
        taken += u64::from(charge.await.expect("no panic") == Charged::Taken);
    }
    assert_eq!(taken, 5, "up to the cap and not further");
}

fn counter(subject: &Subject, name: &str, period: Duration) -> Counter {
    Counter {
        key: key(name),
        period,
        at: subject.clock.now(),
    }
}

async fn listed(
    subject: &Subject,
    prefix: &Counter,
    after: Option<&str>,
    limit: usize,
) -> Vec<(String, u64)> {
    let records = subject.backend.records();
    let counters = records.counters(prefix.clone(), after.map(key), limit);
    let counters = counters.await.expect("counters can be read");
    (counters.into_iter())
        .map(|(key, total)| (key.as_str().to_owned(), total))
        .collect()
}

pub(super) async fn what_is_counted_can_be_read(subject: Subject) {
    begin_periods(&subject);
    // A period that does not end while this runs.
    let period = Duration::MAX;
    let counted = async |counter: Counter| {
        let counted = subject.backend.records().counted(counter).await;
        counted.expect("a counter can be read")
    };
    let named = |name: &str| counter(&subject, name, period);
    assert_eq!(counted(named("cap/a")).await, 0, "nothing was charged");
    assert!(listed(&subject, &named("cap/"), None, 10).await.is_empty());

    let lines = [
        line("cap/a", 4, Some(10), period),
        line("cap/b c", 2, None, period),
        line("cap/\u{e9}", 1, None, period),
        line("cap", 7, None, period),
        line("cape", 8, None, period),
        line("cap/a", 9, None, MINUTE),
    ];
    assert_eq!(charge(&subject, "one", &lines).await, Charged::Taken);
    let more = [line("cap/a", 3, Some(10), period)];
    assert_eq!(charge(&subject, "two", &more).await, Charged::Taken);
    let over = charge(&subject, "three", &[line("cap/a", 4, Some(10), period)]).await;
    assert!(matches!(over, Charged::Over { line: 0, .. }), "{over:?}");
    assert_eq!(
        counted(named("cap/a")).await,
        7,
        "what was refused is not counted"
    );
    assert_eq!(counted(named("cap")).await, 7);

    let all = [("cap/a", 7), ("cap/b c", 2), ("cap/\u{e9}", 1)].map(|(k, n)| (k.to_owned(), n));
    assert_eq!(listed(&subject, &named("cap/"), None, 10).await, all);
    assert_eq!(listed(&subject, &named("cap/"), None, 2).await, all[..2]);
    let rest = listed(&subject, &named("cap/"), Some("cap/a"), 10).await;
    assert_eq!(rest, all[1..]);
    let last = listed(&subject, &named("cap/"), Some("cap/\u{e9}"), 10).await;
    assert!(last.is_empty(), "{last:?}");

    // What is taken back is gone from both.
    assert!(refund(&subject, "one").await);
    assert_eq!(counted(named("cap/a")).await, 3);
    let left = listed(&subject, &named("cap/"), None, 10).await;
    assert_eq!(left, [("cap/a".to_owned(), 3)]);

    // Each period holds its own; the one before is still there.
    let before = counter(&subject, "hourly", HOUR);
    let hourly = [line("hourly", 5, None, HOUR)];
    assert_eq!(
        charge(&subject, "first hour", &hourly).await,
        Charged::Taken
    );
    subject.skip(HOUR);
    assert_eq!(counted(counter(&subject, "hourly", HOUR)).await, 0);
    assert_eq!(counted(before.clone()).await, 5);
    assert_eq!(listed(&subject, &before, None, 1).await.len(), 1);
}

//! What a dashboard sees of providers and breakers, through the `metrics` facade.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit, with_local_recorder,
};
use queue::clock::ManualClock;
use queue::job::Tenant;
use queue::provider::stack::{BreakerOptions, BreakerScope, Guarded, ProviderStack};
use queue::provider::{MockAnswer, Provider};
use queue::telemetry::names;
use queue::{JobId, Priority};

use super::support::*;

/// Every metric by its name and labels: sums of counters and gauges, and how often histograms recorded.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<BTreeMap<String, f64>>>);

impl Kept {
    fn get(&self, key: &str) -> Option<f64> {
        self.0.lock().unwrap().get(key).copied()
    }

    fn all(&self) -> String {
        format!("{:?}", self.0.lock().unwrap())
    }

    fn one(&self, key: &Key) -> Arc<One> {
        let labels: Vec<String> = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        let name = format!("{} {}", key.name(), labels.join(" "));
        let name = name.trim().to_owned();
        Arc::new(One {
            all: self.clone(),
            name,
        })
    }
}

struct One {
    all: Kept,
    name: String,
}

impl One {
    fn change(&self, change: impl FnOnce(f64) -> f64) {
        let mut all = self.all.0.lock().unwrap();
        let value = all.entry(self.name.clone()).or_default();
        *value = change(*value);
    }
}

impl CounterFn for One {
    fn increment(&self, value: u64) {
        self.change(|now| now + value as f64);
    }

    fn absolute(&self, value: u64) {
        self.change(|_| value as f64);
    }
}

impl GaugeFn for One {
    fn increment(&self, value: f64) {
        self.change(|now| now + value);
    }

    fn decrement(&self, value: f64) {
        self.change(|now| now - value);
    }

    fn set(&self, value: f64) {
        self.change(|_| value);
    }
}

impl HistogramFn for One {
    fn record(&self, _: f64) {
        self.change(|now| now + 1.0);
    }
}

impl Recorder for Kept {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.one(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.one(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.one(key))
    }
}

/// Runs `work` on this thread, with its metrics in `kept`.
fn recorded(kept: &Kept, work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    with_local_recorder(kept, || runtime.unwrap().block_on(work));
}

#[test]
fn calls_and_breakers_are_counted_without_anything_personal() {
    let seen = Kept::default();
    let watched = seen.clone();
    let work = async move {
        let clock = ManualClock::default();
        let mock = SmsMock::always(MockAnswer::transient()).named("first");
        let stack = ProviderStack::builder()
            .provider(mock.clone())
            .clock(clock.clone())
            .build();
        let open = || watched.get("queue_breakers_not_closed provider=first");
        // There before anything happened, so that it is not missed.
        assert_eq!(open(), Some(0.0));
        for _ in 0..7 {
            bulk(&stack).await.unwrap_err();
        }
        assert_eq!(open(), Some(1.0));
        clock.advance(60 * SECOND);
        mock.set_always(MockAnswer::accept());
        bulk(&stack).await.unwrap();
        assert_eq!(open(), Some(1.0), "half-open is not closed");
        bulk(&stack).await.unwrap();
        assert_eq!(open(), Some(0.0));
    };
    recorded(&seen, work);
    for (name, labels, value) in [
        (
            names::PROVIDER_CALLS_TOTAL,
            "provider=first channel=sms outcome=transient",
            5.0,
        ),
        (
            names::PROVIDER_CALLS_TOTAL,
            "provider=first channel=sms outcome=accepted",
            2.0,
        ),
        (
            names::PROVIDER_CALL_SECONDS,
            "provider=first channel=sms outcome=transient",
            5.0,
        ),
        (
            names::BREAKER_CHANGES_TOTAL,
            "provider=first state=open",
            1.0,
        ),
        (
            names::BREAKER_CHANGES_TOTAL,
            "provider=first state=half_open",
            1.0,
        ),
        (
            names::BREAKER_CHANGES_TOTAL,
            "provider=first state=closed",
            1.0,
        ),
    ] {
        assert_eq!(
            seen.get(&format!("{name} {labels}")),
            Some(value),
            "{name} {labels}"
        );
    }
    let all = seen.all();
    assert!(
        !all.contains("712345678") && !all.contains("Karibu"),
        "{all}"
    );
}

#[test]
fn breakers_of_tenants_are_one_number_and_forgotten_ones_are_not_in_it() {
    let kept = Kept::default();
    recorded(&kept, async {
        let mock = SmsMock::always(MockAnswer::misconfigured()).named("first");
        let options = BreakerOptions::new().scope(BreakerScope::Tenant);
        let stack = ProviderStack::builder()
            .guarded(Guarded::new(mock).breaker(options))
            .build();
        for n in 0..3 {
            let mut context = queue::provider::SendContext::new(JobId::new(), SECOND);
            context.priority = Priority::Normal;
            context.tenant = Some(Tenant::new(format!("canary-{n}")).unwrap());
            let message = sms("0712345678");
            stack.send(&message, &context).await.unwrap_err();
        }
    });
    // Three were open, and the stack is gone.
    assert_eq!(
        kept.get("queue_breakers_not_closed provider=first"),
        Some(0.0)
    );
    assert_eq!(
        kept.get("queue_breaker_changes_total provider=first state=open"),
        Some(3.0)
    );
    assert!(!kept.all().contains("canary"), "{}", kept.all());
}

//! The settings of a queue's four streams, and how far found ones may differ from them.

use std::collections::{BTreeSet, HashMap};

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};

use super::names::Names;
use super::options::JetStreamOptions;
use super::plan::{Difference, Differences, Weight};

/// The settings of all streams, in the order they are made in: records before the jobs they fence.
pub(super) fn wanted(names: &Names, options: &JetStreamOptions) -> [Config; 4] {
    let base = |name: &str, subjects: Vec<String>| Config {
        name: name.to_owned(),
        subjects,
        storage: StorageType::File,
        num_replicas: options.replicas,
        max_messages: -1,
        max_bytes: -1,
        max_messages_per_subject: -1,
        max_message_size: -1,
        max_consumers: -1,
        duplicate_window: options.duplicate_window,
        allow_direct: true,
        metadata: HashMap::from([("queue.format".to_owned(), "1".to_owned())]),
        ..Config::default()
    };
    let records = options.records_age_max();
    [
        Config {
            max_age: records,
            max_messages_per_subject: 1,
            allow_message_ttl: true,
            // The budgets of one look are written together.
            allow_atomic_publish: true,
            ..base(&names.events, names.events_subjects())
        },
        Config {
            max_age: records,
            max_messages_per_subject: 1,
            allow_message_ttl: true,
            ..base(&names.dead, names.dead_subjects())
        },
        // Counters take no expiry of single messages (error 10052), so old ones are purged by whoever made them.
        Config {
            allow_message_counter: true,
            ..base(&names.limits, names.limits_subjects())
        },
        // No bound in messages or bytes: servers refuse `discard: new` beside schedules ("message scheduling cannot use
        // discard new", 2.14), and with `discard: old` a bound would drop the oldest jobs in silence. The bound is kept by
        // whoever enqueues.
        Config {
            retention: RetentionPolicy::WorkQueue,
            discard: DiscardPolicy::Old,
            // What a key says is replaced in one step.
            max_messages_per_subject: 1,
            max_age: options.age_max,
            allow_message_ttl: true,
            allow_atomic_publish: true,
            allow_message_schedules: true,
            // Schedules turn it on by themselves.
            allow_rollup: true,
            ..base(&names.work, names.work_subjects())
        },
    ]
}

/// How a found stream differs from what is wanted.
pub(super) fn differences(wanted: &Config, found: &Config) -> Vec<Difference> {
    use Weight::{Foreign, Needed, Wished};
    let subjects = |config: &Config| config.subjects.iter().cloned().collect::<BTreeSet<_>>();
    let mut list = Differences::default();
    list.compare(Foreign, "retention", &wanted.retention, &found.retention);
    list.compare(Foreign, "subjects", &subjects(wanted), &subjects(found));
    list.compare(Foreign, "mirror", &false, &found.mirror.is_some());
    list.compare(Foreign, "sources", &false, &found.sources.is_some());
    list.compare(Foreign, "sealed", &false, &found.sealed);
    list.compare(Foreign, "no_ack", &false, &found.no_ack);
    list.compare(Foreign, "deny_delete", &false, &found.deny_delete);
    list.compare(Foreign, "deny_purge", &false, &found.deny_purge);
    list.compare(Needed, "discard", &wanted.discard, &found.discard);
    for (setting, wanted, found) in [
        ("allow_direct", wanted.allow_direct, found.allow_direct),
        (
            "allow_msg_ttl",
            wanted.allow_message_ttl,
            found.allow_message_ttl,
        ),
        (
            "allow_atomic",
            wanted.allow_atomic_publish,
            found.allow_atomic_publish,
        ),
        (
            "allow_msg_schedules",
            wanted.allow_message_schedules,
            found.allow_message_schedules,
        ),
        (
            "allow_msg_counter",
            wanted.allow_message_counter,
            found.allow_message_counter,
        ),
    ] {
        // One that is on and not needed does no harm.
        list.compare(Needed, setting, &wanted, &(found && wanted));
    }
    for (setting, wanted, found) in [
        ("max_msgs", wanted.max_messages, found.max_messages),
        ("max_bytes", wanted.max_bytes, found.max_bytes),
        (
            "max_msgs_per_subject",
            wanted.max_messages_per_subject,
            found.max_messages_per_subject,
        ),
    ] {
        // The server answers 0 and -1 for "no bound" as it was asked.
        let plain = |bound: i64| if bound <= 0 { -1 } else { bound };
        list.compare(Needed, setting, &plain(wanted), &plain(found));
    }
    list.compare(Wished, "storage", &wanted.storage, &found.storage);
    list.compare(
        Wished,
        "num_replicas",
        &wanted.num_replicas,
        &found.num_replicas,
    );
    list.compare(Wished, "max_age", &wanted.max_age, &found.max_age);
    list.compare(
        Wished,
        "duplicate_window",
        &wanted.duplicate_window,
        &found.duplicate_window,
    );
    list.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work() -> Config {
        let [.., work] = wanted(&Names::of("sms"), &JetStreamOptions::at("nats://a"));
        work
    }

    fn weights(change: impl FnOnce(&mut Config)) -> Vec<(&'static str, Weight)> {
        let mut found = work();
        change(&mut found);
        let differences = differences(&work(), &found);
        differences.iter().map(|d| (d.setting, d.weight)).collect()
    }

    #[test]
    fn a_stream_as_it_was_asked_for_does_not_differ() {
        assert_eq!(weights(|_| ()), []);
        assert_eq!(weights(|found| found.max_messages = 0), []);
        assert_eq!(weights(|found| found.allow_message_counter = true), []);
        assert_eq!(weights(|found| found.subjects.reverse()), []);
    }

    #[test]
    fn differences_weigh_what_they_cost() {
        let limits = RetentionPolicy::Limits;
        assert_eq!(
            weights(|found| found.retention = limits),
            [("retention", Weight::Foreign)]
        );
        let other = vec!["orders.>".to_owned()];
        assert_eq!(
            weights(|found| found.subjects = other),
            [("subjects", Weight::Foreign)]
        );
        assert_eq!(
            weights(|found| found.allow_message_schedules = false),
            [("allow_msg_schedules", Weight::Needed)]
        );
        assert_eq!(
            weights(|found| found.max_messages = 9),
            [("max_msgs", Weight::Needed)]
        );
        assert_eq!(
            weights(|found| found.num_replicas = 3),
            [("num_replicas", Weight::Wished)]
        );
    }
}

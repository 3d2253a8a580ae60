//! Lists and statistics.

use super::Subject;
use super::subject::{QUEUE, dead};
use crate::backend::ListFilter;
use crate::job::{State, Tenant};

pub(super) async fn a_list_goes_on_behind_what_was_deleted(subject: Subject) {
    for _ in 0..3 {
        subject.put_one().await;
    }
    let mut filter = ListFilter {
        limit: 2,
        ..ListFilter::new(QUEUE)
    };
    let list =
        |filter: ListFilter| async { subject.backend.list(filter).await.expect("list works") };
    filter.after = list(filter.clone()).await.next;
    assert!(filter.after.is_some(), "the third is on the next page");
    let deleted = subject.backend.purge(QUEUE.to_owned(), vec![State::Ready]);
    assert_eq!(deleted.await.expect("purge works"), 3);
    assert!(list(filter.clone()).await.jobs.is_empty());
    let ids = [subject.put_one().await, subject.put_one().await];
    let found: Vec<_> = list(filter).await.jobs.iter().map(|job| job.id).collect();
    assert_eq!(found, ids, "no new job takes an old place");
}

pub(super) async fn lists_page_through_everything_once(subject: Subject) {
    let mut ids = Vec::new();
    for n in 0..25 {
        let mut envelope = subject.envelope();
        envelope.tenant = (n % 5 == 0).then(|| Tenant::new("acme").expect("a good tenant"));
        ids.push(envelope.id);
        subject.put(envelope).await;
    }
    let mut filter = ListFilter {
        limit: 10,
        ..ListFilter::new(QUEUE)
    };
    let mut seen = Vec::new();
    loop {
        let page = subject
            .backend
            .list(filter.clone())
            .await
            .expect("list works");
        seen.extend(page.jobs.iter().map(|job| job.id));
        // A job that ends between two pages changes nothing for the others.
        subject.end(&subject.take_one().await, dead()).await;
        match page.next {
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, ids);
    let tenant = Tenant::new("acme").ok();
    let of_tenant = ListFilter {
        tenant,
        ..ListFilter::new(QUEUE)
    };
    assert_eq!(
        subject
            .backend
            .list(of_tenant)
            .await
            .expect("list works")
            .jobs
            .len(),
        5
    );
    let of_state = ListFilter {
        states: vec![State::Dead],
        ..ListFilter::new(QUEUE)
    };
    assert_eq!(
        subject
            .backend
            .list(of_state)
            .await
            .expect("list works")
            .jobs
            .len(),
        3
    );
}

pub(super) async fn statistics_count_every_state(subject: Subject) {
    for _ in 0..5 {
        subject.put_one().await;
    }
    subject.take_one().await;
    subject.end(&subject.take_one().await, dead()).await;
    let waited = subject.span(std::time::Duration::from_secs(7));
    subject.pass(waited).await;
    let stats = subject
        .stats_become(
            |stats| (stats.ready, stats.running, stats.dead, stats.pending()),
            (3, 1, 1, 4),
        )
        .await;
    let oldest = std::time::Duration::from_millis(stats.oldest_ready_ms);
    assert!(subject.is_about(oldest, waited), "{oldest:?}");
}

pub(super) async fn queues_do_not_see_each_other(subject: Subject) {
    let mut other = subject.envelope();
    other.queue = "another".to_owned();
    subject.put(other).await;
    assert!(subject.take(1).await.is_empty());
    assert_eq!(subject.stats().await.pending(), 0);
    let ready = |stats: &crate::backend::Stats| stats.ready;
    subject.stats_of_become("another", ready, 1).await;
    assert!(
        subject
            .backend
            .list(ListFilter::new(QUEUE))
            .await
            .expect("list works")
            .jobs
            .is_empty()
    );
}

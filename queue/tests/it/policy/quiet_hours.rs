//! Quiet hours through a worker: jobs wait alone for their recipient's morning.

use std::time::Duration;

use queue::clock::Clock;
use queue::policy::{QuietHours, Refusal, SendWindows, Zone};
use queue::provider::{Mock, Provider, ProviderErrorKind};
use queue::worker::SNOOZE_JITTER_MAX;
use queue::{
    Priority, State, create_notification_sms_job, create_otp_sms_job, create_welcome_sms_job,
};

use super::support::*;

fn night(store: &Store) -> QuietHours {
    QuietHours::new(SendWindows::quiet("21:00", "08:00").unwrap()).clock(store.clock.clone())
}

#[tokio::test]
async fn jobs_wait_for_the_morning_and_hold_up_nobody() {
    for store in [Store::in_memory().await, Store::in_a_file().await] {
        store
            .queue
            .advance_to(moment("Africa/Nairobi", "2026-01-31T23:00"));
        let mock = Mock::new();
        let provider = night(&store).around(mock.clone());
        let mut waiting = Vec::new();
        for _ in 0..50 {
            let job = create_notification_sms_job(&store.queue, notification(KENYAN));
            waiting.push(job.priority(Priority::Normal).await.unwrap().job_id);
        }
        // Behind all of them: it is noon in New York, and a code is for now.
        let awake = create_notification_sms_job(&store.queue, notification("+12015550123"));
        let awake = awake.await.unwrap();
        let code = create_otp_sms_job(&store.queue, otp(KENYAN, 10))
            .await
            .unwrap();
        let report = store.queue.run_due(&provider).await;
        assert_eq!((report.snoozed, report.completed), (50, 2));
        for job in [awake, code] {
            assert_eq!(store.state(job.job_id).await, State::Completed);
        }
        let morning = moment("Africa/Nairobi", "2026-02-01T08:00");
        for job in &waiting {
            let view = store.queue.job(*job).await.unwrap().unwrap();
            assert_eq!((view.state, view.attempt), (State::Snoozed, 0));
            let late = view.due_at.since(morning);
            assert!(
                view.due_at >= morning && late <= SNOOZE_JITTER_MAX,
                "{late:?}"
            );
        }
        store
            .queue
            .advance_to(morning.saturating_add(SNOOZE_JITTER_MAX));
        assert_eq!(store.queue.run_due(&provider).await.completed, 50);
        assert_eq!(mock.sent_count(), 52);
    }
}

#[tokio::test]
async fn the_morning_after_the_clocks_moved_is_the_morning_that_clocks_show() {
    for (evening, morning) in [
        ("2026-03-28T23:00", "2026-03-29T08:00"),
        ("2026-10-24T23:00", "2026-10-25T08:00"),
        ("2026-02-28T23:00", "2026-03-01T08:00"),
        ("2026-12-31T23:00", "2027-01-01T08:00"),
    ] {
        let store = Store::in_memory().await;
        store.queue.advance_to(moment("Europe/Warsaw", evening));
        let provider = night(&store).around(Mock::new());
        let polish = "+48512345678";
        let job = create_notification_sms_job(&store.queue, notification(polish))
            .await
            .unwrap();
        store.queue.run_due(&provider).await;
        assert_eq!(store.state(job.job_id).await, State::Snoozed);
        let morning = moment("Europe/Warsaw", morning);
        store
            .queue
            .advance(morning.since(store.clock.now()) - Duration::from_millis(1));
        assert_eq!(store.queue.run_due(&provider).await.total(), 0, "{evening}");
        store
            .queue
            .advance_to(morning.saturating_add(SNOOZE_JITTER_MAX));
        assert_eq!(
            store.queue.run_due(&provider).await.completed,
            1,
            "{evening}"
        );
    }
}

#[tokio::test]
async fn what_would_expire_meanwhile_goes_at_once_unless_it_is_a_campaign() {
    let store = Store::in_memory().await;
    store
        .queue
        .advance_to(moment("Africa/Nairobi", "2026-01-05T23:00"));
    let provider = night(&store).around(Mock::new());
    let welcome = queue::WelcomeSms {
        recipient: number(KENYAN),
        user_name: "Wanjiru".to_owned(),
    };
    let hour = Duration::from_secs(3600);
    let soon = create_welcome_sms_job(&store.queue, welcome.clone()).expires_in(hour);
    let soon = soon.await.unwrap();
    let later = create_welcome_sms_job(&store.queue, welcome).expires_in(hour * 12);
    let later = later.await.unwrap();
    let campaign = create_notification_sms_job(&store.queue, notification(KENYAN));
    let campaign = campaign.expires_in(hour).await.unwrap();
    store.queue.run_due(&provider).await;
    assert_eq!(store.state(soon.job_id).await, State::Completed);
    assert_eq!(store.state(later.job_id).await, State::Snoozed);
    assert_eq!(store.state(campaign.job_id).await, State::Expired);
}

#[tokio::test]
async fn windows_that_never_open_hold_the_job_and_say_so() {
    let store = Store::in_memory().await;
    let hour = SendWindows::quiet("10:00", "09:00").unwrap();
    let hours = QuietHours::new(hour).clock(store.clock.clone());
    let mut context = context("notification");
    context.priority = Priority::Low;
    let american = message("+12015550123");
    let error = hours
        .around(Mock::new())
        .send(&american, &context)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ProviderErrorKind::Misconfigured);
    assert_eq!(Refusal::of(&error), Some(Refusal::QuietHours));
    // Told the zone, it opens.
    let eastern = hours.zone_of(|_| Zone::named("America/New_York").ok());
    let now = store.clock.now();
    let opens = eastern.next_open(&american.recipient, now).unwrap();
    assert_eq!(opens, moment("America/New_York", "2026-01-01T09:00"));
}

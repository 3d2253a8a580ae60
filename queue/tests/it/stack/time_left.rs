//! A text that says how long a code is valid says how long it still is.

use std::time::Duration;

use queue::provider::{Mock, MockAnswer};
use queue::testing::TestQueue;
use queue::{Job, OtpSms, SmsJob, create_otp_sms_job};

fn otp(expiry_minutes: u16) -> OtpSms {
    OtpSms {
        recipient: "0712345678".parse().unwrap(),
        code: "482913".parse().unwrap(),
        expiry_minutes,
    }
}

#[test]
fn minutes_are_rounded_down_to_one_at_least_and_never_more_than_there_were() {
    for (millis, minutes) in [
        (600_000, 10),
        // The moment between its enqueue and its send is none.
        (595_000, 10),
        (594_999, 9),
        (540_000, 9),
        (534_999, 8),
        (120_000, 2),
        (61_000, 1),
        (59_000, 1),
        (1, 1),
        (0, 1),
        (3_600_000, 10),
    ] {
        let within = otp(10).within(Duration::from_millis(millis));
        assert_eq!(within.expiry_minutes, minutes, "{millis} ms");
    }
    assert_eq!(otp(1).within(Duration::MAX).expiry_minutes, 1);
    assert_eq!(otp(0).within(Duration::ZERO).expiry_minutes, 0);
    let job = SmsJob::Otp(otp(10));
    let text = |left| job.render_within(left).unwrap().text;
    assert!(text(None).as_str().contains("10 minutes"));
    let minute = text(Some(Duration::from_secs(70)));
    assert!(minute.as_str().contains("valid for 1 minute."));
}

#[tokio::test]
async fn a_code_that_waited_says_what_is_left() {
    let queue = TestQueue::<SmsJob>::new().await;
    let mock = Mock::new()
        .then(MockAnswer::throttled(Duration::from_secs(240)))
        .then(MockAnswer::accept())
        .then(MockAnswer::accept());
    create_otp_sms_job(&queue, otp(10)).await.unwrap();
    assert_eq!(queue.run_due(&mock).await.snoozed, 1);
    // Snoozed for 240 to 288 s: five to six minutes are left.
    queue.advance(Duration::from_secs(288));
    assert_eq!(queue.run_due(&mock).await.completed, 1);
    let calls = mock.calls();
    assert!(calls[0].message.text.as_str().contains("10 minutes"));
    assert!(
        calls[1]
            .message
            .text
            .as_str()
            .contains("valid for 5 minutes")
    );
    // Providers are told the same: what is left is the message's validity.
    let left = calls[1].context.time_left.unwrap();
    assert_eq!(left, Duration::from_secs(600 - 288));

    create_otp_sms_job(&queue, otp(1)).await.unwrap();
    queue.advance(Duration::from_secs(59));
    assert_eq!(queue.run_due(&mock).await.completed, 1);
    let last = mock.last().unwrap();
    assert!(last.text.as_str().contains("valid for 1 minute."));
}

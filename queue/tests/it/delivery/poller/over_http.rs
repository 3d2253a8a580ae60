//! The stand-ins of the providers that can be asked.

use super::*;

#[cfg(all(feature = "salum", any(feature = "tls-aws-lc", feature = "tls-ring")))]
#[tokio::test]
async fn salum_is_asked_over_http() {
    use queue::Worker;
    use queue::delivery::{DeliveryFailure, SALUM, Tracked};
    use queue::testing::gateway::Gateway;

    let words = [
        (Duration::ZERO, "SentToNetwork"),
        (2 * SECOND, "SenderName Blacklisted"),
    ];
    let gateway = Gateway::builder().delivery(words).start().await.unwrap();
    let queue = queue::Queue::<SmsJob>::open("memory:").await.unwrap();
    let schedule = PollSchedule::new([1, 2, 3].map(Duration::from_secs), HOUR);
    let deliveries = Deliveries::of(&queue).poll(SALUM, schedule).build();
    let mut events = deliveries.subscribe();
    let salum = gateway.salum_options().build().unwrap();
    let poller = DeliveryPoller::builder(deliveries.clone(), salum.clone()).spawn();
    let job = super::super::support::welcome(&queue).await;
    let tracked = Tracked::new(salum, deliveries.clone());
    Worker::new(queue, tracked).run_until_empty().await.unwrap();

    let statuses = super::super::support::told(&mut events, 3).await;
    assert_eq!(statuses, [Accepted, Sent, Failed]);
    let known = super::super::support::only(&deliveries, job).await;
    assert_eq!(known.failure, Some(DeliveryFailure::Blocked));
    assert_eq!(known.code.as_deref(), Some("SenderName Blacklisted"));
    assert!(known.suppress);
    let done = poller.shutdown(SECOND).await.unwrap();
    assert_eq!((done.failed, done.settled), (0, 1));
}

#[cfg(all(feature = "twilio", any(feature = "tls-aws-lc", feature = "tls-ring")))]
#[tokio::test]
async fn twilio_is_asked_over_http() {
    use queue::Worker;
    use queue::delivery::{DeliveryFailure, TWILIO, Tracked};
    use queue::testing::gateway::{Gateway, TwilioPersonality};

    let gateway = Gateway::builder()
        .personality(TwilioPersonality::default())
        .delivery([(Duration::from_millis(500), "undelivered:30006")])
        .start()
        .await
        .unwrap();
    let queue = queue::Queue::<SmsJob>::open("memory:").await.unwrap();
    let schedule = PollSchedule::new([SECOND], HOUR);
    let deliveries = Deliveries::of(&queue).poll(TWILIO, schedule).build();
    let mut events = deliveries.subscribe();
    let twilio = gateway.twilio_options().unwrap().build().unwrap();
    let poller = DeliveryPoller::builder(deliveries.clone(), twilio.clone()).spawn();
    let job = super::super::support::welcome(&queue).await;
    let tracked = Tracked::new(twilio, deliveries.clone());
    Worker::new(queue, tracked).run_until_empty().await.unwrap();
    let statuses = super::super::support::told(&mut events, 2).await;
    assert_eq!(statuses, [Accepted, Failed]);
    let known = super::super::support::only(&deliveries, job).await;
    assert_eq!(known.failure, Some(DeliveryFailure::Number));
    poller.shutdown(SECOND).await.unwrap();
}

//! From the send to the report, through the stand-ins of the providers that push.

use super::*;

/// What a worker with `provider` sent, once a report has decided about it.
#[cfg(any(feature = "twilio", feature = "africas-talking"))]
#[cfg(any(feature = "tls-aws-lc", feature = "tls-ring"))]
async fn decided(
    queue: &TestQueue<SmsJob>,
    deliveries: &Deliveries,
    provider: impl queue::provider::Provider<queue::SmsMessage>,
) -> queue::delivery::MessageDelivery {
    let job = super::super::support::welcome(queue).await;
    let tracked = queue::delivery::Tracked::new(provider, deliveries.clone());
    let worker = queue::Worker::new((**queue).clone(), tracked).spawn();
    eventually("a final report", || async {
        match deliveries.job(job).await.unwrap() {
            Some(known) => known.status().is_final(),
            None => false,
        }
    })
    .await;
    drop(worker);
    only(deliveries, job).await
}

#[cfg(all(feature = "twilio", any(feature = "tls-aws-lc", feature = "tls-ring")))]
#[tokio::test]
async fn twilio_is_followed_from_the_send_to_the_report() {
    use queue::testing::gateway::{Fault, TwilioPersonality};

    for lost in [false, true] {
        let queue = TestQueue::<SmsJob>::new().await;
        let deliveries = Deliveries::of(&queue).build();
        let personality = TwilioPersonality::default();
        let auth_token = personality.auth_token.clone();
        let push = TwilioPush::new(deliveries.clone(), auth_token, PUBLIC_URL).unwrap();
        let router = Router::new().nest("/reports/twilio", push.into_router());
        let mut reports = ReportPush::new(listen(router).await, "/reports/twilio");
        reports.duplicate = true;
        reports.reordered = true;
        let gateway = Gateway::builder()
            .personality(personality)
            .delivery([
                (Duration::ZERO, "sent"),
                (Duration::from_millis(20), "undelivered:30003"),
            ])
            .push(reports)
            .start()
            .await
            .unwrap();
        if lost {
            // Twilio has it and sends it; nobody here learns under which id.
            gateway.next(1, Fault::cut().after_accepting());
        }
        let options = gateway.twilio_options().unwrap();
        let twilio = options
            .status_callback(PUBLIC_URL)
            .callback_per_attempt(true)
            .build()
            .unwrap();
        let known = decided(&queue, &deliveries, twilio).await;
        assert_eq!(known.failure, Some(DeliveryFailure::Unreachable));
        assert_eq!((known.attempt, known.code.as_deref()), (1, Some("30003")));
        assert!(known.message_id.is_some_and(|id| id.starts_with("SM")));
    }
}

#[cfg(all(
    feature = "africas-talking",
    any(feature = "tls-aws-lc", feature = "tls-ring")
))]
#[tokio::test]
async fn africas_talking_is_followed_from_the_send_to_the_report() {
    use queue::testing::gateway::AfricasTalkingPersonality;

    let queue = TestQueue::<SmsJob>::new().await;
    let deliveries = Deliveries::of(&queue).build();
    let mut reports = ReportPush::new(serve(&deliveries).await, format!("/reports/at/{TOKEN}"));
    reports.early = true;
    reports.unknown_id = true;
    let gateway = Gateway::builder()
        .personality(AfricasTalkingPersonality::default())
        .delivery([
            (Duration::ZERO, "Sent"),
            (Duration::from_millis(20), "Failed:UserInBlacklist"),
        ])
        .push(reports)
        .start()
        .await
        .unwrap();
    let provider = gateway.africas_talking_options().unwrap().build().unwrap();
    let known = decided(&queue, &deliveries, provider).await;
    assert_eq!((known.status, known.suppress), (Failed, true));
    assert_eq!(known.code.as_deref(), Some("UserInBlacklist"));
}

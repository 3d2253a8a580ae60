//! What goes over the wire.

use super::*;
use crate::provider::http::golden;

const ACCEPTED: &str = r#"{"SMSMessageData":{"Message":"Sent to 1/1 Total Cost: KES 0.8000","Recipients":[{"statusCode":101,"number":"+254712000001","status":"Success","cost":"KES 0.8000","messageId":"ATPid_1"}]}}"#;

#[tokio::test]
async fn a_send_is_exactly_this() {
    let (address, request) = golden::one_request("201 Created", ACCEPTED).await;
    let client = AfricasTalkingOptions::new("app", "key")
        .from("MY SENDER")
        .enqueue(true)
        .url(format!("http://{address}/version1"))
        .build()
        .unwrap();
    let receipt = send(&client, 1).await.unwrap();
    assert_eq!(receipt.message_id.as_deref(), Some("ATPid_1"));
    let (head, body) = request.await.unwrap();
    let mut lines: Vec<&str> = head.lines().collect();
    lines.sort_unstable();
    let host = format!("host: {address}");
    let agent = format!("user-agent: queue/{}", env!("CARGO_PKG_VERSION"));
    let length = format!("content-length: {}", body.len());
    let mut expected = vec![
        "POST /version1/messaging HTTP/1.1",
        "accept: application/json",
        "apikey: key",
        "content-type: application/x-www-form-urlencoded",
        &host,
        &agent,
        &length,
    ];
    expected.sort_unstable();
    assert_eq!(lines, expected);
    assert_eq!(
        body,
        "username=app&to=%2B254712000001&message=Karibu+1&bulkSMSMode=1&enqueue=1&from=MY+SENDER"
    );
}

#[tokio::test]
async fn a_message_is_sent_whatever_its_characters() {
    let gateway = start().await;
    let text = "Karibu & 50% + £1 = é\n😀";
    let message = SmsMessage::new(number(1), SmsText::new(text).unwrap());
    let context = SendContext::new(JobId::new(), Duration::from_secs(5));
    client(&gateway).send(&message, &context).await.unwrap();
    let row = gateway.accepted().pop().unwrap();
    assert_eq!(
        (row.mobile.as_str(), row.message.as_str()),
        ("+254712000001", text)
    );
    // 101 Sent; 102 Queued when it need not wait for the carrier.
    assert_eq!(row.code, 101);
    let queueing = options(&gateway).enqueue(true).build().unwrap();
    send(&queueing, 2).await.unwrap();
    assert_eq!(gateway.accepted()[1].code, 102);
}

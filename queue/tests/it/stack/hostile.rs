//! Answers made to hurt: each call ends in time, and nobody takes one for a success.

use std::sync::Arc;
use std::time::{Duration, Instant};

use queue::provider::stack::{Guarded, ProviderStack};
use queue::provider::{
    AfricasTalkingOptions, Provider, ProviderErrorKind, SalumOptions, SendContext, TwilioOptions,
    TwilioSender,
};
use queue::sms::SmsMessage;
use queue::testing::gateway::{AfricasTalkingPersonality, Fault, Gateway, TwilioPersonality};
use queue::{JobId, Priority};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::support::*;

/// How long a call may take here.
const LIMIT: Duration = Duration::from_millis(700);
/// How much later it may end on a machine that does other things too.
const SLACK: Duration = Duration::from_secs(2);

async fn kind(provider: &impl Provider<SmsMessage>) -> ProviderErrorKind {
    let began = Instant::now();
    let context = SendContext::new(JobId::new(), 20 * SECOND);
    let answer = provider.send(&sms("0712345678"), &context).await;
    let took = began.elapsed();
    assert!(took < LIMIT + SLACK, "it took {took:?}");
    answer.expect_err("nobody takes it for a success").kind()
}

fn limited(provider: impl Provider<SmsMessage>) -> ProviderStack<SmsMessage> {
    let guarded = Guarded::new(provider).time_limit(LIMIT).without_breaker();
    ProviderStack::builder().guarded(guarded).build()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hostile_answer_ends_in_time_and_sends_nobody_elsewhere() {
    let family = Gateway::start().await.unwrap();
    let twilio = Gateway::builder().personality(TwilioPersonality::default());
    let twilio = twilio.start().await.unwrap();
    let talking = Gateway::builder().personality(AfricasTalkingPersonality::default());
    let talking = talking.start().await.unwrap();
    let providers: [(&Gateway, Arc<dyn Provider<SmsMessage>>); 3] = [
        (&family, Arc::new(family.salum_options().build().unwrap())),
        (
            &twilio,
            Arc::new(twilio.twilio_options().unwrap().build().unwrap()),
        ),
        (
            &talking,
            Arc::new(talking.africas_talking_options().unwrap().build().unwrap()),
        ),
    ];
    for (gateway, provider) in providers {
        let stack = limited(provider);
        for fault in [
            Fault::trickle(SECOND),
            Fault::hang(),
            Fault::stall(),
            Fault::endless(),
            Fault::bomb(),
            Fault::length_lie(10 << 30),
            Fault::redirect(),
            Fault::cut_after(5),
        ] {
            let requests = gateway.requests().len();
            let name = fault.name();
            gateway.next(1, fault);
            let kind = kind(&stack).await;
            let unsure = kind == ProviderErrorKind::Unknown;
            // A redirect is the one answer that says for sure that nothing was sent; it is not followed.
            let refused = name == "redirect" && kind == ProviderErrorKind::Misconfigured;
            assert!(unsure || refused, "{name} from {}: {kind:?}", stack.name());
            // One request, whatever the answer asked for.
            assert_eq!(gateway.requests().len(), requests + 1, "{name}");
            urgent(&stack).await.unwrap();
        }
    }
}

/// A listener that answers every connection with these bytes, and then with silence.
async fn garbage(bytes: impl Into<Arc<[u8]>>) -> String {
    let bytes: Arc<[u8]> = bytes.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let bytes = Arc::clone(&bytes);
            tokio::spawn(async move {
                let _ = stream.write_all(&bytes).await;
                // Reads on, so that the bytes arrive before the connection is cut.
                let mut sink = [0; 1024];
                while stream.read(&mut sink).await.is_ok_and(|count| count > 0) {}
            });
        }
    });
    address.to_string()
}

/// Every provider, with its server at this address.
fn everybody(url: &str) -> Vec<Arc<dyn Provider<SmsMessage>>> {
    let sid = format!("AC{}", "0".repeat(32));
    let salum = SalumOptions::new("key", "1", "ME").url(url).build();
    let twilio = TwilioOptions::new(sid, "token", TwilioSender::From("ME".into()));
    let talking = AfricasTalkingOptions::new("app", "key").url(url).build();
    vec![
        Arc::new(salum.unwrap()),
        Arc::new(twilio.url(url).build().unwrap()),
        Arc::new(talking.unwrap()),
    ]
}

#[tokio::test]
async fn a_server_that_speaks_garbage_is_not_believed() {
    for bytes in [
        &b"\x16\x03\x03\xff\xff garbage that looks like TLS"[..],
        b"\x00\x01\x02\x03",
        b"HTTP/1.1 200 OK\r\n\xff\xfe: \xff\r\n\r\n",
        b"HTTP/1.1 999999 Odd\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nHello!",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\xff\xfe\xfd",
        b"+CMGS: 7\r\n",
    ] {
        let address = garbage(bytes).await;
        let shown = String::from_utf8_lossy(bytes);
        for provider in everybody(&format!("http://{address}/")) {
            let plain = limited(provider);
            let kind = kind(&plain).await;
            assert_eq!(
                kind,
                ProviderErrorKind::Unknown,
                "{}: {shown}",
                plain.name()
            );
        }
        // A machine without trusted certificates has no client for TLS.
        let url = format!("https://{address}/");
        if SalumOptions::new("key", "1", "ME")
            .url(&url)
            .build()
            .is_err()
        {
            continue;
        }
        for provider in everybody(&url) {
            let tls = limited(provider);
            // TLS fails before anything of the request is written, or nobody can tell.
            let kind = kind(&tls).await;
            let transient = ProviderErrorKind::Transient { after: None };
            assert!(
                kind == transient || kind == ProviderErrorKind::Unknown,
                "{}: {shown} under TLS: {kind:?}",
                tls.name()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_headers_is_given_up() {
    let flood = format!(
        "HTTP/1.1 200 OK\r\n{}\r\n",
        "X-Flood: 1\r\n".repeat(100_000)
    );
    let address = garbage(flood.into_bytes()).await;
    for provider in everybody(&format!("http://{address}/")) {
        let began = Instant::now();
        let kind = kind(&limited(provider)).await;
        assert_eq!(kind, ProviderErrorKind::Unknown);
        assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_black_hole_costs_its_time_limit_and_opens_the_breaker() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    // Connections are made, by the kernel, and nobody ever reads.
    for provider in everybody(&url) {
        let stack = ProviderStack::builder()
            .guarded(Guarded::new(provider).time_limit(LIMIT / 4))
            .build();
        for _ in 0..5 {
            assert_eq!(kind(&stack).await, ProviderErrorKind::Unknown);
        }
        let began = Instant::now();
        for _ in 0..100 {
            let context = context(Priority::High);
            let error = stack.send(&sms("0712345678"), &context).await.unwrap_err();
            let ProviderErrorKind::Throttled { after } = error.kind() else {
                panic!("the breaker is open: {error}");
            };
            assert!(after > 50 * SECOND);
        }
        assert!(began.elapsed() < SECOND);
    }
    drop(listener);
}

//! The wire forms, byte for byte: what is stored today must be read for ever.
//!
//! `fixtures/wire/*.json` holds one payload of each shipped kind, envelopes, and the schema. A difference is a breaking
//! change of `docs/wire_format.md`: change it only with a new version. A new kind adds a file:
//! `cargo test -p queue --all-features --test it -- --ignored write_the_wire_forms`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use queue::backend::LeaseRequest;
use queue::clock::{ManualClock, Timestamp};
use queue::job::{
    Address, CodecError, DecodeError, ENVELOPE_VERSION, Envelope, Idempotency, IdempotencyKey,
    Kind, KindInfo, Metadata, Tenant, TraceContext, UnknownPolicy, UpcastError,
};
use queue::provider::RenderError;
use queue::{
    Job, JobId, NotificationSms, OtpCode, OtpSms, Payload, PhoneNumber, Priority, Queue, SmsJob,
    SmsMessage, SmsText, State, WelcomeSms,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// 2026-01-01T00:00:00Z.
const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + millis)
}

fn id() -> JobId {
    "019b7716-8a00-7000-8000-0000000000ff".parse().unwrap()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/wire")
        .join(name)
}

/// The file without the newline that editors put at its end.
fn read(name: &str) -> Vec<u8> {
    let mut bytes = std::fs::read(fixture(name)).unwrap();
    assert_eq!(bytes.pop(), Some(b'\n'), "{name}");
    bytes
}

fn recipient() -> PhoneNumber {
    "+254712345678".parse().unwrap()
}

fn payloads() -> [(&'static str, SmsJob); 3] {
    [
        (
            "sms_welcome.json",
            SmsJob::Welcome(WelcomeSms {
                recipient: recipient(),
                user_name: "Zoë \"Z\" Wanjiru".into(),
            }),
        ),
        (
            "sms_otp.json",
            SmsJob::Otp(OtpSms {
                recipient: recipient(),
                code: OtpCode::new("493817").unwrap(),
                expiry_minutes: 10,
            }),
        ),
        (
            "sms_notification.json",
            SmsJob::Notification(NotificationSms {
                recipient: recipient(),
                message: "Line one\nline two".into(),
            }),
        ),
    ]
}

/// Every field has a value that is not its default.
fn full_envelope() -> Envelope {
    let mut envelope = Envelope::new(
        "sms",
        Kind::from_static("otp"),
        2,
        read("sms_otp.json"),
        NOW,
    );
    envelope.id = JobId::from_bytes(*id().as_bytes());
    envelope.priority = Priority::High;
    envelope.due_at = at(1_000);
    envelope.deadline = Some(at(600_000));
    envelope.max_attempts = 5;
    envelope.unknown = UnknownPolicy::Stop;
    envelope.secret = true;
    let key = IdempotencyKey::new("otp:42").unwrap();
    envelope.idempotency = Some(Idempotency::new(key, Duration::from_secs(24 * 60 * 60)));
    envelope.tenant = Some(Tenant::new("acme").unwrap());
    envelope.trace = TraceContext::new(
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        Some("vendor=value".into()),
    );
    let mut metadata = Metadata::new();
    metadata.insert("source", "signup").unwrap();
    metadata.insert("campaign", "spring").unwrap();
    envelope.metadata = metadata;
    envelope
}

/// Every field that has a default has it.
fn plain_envelope() -> Envelope {
    let payload = read("sms_welcome.json");
    let mut envelope = Envelope::new("sms", Kind::from_static("welcome"), 1, payload, NOW);
    envelope.id = id();
    envelope
}

/// What came with version 2: the policy `ask`; and beside it, in every version, the recipient.
fn asking_envelope() -> Envelope {
    let mut envelope = plain_envelope();
    envelope.unknown = UnknownPolicy::Ask;
    envelope.recipient = Some(recipient().key("sms"));
    envelope
}

fn envelopes() -> [(&'static str, Envelope); 3] {
    [
        ("envelope_full.json", full_envelope()),
        ("envelope_asking.json", asking_envelope()),
        ("envelope_plain.json", plain_envelope()),
    ]
}

#[test]
fn payloads_are_written_and_read_byte_for_byte() {
    for (file, job) in payloads() {
        let golden = read(file);
        let encoded = job.encode().unwrap();
        assert_eq!(
            String::from_utf8(encoded).unwrap(),
            String::from_utf8(golden.clone()).unwrap(),
            "{file}"
        );
        let info = job.kind();
        let decoded = SmsJob::decode(info.name, info.version, &golden).unwrap();
        assert_eq!(decoded.encode().unwrap(), golden, "{file}");
        assert_eq!(decoded.job_kind(), job.job_kind(), "{file}");
    }
    assert_eq!(
        payloads().len(),
        SmsJob::KINDS.len(),
        "a file for each kind"
    );
}

#[test]
fn envelopes_are_written_and_read_byte_for_byte() {
    for (file, envelope) in envelopes() {
        let golden = read(file);
        assert_eq!(
            String::from_utf8(envelope.encode().unwrap()).unwrap(),
            String::from_utf8(golden.clone()).unwrap(),
            "{file}"
        );
        assert_eq!(Envelope::decode(&golden).unwrap(), envelope, "{file}");
    }
}

#[test]
fn an_envelope_with_only_what_is_required_gets_the_defaults() {
    let decoded = Envelope::decode(&read("envelope_oldest.json")).unwrap();
    assert_eq!(decoded, plain_envelope());
}

#[test]
fn members_that_a_later_library_adds_are_passed_over() {
    let decoded = Envelope::decode(&read("envelope_with_more.json")).unwrap();
    assert_eq!(decoded, plain_envelope());
}

#[test]
fn an_envelope_of_a_newer_version_is_recognised_whatever_it_holds() {
    assert_eq!(
        Envelope::decode(&read("envelope_newer.json")),
        Err(CodecError::Newer {
            found: ENVELOPE_VERSION + 1,
            known: ENVELOPE_VERSION
        })
    );
}

#[test]
fn an_envelope_says_the_lowest_version_that_can_read_it() {
    let version = |envelope: &Envelope| {
        let json: Value = serde_json::from_slice(&envelope.encode().unwrap()).unwrap();
        json["v"].as_u64()
    };
    assert_eq!(version(&asking_envelope()), Some(2));
    // The recipient is harmless to pass over: an older program only does not limit it.
    let mut addressed = plain_envelope();
    addressed.recipient = Some(recipient().key("sms"));
    assert_eq!(version(&addressed), Some(1));
    assert_eq!(version(&full_envelope()), Some(1));
}

#[test]
fn a_recipient_that_is_no_key_is_malformed_and_not_quoted() {
    let golden = String::from_utf8(read("envelope_asking.json")).unwrap();
    let key = recipient().key("sms").to_hex();
    for bad in ["+254712345678", &key.to_uppercase(), ""] {
        let error = Envelope::decode(golden.replace(&key, bad).as_bytes()).unwrap_err();
        assert!(matches!(error, CodecError::Malformed { .. }), "{bad}");
        assert!(bad.is_empty() || !error.to_string().contains(bad));
    }
}

#[test]
fn the_schema_is_the_published_one() {
    let golden: Value = serde_json::from_slice(&read("sms_schema.json")).unwrap();
    assert_eq!(SmsJob::schema().to_value(), golden);
}

#[test]
fn an_unknown_kind_and_a_newer_version_are_told_apart_from_damage() {
    let unknown = Envelope::decode(&read("envelope_unknown_kind.json")).unwrap();
    let decoded = |version| SmsJob::decode(unknown.kind.as_str(), version, &unknown.payload);
    assert!(matches!(
        decoded(1).unwrap_err(),
        DecodeError::UnknownKind { kind } if kind == "voucher"
    ));
    assert!(matches!(
        SmsJob::decode("welcome", 2, &unknown.payload).unwrap_err(),
        DecodeError::NewerVersion {
            kind: "welcome",
            found: 2,
            known: 1
        }
    ));
    assert!(matches!(
        SmsJob::decode("welcome", 1, &unknown.payload).unwrap_err(),
        DecodeError::Malformed {
            kind: "welcome",
            ..
        }
    ));
}

/// What a later version of the program can read.
static LATER_KINDS: [KindInfo; 2] = [later_kind("voucher", 1), later_kind("welcome", 2)];

const fn later_kind(name: &'static str, version: u16) -> KindInfo {
    KindInfo {
        name,
        version,
        priority: Priority::Normal,
        max_attempts: 3,
        unknown: UnknownPolicy::Retry,
        secret: false,
    }
}

async fn lease(queue: &Queue<SmsJob>, kinds: &'static [KindInfo]) -> Vec<Envelope> {
    let request = LeaseRequest {
        queue: SmsJob::QUEUE,
        kinds,
        max: 10,
        max_by_priority: [10; 4],
        visibility: Duration::from_secs(30),
        wait: Duration::ZERO,
        rate_limit: None,
        limits: Vec::new(),
    };
    let leased = queue.backend().lease(request).await.unwrap();
    leased
        .into_iter()
        .map(|delivery| Envelope::clone(&delivery.envelope))
        .collect()
}

#[tokio::test]
async fn what_this_program_can_not_read_is_parked_and_reaches_a_later_one_whole() {
    let queue = Queue::<SmsJob>::builder()
        .url("memory:")
        .clock(ManualClock::new(NOW))
        .open()
        .await
        .unwrap();
    let unknown = Envelope::decode(&read("envelope_unknown_kind.json")).unwrap();
    let mut newer = plain_envelope();
    newer.version = 2;
    let readable = full_envelope_of_today();
    let batch = vec![unknown.clone(), newer.clone(), readable.clone()];
    queue.backend().enqueue(batch).await.unwrap();
    assert_eq!(
        lease(&queue, SmsJob::KINDS).await,
        [readable],
        "nothing is lost in the store"
    );
    for id in [unknown.id, newer.id] {
        let view = queue.job(id).await.unwrap().unwrap();
        assert_eq!((view.state, view.attempt), (State::Parked, 0));
    }
    let name = SmsJob::QUEUE.to_owned();
    assert_eq!(queue.backend().unpark(name, &LATER_KINDS).await.unwrap(), 2);
    let mut adopted = lease(&queue, &LATER_KINDS).await;
    // The store's own order of the two is not promised: both are due now.
    adopted.sort_by_key(|envelope| envelope.kind.clone());
    assert_eq!(adopted, [unknown, newer]);
}

/// [`full_envelope`] as this program can read and start it.
fn full_envelope_of_today() -> Envelope {
    let mut envelope = full_envelope();
    envelope.id = JobId::new();
    envelope.version = 1;
    envelope.due_at = NOW;
    envelope
}

/// A payload that grew: version 1 called the text `body`; `footer` was added later, without a new version.
#[derive(Payload, Clone, Serialize, Deserialize, JsonSchema)]
struct Reminder {
    recipient: PhoneNumber,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    footer: Option<String>,
}

fn remind(reminder: &Reminder) -> Result<SmsMessage, RenderError> {
    let text = SmsText::new(&reminder.text).map_err(|_| RenderError::new("too long"))?;
    Ok(SmsMessage::new(reminder.recipient, text))
}

fn upcast(_: u16, mut payload: Map<String, Value>) -> Result<Map<String, Value>, UpcastError> {
    let text = payload.remove("body").ok_or(UpcastError("no `body`"))?;
    payload.insert("text".into(), text);
    Ok(payload)
}

#[derive(Job, Clone)]
#[job(queue = "reminders", message = SmsMessage)]
enum ReminderJob {
    #[job(render = remind, version = 2, upcast = upcast)]
    Reminder(Reminder),
}

#[test]
fn older_payloads_are_read_without_what_was_added_and_under_old_names() {
    let golden = read("reminder.json");
    let without = ReminderJob::decode("reminder", 2, &read("reminder_without_footer.json"));
    let renamed = ReminderJob::decode("reminder", 1, &read("reminder_v1.json"));
    for job in [without.unwrap(), renamed.unwrap()] {
        let ReminderJob::Reminder(reminder) = &job;
        assert_eq!(
            (reminder.text.as_str(), &reminder.footer),
            ("Tomorrow at 9", &None)
        );
        assert!(job.render().is_ok());
    }
    let ReminderJob::Reminder(newest) = ReminderJob::decode("reminder", 2, &golden).unwrap();
    assert_eq!(newest.footer.as_deref(), Some("Acme"));
    assert_eq!(ReminderJob::Reminder(newest).encode().unwrap(), golden);
}

#[test]
#[ignore = "writes the golden files; run it once for a new kind or version"]
fn write_the_wire_forms() {
    let write = |name: &str, mut bytes: Vec<u8>| {
        bytes.push(b'\n');
        std::fs::write(fixture(name), bytes).unwrap();
    };
    for (file, job) in payloads() {
        write(file, job.encode().unwrap());
    }
    for (file, envelope) in envelopes() {
        write(file, envelope.encode().unwrap());
    }
    let schema = serde_json::to_vec_pretty(&SmsJob::schema().to_value()).unwrap();
    write("sms_schema.json", schema);
}

//! Names: of creators, kinds, raw identifiers, renamed crates; and what the kinds declare.

use queue::job::{Address, RecipientKey, UnknownPolicy};
use queue::provider::RenderError;
use queue::{Enqueue, Job, Payload, Priority, Queue, Template};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::support::{
    Alarm, Greeting, Otp, Push, PushJob, PushJobKind, create_fire_alarm_push_job,
    create_greeting_push_job, create_otp_push_job, greeting, otp,
};

#[test]
fn every_variant_has_a_creator() {
    let _: fn(&Queue<PushJob>, Greeting) -> Enqueue<'_, PushJob> = create_greeting_push_job;
    let _: fn(&Queue<PushJob>, Otp) -> Enqueue<'_, PushJob> = create_otp_push_job;
    let _: fn(&Queue<PushJob>, Alarm) -> Enqueue<'_, PushJob> = create_fire_alarm_push_job;
}

#[test]
fn kinds_declare_what_the_attributes_say() {
    assert_eq!(PushJob::QUEUE, "push");
    let names: Vec<&str> = PushJobKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names, ["greeting", "otp", "fire"]);
    let greeting = PushJobKind::Greeting.info();
    assert_eq!((greeting.version, greeting.max_attempts), (1, 3));
    assert_eq!(
        (greeting.priority, greeting.unknown),
        (Priority::Normal, UnknownPolicy::Retry)
    );
    assert!(!greeting.secret);
    let otp = PushJobKind::Otp.info();
    assert_eq!((otp.version, otp.max_attempts), (1, 5));
    assert_eq!(
        (otp.priority, otp.unknown),
        (Priority::High, UnknownPolicy::Stop)
    );
    assert!(otp.secret);
    let fire = PushJobKind::FireAlarm.info();
    assert_eq!((fire.version, fire.priority), (2, Priority::Critical));
    assert_eq!(PushJobKind::FireAlarm.to_string(), "fire");
}

#[test]
fn a_payload_whose_address_is_none_names_no_recipient() {
    // `Greeting` is addressed by a plain text, which may be written in many ways; `Alarm` has no recipient at all.
    assert_eq!(PushJob::Greeting(greeting()).recipient(), None);
    let alarm = Alarm {
        level: 1,
        parts: Vec::new(),
    };
    assert_eq!(PushJob::FireAlarm(alarm).recipient(), None);
}

/// An address in its one spelling.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Handle(String);

impl Address for Handle {
    fn canonical(&self) -> std::borrow::Cow<'_, str> {
        self.0.to_lowercase().into()
    }
}

#[derive(Payload, Clone, Serialize, Deserialize, JsonSchema)]
struct Nudge {
    #[payload(recipient)]
    whom: Handle,
}

fn nudge(nudge: &Nudge) -> Result<Push, RenderError> {
    Ok(Push {
        to: nudge.whom.0.clone(),
        text: "Hey".into(),
    })
}

#[derive(Job)]
#[job(queue = "nudges", message = Push)]
enum NudgeJob {
    #[job(render = nudge)]
    Nudge(Nudge),
}

#[test]
fn the_recipient_is_keyed_by_channel_and_canonical_address() {
    let job = NudgeJob::Nudge(Nudge {
        whom: Handle("@Wanjiru".into()),
    });
    assert_eq!(job.render().unwrap().to, "@Wanjiru");
    assert_eq!(job.recipient(), Some(RecipientKey::new("push", "@wanjiru")));
}

#[test]
fn a_job_knows_its_kind_and_lifetime() {
    let job = PushJob::Otp(otp());
    assert_eq!(job.job_kind(), PushJobKind::Otp);
    assert_eq!(job.kind(), PushJobKind::Otp.info());
    assert_eq!(job.expires_after().unwrap().as_secs(), 600);
    assert_eq!(PushJob::Greeting(greeting()).expires_after(), None);
    let alarm = PushJob::FireAlarm(Alarm {
        level: 1,
        parts: Vec::new(),
    });
    assert_eq!(alarm.expires_after().unwrap().as_secs(), 90);
}

#[allow(non_camel_case_types)]
#[derive(Template, Serialize, Deserialize, JsonSchema)]
#[template(source = "{{fn}} {{#with match as |type|}}{{type.loop}}{{/with}}")]
struct r#Struct {
    recipient: String,
    r#fn: String,
    r#match: Inner,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Inner {
    r#loop: u8,
}

#[derive(Job)]
#[job(queue = "raw-1", message = Push)]
#[allow(non_camel_case_types)]
enum Alert {
    r#Type(r#Struct),
}

#[test]
fn raw_identifiers_lose_their_mark() {
    let _: fn(&Queue<Alert>, Struct) -> Enqueue<'_, Alert> = create_type_alert_job;
    let payload = Struct {
        recipient: "a".into(),
        r#fn: "b".into(),
        r#match: Inner { r#loop: 7 },
    };
    assert_eq!(render_struct(&payload).unwrap(), "b 7");
    let job = Alert::Type(payload);
    assert_eq!(AlertKind::Type.name(), "type");
    assert_eq!(
        job.encode().unwrap(),
        br#"{"type":"type","recipient":"a","fn":"b","match":{"loop":7}}"#
    );
    assert_eq!(job.render().unwrap().text, "b 7");
}

/// Another crate that hands `queue` on under its own name.
mod facade {
    pub(crate) mod notifications {
        pub(crate) use queue::__private;
    }
}

/// Nothing here may depend on what is in scope.
mod hostile {
    #![allow(dead_code, non_camel_case_types)]
    struct Option;
    struct Result;
    struct String;
    struct Vec;
    struct Some;
    struct Ok;
    struct Err;
    struct Queue;
    mod core {}
    mod std {}

    #[derive(queue::Template, ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema)]
    #[template(source = "{{name}}", crate = "super::facade::notifications")]
    pub(super) struct Note {
        pub(super) recipient: ::std::string::String,
        pub(super) name: ::std::string::String,
    }

    #[derive(queue::Payload, ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema)]
    #[payload(crate = "super::facade::notifications")]
    pub(super) struct Silent {}

    #[derive(queue::Job)]
    #[job(queue = "notes", message = super::Push, crate = "super::facade::notifications")]
    pub(super) enum NoteJob {
        Note(Note),
        #[job(render = silent, expires_after = "1d")]
        Silent(Silent),
    }

    fn silent(_: &Silent) -> ::std::result::Result<super::Push, queue::provider::RenderError> {
        ::std::result::Result::Err(queue::provider::RenderError::new("silent"))
    }
}

#[test]
fn generated_code_depends_on_no_name_in_scope() {
    let note = hostile::Note {
        recipient: "a".into(),
        name: "b".into(),
    };
    assert_eq!(hostile::render_note(&note).unwrap(), "b");
    let job = hostile::NoteJob::Note(note);
    assert_eq!(job.render().unwrap().to, "a");
    let _: fn(&Queue<hostile::NoteJob>, hostile::Note) -> Enqueue<'_, hostile::NoteJob> =
        hostile::create_note_note_job;
}

//! Token snapshots: what the derives write, as a reader of expanded code sees it.

use syn::{DeriveInput, parse_quote};

use crate::model::Namespace;

fn pretty(tokens: proc_macro2::TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

#[test]
fn an_enum_of_jobs() {
    let input: DeriveInput = parse_quote! {
        #[job(queue = "sms", message = SmsMessage)]
        pub enum SmsJob {
            Welcome(WelcomeSms),
            #[job(render = texts::otp, priority = "high", expires_after = OtpSms::lifetime, time_left = OtpSms::within, unknown = "stop")]
            Otp(OtpSms),
            #[job(name = "note", max_attempts = 1, expires_after = "10m", version = 2, upcast = older)]
            Notification(sms::NotificationSms),
        }
    };
    insta::assert_snapshot!(pretty(crate::job(&input)));
}

#[test]
fn a_template() {
    let input: DeriveInput = parse_quote! {
        #[template(source = "{{code}} {{#each items as |it|}}{{it.name}}{{/each}}{{#with maybe as |m|}}{{#if m.a}}{{m.a}}{{/if}}{{else}}-{{/with}}")]
        pub(crate) struct OtpSms {
            recipient: PhoneNumber,
            code: OtpCode,
            #[template(public)]
            items: Vec<Item>,
            maybe: Option<Part>,
        }
    };
    insta::assert_snapshot!(pretty(crate::record(&input, Namespace::Template)));
}

#[test]
fn a_payload_from_a_renamed_crate() {
    let input: DeriveInput = parse_quote! {
        #[payload(crate = "notifications::queue")]
        struct Note {
            #[payload(recipient, public)]
            to: String,
            #[payload(secret)]
            pin: HashMap<String, (Pin, u8)>,
        }
    };
    insta::assert_snapshot!(pretty(crate::record(&input, Namespace::Payload)));
}

#[test]
fn stubs_stand_beside_errors() {
    let job: DeriveInput = parse_quote! {
        #[job(queue = "sms")]
        enum SmsJob {
            Welcome(WelcomeSms),
            Ping,
        }
    };
    let template: DeriveInput = parse_quote! {
        #[template(source = "{{nmae}}")]
        struct Welcome {
            name: String,
        }
    };
    insta::assert_snapshot!("stub_job", pretty(crate::job(&job)));
    insta::assert_snapshot!(
        "stub_template",
        pretty(crate::record(&template, Namespace::Template))
    );
}

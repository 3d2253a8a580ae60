//! The derives of the `queue` crate. Use them through it: `queue::Job`, `queue::Template`, `queue::Payload`.
//!
//! Each derive is a line of stages, one file each: `attr` (attributes to values), `model` (the input as our own types),
//! `validate` (rules across attributes), `expand` (tokens), and `fallback` (what is emitted beside an error). Errors are
//! collected by `error` and reported all at once, each on the token that caused it.

mod attr;
mod case;
mod error;
mod expand;
mod fallback;
mod model;
mod path;
mod serde_attr;
#[cfg(test)]
mod tests;
mod validate;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::error::Errors;
use crate::model::{Job, Namespace, Record};

/// Makes an enum an enum of jobs: each variant a kind of job, carrying one payload.
///
/// ```
/// use queue::{Job, Template};
/// # use queue::provider::{IntoMessage, Message, RenderError};
/// # pub struct Push(String);
/// # impl Message for Push { const CHANNEL: &'static str = "push"; }
/// # impl<P> IntoMessage<Push, P> for String {
/// #     fn into_message(self, _: &P) -> Result<Push, RenderError> { Ok(Push(self)) }
/// # }
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Template, Clone, Serialize, Deserialize, JsonSchema)]
/// #[template(source = "Your order {{order_id}} is on its way.")]
/// pub struct Shipped { pub order_id: u32 }
///
/// #[derive(Template, Clone, Serialize, Deserialize, JsonSchema)]
/// #[template(source = "{{code}} opens the locker.")]
/// pub struct Locker { #[template(secret)] pub code: String }
///
/// #[derive(Job, Clone)]
/// #[job(queue = "push", message = Push)]
/// pub enum PushJob {
///     Shipped(Shipped),
///     #[job(priority = "high", expires_after = "2h", unknown = "stop")]
///     Locker(Locker),
/// }
///
/// // Enqueue with `create_shipped_push_job(&queue, Shipped { order_id: 7 }).await?`.
/// let job = PushJob::Shipped(Shipped { order_id: 7 });
/// assert_eq!(job.encode()?, br#"{"type":"shipped","order_id":7}"#);
/// assert_eq!(job.render()?.0, "Your order 7 is on its way.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # On the enum
///
/// | key | is |
/// | --- | --- |
/// | `queue = "sms"` | the queue's name: 1 to 64 characters of `a-z`, `0-9`, `_`, `-`. Required |
/// | `message = SmsMessage` | what a job renders to, and a provider sends. Required |
/// | `crate = "::queue"` | where the `queue` crate is, when it is renamed or re-exported |
///
/// # On a variant
///
/// | key | is | default |
/// | --- | --- | --- |
/// | `render = path` | a function from `&Payload` to `Result<_, RenderError>`; the result is the message, or a text | `render_` and the payload's name, which `Template` writes |
/// | `name = "otp"` | the stable name on the wire; keep it when the variant is renamed | the variant's name in snake case |
/// | `priority = "high"` | `critical`, `high`, `normal` or `low` | `normal` |
/// | `max_attempts = 5` | attempts in all, from 1 | 3 |
/// | `expires_after = "10m"` | how long after its enqueue it may still be sent, in `s`, `m`, `h` or `d`; or a function from `&Payload` to `Duration` | for ever; required for one-time codes |
/// | `unknown = "stop"` | what becomes of an attempt whose outcome nobody knows: `retry`, `stop`, or `ask` the provider first | `retry` |
/// | `version = 2` | the version of the payload's shape, from 1 | 1 |
/// | `upcast = path` | a function that brings older payloads to this version | none |
///
/// # What it writes
///
/// - `create_<variant>_<enum>` for each variant: prepares a job to be awaited. `SmsJob::Welcome` has
///   `create_welcome_sms_job`; an enum whose name does not end in `Job` gets `_job` behind it.
/// - `<Enum>Kind`: the variants without their payloads, with `ALL`, `name()` and `info()`; and `job_kind()` on the enum.
/// - `impl Job`: names, codec, schema, and the match from variant to render function, with no wildcard.
/// - `impl Debug`, which shows what the payload's own `Debug` shows: nothing that is not public.
///
/// Payloads need `Serialize`, `Deserialize` and `JsonSchema`; the enum needs no derive of serde's.
#[proc_macro_derive(Job, attributes(job))]
pub fn derive_job(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    job(&input).into()
}

/// Makes a struct a payload with a text, checked when the program is compiled.
///
/// ```
/// use queue::Template;
///
/// #[derive(Template, serde::Serialize)]
/// #[template(source = "Hello {{name}}{{#if vip}}, and thank you for ten years{{/if}}!")]
/// struct Greeting { name: String, #[template(public)] vip: bool }
///
/// let greeting = Greeting { name: "Wanjiru".into(), vip: false };
/// assert_eq!(render_greeting(&greeting)?, "Hello Wanjiru!");
/// assert_eq!(format!("{greeting:?}"), "Greeting { name: [redacted], vip: false }");
/// # Ok::<(), queue::provider::RenderError>(())
/// ```
///
/// A placeholder that names no field does not compile:
///
/// ```compile_fail
/// #[derive(queue::Template, serde::Serialize)]
/// #[template(source = "Hello {{nmae}}!")]
/// struct Greeting { name: String }
/// ```
///
/// # On the struct
///
/// | key | is |
/// | --- | --- |
/// | `path = "sms/otp.hbs"` | a file in the package's `templates` folder, compiled in; a change rebuilds |
/// | `source = "…"` | the text itself |
/// | `shipped = "sms/otp"` | one of the texts that `queue` brings |
/// | `render = name` | the render function's name; `render_` and the struct's name otherwise |
/// | `escape = "html"` | `html` or `none`; otherwise `html` for `*.html.hbs` and `none` for the rest |
/// | `crate = "::queue"` | where the `queue` crate is, when it is renamed or re-exported |
///
/// One of the first three is required. What a text may contain is in the documentation of `queue-templates`: fields, also
/// of fields, `{{#if}}`, `{{#each items as |item|}}`, `{{#with order as |o|}}` and comparisons. Renames by serde are
/// followed. Placeholders on fields of *other* structs are checked by the compiler, under their names in Rust.
///
/// # On a field
///
/// | key | is |
/// | --- | --- |
/// | `recipient` | to whom it is sent; otherwise the field called `recipient`, if there is one. When its type is an `Address`, as `PhoneNumber` is, the job counts against the limits of that recipient |
/// | `secret` | wiped from the store as soon as the job is terminal |
/// | `public` | shown by `Debug`; all others are `[redacted]` |
///
/// # What it writes
///
/// - `render_<struct>(&Struct) -> Result<String, RenderError>`: a pure function.
/// - `impl Payload`, which knows secrets and one-time codes by the types of the fields, in lists and other containers too.
///   A struct inside a payload derives `Payload`, so that those in it are seen.
/// - `impl Addressed` when there is a recipient; and `impl Debug`.
#[proc_macro_derive(Template, attributes(template))]
pub fn derive_template(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    record(&input, Namespace::Template).into()
}

/// Makes a struct a payload without a text: one that a function of your own renders, or a part of another payload.
///
/// ```
/// use queue::Payload;
///
/// #[derive(Payload, serde::Serialize)]
/// struct Statement { recipient: String, #[payload(public)] month: u8, #[payload(secret)] balance: i64 }
///
/// let statement = Statement { recipient: "a@example.com".into(), month: 7, balance: 12 };
/// assert_eq!(format!("{statement:?}"), "Statement { recipient: [redacted], month: 7, balance: [redacted] }");
/// ```
///
/// On a field: `#[payload(recipient)]`, `#[payload(secret)]`, `#[payload(public)]`, as for `Template`. On the struct:
/// `#[payload(crate = "::queue")]`, where the `queue` crate is renamed or re-exported.
///
/// Writes `impl Payload`, `impl Debug`, and `impl Addressed` when there is a recipient.
#[proc_macro_derive(Payload, attributes(payload))]
pub fn derive_payload(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    record(&input, Namespace::Payload).into()
}

fn job(input: &DeriveInput) -> proc_macro2::TokenStream {
    let errors = Errors::new();
    let model = Job::new(input, &errors);
    validate::job(&model, &errors);
    match errors.take() {
        None => expand::job(&model),
        Some(errors) => fallback::job(input, &model, errors),
    }
}

fn record(input: &DeriveInput, namespace: Namespace) -> proc_macro2::TokenStream {
    let errors = Errors::new();
    let model = Record::new(input, namespace, &errors);
    let analysis = validate::record(&model, namespace, &errors);
    match errors.take() {
        None => expand::record(&model, &analysis),
        Some(errors) => fallback::record(input, &model, namespace, errors),
    }
}

//! [`Job`]: the enum of `#[derive(Job)]`.

use std::collections::HashSet;

use proc_macro2::{Ident, Span, TokenStream};
use queue_templates::closest;
use quote::format_ident;
use syn::{
    Data, DataEnum, DeriveInput, Fields, LitInt, LitStr, Path, Type, Variant as Input, Visibility,
};

use super::duration;
use crate::attr::{Entries, Keys};
use crate::case;
use crate::error::Errors;
use crate::path;

/// Longest queue name, in bytes: it becomes part of a subject, a path, a metric.
const QUEUE_NAME_BYTES_MAX: usize = 64;
/// Longest wire name of a kind, in bytes.
const WIRE_NAME_BYTES_MAX: usize = 64;
const MAX_ATTEMPTS_DEFAULT: u16 = 3;

const CONTAINER_KEYS: &[&str] = &["queue", "message", "crate"];
const VARIANT_KEYS: &[&str] = &[
    "render",
    "name",
    "priority",
    "max_attempts",
    "expires_after",
    "unknown",
    "version",
    "upcast",
];

/// An enum of jobs.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    /// The path in front of every name of the runtime.
    pub(crate) runtime: TokenStream,
    /// `None` when it is missing or bad, which was reported.
    pub(crate) queue: Option<LitStr>,
    /// `None` when it is missing or bad, which was reported.
    pub(crate) message: Option<Type>,
    /// The name of the enum of kinds.
    pub(crate) kind: Ident,
    /// The variants that have the right shape.
    pub(crate) variants: Vec<Variant>,
}

/// A variant with one payload.
#[derive(Clone)]
pub(crate) struct Variant {
    pub(crate) ident: Ident,
    pub(crate) payload: Type,
    pub(crate) creator: Ident,
    pub(crate) name: WireName,
    pub(crate) render: Path,
    /// A variant of `Priority`.
    pub(crate) priority: Ident,
    pub(crate) max_attempts: u16,
    pub(crate) expiry: Option<Expiry>,
    /// A variant of `UnknownPolicy`.
    pub(crate) unknown: Ident,
    pub(crate) version: u16,
    pub(crate) upcast: Option<Path>,
}

/// The stable name of a kind, and where it was given.
#[derive(Clone)]
pub(crate) struct WireName {
    pub(crate) value: String,
    pub(crate) span: Span,
}

/// How long a job may wait.
#[derive(Clone)]
pub(crate) enum Expiry {
    Function(Path),
    Seconds(u64),
}

impl Job {
    /// The model of `input`; what is wrong is reported and left out, so that the rest can be checked too.
    pub(crate) fn new(input: &DeriveInput, errors: &Errors) -> Self {
        let keys = Keys {
            attribute: "job",
            values: CONTAINER_KEYS,
            flags: &[],
            elsewhere: (VARIANT_KEYS, "a variant"),
        };
        let entries = Entries::read(&input.attrs, &keys, errors);
        let ident = &input.ident;
        let missing = |key: &str, example: &str| {
            if entries.key(key).is_none() {
                errors.on(
                    ident,
                    format!("`{ident}` needs `#[job({key} = {example})]`"),
                );
            }
        };
        missing("queue", "\"…\"");
        missing("message", "Type");
        if !input.generics.params.is_empty() {
            errors.on(
                &input.generics,
                "an enum of jobs has no generics: a stored job must name its types",
            );
        }
        Self {
            ident: ident.clone(),
            vis: input.vis.clone(),
            runtime: path::runtime(entries.string("crate").as_ref(), errors),
            queue: entries
                .string("queue")
                .filter(|name| is_queue_name(name, errors)),
            message: entries.ty("message"),
            kind: format_ident!("{}Kind", ident, span = ident.span()),
            variants: variants(input, errors),
        }
    }
}

fn variants(input: &DeriveInput, errors: &Errors) -> Vec<Variant> {
    let Data::Enum(DataEnum { variants, .. }) = &input.data else {
        errors.on(
            &input.ident,
            "`Job` is derived for an enum with one variant for each kind of job; for a payload derive `Template` or `Payload`",
        );
        return Vec::new();
    };
    if variants.is_empty() {
        errors.on(
            &input.ident,
            "an enum of jobs needs a variant: write `Welcome(WelcomeSms)`",
        );
    }
    variants
        .iter()
        .filter_map(|variant| Variant::new(&input.ident, variant, errors))
        .collect()
}

impl Variant {
    fn new(job: &Ident, input: &Input, errors: &Errors) -> Option<Self> {
        let keys = Keys {
            attribute: "job",
            values: VARIANT_KEYS,
            flags: &[],
            elsewhere: (CONTAINER_KEYS, "the enum"),
        };
        let entries = Entries::read(&input.attrs, &keys, errors);
        let ident = input.ident.clone();
        let payload = payload(input, errors)?;
        let version = positive(
            entries.integer("version"),
            "a version counts from 1",
            errors,
        );
        let attempts = positive(
            entries.integer("max_attempts"),
            "a job needs an attempt: the least is 1",
            errors,
        );
        Some(Self {
            creator: case::creator(job, &ident),
            name: wire_name(&ident, entries.string("name"), errors),
            render: entries
                .path("render")
                .unwrap_or_else(|| default_render(&payload, &ident)),
            priority: one_of(
                entries.string("priority"),
                &[
                    ("critical", "Critical"),
                    ("high", "High"),
                    ("normal", "Normal"),
                    ("low", "Low"),
                ],
                "Normal",
                errors,
            ),
            max_attempts: attempts.unwrap_or(MAX_ATTEMPTS_DEFAULT),
            expiry: expiry(&entries, errors),
            unknown: one_of(
                entries.string("unknown"),
                &[("retry", "Retry"), ("stop", "Stop"), ("ask", "Ask")],
                "Retry",
                errors,
            ),
            version: version.unwrap_or(1),
            upcast: entries.path("upcast"),
            ident,
            payload,
        })
    }
}

/// The one type that a variant carries.
fn payload(input: &Input, errors: &Errors) -> Option<Type> {
    let ident = &input.ident;
    match &input.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
            let field = fields.unnamed.first()?;
            for attribute in &field.attrs {
                if attribute.path().is_ident("job") {
                    errors.on(
                        attribute,
                        "`#[job(…)]` belongs on the variant, not on its payload",
                    );
                }
            }
            Some(field.ty.clone())
        }
        Fields::Unnamed(_) => {
            errors.on(
                input,
                format!("`{ident}` must carry exactly one payload: put the fields into a struct, and write `{ident}(ThatStruct)`"),
            );
            None
        }
        Fields::Named(_) => {
            errors.on(
                input,
                format!("`{ident}` must carry a payload type: move the fields into a struct of their own, and write `{ident}(ThatStruct)`"),
            );
            None
        }
        Fields::Unit => {
            errors.on(
                input,
                format!("`{ident}` must carry a payload: write `{ident}(PayloadType)`; a struct with no fields will do"),
            );
            None
        }
    }
}

fn is_queue_name(name: &LitStr, errors: &Errors) -> bool {
    let value = name.value();
    let is_good = (1..=QUEUE_NAME_BYTES_MAX).contains(&value.len())
        && value
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
    if !is_good {
        errors.on(
            name,
            format!("a queue's name has 1 to {QUEUE_NAME_BYTES_MAX} characters of `a-z`, `0-9`, `_` and `-`"),
        );
    }
    is_good
}

fn wire_name(variant: &Ident, given: Option<LitStr>, errors: &Errors) -> WireName {
    let (value, span) = match &given {
        Some(literal) => (literal.value(), literal.span()),
        None => (case::snake(variant), variant.span()),
    };
    let is_good = value.len() <= WIRE_NAME_BYTES_MAX
        && value.starts_with(|c: char| c.is_ascii_lowercase())
        && value
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if !is_good {
        let remedy = match given {
            Some(_) => String::new(),
            None => format!(": `{value}` is none, so add `#[job(name = \"…\")]`"),
        };
        errors.at(
            span,
            format!("a kind's name starts with `a-z` and goes on with `a-z`, `0-9` and `_`, {WIRE_NAME_BYTES_MAX} characters at most{remedy}"),
        );
    }
    WireName { value, span }
}

/// `sms::WelcomeSms` to `sms::render_welcome_sms`: what `#[derive(Template)]` writes beside the payload.
fn default_render(payload: &Type, variant: &Ident) -> Path {
    if let Type::Path(path) = payload
        && let Some(last) = path.path.segments.last()
    {
        let renderer = case::renderer(&last.ident);
        let mut path = path.path.clone();
        path.segments.pop();
        path.segments.push(renderer.into());
        return path;
    }
    case::renderer(variant).into()
}

fn positive(given: Option<LitInt>, zero: &str, errors: &Errors) -> Option<u16> {
    let literal = given?;
    match literal.base10_parse::<u16>() {
        Ok(0) => errors.on(literal, zero),
        Ok(number) => return Some(number),
        Err(_) => errors.on(literal, format!("write a number from 1 to {}", u16::MAX)),
    }
    None
}

/// The Rust name behind one of a few words.
fn one_of(given: Option<LitStr>, words: &[(&str, &str)], default: &str, errors: &Errors) -> Ident {
    let Some(literal) = given else {
        return format_ident!("{default}");
    };
    let value = literal.value();
    if let Some((_, name)) = words.iter().find(|(word, _)| *word == value) {
        return format_ident!("{name}");
    }
    let known: HashSet<&str> = words.iter().map(|(word, _)| *word).collect();
    let hint = closest(&value, known)
        .map(|word| format!("; did you mean `{word}`?"))
        .unwrap_or_default();
    let known: Vec<String> = words
        .iter()
        .map(|(word, _)| format!("`\"{word}\"`"))
        .collect();
    errors.on(&literal, format!("write one of {}{hint}", known.join(", ")));
    format_ident!("{default}")
}

fn expiry(entries: &Entries<'_>, errors: &Errors) -> Option<Expiry> {
    match entries.string_or_path("expires_after")? {
        Err(path) => Some(Expiry::Function(path)),
        Ok(literal) => match duration::seconds(&literal.value()) {
            Ok(seconds) => Some(Expiry::Seconds(seconds)),
            Err(remedy) => {
                errors.on(literal, remedy);
                // It has an expiry, only a bad one: asking for one as well would be a second error for one mistake.
                Some(Expiry::Seconds(1))
            }
        },
    }
}

//! Rules that look at more than one attribute.

use std::collections::HashMap;

use proc_macro2::Span;
use queue_templates::{Analysis, Field as Known, analyze};

use crate::error::Errors;
use crate::model::{Job, Namespace, Record};

/// The rules of an enum of jobs.
pub(crate) fn job(job: &Job, errors: &Errors) {
    unique(
        job.variants
            .iter()
            .map(|variant| (variant.name.value.clone(), variant.name.span)),
        |name| {
            format!(
                "two kinds are called `{name}`: give one of them another name with `#[job(name = \"…\")]`"
            )
        },
        errors,
    );
    unique(
        job.variants
            .iter()
            .map(|variant| (variant.creator.to_string(), variant.ident.span())),
        |name| format!("two variants would have the creator `{name}`: rename one of them"),
        errors,
    );
    for variant in &job.variants {
        if let (Some(upcast), 1) = (&variant.upcast, variant.version) {
            errors.on(
                upcast,
                "there is nothing older than version 1: add `version = 2`, or remove `upcast`",
            );
        }
    }
}

/// The rules of a payload; returns what its text uses.
pub(crate) fn record(record: &Record, namespace: Namespace, errors: &Errors) -> Analysis {
    unique(
        record
            .fields
            .iter()
            .filter_map(|field| Some(("recipient".to_owned(), field.recipient?))),
        |_| "two fields are marked as the recipient: keep one".to_owned(),
        errors,
    );
    for field in &record.fields {
        if field.appearance.hidden_by.is_none() && field.appearance.name == "type" {
            errors.on(
                &field.ident,
                "`type` is the tag of every stored payload: rename the field, or add `#[serde(rename = \"…\")]`",
            );
        }
        if let (Some(_), Some(public)) = (field.secret, field.public) {
            errors.at(
                public,
                format!(
                    "`{}` can't be both secret and public: remove one",
                    field.ident
                ),
            );
        }
    }
    match namespace {
        Namespace::Template => text(record, errors),
        Namespace::Payload => Analysis::default(),
    }
}

/// The rules of a text: every placeholder has its field.
fn text(record: &Record, errors: &Errors) -> Analysis {
    let Some(text) = &record.text else {
        return Analysis::default();
    };
    if let Some(attribute) = record.replaced_by {
        errors.at(
            text.span,
            format!("`{}` is not serialized field by field, because of `#[serde({attribute})]`, so its text can't be checked: remove that, or derive `Payload`", record.ident),
        );
        return Analysis::default();
    }
    let visible = record
        .fields
        .iter()
        .filter(|field| field.appearance.hidden_by.is_none());
    let known: Vec<Known> = visible
        .map(|field| {
            let name = field.appearance.name.clone();
            if field.may_be_missing() {
                Known::optional(name)
            } else {
                Known::new(name)
            }
        })
        .collect();
    let analysis = analyze(&text.source, &record.ident.to_string(), &known);
    for problem in &analysis.problems {
        let hidden = record.fields.iter().find_map(|field| {
            let attribute = field.appearance.hidden_by.as_ref()?;
            let start = format!("no field `{}` ", field.ident);
            problem.message.starts_with(&start).then(|| {
                format!(
                    " `{}` is hidden by `#[serde({attribute})]`: remove that to use it here",
                    field.ident
                )
            })
        });
        errors.at(
            text.span,
            format!(
                "template `{}`, {problem}{}",
                text.name,
                hidden.map_or_else(String::new, |hidden| format!(";{hidden}"))
            ),
        );
    }
    analysis
}

/// Reports every name that is used twice, at both places.
fn unique(
    names: impl Iterator<Item = (String, Span)>,
    message: impl Fn(&str) -> String,
    errors: &Errors,
) {
    let mut first: HashMap<String, Option<Span>> = HashMap::new();
    for (name, span) in names {
        match first.get_mut(&name) {
            None => {
                first.insert(name, Some(span));
            }
            Some(earlier) => {
                if let Some(earlier) = earlier.take() {
                    errors.at(earlier, message(&name));
                }
                errors.at(span, message(&name));
            }
        }
    }
}

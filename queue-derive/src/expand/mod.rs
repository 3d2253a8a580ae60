//! Models to tokens: one generated thing per file.

mod codec;
mod creators;
mod debug;
mod job;
mod kind;
mod payload;
mod render;
mod uses;

pub(crate) use creators::creators;
pub(crate) use kind::kind;
pub(crate) use payload::payload;

use proc_macro2::TokenStream;
use queue_templates::Analysis;
use quote::quote;

use crate::model::{Job, Record};

/// Everything `#[derive(Job)]` writes.
pub(crate) fn job(job: &Job) -> TokenStream {
    let creators = creators(job);
    let kind = kind(job);
    let debug = debug::job(job);
    let implementation = job::implementation(job);
    let expiries = job::expiries(job);
    quote! {
        #creators
        #kind
        const _: () = {
            #debug
            #implementation
        };
        #expiries
    }
}

/// Everything `#[derive(Template)]` and `#[derive(Payload)]` write.
pub(crate) fn record(record: &Record, analysis: &Analysis) -> TokenStream {
    let render = record.text.as_ref().map(|text| {
        let render = render::function(record, text);
        let uses = uses::check(record, text, &analysis.uses);
        quote!(#render #uses)
    });
    let payload = payload(record);
    let debug = debug::record(record);
    quote! {
        #render
        const _: () = {
            #payload
            #debug
        };
    }
}

//! What is emitted beside an error: everything that other code may name, with bodies that never run, so that one mistake
//! stays one error.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::expand;
use crate::model::{Job, Namespace, Record};

/// The errors, and stubs of what `#[derive(Job)]` writes.
pub(crate) fn job(input: &DeriveInput, job: &Job, errors: TokenStream) -> TokenStream {
    if !input.generics.params.is_empty() {
        return errors;
    }
    let Job {
        ident,
        vis,
        runtime,
        kind,
        ..
    } = job;
    let message = match &job.message {
        Some(message) => quote!(#message),
        None => quote!(#runtime::NoMessage),
    };
    let creators = expand::creators(&without_clashes(job));
    let kinds: Vec<_> = job.variants.iter().map(|variant| &variant.ident).collect();
    let debug = debug(ident);
    quote! {
        #errors
        #creators
        #[doc(hidden)]
        #[allow(dead_code, unreachable_pub)]
        #[derive(
            ::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug,
            ::core::cmp::PartialEq, ::core::cmp::Eq, ::core::hash::Hash,
        )]
        #vis enum #kind {
            #(#[doc(hidden)] #kinds,)*
        }
        #[allow(unused_variables)]
        const _: () = {
            impl #kind {
                #[doc(hidden)]
                pub const ALL: &'static [Self] = &[];
                #[doc(hidden)]
                pub const fn name(self) -> &'static str { "" }
                #[doc(hidden)]
                pub fn info(self) -> &'static #runtime::KindInfo { ::core::unreachable!() }
            }
            impl #ident {
                #[doc(hidden)]
                pub const fn job_kind(&self) -> #kind { ::core::unreachable!() }
            }
            impl #runtime::Job for #ident {
                type Message = #message;
                const QUEUE: &'static str = "";
                const KINDS: &'static [#runtime::KindInfo] = &[];
                fn kind(&self) -> &'static #runtime::KindInfo { ::core::unreachable!() }
                fn expires_after(&self) -> ::core::option::Option<::core::time::Duration> {
                    ::core::unreachable!()
                }
                fn render(&self) -> ::core::result::Result<Self::Message, #runtime::RenderError> {
                    ::core::unreachable!()
                }
                fn encode(&self) -> ::core::result::Result<#runtime::Vec<u8>, #runtime::EncodeError> {
                    ::core::unreachable!()
                }
                fn decode(
                    kind: &str,
                    version: u16,
                    payload: &[u8],
                ) -> ::core::result::Result<Self, #runtime::DecodeError> {
                    ::core::unreachable!()
                }
                fn schema() -> #runtime::schemars::Schema { ::core::unreachable!() }
            }
            #debug
        };
    }
}

/// The errors, and stubs of what `#[derive(Template)]` and `#[derive(Payload)]` write.
pub(crate) fn record(
    input: &DeriveInput,
    record: &Record,
    namespace: Namespace,
    errors: TokenStream,
) -> TokenStream {
    if !input.generics.params.is_empty() {
        return errors;
    }
    let Record {
        ident,
        vis,
        runtime,
        render,
        ..
    } = record;
    let render = (namespace == Namespace::Template).then(|| {
        quote! {
            #[doc(hidden)]
            #[allow(dead_code, unreachable_pub, unused_variables)]
            #vis fn #render(
                payload: &#ident,
            ) -> ::core::result::Result<#runtime::String, #runtime::RenderError> {
                ::core::unreachable!()
            }
        }
    });
    let payload = expand::payload(record);
    let debug = debug(ident);
    quote! {
        #errors
        #render
        #[allow(unused_variables)]
        const _: () = {
            #payload
            #debug
        };
    }
}

fn debug(ident: &syn::Ident) -> TokenStream {
    quote! {
        impl ::core::fmt::Debug for #ident {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::unreachable!()
            }
        }
    }
}

/// The job without the variants whose creators would clash, which was reported.
fn without_clashes(job: &Job) -> Job {
    let mut seen = HashSet::new();
    let mut job = job.clone();
    job.variants
        .retain(|variant| seen.insert(variant.creator.to_string()));
    job
}

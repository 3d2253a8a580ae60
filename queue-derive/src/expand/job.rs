//! `impl Job`, and the assertion that one-time codes expire.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use super::codec;
use crate::model::{Expiry, Job, Variant};
use crate::path;

pub(super) fn implementation(job: &Job) -> TokenStream {
    let Job {
        ident,
        runtime,
        queue,
        message,
        variants,
        ..
    } = job;
    let infos = variants.iter().map(|variant| info(variant, runtime));
    let lifetimes = variants.iter().map(lifetime);
    let recipients = variants.iter().map(|variant| recipient(variant, runtime));
    let renders = variants.iter().map(|variant| render(job, variant));
    let codec = codec::functions(job);
    quote! {
        #[automatically_derived]
        impl #runtime::Job for #ident {
            type Message = #message;
            const QUEUE: &'static str = #queue;
            const KINDS: &'static [#runtime::KindInfo] = &[#(#infos),*];

            fn kind(&self) -> &'static #runtime::KindInfo {
                Self::job_kind(self).info()
            }

            fn expires_after(&self) -> ::core::option::Option<::core::time::Duration> {
                match self {
                    #(#lifetimes)*
                }
            }

            fn recipient(&self) -> ::core::option::Option<#runtime::RecipientKey> {
                #[allow(unused_imports)]
                use #runtime::NotAddressed as _;
                let channel = <Self::Message as #runtime::Message>::CHANNEL;
                match self {
                    #(#recipients)*
                }
            }

            fn render(&self) -> ::core::result::Result<Self::Message, #runtime::RenderError> {
                match self {
                    #(#renders)*
                }
            }

            #codec
        }
    }
}

/// Fails to compile where a payload that must expire is carried by a variant that does not.
pub(super) fn expiries(job: &Job) -> TokenStream {
    let runtime = &job.runtime;
    job.variants
        .iter()
        .filter(|variant| variant.expiry.is_none())
        .map(|variant| {
            let payload = &variant.payload;
            let message = format!(
                "`{}` carries a one-time code, so it needs `#[job(expires_after = …)]`, such as `\"10m\"`",
                variant.ident.unraw()
            );
            quote_spanned! {variant.ident.span()=>
                const _: () = if <#payload as #runtime::Payload>::REQUIRES_EXPIRY {
                    ::core::panic!(#message)
                };
            }
        })
        .collect()
}

fn info(variant: &Variant, runtime: &TokenStream) -> TokenStream {
    let Variant {
        payload,
        priority,
        max_attempts,
        unknown,
        version,
        ..
    } = variant;
    let name = &variant.name.value;
    let secret = quote_spanned!(payload.span()=> <#payload as #runtime::Payload>::SECRET);
    quote! {
        #runtime::KindInfo {
            name: #name,
            version: #version,
            priority: #runtime::Priority::#priority,
            max_attempts: #max_attempts,
            unknown: #runtime::UnknownPolicy::#unknown,
            secret: #secret,
        }
    }
}

fn lifetime(variant: &Variant) -> TokenStream {
    let ident = &variant.ident;
    match &variant.expiry {
        None => quote!(Self::#ident(_) => ::core::option::Option::None,),
        Some(Expiry::Seconds(seconds)) => quote! {
            Self::#ident(_) => {
                ::core::option::Option::Some(::core::time::Duration::from_secs(#seconds))
            }
        },
        Some(Expiry::Function(function)) => {
            let lifetime = quote_spanned!(function.span()=> #function(payload));
            quote!(Self::#ident(payload) => ::core::option::Option::Some(#lifetime),)
        }
    }
}

/// The key of the payload's recipient, if it has one that is an address.
fn recipient(variant: &Variant, runtime: &TokenStream) -> TokenStream {
    let ident = &variant.ident;
    quote!(Self::#ident(payload) => #runtime::RecipientProbe(payload).key(channel),)
}

fn render(job: &Job, variant: &Variant) -> TokenStream {
    let runtime = path::at(&job.runtime, variant.render.span());
    let Variant {
        ident,
        payload,
        render,
        ..
    } = variant;
    let rendered = quote_spanned!(render.span()=> #render(payload));
    let into_message = quote_spanned! {render.span()=>
        #runtime::IntoMessage::<Self::Message, #payload>::into_message(rendered, payload)
    };
    quote! {
        Self::#ident(payload) => match #rendered {
            ::core::result::Result::Ok(rendered) => #into_message,
            ::core::result::Result::Err(error) => ::core::result::Result::Err(error),
        },
    }
}

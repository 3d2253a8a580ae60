//! `SmsJobKind`: the variants without their payloads.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::Job;

pub(crate) fn kind(job: &Job) -> TokenStream {
    let Job {
        ident,
        vis,
        runtime,
        kind,
        variants,
        ..
    } = job;
    let names: Vec<_> = variants.iter().map(|variant| &variant.ident).collect();
    let wire: Vec<_> = variants.iter().map(|variant| &variant.name.value).collect();
    let docs: Vec<_> = wire.iter().map(|name| format!("`{name}`")).collect();
    let doc = format!("The kinds of [`{ident}`]: its variants without their payloads.");
    quote! {
        #[doc = #doc]
        #[allow(dead_code, unreachable_pub)]
        #[derive(
            ::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug,
            ::core::cmp::PartialEq, ::core::cmp::Eq, ::core::hash::Hash,
        )]
        #vis enum #kind {
            #(#[doc = #docs] #names,)*
        }

        #[automatically_derived]
        #[allow(dead_code, unreachable_pub)]
        impl #kind {
            /// All kinds, in the order of declaration.
            pub const ALL: &'static [Self] = &[#(Self::#names),*];

            /// The stable wire name.
            pub const fn name(self) -> &'static str {
                match self {
                    #(Self::#names => #wire,)*
                }
            }

            /// What is declared of it.
            pub fn info(self) -> &'static #runtime::KindInfo {
                &<#ident as #runtime::Job>::KINDS[self as usize]
            }
        }

        #[automatically_derived]
        impl ::core::fmt::Display for #kind {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Formatter::pad(f, self.name())
            }
        }

        #[automatically_derived]
        #[allow(dead_code, unreachable_pub)]
        impl #ident {
            /// Which kind of job this is.
            pub const fn job_kind(&self) -> #kind {
                match self {
                    #(Self::#names(_) => #kind::#names,)*
                }
            }
        }
    }
}

//! `impl Debug`: the one place where a payload could reach a log by accident.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use crate::model::{Job, Record};

/// The variant and the payload's own `Debug`, which redacts.
pub(super) fn job(job: &Job) -> TokenStream {
    let ident = &job.ident;
    let arms = job.variants.iter().map(|variant| {
        let name = &variant.ident;
        let text = name.unraw().to_string();
        let payload = quote_spanned!(variant.payload.span()=> payload);
        quote! {
            Self::#name(#payload) => ::core::fmt::DebugTuple::finish(
                ::core::fmt::DebugTuple::field(&mut ::core::fmt::Formatter::debug_tuple(f, #text), #payload)
            ),
        }
    });
    quote! {
        #[automatically_derived]
        impl ::core::fmt::Debug for #ident {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self {
                    #(#arms)*
                }
            }
        }
    }
}

/// The names of the fields, and the values of the public ones.
pub(super) fn record(record: &Record) -> TokenStream {
    let Record { ident, runtime, .. } = record;
    let title = ident.unraw().to_string();
    let fields = record.fields.iter().map(|field| {
        let name = &field.ident;
        let text = name.unraw().to_string();
        let value = match field.public {
            Some(_) => quote_spanned!(field.ty.span()=> &self.#name),
            None => quote!(&#runtime::Redacted),
        };
        quote!(::core::fmt::DebugStruct::field(&mut shown, #text, #value);)
    });
    quote! {
        #[automatically_derived]
        impl ::core::fmt::Debug for #ident {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut shown = ::core::fmt::Formatter::debug_struct(f, #title);
                #(#fields)*
                ::core::fmt::DebugStruct::finish(&mut shown)
            }
        }
    }
}

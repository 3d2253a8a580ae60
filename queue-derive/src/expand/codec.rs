//! `encode`, `decode` and `schema`: the payload as JSON, tagged by the kind's name.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::model::{Job, Variant};

pub(super) fn functions(job: &Job) -> TokenStream {
    let Job {
        ident,
        runtime,
        variants,
        ..
    } = job;
    let title = ident.to_string();
    let encodes = variants.iter().map(|variant| encode(variant, runtime));
    let decodes = variants.iter().map(|variant| decode(variant, runtime));
    let schemas = variants.iter().map(|variant| {
        let (name, payload) = (&variant.name.value, &variant.payload);
        quote_spanned!(payload.span()=> schema.add::<#payload>(#name);)
    });
    quote! {
        fn encode(&self) -> ::core::result::Result<#runtime::Vec<u8>, #runtime::EncodeError> {
            match self {
                #(#encodes)*
            }
        }

        fn decode(
            kind: &str,
            version: u16,
            payload: &[u8],
        ) -> ::core::result::Result<Self, #runtime::DecodeError> {
            match kind {
                #(#decodes)*
                unknown => ::core::result::Result::Err(#runtime::DecodeError::UnknownKind {
                    kind: #runtime::String::from(unknown),
                }),
            }
        }

        fn schema() -> #runtime::schemars::Schema {
            let mut schema = #runtime::TaggedSchema::new(#title);
            #(#schemas)*
            schema.finish()
        }
    }
}

fn encode(variant: &Variant, runtime: &TokenStream) -> TokenStream {
    let (ident, name) = (&variant.ident, &variant.name.value);
    let call = quote_spanned!(variant.payload.span()=> #runtime::encode_tagged(#name, payload));
    quote!(Self::#ident(payload) => #call,)
}

fn decode(variant: &Variant, runtime: &TokenStream) -> TokenStream {
    let Variant {
        ident,
        payload,
        version,
        ..
    } = variant;
    let name = &variant.name.value;
    let upcast = match &variant.upcast {
        Some(function) => quote_spanned!(function.span()=> ::core::option::Option::Some(#function)),
        None => quote!(::core::option::Option::None),
    };
    let call = quote_spanned! {payload.span()=>
        #runtime::decode_tagged::<#payload>(#name, #version, #upcast, version, payload)
    };
    quote!(#name => ::core::result::Result::map(#call, Self::#ident),)
}

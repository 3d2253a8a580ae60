//! `impl Payload` and `impl Addressed`: what the types of the fields say.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, PathArguments, Type};

use crate::model::Record;

pub(crate) fn payload(record: &Record) -> TokenStream {
    let Record {
        ident,
        runtime,
        fields,
        ..
    } = record;
    let is_marked = fields.iter().any(|field| field.secret.is_some());
    let mut types = Vec::new();
    for field in fields {
        parts(&field.ty, ident, &mut types);
    }
    let probe = |constant: &str| {
        let constant = Ident::new(constant, proc_macro2::Span::call_site());
        types
            .iter()
            .map(|ty| quote_spanned!(ty.span()=> || <#runtime::Probe<#ty>>::#constant))
            .collect::<TokenStream>()
    };
    let (requires_expiry, secret) = (probe("REQUIRES_EXPIRY"), probe("SECRET"));
    let addressed = addressed(record);
    quote! {
        #[allow(unused_imports)]
        use #runtime::NotAPayload as _;

        #[automatically_derived]
        impl #runtime::Payload for #ident {
            const REQUIRES_EXPIRY: bool = false #requires_expiry;
            const SECRET: bool = #is_marked || Self::REQUIRES_EXPIRY #secret;
        }

        #addressed
    }
}

fn addressed(record: &Record) -> Option<TokenStream> {
    let Record { ident, runtime, .. } = record;
    let field = record.recipient()?;
    let (name, ty) = (&field.ident, &field.ty);
    Some(quote! {
        #[automatically_derived]
        impl #runtime::Addressed for #ident {
            type Address = #ty;

            fn recipient(&self) -> &Self::Address {
                &self.#name
            }
        }
    })
}

/// `ty` and the types it is made of: a one-time code in a `HashMap` or a tuple is one too. The payload's own type is left
/// out: it would ask itself.
fn parts<'t>(ty: &'t Type, owner: &Ident, found: &mut Vec<&'t Type>) {
    match ty {
        Type::Array(array) => parts(&array.elem, owner, found),
        Type::Group(group) => parts(&group.elem, owner, found),
        Type::Paren(paren) => parts(&paren.elem, owner, found),
        Type::Reference(reference) => parts(&reference.elem, owner, found),
        Type::Slice(slice) => parts(&slice.elem, owner, found),
        Type::Tuple(tuple) => tuple.elems.iter().for_each(|ty| parts(ty, owner, found)),
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else {
                return;
            };
            if last.ident == *owner || last.ident == "Self" {
                return;
            }
            let PathArguments::AngleBracketed(arguments) = &last.arguments else {
                found.push(ty);
                return;
            };
            let before = found.len();
            for argument in &arguments.args {
                if let GenericArgument::Type(ty) = argument {
                    parts(ty, owner, found);
                }
            }
            // A type around the payload itself, such as `Option<Box<Self>>`, would ask it as well.
            let inner = arguments
                .args
                .iter()
                .filter(|argument| matches!(argument, GenericArgument::Type(_)));
            if found.len() - before >= inner.count() {
                found.push(ty);
            }
        }
        _ => {}
    }
}

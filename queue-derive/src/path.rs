//! Where generated code finds the runtime: `::queue::__private`, or the same in a renamed or re-exported crate.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote;
use syn::{LitStr, Path};

use crate::error::Errors;

/// The path in front of every name that generated code uses; `krate` is the value of `crate = "…"`.
pub(crate) fn runtime(krate: Option<&LitStr>, errors: &Errors) -> TokenStream {
    let Some(literal) = krate else {
        return quote!(::queue::__private);
    };
    match literal.parse_with(Path::parse_mod_style) {
        Ok(path) => quote!(#path::__private),
        Err(_) => {
            errors.on(
                literal,
                "not a path: write the `queue` crate's, such as `crate = \"::queue\"`",
            );
            quote!(::queue::__private)
        }
    }
}

/// The same path, for errors at `span`.
pub(crate) fn at(runtime: &TokenStream, span: Span) -> TokenStream {
    let respan = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    runtime.clone().into_iter().map(respan).collect()
}

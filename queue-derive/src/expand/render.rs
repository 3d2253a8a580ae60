//! `render_otp_sms`: the pure function from payload to text.

use proc_macro2::TokenStream;
use queue_templates::Escape;
use quote::{quote, quote_spanned};

use crate::model::{Record, Text};

pub(super) fn function(record: &Record, text: &Text) -> TokenStream {
    let Record {
        ident,
        vis,
        runtime,
        render,
        ..
    } = record;
    let Text {
        name, expression, ..
    } = text;
    let escape = match text.escape {
        Escape::None => quote!(None),
        Escape::Html => quote!(Html),
    };
    let doc = format!("The text of a [`{ident}`]: a pure function of its fields.");
    let call = quote_spanned!(ident.span()=> TEMPLATE.render(payload));
    quote! {
        #[doc = #doc]
        ///
        /// # Errors
        /// When the text would be too long, or the payload does not serialize. The error never quotes the payload.
        #[allow(dead_code, unreachable_pub)]
        #vis fn #render(
            payload: &#ident,
        ) -> ::core::result::Result<#runtime::String, #runtime::RenderError> {
            static TEMPLATE: #runtime::StaticTemplate = #runtime::StaticTemplate::new(
                #name,
                #expression,
                #runtime::templates::Escape::#escape,
            );
            #call
        }
    }
}

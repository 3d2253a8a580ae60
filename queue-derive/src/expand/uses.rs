//! A function that is never called, and reads every path of a text: so the compiler checks the fields of other structs.

use proc_macro2::{Ident, Span, TokenStream};
use queue_templates::{Place, Start, Use};
use quote::{format_ident, quote_spanned};

use crate::model::{Record, Text};
use crate::path;

pub(super) fn check(record: &Record, text: &Text, uses: &[Use]) -> TokenStream {
    // At the literal, but as generated code: so the compiler does not suggest to replace the literal by a field.
    let span = Span::call_site().located_at(text.span);
    let ident = &record.ident;
    let runtime = path::at(&record.runtime, span);
    let checker = Checker {
        record,
        runtime: &runtime,
        span,
    };
    let statements = checker.statements(uses);
    quote_spanned! {span=>
        const _: () = {
            #[allow(unused_imports)]
            use #runtime::{AnyText as _, AnyValue as _};

            #[allow(dead_code, unused_variables, clippy::all, clippy::pedantic)]
            fn placeholders(payload: &#ident) {
                #statements
            }
        };
    }
}

struct Checker<'a> {
    record: &'a Record,
    runtime: &'a TokenStream,
    span: Span,
}

impl Checker<'_> {
    fn statements(&self, uses: &[Use]) -> TokenStream {
        uses.iter().map(|one| self.statement(one)).collect()
    }

    fn statement(&self, one: &Use) -> TokenStream {
        let runtime = self.runtime;
        match one {
            Use::Read(place) => {
                let place = self.place(place);
                quote_spanned!(self.span=> let _ = &#place;)
            }
            Use::Shown(place) => {
                let place = self.place(place);
                quote_spanned!(self.span=> #runtime::is_text(#runtime::Shown(&#place).kind());)
            }
            Use::Each {
                items,
                item,
                body,
                is_guarded,
            } => {
                let (items, item) = (self.place(items), self.variable(item));
                let present = self.present(&items, *is_guarded);
                let body = self.statements(body);
                quote_spanned! {self.span=>
                    #present
                    for #item in #runtime::With(&#items).value() { #body }
                }
            }
            Use::With {
                value,
                name,
                body,
                is_guarded,
            } => {
                let (value, name) = (self.place(value), self.variable(name));
                let present = self.present(&value, *is_guarded);
                let body = self.statements(body);
                quote_spanned! {self.span=>
                    #present
                    { let #name = #runtime::With(&#value).value(); #body }
                }
            }
        }
    }

    /// Refuses an option as the value of a block that does not say what is written without one.
    fn present(&self, value: &TokenStream, is_guarded: bool) -> Option<TokenStream> {
        let runtime = self.runtime;
        (!is_guarded).then(
            || quote_spanned!(self.span=> #runtime::is_present(#runtime::Shown(&#value).kind());),
        )
    }

    fn place(&self, place: &Place) -> TokenStream {
        let steps = place.steps.iter().map(|step| self.field(step));
        let start = match &place.start {
            Start::Variable(name) => {
                let variable = self.variable(name);
                quote_spanned!(self.span=> (*#variable))
            }
            Start::Field(name) => {
                let fields = &self.record.fields;
                let field = fields.iter().find(|field| field.appearance.name == *name);
                let field = field.map(|field| &field.ident);
                quote_spanned!(self.span=> payload.#field)
            }
        };
        quote_spanned!(self.span=> #start #(.#steps)*)
    }

    /// A name of a text as a variable; the prefix keeps it from being a keyword.
    fn variable(&self, name: &str) -> Ident {
        format_ident!("loop_{name}", span = self.span)
    }

    fn field(&self, name: &str) -> Ident {
        match (syn::parse_str::<Ident>(name), name) {
            // No field can have these names, raw or not, so the compiler will not find it either.
            (Err(_), "self" | "super" | "crate" | "Self") => {
                format_ident!("{name}_", span = self.span)
            }
            (Err(_), _) => Ident::new_raw(name, self.span),
            (Ok(_), _) => Ident::new(name, self.span),
        }
    }
}

//! `create_welcome_sms_job`: the function that an application enqueues with, one for each variant.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::Job;

pub(crate) fn creators(job: &Job) -> TokenStream {
    let Job {
        ident,
        vis,
        runtime,
        variants,
        ..
    } = job;
    variants
        .iter()
        .map(|variant| {
            let (name, creator, payload) = (&variant.ident, &variant.creator, &variant.payload);
            let doc = format!(
                "Prepares a [`{ident}::{name}`] job for `queue`: set its options, then await it to store it."
            );
            quote! {
                #[doc = #doc]
                #[allow(dead_code, unreachable_pub)]
                #vis fn #creator(
                    queue: &#runtime::Queue<#ident>,
                    payload: #payload,
                ) -> #runtime::Enqueue<'_, #ident> {
                    #runtime::Enqueue::new(queue, #ident::#name(payload))
                }
            }
        })
        .collect()
}

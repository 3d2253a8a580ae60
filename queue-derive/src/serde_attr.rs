//! What serde's own attributes say of a field. Serde reports its own mistakes; here they are passed over.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Field, LitStr};

use crate::case;

/// How a field appears when it is serialized.
pub(crate) struct Appearance {
    /// Its name.
    pub(crate) name: String,
    /// `flatten`, `skip` or `skip_serializing`: it does not appear under its name.
    pub(crate) hidden_by: Option<String>,
    /// `skip_serializing_if`: it does not always appear.
    pub(crate) may_be_missing: bool,
}

/// How `field`, called `name` in Rust, appears in a struct with the container rule `rename_all`.
pub(crate) fn appearance(field: &Field, name: &str, rename_all: Option<&str>) -> Appearance {
    let mut found = Appearance {
        name: rename_all
            .and_then(|rule| case::serde_rename(rule, name))
            .unwrap_or_else(|| name.to_owned()),
        hidden_by: None,
        may_be_missing: false,
    };
    visit(&field.attrs, |meta| {
        if let Some(renamed) = serialized(meta, "rename")? {
            found.name = renamed;
        } else if let Some(word) = ["flatten", "skip", "skip_serializing"]
            .into_iter()
            .find(|word| meta.path.is_ident(word))
        {
            found.hidden_by = Some(word.to_owned());
        } else if meta.path.is_ident("skip_serializing_if") {
            found.may_be_missing = true;
            pass_over(meta)?;
        } else {
            pass_over(meta)?;
        }
        Ok(())
    });
    found
}

/// The container's `rename_all`, as far as it is about serializing.
pub(crate) fn rename_all(attributes: &[Attribute]) -> Option<String> {
    let mut rule = None;
    visit(attributes, |meta| {
        match serialized(meta, "rename_all")? {
            Some(found) => rule = Some(found),
            None => pass_over(meta)?,
        }
        Ok(())
    });
    rule
}

/// A container attribute after which the fields are not what is serialized: `transparent` or `into`.
pub(crate) fn replaced_by(attributes: &[Attribute]) -> Option<&'static str> {
    let mut found = None;
    visit(attributes, |meta| {
        found = found.or(["transparent", "into"]
            .into_iter()
            .find(|word| meta.path.is_ident(word)));
        pass_over(meta)
    });
    found
}

fn visit(attributes: &[Attribute], mut look: impl FnMut(&ParseNestedMeta<'_>) -> syn::Result<()>) {
    for attribute in attributes {
        if attribute.path().is_ident("serde") {
            let _ = attribute.parse_nested_meta(|meta| look(&meta));
        }
    }
}

/// The value of `key = "…"`, or of `key(serialize = "…")`.
fn serialized(meta: &ParseNestedMeta<'_>, key: &str) -> syn::Result<Option<String>> {
    if !meta.path.is_ident(key) {
        return Ok(None);
    }
    if meta.input.peek(syn::Token![=]) {
        return Ok(Some(meta.value()?.parse::<LitStr>()?.value()));
    }
    let mut found = None;
    meta.parse_nested_meta(|inner| {
        let value = inner.value()?.parse::<LitStr>()?.value();
        if inner.path.is_ident("serialize") {
            found = Some(value);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Reads past what stands behind a key.
fn pass_over(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(syn::Token![=]) {
        meta.value()?.parse::<syn::Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        meta.parse_nested_meta(|inner| pass_over(&inner))?;
    }
    Ok(())
}

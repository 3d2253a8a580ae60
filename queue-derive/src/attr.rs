//! Attributes to values, each with its span: `#[job(queue = "sms")]` to `queue` and `"sms"`.

use std::collections::BTreeMap;

use proc_macro2::{Ident, Span};
use queue_templates::closest;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Lit, LitInt, LitStr, Meta, Path, Token, Type};

use crate::error::Errors;

/// The keys that an attribute knows in one place.
pub(crate) struct Keys {
    /// The attribute's name.
    pub(crate) attribute: &'static str,
    /// Keys that take a value.
    pub(crate) values: &'static [&'static str],
    /// Keys that stand alone.
    pub(crate) flags: &'static [&'static str],
    /// Keys of the same attribute in another place, and what that place is called.
    pub(crate) elsewhere: (&'static [&'static str], &'static str),
}

/// The entries of one attribute, wherever it was split into several.
pub(crate) struct Entries<'e> {
    entries: BTreeMap<String, Entry>,
    errors: &'e Errors,
}

struct Entry {
    key: Ident,
    value: Option<Value>,
}

/// What stands behind `=`: paths are read as types, which they look like.
enum Value {
    Literal(Lit),
    Type(Box<Type>),
}

impl<'e> Entries<'e> {
    /// Reads every `#[attribute(…)]` in `attributes`.
    pub(crate) fn read(attributes: &[Attribute], keys: &Keys, errors: &'e Errors) -> Self {
        let mut entries = BTreeMap::new();
        for attribute in attributes {
            if !attribute.path().is_ident(keys.attribute) {
                continue;
            }
            for entry in list(attribute, keys, errors) {
                if !keys.knows(&entry, errors) {
                    continue;
                }
                let name = entry.name();
                if entries.contains_key(&name) {
                    errors.on(&entry.key, format!("`{name}` is given twice: keep one"));
                    continue;
                }
                entries.insert(name, entry);
            }
        }
        Self { entries, errors }
    }

    /// Whether a flag is there, and where.
    pub(crate) fn flag(&self, key: &str) -> Option<Span> {
        self.key(key).map(Ident::span)
    }

    /// The key itself, for errors about it.
    pub(crate) fn key(&self, key: &str) -> Option<&Ident> {
        self.entries.get(key).map(|entry| &entry.key)
    }

    pub(crate) fn string(&self, key: &str) -> Option<LitStr> {
        match self.value(key)? {
            Value::Literal(Lit::Str(literal)) => Some(literal.clone()),
            value => self.wrong(value, format!("write `{key} = \"…\"`")),
        }
    }

    pub(crate) fn integer(&self, key: &str) -> Option<LitInt> {
        match self.value(key)? {
            Value::Literal(Lit::Int(literal)) => Some(literal.clone()),
            value => self.wrong(value, format!("write a number: `{key} = 3`")),
        }
    }

    pub(crate) fn ty(&self, key: &str) -> Option<Type> {
        match self.value(key)? {
            Value::Type(ty) => Some((**ty).clone()),
            value => self.wrong(
                value,
                format!("write a type, without quotes: `{key} = Type`"),
            ),
        }
    }

    pub(crate) fn path(&self, key: &str) -> Option<Path> {
        match self.value(key)?.as_path() {
            Some(path) => Some(path),
            None => self.wrong(
                self.value(key)?,
                format!(
                    "write the path of a function, without quotes: `{key} = path::to::function`"
                ),
            ),
        }
    }

    /// A name, such as that of a function to be written.
    pub(crate) fn ident(&self, key: &str) -> Option<Ident> {
        let value = self.value(key)?;
        match value.as_path().and_then(|path| path.get_ident().cloned()) {
            Some(ident) => Some(ident),
            None => self.wrong(
                value,
                format!("write one name, without quotes: `{key} = name`"),
            ),
        }
    }

    /// A string, or the path of a function.
    pub(crate) fn string_or_path(&self, key: &str) -> Option<Result<LitStr, Path>> {
        let value = self.value(key)?;
        match value {
            Value::Literal(Lit::Str(literal)) => Some(Ok(literal.clone())),
            _ => match value.as_path() {
                Some(path) => Some(Err(path)),
                None => self.wrong(
                    value,
                    format!("write a duration, `{key} = \"10m\"`, or the path of a function"),
                ),
            },
        }
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.entries.get(key)?.value.as_ref()
    }

    fn wrong<T>(&self, value: &Value, message: String) -> Option<T> {
        self.errors.on(value, message);
        None
    }
}

impl Keys {
    /// Whether the key belongs here. One that does is kept even when its value is bad: it is not missing as well.
    fn knows(&self, entry: &Entry, errors: &Errors) -> bool {
        let name = entry.name();
        let name = name.as_str();
        match (
            &entry.value,
            self.values.contains(&name),
            self.flags.contains(&name),
        ) {
            (_, false, false) => {
                errors.on(&entry.key, self.unknown(name));
                return false;
            }
            (None, true, _) => {
                errors.on(&entry.key, format!("`{name}` needs a value: `{name} = …`"));
            }
            (Some(value), false, true) => {
                errors.on(
                    value,
                    format!("`{name}` takes no value: write `{name}` alone"),
                );
            }
            (Some(_), true, _) | (None, false, true) => {}
        }
        true
    }

    fn unknown(&self, name: &str) -> String {
        let Self {
            attribute,
            elsewhere: (elsewhere, place),
            ..
        } = self;
        if elsewhere.contains(&name) {
            return format!("`{name}` belongs on {place}: write `#[{attribute}({name} …)]` there");
        }
        let known: Vec<&str> = self.values.iter().chain(self.flags).copied().collect();
        let hint = closest(name, known.iter().copied())
            .map(|name| format!("; did you mean `{name}`?"))
            .unwrap_or_default();
        let known = known.join(", ");
        format!("unknown key `{name}`{hint} (`#[{attribute}(…)]` knows here: {known})")
    }
}

impl Entry {
    fn name(&self) -> String {
        self.key.unraw().to_string()
    }
}

impl Value {
    fn as_path(&self) -> Option<Path> {
        match self {
            Self::Type(ty) => match &**ty {
                Type::Path(path) if path.qself.is_none() => Some(path.path.clone()),
                _ => None,
            },
            Self::Literal(_) => None,
        }
    }
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = input.call(Ident::parse_any)?;
        let value = match input.parse::<Option<Token![=]>>()? {
            Some(_) if input.peek(Lit) => Some(Value::Literal(input.parse()?)),
            Some(_) => Some(Value::Type(input.parse()?)),
            None => None,
        };
        Ok(Self { key, value })
    }
}

impl ToTokens for Value {
    fn to_tokens(&self, tokens: &mut proc_macro2::TokenStream) {
        match self {
            Self::Literal(literal) => literal.to_tokens(tokens),
            Self::Type(ty) => ty.to_tokens(tokens),
        }
    }
}

fn list(attribute: &Attribute, keys: &Keys, errors: &Errors) -> Vec<Entry> {
    let Meta::List(_) = &attribute.meta else {
        errors.on(attribute, format!("write `#[{}(…)]`", keys.attribute));
        return Vec::new();
    };
    match attribute.parse_args_with(Punctuated::<Entry, Token![,]>::parse_terminated) {
        Ok(entries) => entries.into_iter().collect(),
        Err(error) => {
            errors.push(error);
            Vec::new()
        }
    }
}

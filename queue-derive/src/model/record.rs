//! [`Record`]: the struct of `#[derive(Template)]` and `#[derive(Payload)]`.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, FieldsNamed, Type, Visibility};

use super::text::{self, Text};
use crate::attr::{Entries, Keys};
use crate::case;
use crate::error::Errors;
use crate::path;
use crate::serde_attr::{self, Appearance};

const FIELD_FLAGS: &[&str] = &["recipient", "secret", "public"];

/// Which derive, and so which attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Namespace {
    Template,
    Payload,
}

/// A struct that is a payload.
pub(crate) struct Record {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    /// The path in front of every name of the runtime.
    pub(crate) runtime: TokenStream,
    pub(crate) fields: Vec<Field>,
    /// A container attribute of serde after which the fields are not what is serialized.
    pub(crate) replaced_by: Option<&'static str>,
    /// What a template says; `None` for a payload without one, or when it is missing or bad, which was reported.
    pub(crate) text: Option<Text>,
    /// The name of the render function.
    pub(crate) render: Ident,
}

/// A field of a payload.
pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) appearance: Appearance,
    pub(crate) recipient: Option<Span>,
    pub(crate) secret: Option<Span>,
    pub(crate) public: Option<Span>,
}

impl Namespace {
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Payload => "payload",
        }
    }

    fn container_keys(self) -> &'static [&'static str] {
        match self {
            Self::Template => &["path", "source", "shipped", "render", "escape", "crate"],
            Self::Payload => &["crate"],
        }
    }
}

impl Record {
    /// The model of `input`; what is wrong is reported and left out, so that the rest can be checked too.
    pub(crate) fn new(input: &DeriveInput, namespace: Namespace, errors: &Errors) -> Self {
        let keys = Keys {
            attribute: namespace.attribute(),
            values: namespace.container_keys(),
            flags: &[],
            elsewhere: (FIELD_FLAGS, "a field"),
        };
        let entries = Entries::read(&input.attrs, &keys, errors);
        if !input.generics.params.is_empty() {
            errors.on(
                &input.generics,
                "a payload has no generics: a stored job must name its types",
            );
        }
        let fields = fields(input, namespace, errors);
        let text = match namespace {
            Namespace::Template => text::find(&input.ident, &entries, errors),
            Namespace::Payload => None,
        };
        Self {
            ident: input.ident.clone(),
            vis: input.vis.clone(),
            runtime: path::runtime(entries.string("crate").as_ref(), errors),
            // Without fields every placeholder would be wrong, which is not the mistake.
            text: text.filter(|_| fields.is_some()),
            fields: fields.unwrap_or_default(),
            replaced_by: serde_attr::replaced_by(&input.attrs),
            render: entries
                .ident("render")
                .unwrap_or_else(|| case::renderer(&input.ident)),
        }
    }

    /// The field that is marked as the recipient, or else the one of that name.
    pub(crate) fn recipient(&self) -> Option<&Field> {
        let marked = self.fields.iter().find(|field| field.recipient.is_some());
        marked.or_else(|| {
            self.fields
                .iter()
                .find(|field| field.ident.unraw() == "recipient")
        })
    }
}

impl Field {
    /// Whether a text can't rely on it: an `Option`, or one that is left out when empty.
    pub(crate) fn may_be_missing(&self) -> bool {
        self.appearance.may_be_missing || is_option(&self.ty)
    }
}

fn fields(input: &DeriveInput, namespace: Namespace, errors: &Errors) -> Option<Vec<Field>> {
    let named = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(named) => Some(named),
            Fields::Unnamed(_) | Fields::Unit => None,
        },
        Data::Enum(_) | Data::Union(_) => None,
    };
    let Some(FieldsNamed { named, .. }) = named else {
        errors.on(
            &input.ident,
            "a payload is a struct with named fields, such as `struct WelcomeSms { name: String }`",
        );
        return None;
    };
    let rename_all = serde_attr::rename_all(&input.attrs);
    let keys = Keys {
        attribute: namespace.attribute(),
        values: &[],
        flags: FIELD_FLAGS,
        elsewhere: (namespace.container_keys(), "the struct"),
    };
    let fields = named.iter().filter_map(|field| {
        let ident = field.ident.clone()?;
        let entries = Entries::read(&field.attrs, &keys, errors);
        let name = ident.unraw().to_string();
        Some(Field {
            appearance: serde_attr::appearance(field, &name, rename_all.as_deref()),
            recipient: entries.flag("recipient"),
            secret: entries.flag("secret"),
            public: entries.flag("public"),
            ty: field.ty.clone(),
            ident,
        })
    });
    Some(fields.collect())
}

fn is_option(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .is_some_and(|last| last.ident == "Option"),
        Type::Group(group) => is_option(&group.elem),
        Type::Paren(paren) => is_option(&paren.elem),
        _ => false,
    }
}

//! [`Text`]: what a template says, found in a file, in the attribute, or among the shipped ones.

use std::path::{Component, Path, PathBuf};

use proc_macro2::{Ident, Span, TokenStream};
use queue_templates::{Escape, closest, escape_for, shipped};
use quote::quote;

use crate::attr::Entries;
use crate::error::Errors;

/// The folder of a package that holds its templates.
const FOLDER: &str = "templates";

/// The text of a template.
pub(crate) struct Text {
    /// Its name in errors: the path, the shipped name, or the struct's.
    pub(crate) name: String,
    pub(crate) source: String,
    /// An expression for the source, of type `&'static str`.
    pub(crate) expression: TokenStream,
    pub(crate) escape: Escape,
    /// The attribute's literal: where problems are reported.
    pub(crate) span: Span,
}

/// The text that the attributes of `owner` name; reports when there is none, or more than one.
pub(super) fn find(owner: &Ident, entries: &Entries<'_>, errors: &Errors) -> Option<Text> {
    let given: Vec<&Ident> = ["path", "source", "shipped"]
        .into_iter()
        .filter_map(|key| entries.key(key))
        .collect();
    match given.as_slice() {
        [] => errors.on(
            owner,
            format!("`{owner}` needs its text: `#[template(path = \"….hbs\")]`, `source = \"…\"` or `shipped = \"…\"`; derive `Payload` if it has none"),
        ),
        [_] => {}
        [first, others @ ..] => {
            for other in others {
                errors.on(other, format!("`{first}` already gives the text: keep one of them"));
            }
            return None;
        }
    }
    let mut text = from_file(entries, errors)
        .or_else(|| from_attribute(owner, entries))
        .or_else(|| from_shipped(entries, errors))?;
    if let Some(escape) = entries.string("escape") {
        match escape.value().as_str() {
            "html" => text.escape = Escape::Html,
            "none" => text.escape = Escape::None,
            _ => errors.on(escape, "write one of `\"html\"`, `\"none\"`"),
        }
    }
    Some(text)
}

/// `path = "sms/otp.hbs"`: included when the program is built, so a change of the file rebuilds it.
fn from_file(entries: &Entries<'_>, errors: &Errors) -> Option<Text> {
    let literal = entries.string("path")?;
    let path = literal.value();
    match read(&manifest_folder(), &path) {
        Ok(source) => Some(Text {
            source,
            expression: quote! {
                ::core::include_str!(::core::concat!(
                    ::core::env!("CARGO_MANIFEST_DIR"), "/", #FOLDER, "/", #path
                ))
            },
            escape: escape_for(&path),
            span: literal.span(),
            name: path,
        }),
        Err(problem) => {
            errors.on(literal, problem);
            None
        }
    }
}

fn from_attribute(owner: &Ident, entries: &Entries<'_>) -> Option<Text> {
    let literal = entries.string("source")?;
    Some(Text {
        name: owner.to_string(),
        source: literal.value(),
        expression: quote!(#literal),
        escape: Escape::None,
        span: literal.span(),
    })
}

fn from_shipped(entries: &Entries<'_>, errors: &Errors) -> Option<Text> {
    let literal = entries.string("shipped")?;
    let name = literal.value();
    let Some(source) = shipped::lookup(&name) else {
        let hint = closest(&name, shipped::NAMES)
            .map(|name| format!("; did you mean `{name}`?"))
            .unwrap_or_default();
        errors.on(
            literal,
            format!(
                "no shipped text `{name}`{hint} (shipped: {})",
                shipped::NAMES.join(", ")
            ),
        );
        return None;
    };
    Some(Text {
        name,
        source: source.to_owned(),
        expression: quote!(#source),
        escape: Escape::None,
        span: literal.span(),
    })
}

/// The text of `path` in the templates of the package in `package`.
fn read(package: &Path, path: &str) -> Result<String, String> {
    let is_inside = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if path.is_empty() || !is_inside {
        return Err(format!(
            "write a path inside this package's `{FOLDER}` folder, such as `\"sms/otp.hbs\"`"
        ));
    }
    // A file outside the folder would not be packaged, which is why nothing else is looked at.
    std::fs::read_to_string(package.join(FOLDER).join(path)).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("no file `{FOLDER}/{path}` in this package: create it, or correct the path")
        }
        std::io::ErrorKind::InvalidData => format!("`{FOLDER}/{path}` is not UTF-8"),
        _ => format!("`{FOLDER}/{path}` can't be read"),
    })
}

fn manifest_folder() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_in_the_folder_are_read() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests");
        assert_eq!(
            read(&package, "greeting.hbs").as_deref(),
            Ok("Hello {{name}}\n")
        );
        for path in ["", "../greeting.hbs", "/etc/hostname", "a/../greeting.hbs"] {
            assert!(
                read(&package, path).unwrap_err().contains("inside"),
                "{path}"
            );
        }
        assert!(
            read(&package, "nothing.hbs")
                .unwrap_err()
                .contains("no file")
        );
    }
}

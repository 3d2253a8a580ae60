//! A path in a text, as written: `name`, `order.id`, `@root.name`, `@index`, and the forms this engine refuses.

/// What a path is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Path<'a> {
    /// `a.b`: a block parameter or a field, and the way from there.
    Plain(Vec<&'a str>),
    /// `@root.a.b`: a field of the struct, wherever it stands.
    Root(Vec<&'a str>),
    /// `@index`, `@first`, `@last`, without the sign.
    Local(&'a str),
    /// A form this engine refuses: what to write instead.
    Refused(String),
}

impl<'a> Path<'a> {
    pub(crate) fn parse(raw: &'a str) -> Self {
        let refuse = |message: String| Self::Refused(message);
        if raw.contains("..") {
            return refuse(format!(
                "`{raw}` climbs out of its block: name what it means, with `{{{{#each … as |x|}}}}` around it or `@root.` before a field"
            ));
        }
        if raw == "this" || raw == "." || raw.starts_with("this.") || raw.starts_with("this/") {
            return refuse(format!(
                "`{raw}` depends on its block: name the field, or the `x` of `{{{{#each … as |x|}}}}`"
            ));
        }
        if raw.starts_with("./") {
            return refuse(format!("`{raw}`: write it without `./`"));
        }
        if raw.contains('[') {
            return refuse(format!(
                "`{raw}`: write a field's name; elements are reached by `{{{{#each … as |x|}}}}`"
            ));
        }
        if let Some(path) = raw.strip_prefix("@root") {
            return match path.strip_prefix('.') {
                Some(path) => Self::split(raw, path, Self::Root),
                None => refuse(format!("`{raw}`: write `@root.` and a field's name")),
            };
        }
        match raw.strip_prefix('@') {
            Some(name @ ("index" | "first" | "last")) => Self::Local(name),
            Some(_) => refuse(format!(
                "`{raw}`: only `@index`, `@first`, `@last` and `@root.…` are known"
            )),
            None => Self::split(raw, raw, Self::Plain),
        }
    }

    fn split(raw: &str, path: &'a str, kind: fn(Vec<&'a str>) -> Self) -> Self {
        if path.contains('/') {
            return Self::Refused(format!("`{raw}`: write `.` instead of `/`"));
        }
        let segments: Vec<&str> = path.split('.').collect();
        // The first segment is a serialized name, which serde may have renamed; the others are names in Rust.
        match segments[1..].iter().find(|name| !is_identifier(name)) {
            Some(name) => Self::Refused(format!(
                "`{raw}`: `{name}` is not the name of a field; elements are reached by `{{{{#each … as |x|}}}}`"
            )),
            None => kind(segments),
        }
    }
}

/// Whether `name` could name a field or a variable in Rust.
pub(crate) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().any(|c| c != '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart() {
        assert_eq!(Path::parse("a"), Path::Plain(vec!["a"]));
        assert_eq!(Path::parse("a-b.c"), Path::Plain(vec!["a-b", "c"]));
        assert_eq!(Path::parse("@root.a.b"), Path::Root(vec!["a", "b"]));
        assert_eq!(Path::parse("@last"), Path::Local("last"));
        for raw in [
            "../a",
            "this",
            "this.a",
            "./a",
            "a.[0]",
            "a.0",
            "@root",
            "@key",
            "a/b",
            "@../index",
        ] {
            assert!(matches!(Path::parse(raw), Path::Refused(_)), "{raw}");
        }
    }
}

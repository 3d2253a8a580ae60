//! [`Form`]: an encoded form, read strictly.

use std::collections::BTreeMap;

use axum::http::header::CONTENT_TYPE;

use super::desk::Asked;

/// The fields of a form; each came once.
pub(super) struct Form(BTreeMap<String, String>);

/// What is wrong with a form.
pub(super) enum FormError {
    /// It is not declared as `application/x-www-form-urlencoded`, or no UTF-8.
    NoForm,
    /// A field came twice, or nobody knows it.
    Field,
}

impl Form {
    /// Reads the body of a request that may have the fields in `known` and no others.
    pub(super) fn read(asked: &Asked, known: &[&str]) -> Result<Self, FormError> {
        let declared = asked.headers.get(CONTENT_TYPE);
        let declared = declared
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let media = declared.split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(FormError::NoForm);
        }
        let plain = std::str::from_utf8(&asked.body).is_ok_and(|body| body.is_ascii());
        if !plain {
            return Err(FormError::NoForm);
        }
        Self::of(&asked.body, known)
    }

    /// Reads the query of a request, in the same way.
    pub(super) fn query(asked: &Asked, known: &[&str]) -> Result<Self, FormError> {
        Self::of(asked.uri.query().unwrap_or_default().as_bytes(), known)
    }

    fn of(encoded: &[u8], known: &[&str]) -> Result<Self, FormError> {
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            // What is no UTF-8 was replaced.
            if value.contains('\u{fffd}') || !known.contains(&name.as_ref()) {
                return Err(FormError::Field);
            }
            if fields
                .insert(name.into_owned(), value.into_owned())
                .is_some()
            {
                return Err(FormError::Field);
            }
        }
        Ok(Self(fields))
    }

    /// The value of `name`; `None` when it is missing or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?;
        (!value.trim().is_empty()).then_some(value)
    }
}

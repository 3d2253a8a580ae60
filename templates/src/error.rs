//! [`Problem`] and [`TemplateError`]. Neither ever quotes a value: values are payloads, and errors end up in logs.

use std::fmt;

/// One thing to change in a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl Problem {
    pub(crate) fn new(line: usize, column: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            column,
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            column,
            message,
        } = self;
        write!(f, "line {line}, column {column}: {message}")
    }
}

/// A text that can't be compiled, or data that can't be rendered with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template `{name}`: {kind}")]
pub struct TemplateError {
    name: String,
    kind: TemplateErrorKind,
}

impl TemplateError {
    pub(crate) fn new(name: &str, kind: TemplateErrorKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
        }
    }

    /// The template's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What went wrong.
    pub fn kind(&self) -> &TemplateErrorKind {
        &self.kind
    }
}

/// What can go wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateErrorKind {
    /// The text is no template, or contains what this engine refuses.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Problem>),
    /// The data lacks a value that the text needs.
    #[error("no value for a placeholder at line {line}, column {column}")]
    MissingValue {
        /// Line of the placeholder, from 1; 0 when unknown.
        line: usize,
        /// Column of the placeholder, from 1; 0 when unknown.
        column: usize,
    },
    /// The data's `Serialize` failed.
    #[error("the data does not serialize")]
    Unserializable,
    /// The result would be longer than [`OUTPUT_BYTES_MAX`](crate::OUTPUT_BYTES_MAX).
    #[error("the rendered text is longer than {limit} bytes")]
    OutputTooLarge {
        /// The limit.
        limit: usize,
    },
    /// A helper was given data it can't work with.
    #[error("a helper failed at line {line}, column {column}")]
    Failed {
        /// Line of the helper, from 1; 0 when unknown.
        line: usize,
        /// Column of the helper, from 1; 0 when unknown.
        column: usize,
    },
}

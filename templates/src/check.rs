//! What a text names, compared with what there is.

use crate::engine::parse;
use crate::error::Problem;
use crate::field::Field;
use crate::walk::Walker;

/// All problems of `source`, a text to be rendered from `owner`, a struct with `fields`. Empty when there is none.
///
/// The first step of each path is compared with `fields`; the steps behind it belong to other types, and
/// [`analyze`] lists them for whoever knows those.
pub fn check(source: &str, owner: &str, fields: &[Field]) -> Vec<Problem> {
    analyze(source, owner, fields).problems
}

/// The [problems](check) of `source`, and every path in it.
pub fn analyze(source: &str, owner: &str, fields: &[Field]) -> Analysis {
    match parse(source) {
        Ok(template) => Walker::new(Some((owner, fields))).walk(&template),
        Err(problem) => Analysis {
            problems: vec![problem],
            uses: Vec::new(),
        },
    }
}

/// The problems of a text that can be told without knowing the fields.
pub(crate) fn structure(template: &handlebars::Template) -> Vec<Problem> {
    Walker::new(None).walk(template).problems
}

/// What [`analyze`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Analysis {
    /// What to change, in the order of the text.
    pub problems: Vec<Problem>,
    /// What the text reads, in the order of the text. Paths with problems are left out.
    pub uses: Vec<Use>,
}

/// How a text uses a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Use {
    /// It becomes a part of the result and nothing guards it, so it must have a value.
    Shown(Place),
    /// It is looked at, or shown where a condition made sure that it is there.
    Read(Place),
    /// `{{#each items as |item|}}body{{/each}}`.
    Each {
        /// The list.
        items: Place,
        /// The name of an element in the body.
        item: String,
        /// What the body uses.
        body: Vec<Use>,
        /// An `{{else}}` or a condition around it says what happens when there is no list.
        is_guarded: bool,
    },
    /// `{{#with value as |name|}}body{{/with}}`.
    With {
        /// The value.
        value: Place,
        /// Its name in the body.
        name: String,
        /// What the body uses.
        body: Vec<Use>,
        /// An `{{else}}` or a condition around it says what happens when there is no value.
        is_guarded: bool,
    },
}

/// A path: where it starts, and the fields from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The first step.
    pub start: Start,
    /// The names of the fields from there, as they are in Rust.
    pub steps: Vec<String>,
}

/// The first step of a [`Place`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// A field of the struct, by its serialized name.
    Field(String),
    /// The `x` of `as |x|`.
    Variable(String),
}

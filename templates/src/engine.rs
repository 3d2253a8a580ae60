//! [`Template`]: compiled once, rendered many times.

use std::io;
use std::sync::LazyLock;

use handlebars::{
    Context, Handlebars, Output, RenderContext, RenderErrorReason, Renderable, TemplateErrorReason,
};
use serde::Serialize;

use crate::error::{Problem, TemplateError, TemplateErrorKind};
use crate::escape::Escape;
use crate::limits::{self, OUTPUT_BYTES_MAX};

/// Room for a text of one SMS, so that rendering it allocates once.
const OUTPUT_BYTES_EXPECTED: usize = 256;

/// A compiled text. Compiling costs some 10 µs, rendering an SMS one or two: keep it in a `static`.
///
/// Strict: a placeholder without a value is an error, never an empty place in somebody's message.
#[derive(Clone, Debug)]
pub struct Template {
    name: String,
    escape: Escape,
    compiled: handlebars::Template,
}

impl Template {
    /// Compiles `source`; `name` is for errors only.
    ///
    /// # Errors
    /// [`TemplateErrorKind::Invalid`]: not Handlebars, over a limit, or something this engine refuses. Every problem is
    /// listed. Placeholders are not compared with anything; [`check`](crate::check) does that.
    pub fn compile(
        name: impl Into<String>,
        source: &str,
        escape: Escape,
    ) -> Result<Self, TemplateError> {
        let name = name.into();
        let invalid = |problems| TemplateError::new(&name, TemplateErrorKind::Invalid(problems));
        let compiled = parse(source).map_err(|problem| invalid(vec![problem]))?;
        let problems = crate::check::structure(&compiled);
        if problems.is_empty() {
            Ok(Self {
                name,
                escape,
                compiled,
            })
        } else {
            Err(invalid(problems))
        }
    }

    /// The text with the values of `data` in it.
    ///
    /// # Errors
    /// - [`TemplateErrorKind::MissingValue`]: `data` lacks a value that the text needs.
    /// - [`TemplateErrorKind::OutputTooLarge`]: the result passes [`OUTPUT_BYTES_MAX`].
    /// - [`TemplateErrorKind::Unserializable`], [`TemplateErrorKind::Failed`]: `data` does not fit at all.
    ///
    /// None of them quotes a value.
    pub fn render(&self, data: &impl Serialize) -> Result<String, TemplateError> {
        let fail = |kind| TemplateError::new(&self.name, kind);
        let context = Context::wraps(data).map_err(|_| fail(TemplateErrorKind::Unserializable))?;
        let mut output = Bounded::default();
        let result = self.compiled.render(
            registry(self.escape),
            &context,
            &mut RenderContext::new(None),
            &mut output,
        );
        match result {
            _ if output.is_full => Err(fail(TemplateErrorKind::OutputTooLarge {
                limit: OUTPUT_BYTES_MAX,
            })),
            Ok(()) => Ok(output.text),
            Err(error) => Err(fail(without_values(&error))),
        }
    }

    /// The name given when it was compiled.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The syntax tree of `source`, without the newline that ends a file.
pub(crate) fn parse(source: &str) -> Result<handlebars::Template, Problem> {
    limits::check(source)?;
    let text = source.strip_suffix('\n').unwrap_or(source);
    let text = text.strip_suffix('\r').unwrap_or(text);
    handlebars::Template::compile(text).map_err(|error| {
        let (line, column) = error.pos().unwrap_or((1, 1));
        let reason = match error.reason() {
            // The grammar's rule names would say little to whoever writes a text.
            TemplateErrorReason::InvalidSyntax(_) => {
                "end every `{{` with `}}`, and every `{{#block}}` with `{{/block}}`".to_owned()
            }
            reason => reason.to_string(),
        };
        Problem::new(line, column, format!("not a template: {reason}"))
    })
}

/// The helpers, shared by all templates of one way to escape.
fn registry(escape: Escape) -> &'static Handlebars<'static> {
    static PLAIN: LazyLock<Handlebars<'static>> =
        LazyLock::new(|| new_registry(handlebars::no_escape));
    static HTML: LazyLock<Handlebars<'static>> =
        LazyLock::new(|| new_registry(handlebars::html_escape));
    match escape {
        Escape::None => &PLAIN,
        Escape::Html => &HTML,
    }
}

fn new_registry(escape: fn(&str) -> String) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(escape);
    for refused in ["log", "lookup", "raw"] {
        registry.unregister_helper(refused);
    }
    registry
}

/// An output that stops the rendering when the limit is passed.
struct Bounded {
    text: String,
    is_full: bool,
}

impl Default for Bounded {
    fn default() -> Self {
        Self {
            text: String::with_capacity(OUTPUT_BYTES_EXPECTED),
            is_full: false,
        }
    }
}

impl Output for Bounded {
    fn write(&mut self, part: &str) -> Result<(), io::Error> {
        if self.is_full || part.len() > OUTPUT_BYTES_MAX - self.text.len() {
            self.is_full = true;
            return Err(io::Error::other("output limit"));
        }
        self.text.push_str(part);
        Ok(())
    }
}

/// Handlebars' own errors may quote values; ours say only where.
fn without_values(error: &handlebars::RenderError) -> TemplateErrorKind {
    let line = error.line_no.unwrap_or(0);
    let column = error.column_no.unwrap_or(0);
    match error.reason() {
        RenderErrorReason::MissingVariable(_) => TemplateErrorKind::MissingValue { line, column },
        _ => TemplateErrorKind::Failed { line, column },
    }
}

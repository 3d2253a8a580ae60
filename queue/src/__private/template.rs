//! [`StaticTemplate`]: a text compiled on first use and kept.

use std::sync::OnceLock;

use queue_templates::{Escape, Template, TemplateError};
use serde::Serialize;

use crate::provider::RenderError;

/// The text of a derived template; lives in a `static` of its render function.
pub struct StaticTemplate {
    name: &'static str,
    source: &'static str,
    escape: Escape,
    compiled: OnceLock<Result<Template, TemplateError>>,
}

impl StaticTemplate {
    /// A text that is compiled when it is first rendered.
    pub const fn new(name: &'static str, source: &'static str, escape: Escape) -> Self {
        Self {
            name,
            source,
            escape,
            compiled: OnceLock::new(),
        }
    }

    /// The text for `payload`.
    ///
    /// # Errors
    /// [`RenderError`]; the template's own errors never quote a value.
    pub fn render(&self, payload: &impl Serialize) -> Result<String, RenderError> {
        self.compiled
            .get_or_init(|| Template::compile(self.name, self.source, self.escape))
            .as_ref()
            .map_err(TemplateError::clone)
            .and_then(|template| template.render(payload))
            .map_err(|error| RenderError::new(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use crate::Template;

    #[derive(Template, Serialize)]
    #[template(source = "{{count}} left")]
    struct Stock {
        count: u8,
    }

    #[test]
    fn a_template_is_derived_inside_this_crate_too() {
        for count in [1, 2] {
            let text = render_stock(&Stock { count }).unwrap();
            assert_eq!(text, format!("{count} left"));
        }
    }
}

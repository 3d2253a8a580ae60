//! [`Escape`]: which characters of a value are rewritten, by channel.

/// How the values in a text are escaped. The text itself never is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Escape {
    /// Not at all: SMS, subjects, plain text. Escaping there shows recipients `&amp;`.
    #[default]
    None,
    /// For HTML text and quoted attributes: `<`, `>`, `&`, quotes, backtick and `=`.
    Html,
}

/// The escaping that a template's file name asks for: HTML for `*.html.hbs`, none otherwise.
///
/// ```
/// use queue_templates::{Escape, escape_for};
///
/// assert_eq!(escape_for("email/otp.html.hbs"), Escape::Html);
/// assert_eq!(escape_for("email/otp.subject.hbs"), Escape::None);
/// assert_eq!(escape_for("sms/otp.hbs"), Escape::None);
/// ```
pub fn escape_for(path: &str) -> Escape {
    if path.ends_with(".html.hbs") {
        Escape::Html
    } else {
        Escape::None
    }
}

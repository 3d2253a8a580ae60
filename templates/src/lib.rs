//! The template engine of the `queue` crate, pure: text and fields in, text out.
//!
//! Texts are written in [Handlebars](https://handlebarsjs.com). This crate compiles a text once ([`Template`]), renders
//! it many times, escapes by channel ([`Escape`]), and [`check`]s it against the fields of a struct, so that a wrong
//! placeholder is found before anything is sent. The `Template` derive of `queue` runs that check at compile time.
//!
//! ```
//! use queue_templates::{Escape, Field, Template, check};
//!
//! let source = "Order {{order_id}} is on its way, {{nmae}}.";
//! let fields = [Field::new("name"), Field::new("order_id")];
//! let problems = check(source, "OrderShipped", &fields);
//! assert_eq!(
//!     problems[0].to_string(),
//!     "line 1, column 35: no field `nmae` in `OrderShipped`; did you mean `name`? (fields: name, order_id)",
//! );
//!
//! let template = Template::compile("shipped", "Order {{order_id}} is on its way.\n", Escape::None)?;
//! let order = std::collections::BTreeMap::from([("order_id", 7)]);
//! assert_eq!(template.render(&order)?, "Order 7 is on its way.");
//! # Ok::<(), queue_templates::TemplateError>(())
//! ```
//!
//! # What a text may contain
//!
//! | | |
//! | --- | --- |
//! | `{{name}}`, `{{order.id}}` | a value; one that may be missing only inside `{{#if name}}` |
//! | `{{#if x}}`, `{{#unless x}}`, `{{else}}`, `{{else if y}}` | a choice |
//! | `{{#each items as \|item\|}}` | a loop; `@index`, `@first`, `@last` inside it |
//! | `{{#with order as \|o\|}}` | a shorter name, and the way into a value that may be missing |
//! | `(eq a 1)`, `ne`, `gt`, `gte`, `lt`, `lte`, `and`, `or`, `not`, `len` | conditions |
//! | `{{@root.name}}` | a field of the struct, from inside a loop or `with` |
//! | `{{! … }}`, `{{~ … ~}}` | comments; trimmed white space |
//!
//! Everything else is refused with a message: partials (they can recurse until the process aborts), decorators, `lookup`
//! (it can't be checked), `log` (it would write payloads into logs), `{{{…}}}` (it skips escaping), raw blocks, `[…]` and
//! `../`. So is what nests deeper than [`BLOCK_DEPTH_MAX`]: the parser recurses.
//!
//! As everywhere in Handlebars, `false`, `0`, an empty text, an empty list and no value count as false in conditions, and
//! take the `{{else}}` of `with`; a loop over nothing takes its own.
//!
//! # The last newline
//!
//! Editors end files with a newline that nobody means to send: **one** newline at the end of a source is not part of the
//! text. Write two to send one.

mod check;
mod engine;
mod error;
mod escape;
mod field;
mod helper;
mod limits;
mod path;
mod scope;
pub mod shipped;
mod walk;

pub use check::{Analysis, Place, Start, Use, analyze, check};
pub use engine::Template;
pub use error::{Problem, TemplateError, TemplateErrorKind};
pub use escape::{Escape, escape_for};
pub use field::{Field, closest};
pub use limits::{BLOCK_DEPTH_MAX, OUTPUT_BYTES_MAX, SOURCE_BYTES_MAX, TAG_BRACKETS_MAX};

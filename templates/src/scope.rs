//! `{{#each items as |item|}}` and `{{#with value as |name|}}`: the blocks that bring in names.

use handlebars::template::{BlockParam, HelperTemplate, Parameter};

use crate::check::Use;
use crate::helper::is_helper;
use crate::path::is_identifier;
use crate::walk::Walker;

/// What `{{#each}}` or `{{#with}}` brings in.
pub(crate) struct Scope {
    pub(crate) block: &'static str,
    pub(crate) value: String,
    /// The second name in `{{#each items as |item index|}}`: a number, or a key.
    pub(crate) index: Option<String>,
}

impl Scope {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.value == name || self.index.as_deref() == Some(name)
    }
}

impl Walker<'_> {
    /// `{{#each items as |item|}}` and `{{#with value as |name|}}`.
    pub(crate) fn scope(&mut self, block: &'static str, tag: &HelperTemplate) {
        self.misuses(block, tag, (1, 1), &[]);
        let field = tag.params.first();
        let is_guarded =
            tag.inverse.is_some() || self.is_present(field.and_then(Parameter::as_name));
        let place = match field {
            Some(parameter @ Parameter::Path(_)) => {
                let raw = parameter.as_name().unwrap_or_default();
                if self.is_optional(raw) && !is_guarded {
                    self.problem(format!(
                        "`{raw}` may have no value: say with `{{{{else}}}}` what is written then"
                    ));
                }
                self.place(raw)
            }
            Some(_) => {
                self.problem(format!("`{{{{#{block} …}}}}` takes a field"));
                None
            }
            None => None,
        };
        let Some((value, index)) = self.names(block, tag) else {
            // Without a name the fields inside can't be told apart: what is inside would only repeat this problem.
            if let Some(otherwise) = &tag.inverse {
                self.template(otherwise);
            }
            return;
        };
        let outer_uses = std::mem::take(&mut self.uses);
        self.scopes.push(Scope {
            block,
            value: value.clone(),
            index,
        });
        if let Some(body) = &tag.template {
            self.template(body);
        }
        self.scopes.pop();
        let body = std::mem::replace(&mut self.uses, outer_uses);
        if let Some(place) = place {
            self.uses.push(match block {
                "each" => Use::Each {
                    items: place,
                    item: value,
                    body,
                    is_guarded,
                },
                _ => Use::With {
                    value: place,
                    name: value,
                    body,
                    is_guarded,
                },
            });
        }
        if let Some(otherwise) = &tag.inverse {
            self.template(otherwise);
        }
    }

    /// The names behind `as`, checked.
    fn names(&mut self, block: &str, tag: &HelperTemplate) -> Option<(String, Option<String>)> {
        let name = |parameter: &Parameter| parameter.as_name().unwrap_or_default().to_owned();
        let (value, index) = match &tag.block_param {
            Some(BlockParam::Single(value)) => (name(value), None),
            Some(BlockParam::Pair((value, index))) => (name(value), Some(name(index))),
            _ => {
                let field = tag
                    .params
                    .first()
                    .and_then(Parameter::as_name)
                    .unwrap_or("…");
                self.problem(format!(
                    "write `{{{{#{block} {field} as |x|}}}}`, and `x.…` inside, so that the names inside can be checked"
                ));
                return None;
            }
        };
        if block == "with" && index.is_some() {
            self.problem("`{{#with}}` takes one name: write `as |x|`");
        }
        for new in std::iter::once(&value).chain(&index) {
            if !is_identifier(new) || is_helper(new) {
                self.problem(format!(
                    "`{new}` can't be a name here: use a plain word such as `item`"
                ));
            } else if self.is_known_field(new) || self.scopes.iter().any(|scope| scope.has(new)) {
                self.problem(format!(
                    "`{new}` is already the name of something else: use another"
                ));
            }
        }
        Some((value, index))
    }
}

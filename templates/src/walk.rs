//! [`Walker`]: goes through a syntax tree once and finds every problem and every use.

use handlebars::Template;
use handlebars::template::{HelperTemplate, Parameter, TemplateElement};

use crate::check::{Analysis, Place, Start, Use};
use crate::error::Problem;
use crate::field::{self, Field};
use crate::helper::{self, is_helper};
use crate::path::Path;
use crate::scope::Scope;

/// Goes through a syntax tree; made for one text.
pub(crate) struct Walker<'a> {
    /// The struct's name and fields; without them every field is taken to exist.
    known: Option<(&'a str, &'a [Field])>,
    position: (usize, usize),
    pub(crate) scopes: Vec<Scope>,
    /// Paths that the conditions around this point make sure of.
    present: Vec<String>,
    problems: Vec<Problem>,
    pub(crate) uses: Vec<Use>,
}

impl<'a> Walker<'a> {
    pub(crate) fn new(known: Option<(&'a str, &'a [Field])>) -> Self {
        Self {
            known,
            position: (1, 1),
            scopes: Vec::new(),
            present: Vec::new(),
            problems: Vec::new(),
            uses: Vec::new(),
        }
    }

    pub(crate) fn walk(mut self, template: &Template) -> Analysis {
        self.template(template);
        Analysis {
            problems: self.problems,
            uses: self.uses,
        }
    }

    pub(crate) fn template(&mut self, template: &Template) {
        for (at, element) in template.elements.iter().enumerate() {
            // The branches of `{{else if}}` have no positions of their own; the block's is the nearest.
            if let Some(mapping) = template.mapping.get(at) {
                self.position = (mapping.0, mapping.1);
            }
            self.element(element);
        }
    }

    fn element(&mut self, element: &TemplateElement) {
        match element {
            TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
            TemplateElement::Expression(tag) => self.expression(tag),
            TemplateElement::HelperBlock(tag) => self.block(tag),
            TemplateElement::HtmlExpression(_) => {
                self.problem("`{{{…}}}` and `{{&…}}` skip escaping: write `{{…}}`");
            }
            TemplateElement::PartialExpression(_) | TemplateElement::PartialBlock(_) => {
                self.problem(
                    "partials are not supported: `{{> …}}` may recurse without end; write the text here",
                );
            }
            TemplateElement::DecoratorExpression(_) | TemplateElement::DecoratorBlock(_) => {
                self.problem("decorators are not supported: `{{* …}}`");
            }
            _ => self.problem("this is not supported here"),
        }
    }

    /// `{{name}}` or `{{helper argument…}}`.
    fn expression(&mut self, tag: &HelperTemplate) {
        match &tag.name {
            Parameter::Path(_) | Parameter::Name(_)
                if tag.params.is_empty() && tag.hash.is_empty() =>
            {
                let raw = tag.name.as_name().unwrap_or_default();
                if is_helper(raw) {
                    self.problem(format!(
                        "`{raw}` is a helper, so a field of that name can't be shown: rename it"
                    ));
                } else {
                    self.shown(raw);
                }
            }
            Parameter::Subexpression(inner) => {
                if let TemplateElement::Expression(tag) = inner.as_element() {
                    self.expression(tag);
                }
            }
            name => self.condition(name.as_name().unwrap_or_default(), tag),
        }
    }

    /// A call such as `eq a 1`, anywhere but as a block.
    fn condition(&mut self, name: &str, tag: &HelperTemplate) {
        match helper::condition(name) {
            Some(arguments) => self.misuses(name, tag, arguments, &[]),
            None if helper::is_block(name) => {
                self.problem(format!(
                    "`{name}` is a block: write `{{{{#{name} …}}}}…{{{{/{name}}}}}`"
                ));
            }
            None => self.problem(helper::unknown(name)),
        }
        for parameter in &tag.params {
            self.argument(parameter);
        }
    }

    fn block(&mut self, tag: &HelperTemplate) {
        let name = tag.name.as_name().unwrap_or_default();
        match name {
            "if" | "unless" => self.choice(name == "if", tag),
            "each" => self.scope("each", tag),
            "with" => self.scope("with", tag),
            _ if is_helper(name) => {
                self.problem(format!(
                    "`{name}` is not a block: write `{{{{#if ({name} …)}}}}…{{{{/if}}}}`"
                ));
            }
            _ if self.is_field(name) => {
                self.problem(format!(
                    "`{{{{#{name}}}}}`: write `{{{{#if {name}}}}}…{{{{/if}}}}` or `{{{{#each {name} as |item|}}}}…{{{{/each}}}}`"
                ));
            }
            _ => self.problem(helper::unknown(name)),
        }
    }

    fn choice(&mut self, is_if: bool, tag: &HelperTemplate) {
        let name = if is_if { "if" } else { "unless" };
        self.misuses(name, tag, (1, 1), &["includeZero"]);
        if tag.block_param.is_some() {
            self.problem(format!("`{{{{#{name}}}}}` takes no `as |…|`"));
        }
        let mut sure = Vec::new();
        if let Some(condition) = tag.params.first() {
            self.argument(condition);
            made_sure(condition, &mut sure);
        }
        for (branch, is_sure) in [(&tag.template, is_if), (&tag.inverse, !is_if)] {
            let before = self.present.len();
            if is_sure {
                self.present.extend(sure.iter().cloned());
            }
            if let Some(branch) = branch {
                self.template(branch);
            }
            self.present.truncate(before);
        }
    }

    /// A value that a helper looks at.
    fn argument(&mut self, parameter: &Parameter) {
        match parameter {
            Parameter::Path(_) | Parameter::Name(_) => {
                let raw = parameter.as_name().unwrap_or_default();
                if let Some(place) = self.place(raw) {
                    self.uses.push(Use::Read(place));
                }
            }
            Parameter::Subexpression(inner) => {
                if let TemplateElement::Expression(tag) = inner.as_element() {
                    let name = tag.name.as_name().unwrap_or_default();
                    if tag.params.is_empty() && !is_helper(name) {
                        self.argument(&tag.name);
                    } else {
                        self.condition(name, tag);
                    }
                }
            }
            _ => {}
        }
    }

    /// A value that becomes part of the result.
    fn shown(&mut self, raw: &str) {
        let is_present = self.is_present(Some(raw));
        if self.is_optional(raw) && !is_present {
            self.problem(format!(
                "`{raw}` may have no value, and nothing would be written: write `{{{{#if {raw}}}}}…{{{{{raw}}}}}…{{{{/if}}}}` around it"
            ));
        }
        if let Some(place) = self.place(raw) {
            self.uses.push(if is_present {
                Use::Read(place)
            } else {
                Use::Shown(place)
            });
        }
    }

    /// Resolves a path, or reports why it can't be. `None` also for `@index` and the like, which are always there.
    pub(crate) fn place(&mut self, raw: &str) -> Option<Place> {
        let (steps, from_root) = match Path::parse(raw) {
            Path::Plain(steps) => (steps, false),
            Path::Root(steps) => (steps, true),
            Path::Local(name) => {
                if !self.scopes.iter().any(|scope| scope.block == "each") {
                    self.problem(format!("`@{name}` is known inside `{{{{#each}}}}` only"));
                }
                return None;
            }
            Path::Refused(message) => {
                self.problem(message);
                return None;
            }
        };
        let (first, rest) = steps.split_first()?;
        let steps = rest.iter().map(|step| (*step).to_owned()).collect();
        if !from_root {
            for scope in self.scopes.iter().rev() {
                if scope.value == *first {
                    let start = Start::Variable((*first).to_owned());
                    return Some(Place { start, steps });
                }
                if scope.index.as_deref() == Some(first) {
                    if !rest.is_empty() {
                        self.problem(format!("`{first}` is a number and has no fields"));
                    }
                    return None;
                }
            }
        }
        if !self.is_field(first) {
            self.unknown_field(first);
            return None;
        }
        if let (false, Some(scope)) = (from_root, self.scopes.last()) {
            let (block, value) = (scope.block, scope.value.clone());
            self.problem(format!(
                "inside `{{{{#{block}}}}}` write `@root.{raw}` for the field of the struct, or `{value}.{raw}`"
            ));
            return None;
        }
        if !rest.is_empty() && self.is_optional(first) {
            self.problem(format!(
                "`{first}` may have no value: write `{{{{#with {first} as |x|}}}}{{{{x.{}}}}}{{{{else}}}}…{{{{/with}}}}`",
                rest.join(".")
            ));
            return None;
        }
        let start = Start::Field((*first).to_owned());
        Some(Place { start, steps })
    }

    pub(crate) fn misuses(
        &mut self,
        name: &str,
        tag: &HelperTemplate,
        arguments: (usize, usize),
        options: &[&str],
    ) {
        for problem in helper::misuses(name, tag, arguments, options) {
            self.problem(problem);
        }
    }

    fn unknown_field(&mut self, name: &str) {
        if let Some((owner, fields)) = self.known {
            let variables = self.scopes.iter().map(|scope| scope.value.as_str());
            let message = field::unknown(name, owner, fields, variables);
            self.problem(message);
        }
    }

    /// Whether the struct has the field, as far as anybody knows.
    fn is_field(&self, name: &str) -> bool {
        self.known.is_none() || self.is_known_field(name)
    }

    /// Whether a condition around this point makes sure that the path has a value.
    pub(crate) fn is_present(&self, raw: Option<&str>) -> bool {
        raw.is_some_and(|raw| self.present.iter().any(|present| present == raw))
    }

    pub(crate) fn is_known_field(&self, name: &str) -> bool {
        self.known
            .is_some_and(|(_, fields)| fields.iter().any(|field| field.name == name))
    }

    pub(crate) fn is_optional(&self, raw: &str) -> bool {
        let name = raw.strip_prefix("@root.").unwrap_or(raw);
        self.known.is_some_and(|(_, fields)| {
            fields
                .iter()
                .any(|field| field.is_optional && field.name == name)
        })
    }

    pub(crate) fn problem(&mut self, message: impl Into<String>) {
        let (line, column) = self.position;
        self.problems.push(Problem::new(line, column, message));
    }
}

/// The paths that surely have a value where `condition` holds: itself, or the parts of an `and`.
fn made_sure(condition: &Parameter, sure: &mut Vec<String>) {
    match condition {
        Parameter::Path(_) => sure.extend(condition.as_name().map(str::to_owned)),
        Parameter::Subexpression(inner) => {
            if let TemplateElement::Expression(tag) = inner.as_element()
                && tag.name.as_name() == Some("and")
            {
                for part in &tag.params {
                    made_sure(part, sure);
                }
            }
        }
        _ => {}
    }
}

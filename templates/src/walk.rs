//! [`Walker`]: goes through a syntax tree once and finds every problem and every use.

use std::collections::HashMap;

use handlebars::Template;
use handlebars::template::{BlockParam, HelperTemplate, Parameter, TemplateElement};

use crate::check::{Analysis, Place, Start, Use};
use crate::error::Problem;
use crate::field::{Field, closest};
use crate::path::{Path, is_identifier};

/// The conditions, with the least and the greatest number of arguments. They are Handlebars' own.
const CONDITIONS: [(&str, usize, usize); 10] = [
    ("eq", 2, 2),
    ("ne", 2, 2),
    ("gt", 2, 2),
    ("gte", 2, 2),
    ("lt", 2, 2),
    ("lte", 2, 2),
    ("and", 2, usize::MAX),
    ("or", 2, usize::MAX),
    ("not", 1, 1),
    ("len", 1, 1),
];
const BLOCKS: [&str; 4] = ["if", "unless", "each", "with"];

pub(crate) struct Walker<'a> {
    /// The struct's name and fields; without them every field is taken to exist.
    known: Option<(&'a str, &'a [Field])>,
    position: (usize, usize),
    scopes: Vec<Scope>,
    /// Paths that the conditions around this point make sure of.
    present: Vec<String>,
    problems: Vec<Problem>,
    uses: Vec<Use>,
}

/// What `{{#each}}` or `{{#with}}` brings in.
struct Scope {
    block: &'static str,
    value: String,
    /// The second name in `{{#each items as |item index|}}`: a number, or a key.
    index: Option<String>,
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

    fn template(&mut self, template: &Template) {
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
        match CONDITIONS.iter().find(|(known, ..)| *known == name) {
            Some(&(_, least, most)) => {
                self.count(name, tag, least, most);
                self.no_options(name, &tag.hash, &[]);
            }
            None if BLOCKS.contains(&name) => {
                self.problem(format!(
                    "`{name}` is a block: write `{{{{#{name} …}}}}…{{{{/{name}}}}}`"
                ));
            }
            None => self.unknown_helper(name),
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
            _ => self.unknown_helper(name),
        }
    }

    fn choice(&mut self, is_if: bool, tag: &HelperTemplate) {
        let name = if is_if { "if" } else { "unless" };
        self.count(name, tag, 1, 1);
        self.no_options(name, &tag.hash, &["includeZero"]);
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

    /// `{{#each items as |item|}}` and `{{#with value as |name|}}`.
    fn scope(&mut self, block: &'static str, tag: &HelperTemplate) {
        self.count(block, tag, 1, 1);
        self.no_options(block, &tag.hash, &[]);
        let place = match tag.params.first() {
            Some(parameter @ Parameter::Path(_)) => {
                let raw = parameter.as_name().unwrap_or_default();
                if block == "each" && self.is_optional(raw) {
                    self.problem(format!(
                        "`{raw}` may have no value: write `{{{{#with {raw} as |list|}}}}{{{{#each list as |x|}}}}…{{{{/each}}}}{{{{else}}}}…{{{{/with}}}}`"
                    ));
                }
                if block == "with" && self.is_optional(raw) && tag.inverse.is_none() {
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
                },
                _ => Use::With {
                    value: place,
                    name: value,
                    body,
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
        let is_present = self.present.iter().any(|present| present == raw);
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
    fn place(&mut self, raw: &str) -> Option<Place> {
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

    fn count(&mut self, name: &str, tag: &HelperTemplate, least: usize, most: usize) {
        let found = tag.params.len();
        if !(least..=most).contains(&found) {
            let wanted = match (least, most) {
                (1, _) => "1 argument".to_owned(),
                (_, usize::MAX) => format!("at least {least} arguments"),
                _ => format!("{least} arguments"),
            };
            self.problem(format!("`{name}` takes {wanted}, not {found}"));
        }
    }

    fn no_options(&mut self, name: &str, hash: &HashMap<String, Parameter>, known: &[&str]) {
        let mut unknown: Vec<&String> = hash
            .keys()
            .filter(|key| !known.contains(&key.as_str()))
            .collect();
        unknown.sort();
        for key in unknown {
            self.problem(format!("`{name}` takes no `{key}=`"));
        }
    }

    fn unknown_helper(&mut self, name: &str) {
        let message = match name {
            "log" => "`log` is refused: it would write the payload into logs".to_owned(),
            "lookup" => {
                "`lookup` is refused: what it finds can't be checked; write the path".to_owned()
            }
            _ => {
                let known = CONDITIONS.iter().map(|(name, ..)| *name).chain(BLOCKS);
                let hint = closest(name, known.clone())
                    .map(|name| format!("; did you mean `{name}`?"))
                    .unwrap_or_default();
                let known: Vec<&str> = known.collect();
                format!("no helper `{name}`{hint} (helpers: {})", known.join(", "))
            }
        };
        self.problem(message);
    }

    fn unknown_field(&mut self, name: &str) {
        let Some((owner, fields)) = self.known else {
            return;
        };
        let variables = self.scopes.iter().map(|scope| scope.value.as_str());
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        let hint = closest(name, names.iter().copied().chain(variables))
            .map(|name| format!("; did you mean `{name}`?"))
            .unwrap_or_default();
        let fields = match names.as_slice() {
            [] => "it has none".to_owned(),
            names => format!("fields: {}", names.join(", ")),
        };
        self.problem(format!("no field `{name}` in `{owner}`{hint} ({fields})"));
    }

    /// Whether the struct has the field, as far as anybody knows.
    fn is_field(&self, name: &str) -> bool {
        self.known.is_none() || self.is_known_field(name)
    }

    fn is_known_field(&self, name: &str) -> bool {
        self.known
            .is_some_and(|(_, fields)| fields.iter().any(|field| field.name == name))
    }

    fn is_optional(&self, raw: &str) -> bool {
        let name = raw.strip_prefix("@root.").unwrap_or(raw);
        self.known.is_some_and(|(_, fields)| {
            fields
                .iter()
                .any(|field| field.is_optional && field.name == name)
        })
    }

    fn problem(&mut self, message: impl Into<String>) {
        let (line, column) = self.position;
        self.problems.push(Problem::new(line, column, message));
    }
}

impl Scope {
    fn has(&self, name: &str) -> bool {
        self.value == name || self.index.as_deref() == Some(name)
    }
}

fn is_helper(name: &str) -> bool {
    BLOCKS.contains(&name) || CONDITIONS.iter().any(|(known, ..)| *known == name)
}

/// The paths that surely have a value where `condition` holds: itself, or the parts of an `and`.
fn made_sure(condition: &Parameter, sure: &mut Vec<String>) {
    match condition {
        Parameter::Path(_) => sure.extend(condition.as_name().map(str::to_owned)),
        Parameter::Subexpression(inner) if inner.name() == "and" => {
            for part in inner.params().into_iter().flatten() {
                made_sure(part, sure);
            }
        }
        _ => {}
    }
}

//! Bounds that are checked before a text reaches the parser, which recurses: each open block and bracket costs stack.

use crate::error::Problem;

/// Longest source, in bytes; an e-mail with its styles is about 50 KiB.
pub const SOURCE_BYTES_MAX: usize = 128 * 1024;
/// Longest rendered text, in bytes; the largest payload, so a text made only of it still fits.
pub const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// Most blocks inside one another, each `{{else if}}` counted as one more: that is how they are parsed. Texts that people
/// can read have three.
pub const BLOCK_DEPTH_MAX: usize = 32;
/// Most opening brackets in one `{{…}}`: sub-expressions and literals nest by them.
pub const TAG_BRACKETS_MAX: usize = 16;

/// Reads only the outline of the text: tags, strings, comments and escapes, exactly as the grammar of Handlebars has them.
/// Where following the grammar would be hard, and the text would be refused later anyway, it is refused here.
pub(crate) fn check(source: &str) -> Result<(), Problem> {
    if source.len() > SOURCE_BYTES_MAX {
        let message =
            format!("the template is longer than {SOURCE_BYTES_MAX} bytes; split it or send less");
        return Err(Problem::new(1, 1, message));
    }
    let mut rest = source;
    let mut depth = Depth::default();
    while let Some(start) = rest.find("{{") {
        let is_escaped = backslashes(&rest[..start]) == 1;
        let at = source.len() - rest.len() + start;
        rest = &rest[start + 2..];
        if is_escaped {
            rest = rest.strip_prefix("{{").unwrap_or(rest);
        } else if let Some(end) = comment_end(rest) {
            rest = &rest[end..];
        } else {
            let (tag, after) = rest.split_at(tag_end(rest));
            if let Some(message) = refusal(tag).or_else(|| depth.enter(tag)) {
                let (line, column) = position(source, at);
                return Err(Problem::new(line, column, message));
            }
            rest = after;
        }
    }
    Ok(())
}

/// How many blocks are open, each with its chain of `{{else if}}`.
#[derive(Default)]
struct Depth {
    chains: Vec<usize>,
}

impl Depth {
    /// Follows a tag; what to say when it goes too deep.
    fn enter(&mut self, tag: &str) -> Option<String> {
        let tag = tag.trim_start_matches(is_filler);
        if tag.starts_with('#') {
            self.chains.push(1);
        } else if tag.starts_with('/') {
            self.chains.pop();
        } else if let Some(condition) = tag.strip_prefix("else").or(tag.strip_prefix('^'))
            && !condition.trim_start_matches(is_filler).is_empty()
            && let Some(chain) = self.chains.last_mut()
        {
            *chain += 1;
        }
        (self.chains.iter().sum::<usize>() > BLOCK_DEPTH_MAX)
            .then(|| format!("more than {BLOCK_DEPTH_MAX} blocks inside one another"))
    }
}

/// What to say of a tag that is refused before it is parsed.
fn refusal(tag: &str) -> Option<String> {
    let brackets = tag.matches(['(', '[', '{']).count();
    let mark = tag.trim_start_matches(is_filler).trim_start_matches('#');
    if tag.starts_with("{{") {
        Some("raw blocks are not supported: write `\\{{` for braces that stay".to_owned())
    } else if mark.trim_start().starts_with('>') && tag.contains(['"', '\'']) {
        Some("partials are not supported: write the text here".to_owned())
    } else if has_square_bracket(tag) {
        Some(
            "`[…]` is not supported: write a field's name; elements are reached by `{{#each … as |x|}}`"
                .to_owned(),
        )
    } else if brackets > TAG_BRACKETS_MAX {
        Some(format!(
            "more than {TAG_BRACKETS_MAX} brackets in one `{{{{…}}}}`"
        ))
    } else {
        None
    }
}

/// White space and its trimming, which the grammar allows in front of every mark.
fn is_filler(c: char) -> bool {
    c == '~' || c.is_whitespace()
}

fn backslashes(text: &str) -> usize {
    text.len() - text.trim_end_matches('\\').len()
}

/// Where the comment that `rest` starts with ends; `None` when it is no comment.
fn comment_end(rest: &str) -> Option<usize> {
    let comment = rest.strip_prefix('!')?;
    let long = comment
        .strip_prefix("--")
        .and_then(|text| text.find("--}}"));
    // A long comment that does not end is a short one.
    let end = match long {
        Some(end) => Some("!--".len() + end + "--}}".len()),
        None => rest.find("}}").map(|end| end + "}}".len()),
    };
    Some(end.unwrap_or(rest.len()))
}

/// Where the tag that `rest` is inside of ends: at the first `}}` outside a string.
fn tag_end(rest: &str) -> usize {
    outside_strings(rest)
        .find(|&at| rest[at..].starts_with("}}"))
        .unwrap_or(rest.len())
}

fn has_square_bracket(tag: &str) -> bool {
    outside_strings(tag).any(|at| tag[at..].starts_with('['))
}

/// The positions in a tag that are in no string.
fn outside_strings(tag: &str) -> impl Iterator<Item = usize> {
    let mut quote = None;
    let mut is_escaped = false;
    tag.char_indices().filter_map(move |(at, c)| match quote {
        Some(open) => {
            if c == open && !is_escaped {
                quote = None;
            }
            is_escaped = c == '\\' && !is_escaped;
            None
        }
        None if c == '"' || c == '\'' => {
            quote = Some(c);
            None
        }
        None => Some(at),
    })
}

/// Line and column, from 1, of a byte.
fn position(source: &str, byte: usize) -> (usize, usize) {
    let before = &source[..byte];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_bounded_whatever_hides_it() {
        for open in [
            "{{#if a}}",
            "{{~#if a}}",
            "{{\n~ #if a}}",
            "{{#if a}}{{!-- {{/if}} --}}",
            "{{#if a}}{{! {{/if}}",
            "{{#if '{{/if}}'}}",
            "{{#if a}}\\{{/if}}",
            "{{#if a}}\\{{{{/if}}",
            "\\\\{{#if a}}",
            "\\\\\\{{#if a}}",
            "{{!-- }}{{#if a}}",
        ] {
            assert!(check(&open.repeat(BLOCK_DEPTH_MAX)).is_ok(), "{open}");
            assert!(check(&open.repeat(BLOCK_DEPTH_MAX + 1)).is_err(), "{open}");
        }
        assert!(check(&"{{#if a}}{{/if}}".repeat(1000)).is_ok());
        assert!(check(&"{{#if a}}{{else}}{{/if}}".repeat(1000)).is_ok());
    }

    #[test]
    fn a_chain_of_else_if_counts_as_depth() {
        for link in ["{{else if a}}", "{{~ ^if a}}", "{{elseif a}}"] {
            let chain = |links: usize| format!("{{{{#if a}}}}{}{{{{/if}}}}", link.repeat(links));
            assert!(
                check(&chain(BLOCK_DEPTH_MAX - 1).repeat(9)).is_ok(),
                "{link}"
            );
            assert!(check(&chain(BLOCK_DEPTH_MAX)).is_err(), "{link}");
        }
    }

    #[test]
    fn what_could_hide_the_outline_is_refused() {
        for source in [
            "{{[']}}",
            "{{> 'a\\\\' }}",
            "{{#> \"a\"}}",
            "{{{{raw}}}} {{' {{{{/raw}}}}",
        ] {
            assert!(check(source).is_err(), "{source}");
        }
        assert!(check("{{eq a '[']}}").is_ok());
    }

    #[test]
    fn brackets_are_bounded_also_behind_a_string_that_looks_like_an_end() {
        let open = format!("{{{{eq \"}}}}\" {}", "(not ".repeat(TAG_BRACKETS_MAX + 1));
        let problem = check(&open).unwrap_err();
        assert_eq!((problem.line, problem.column), (1, 1));
        assert!(check("body { a: (b) } (((((((((((((((((((((((((((").is_ok());
    }

    #[test]
    fn a_source_over_the_limit_is_refused() {
        assert!(check(&"a".repeat(SOURCE_BYTES_MAX)).is_ok());
        assert!(check(&"a".repeat(SOURCE_BYTES_MAX + 1)).is_err());
    }
}

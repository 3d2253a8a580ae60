//! Bounds that are checked before a text reaches the parser, which recurses: each open block and bracket costs stack.

use crate::error::Problem;

/// Longest source, in bytes; an e-mail with its styles is about 50 KiB.
pub const SOURCE_BYTES_MAX: usize = 128 * 1024;
/// Longest rendered text, in bytes; the largest payload, so a text made only of it still fits.
pub const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// Most blocks inside one another; texts that people can read have three.
pub const BLOCK_DEPTH_MAX: usize = 16;
/// Most opening brackets in one `{{…}}`: sub-expressions and literals nest by them.
pub const TAG_BRACKETS_MAX: usize = 16;

/// Reads only the outline of the text: tags, strings, comments, escapes, as the grammar of Handlebars has them.
pub(crate) fn check(source: &str) -> Result<(), Problem> {
    if source.len() > SOURCE_BYTES_MAX {
        let message =
            format!("the template is longer than {SOURCE_BYTES_MAX} bytes; split it or send less");
        return Err(Problem::new(1, 1, message));
    }
    let mut rest = source;
    let mut depth = 0_usize;
    while let Some(start) = rest.find("{{") {
        let is_escaped = rest[..start].ends_with('\\');
        rest = &rest[start + 2..];
        if is_escaped {
            continue;
        }
        let at = || position(source, source.len() - rest.len() - 2);
        if let Some(end) = comment_end(rest) {
            rest = &rest[end..];
            continue;
        }
        let (tag, after) = rest.split_at(tag_end(rest));
        let mark = tag.trim_start_matches(['~', '{', ' ']).chars().next();
        match mark {
            Some('#') => depth += 1,
            Some('/') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > BLOCK_DEPTH_MAX {
            let (line, column) = at();
            let message = format!("more than {BLOCK_DEPTH_MAX} blocks inside one another");
            return Err(Problem::new(line, column, message));
        }
        if tag.matches(['(', '[', '{']).count() > TAG_BRACKETS_MAX {
            let (line, column) = at();
            let message = format!("more than {TAG_BRACKETS_MAX} brackets in one `{{{{…}}}}`");
            return Err(Problem::new(line, column, message));
        }
        rest = after;
    }
    Ok(())
}

/// Where the comment that `rest` starts with ends; `None` when it is no comment.
fn comment_end(rest: &str) -> Option<usize> {
    let close = if rest.starts_with("!--") {
        "--}}"
    } else if rest.starts_with('!') {
        "}}"
    } else {
        return None;
    };
    Some(rest.find(close).map_or(rest.len(), |at| at + close.len()))
}

/// Where the tag that `rest` is inside of ends: at the first `}}` outside a string.
fn tag_end(rest: &str) -> usize {
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in rest.char_indices() {
        match quote {
            Some(open) => {
                if c == open && !is_escaped {
                    quote = None;
                }
                is_escaped = c == '\\' && !is_escaped;
            }
            None if c == '"' || c == '\'' => quote = Some(c),
            None if rest[at..].starts_with("}}") => return at,
            None => {}
        }
    }
    rest.len()
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
    fn depth_is_bounded_whatever_hides_in_comments_and_strings() {
        for open in [
            "{{#if a}}",
            "{{~#if a}}",
            "{{#if a}}{{!-- {{/if}} --}}",
            "{{#if a}}{{! {{/if}}",
            "{{#if '{{/if}}'}}",
            "{{#if a}}\\{{/if}}",
        ] {
            assert!(check(&open.repeat(BLOCK_DEPTH_MAX)).is_ok(), "{open}");
            assert!(check(&open.repeat(BLOCK_DEPTH_MAX + 1)).is_err(), "{open}");
        }
        assert!(check(&"{{#if a}}{{/if}}".repeat(1000)).is_ok());
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

//! The helpers and blocks that a text may call. All are Handlebars' own.

use std::collections::HashMap;

use handlebars::template::{HelperTemplate, Parameter};

use crate::field::closest;

/// The conditions, with the least and the greatest number of arguments.
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

pub(crate) fn is_helper(name: &str) -> bool {
    is_block(name) || condition(name).is_some()
}

pub(crate) fn is_block(name: &str) -> bool {
    BLOCKS.contains(&name)
}

/// The least and the greatest number of arguments, if `name` is a condition.
pub(crate) fn condition(name: &str) -> Option<(usize, usize)> {
    CONDITIONS
        .iter()
        .find(|(known, ..)| *known == name)
        .map(|&(_, least, most)| (least, most))
}

/// What to say of a call with the wrong number of arguments, or with options that `name` does not know.
pub(crate) fn misuses(
    name: &str,
    tag: &HelperTemplate,
    (least, most): (usize, usize),
    options: &[&str],
) -> Vec<String> {
    let mut problems = Vec::new();
    let found = tag.params.len();
    if !(least..=most).contains(&found) {
        let wanted = match (least, most) {
            (1, _) => "1 argument".to_owned(),
            (_, usize::MAX) => format!("at least {least} arguments"),
            _ => format!("{least} arguments"),
        };
        problems.push(format!("`{name}` takes {wanted}, not {found}"));
    }
    for key in sorted_keys(&tag.hash) {
        if !options.contains(&key) {
            problems.push(format!("`{name}` takes no `{key}=`"));
        }
    }
    problems
}

/// What to say of a helper that is none.
pub(crate) fn unknown(name: &str) -> String {
    match name {
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
    }
}

fn sorted_keys(hash: &HashMap<String, Parameter>) -> Vec<&str> {
    let mut keys: Vec<&str> = hash.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

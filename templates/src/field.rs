//! [`Field`]: what a text may name.

/// A field of the struct that a text is rendered from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub(crate) name: String,
    pub(crate) is_optional: bool,
}

impl Field {
    /// A field that always has a value, under the name it has when serialized.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            is_optional: false,
        }
    }

    /// A field that may have no value: an `Option`, or one that is skipped when empty.
    pub fn optional(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            is_optional: true,
        }
    }
}

/// What to say of a field that `owner` does not have; `variables` are the other names that could have been meant.
pub(crate) fn unknown<'a>(
    name: &str,
    owner: &str,
    fields: &'a [Field],
    variables: impl Iterator<Item = &'a str>,
) -> String {
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    let hint = closest(name, names.iter().copied().chain(variables))
        .map(|name| format!("; did you mean `{name}`?"))
        .unwrap_or_default();
    let fields = match names.as_slice() {
        [] => "it has none".to_owned(),
        names => format!("fields: {}", names.join(", ")),
    };
    format!("no field `{name}` in `{owner}`{hint} ({fields})")
}

/// The name in `known` that `wrong` was probably meant to be: a few letters apart, if any is.
///
/// ```
/// assert_eq!(queue_templates::closest("priorty", ["priority", "name"]), Some("priority"));
/// ```
pub fn closest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (wrong.len() / 3).max(1);
    known
        .into_iter()
        .map(|name| (distance(wrong, name), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

/// How many insertions, deletions, replacements and swaps of neighbours turn `a` into `b` (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_slip_is_recognised_and_another_word_is_not() {
        let known = ["name", "order_id", "vip"];
        assert_eq!(closest("nmae", known), Some("name"));
        assert_eq!(closest("orderid", known), Some("order_id"));
        assert_eq!(closest("address", known), None);
        assert_eq!(closest("x", known), None);
    }
}

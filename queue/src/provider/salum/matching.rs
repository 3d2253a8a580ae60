//! Which row of an answer is about which message: by our id, then by number, never by position.

use std::collections::HashMap;

use super::wire::Row;
use crate::sms::PhoneNumber;

/// A message of the request.
pub(super) struct Sent<'a> {
    /// Its `clientsmsid`; `None` when the request carried none.
    pub(super) id: Option<&'a str>,
    pub(super) mobile: PhoneNumber,
}

/// What the answer says of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match<'a> {
    /// This row.
    Row(&'a Row),
    /// Nothing: the message may have been sent or not.
    Missing,
    /// Two rows that disagree: the message may have been sent or not.
    Contradiction,
}

/// One match for each message, in the order of `sent`. Rows about anything else are ignored.
pub(super) fn match_rows<'a>(sent: &[Sent<'_>], rows: &'a [Row]) -> Vec<Match<'a>> {
    // An answer of one row without any identity to a request of one message can only be about that message.
    if let ([_], [row]) = (sent, rows)
        && row.mobile.is_none()
        && row.client_id.is_none()
    {
        return vec![Match::Row(row)];
    }
    let by_id: HashMap<&str, usize> = sent
        .iter()
        .enumerate()
        .filter_map(|(index, sent)| Some((sent.id?, index)))
        .collect();
    // `None` for a number that several messages go to.
    let mut by_mobile: HashMap<PhoneNumber, Option<usize>> = HashMap::new();
    for (index, sent) in sent.iter().enumerate() {
        by_mobile
            .entry(sent.mobile)
            .and_modify(|index| *index = None)
            .or_insert(Some(index));
    }
    let mut matches = vec![Match::Missing; sent.len()];
    for row in rows {
        let index = match &row.client_id {
            Some(id) if !by_id.is_empty() => by_id.get(id.as_str()).copied(),
            _ => row
                .mobile
                .as_deref()
                .and_then(number_of)
                .and_then(|mobile| by_mobile.get(&mobile).copied().flatten()),
        };
        let Some(index) = index else { continue };
        matches[index] = match matches[index] {
            Match::Missing => Match::Row(row),
            Match::Row(first) if first.code == row.code => Match::Row(first),
            _ => Match::Contradiction,
        };
    }
    matches
}

/// The number that a row is about. Gateways write the digits that they were sent, without `+`: with it, a number of any
/// country is found; what is none then is a local form.
fn number_of(mobile: &str) -> Option<PhoneNumber> {
    let international = format!("+{}", mobile.trim_start_matches('+'));
    let number = PhoneNumber::parse(&international);
    number.or_else(|_| PhoneNumber::parse(mobile)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mobile(n: usize) -> PhoneNumber {
        format!("2547000000{n:02}").parse().unwrap()
    }

    fn row(code: u32, mobile: Option<String>, id: Option<String>) -> Row {
        Row {
            code: Some(code),
            description: String::new(),
            mobile,
            message_id: None,
            client_id: id,
        }
    }

    fn sent(id: &str, n: usize) -> Sent<'_> {
        Sent {
            id: Some(id),
            mobile: mobile(n),
        }
    }

    #[test]
    fn an_id_beats_a_number_and_a_shared_number_is_ambiguous() {
        let sent = [sent("a", 1), sent("b", 1), sent("c", 2)];
        let text = |n| Some(mobile(n).digits().to_owned());
        let rows = [
            row(200, text(1), Some("b".into())),
            row(1003, text(1), None),
            row(1002, Some("0700000002".into()), None),
        ];
        let matches = match_rows(&sent, &rows);
        assert_eq!(
            matches,
            [Match::Missing, Match::Row(&rows[0]), Match::Row(&rows[2])]
        );
    }

    #[test]
    fn repeats_that_agree_count_once_and_others_contradict() {
        let sent = [sent("a", 1), sent("b", 2)];
        let rows = [
            row(200, None, Some("a".into())),
            row(200, None, Some("a".into())),
            row(200, None, Some("b".into())),
            row(1003, None, Some("b".into())),
            row(200, None, Some("b".into())),
        ];
        let matches = match_rows(&sent, &rows);
        assert_eq!(matches, [Match::Row(&rows[0]), Match::Contradiction]);
    }

    #[test]
    fn foreign_rows_are_ignored() {
        let sent = [sent("a", 1)];
        let rows = [
            row(200, Some(mobile(1).digits().into()), Some("z".into())),
            row(200, Some("junk".into()), None),
        ];
        assert_eq!(match_rows(&sent, &rows), [Match::Missing]);
        // A single message without an id is known by its number, whatever id the gateway made up.
        let single = [Sent {
            id: None,
            mobile: mobile(1),
        }];
        assert_eq!(match_rows(&single, &rows), [Match::Row(&rows[0])]);
        assert_eq!(match_rows(&single, &rows[1..]), [Match::Missing]);
    }

    proptest! {
        /// Any answer to a bulk call: some rows left out, some repeated, foreign ones between, in any order, with or
        /// without ids. No message may get another one's row, and no row that is there and clear may be missed.
        #[test]
        fn no_message_ever_gets_the_row_of_another(
            numbers in prop::collection::vec(0..6_usize, 1..12),
            shape in prop::collection::vec((0..4_u8, any::<bool>()), 12),
            order in any::<prop::sample::Index>(),
            foreign in 0..3_usize,
        ) {
            let ids: Vec<String> = (0..numbers.len()).map(|i| format!("job-{i}")).collect();
            let sent: Vec<_> = numbers.iter().zip(&ids).map(|(n, id)| sent(id, *n)).collect();
            // The code says whose row it is.
            let code = |index: usize| 5000 + u32::try_from(index).unwrap();
            let mut rows = Vec::new();
            for (index, number) in numbers.iter().enumerate() {
                let (copies, with_id) = shape[index];
                for _ in 0..copies.min(2) {
                    let id = with_id.then(|| ids[index].clone());
                    rows.push(row(code(index), Some(mobile(*number).digits().into()), id));
                }
            }
            for n in 0..foreign {
                rows.push(row(200, Some(mobile(90 + n).digits().into()), Some(format!("other-{n}"))));
            }
            if !rows.is_empty() {
                let middle = order.index(rows.len());
                rows.rotate_left(middle);
            }
            for (index, found) in match_rows(&sent, &rows).into_iter().enumerate() {
                let (copies, with_id) = shape[index];
                let alone = numbers.iter().filter(|n| **n == numbers[index]).count() == 1;
                match found {
                    Match::Row(row) => prop_assert_eq!(row.code, Some(code(index))),
                    Match::Missing => prop_assert!(copies == 0 || !(with_id || alone)),
                    Match::Contradiction => prop_assert!(false, "all copies agree"),
                }
            }
        }
    }
}

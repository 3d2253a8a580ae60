//! Durations in attributes: `"90s"`, `"10m"`, `"24h"`, `"7d"`.

/// The seconds in a duration literal; otherwise what to write.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => 0,
    };
    match number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
    {
        Some(0) if number.parse() == Ok(0) => {
            Err("a job that lives no time is never sent: give it a longer life".to_owned())
        }
        Some(seconds) if factor > 0 => Ok(seconds),
        _ => Err(format!(
            "`{text}` is not a duration: write a number and `s`, `m`, `h` or `d`, such as `\"10m\"`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_are_seconds() {
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("10m"), Ok(600));
        assert_eq!(seconds("24h"), Ok(86_400));
        assert_eq!(seconds("7d"), Ok(604_800));
        for wrong in [
            "",
            "10",
            "m",
            "10 m",
            "1.5h",
            "-1s",
            "10min",
            "99999999999999999999d",
            "0s",
            "0m",
        ] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}

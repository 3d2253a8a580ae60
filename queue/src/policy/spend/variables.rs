//! The `QUEUE_SPEND_*` variables of a [`SpendGuardBuilder`].

use super::builder::{OverCap, SHORTEST, SpendGuardBuilder};
use super::cap::{Amount, Cap, CapScope};
use super::countries::Countries;
use super::money::{Money, PriceTable};
use super::period::Period;
use crate::backend::CHARGE_LINES_MAX;
use crate::policy::Zone;
use crate::policy::variables::{
    PolicyVariablesError, Setting, duration, kind, list, of_the_process, read,
};

const SETTINGS: [Setting<SpendGuardBuilder>; 6] = [
    Setting {
        variable: "QUEUE_SPEND_CAPS",
        expected: "up to 16 caps such as `recipient 20 messages/day, prefix9 100 segments/1h, all 5000.00 cost/month only otp+welcome`",
        apply: |builder, text| {
            let caps: Vec<Cap> = list(text)?.into_iter().map(cap).collect::<Option<_>>()?;
            (caps.len() <= CHARGE_LINES_MAX).then(|| builder.caps = caps)
        },
    },
    Setting {
        variable: "QUEUE_SPEND_PRICES",
        expected: "a price for each segment, and others by prefix, such as `5.00, +254=0.80, +2547=0.40`",
        apply: |builder, text| {
            builder.prices = Some(prices(text)?);
            Some(())
        },
    },
    Setting {
        variable: "QUEUE_SPEND_COUNTRIES",
        expected: "countries as two letters such as `KE, TZ`, or `all`",
        apply: |builder, text| {
            builder.countries = match text {
                "all" => Countries::All,
                _ => Countries::Only(
                    list(text)?
                        .into_iter()
                        .map(|region| region.parse().ok())
                        .collect::<Option<_>>()?,
                ),
            };
            Some(())
        },
    },
    Setting {
        variable: "QUEUE_SPEND_COOL_DOWNS",
        expected: "kinds with a time from 1s such as `otp=30s, notification=5m`",
        apply: |builder, text| {
            let mut cool_downs = Vec::new();
            for part in list(text)? {
                let (name, length) = part.split_once('=')?;
                let length = duration(length.trim()).filter(|&length| length >= SHORTEST)?;
                cool_downs.push((kind(name.trim())?, length));
            }
            for (kind, length) in cool_downs {
                builder.set_cool_down(kind, length);
            }
            Some(())
        },
    },
    Setting {
        variable: "QUEUE_SPEND_OVER",
        expected: "`defer` or `refuse`, and others by kind, such as `defer, otp=refuse`",
        apply: |builder, text| {
            let (mut all, mut by_kind) = (None, Vec::new());
            for part in list(text)? {
                match part.split_once('=') {
                    Some((name, over)) => {
                        by_kind.push((kind(name.trim())?, over_cap(over.trim())?))
                    }
                    None if all.is_none() => all = Some(over_cap(part)?),
                    None => return None,
                }
            }
            builder.over = all.unwrap_or(builder.over);
            for (kind, over) in by_kind {
                builder.set_over_for(kind, over);
            }
            Some(())
        },
    },
    Setting {
        variable: "QUEUE_SPEND_ZONE",
        expected: "a time zone such as `Africa/Nairobi`",
        apply: |builder, text| {
            builder.zone = Zone::named(text).ok()?;
            Some(())
        },
    },
];

impl SpendGuardBuilder {
    /// Takes the settings that the `QUEUE_SPEND_*` variables say; unset and empty ones leave what was told before. Caps,
    /// prices and countries replace those told before, cool-downs and what is over a cap replace those of their kinds.
    ///
    /// | Variable | Sets | Default |
    /// | --- | --- | --- |
    /// | `QUEUE_SPEND_CAPS` | [caps](Self::cap), at most 16: a [scope](CapScope), an amount of `messages`, `segments` or `cost`, and after `/` a `day`, a `month`, or a time from 1 s (`s`, `m`, `h`, `d`). `only KIND+KIND` counts these kinds only | none |
    /// | `QUEUE_SPEND_PRICES` | [prices](Self::prices) of a segment, to six decimals | none |
    /// | `QUEUE_SPEND_COUNTRIES` | [countries](Self::countries), or `all` | `KE` |
    /// | `QUEUE_SPEND_COOL_DOWNS` | [cool-downs](Self::cool_down) by kind, from 1 s | none |
    /// | `QUEUE_SPEND_OVER` | what becomes of what is [over a cap](Self::over), in all and [by kind](Self::over_for) | `defer` |
    /// | `QUEUE_SPEND_ZONE` | the [zone](Self::zone) of days and months | `UTC` |
    ///
    /// # Errors
    /// [`PolicyVariablesError`]: every variable at fault, in one error. What they say together is checked by
    /// [`build`](Self::build).
    pub fn from_env(self) -> Result<Self, PolicyVariablesError> {
        self.with_variables(of_the_process)
    }

    fn with_variables(
        mut self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, PolicyVariablesError> {
        read(&SETTINGS, &mut self, variable)?;
        Ok(self)
    }
}

/// A cap such as `recipient 20 messages/day only otp+welcome`.
fn cap(text: &str) -> Option<Cap> {
    let (rule, kinds) = match text.split_once(" only ") {
        Some((rule, kinds)) => {
            let kinds: Option<Vec<String>> =
                kinds.split('+').map(|name| kind(name.trim())).collect();
            (rule, kinds?)
        }
        None => (text, Vec::new()),
    };
    let words: Vec<&str> = rule.split_whitespace().collect();
    let [scope, number, amount] = words[..] else {
        return None;
    };
    let (unit, period) = amount.split_once('/')?;
    let count = || number.parse().ok();
    let amount = match unit {
        "messages" => Amount::Messages(count()?),
        "segments" => Amount::Segments(count()?),
        "cost" => Amount::Cost(Money::parse(number)?),
        _ => return None,
    };
    let period = match period {
        "day" => Period::Day,
        "month" => Period::Month,
        other => Period::Every(duration(other).filter(|&length| length >= SHORTEST)?),
    };
    let mut cap = Cap::new(self::scope(scope)?, amount, period);
    if !kinds.is_empty() {
        // Another name than that of the same cap for all.
        let name = format!("{}_{}", cap.name(), kinds.join("-"));
        cap = cap.named(name.to_lowercase().replace('.', "_"));
    }
    Some(kinds.into_iter().fold(cap, Cap::only_kind))
}

fn scope(text: &str) -> Option<CapScope> {
    Some(match text {
        "recipient" => CapScope::Recipient,
        "country" => CapScope::Country,
        "tenant" => CapScope::Tenant,
        "provider" => CapScope::Provider,
        "kind" => CapScope::Kind,
        "all" => CapScope::All,
        _ => {
            let digits = text.strip_prefix("prefix")?.parse().ok()?;
            CapScope::Prefix {
                digits: (1..=15).contains(&digits).then_some(digits)?,
            }
        }
    })
}

fn prices(text: &str) -> Option<PriceTable> {
    let (mut otherwise, mut prefixes) = (None, Vec::new());
    for part in list(text)? {
        match part.split_once('=') {
            Some((prefix, price)) => prefixes.push((prefix.trim(), Money::parse(price.trim())?)),
            None if otherwise.is_none() => otherwise = Some(Money::parse(part)?),
            None => return None,
        }
    }
    // Without a price for the rest, the rest would be free.
    let table = PriceTable::new(otherwise?);
    (prefixes.into_iter()).try_fold(table, |table, (prefix, price)| {
        table.prefix(prefix, price).ok()
    })
}

fn over_cap(text: &str) -> Option<OverCap> {
    match text {
        "defer" => Some(OverCap::Defer),
        "refuse" => Some(OverCap::Refuse),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::policy::variables::tests::from;
    use crate::policy::{SpendGuard, SpendGuardError};
    use crate::sms::Region;
    use crate::testing::TestQueue;
    use crate::{Queue, SmsJob};

    async fn builder() -> SpendGuardBuilder {
        let queue = TestQueue::<SmsJob>::new().await;
        let queue: &Queue<SmsJob> = &queue;
        SpendGuard::builder(queue.records())
    }

    #[tokio::test]
    async fn every_setting_has_its_variable() {
        let builder = builder().await.with_variables(from(&[
            (
                "QUEUE_SPEND_CAPS",
                "recipient 20 messages/day, prefix9 100 segments/1h, all 5000.00 cost/month only otp+welcome",
            ),
            ("QUEUE_SPEND_PRICES", "5.00, +254=0.80, +2547=0.0079"),
            ("QUEUE_SPEND_COUNTRIES", "KE, tz"),
            ("QUEUE_SPEND_COOL_DOWNS", "otp=30s, notification=5m"),
            ("QUEUE_SPEND_OVER", "refuse, notification=defer"),
            ("QUEUE_SPEND_ZONE", "Africa/Nairobi"),
        ]));
        let builder = builder.unwrap();
        let hour = Period::Every(Duration::from_secs(3600));
        let otps = Cap::new(
            CapScope::All,
            Amount::Cost(Money::minor(500_000)),
            Period::Month,
        );
        let otps = otps.named("all_cost_month_otp-welcome");
        assert_eq!(
            builder.caps,
            [
                Cap::new(CapScope::Recipient, Amount::Messages(20), Period::Day),
                Cap::new(CapScope::Prefix { digits: 9 }, Amount::Segments(100), hour),
                otps.only_kind("otp").only_kind("welcome"),
            ]
        );
        let prices = builder.prices.as_ref().unwrap();
        assert_eq!(
            prices.of(&"0712345678".parse().unwrap()),
            Money::micros(7_900)
        );
        assert_eq!(
            prices.of(&"+447400123456".parse().unwrap()),
            Money::minor(500)
        );
        assert_eq!(
            builder.countries,
            Countries::Only(vec![Region::KE, Region::TZ])
        );
        let cool_downs: Vec<_> = builder
            .cool_downs
            .iter()
            .map(|rule| rule.length.as_secs())
            .collect();
        assert_eq!(cool_downs, [30, 300]);
        assert_eq!(builder.over, OverCap::Refuse);
        assert_eq!(builder.over_by_kind.len(), 1);
        assert_eq!(builder.zone.name(), "Africa/Nairobi");
        assert!(builder.build().is_ok());
    }

    #[tokio::test]
    async fn unset_and_empty_variables_change_nothing() {
        let told = builder()
            .await
            .cool_down("otp", Duration::from_secs(60))
            .every_country();
        let builder = told
            .with_variables(from(&[("QUEUE_SPEND_COUNTRIES", " ")]))
            .unwrap();
        assert_eq!(builder.countries, Countries::All);
        assert_eq!((builder.caps.len(), builder.cool_downs.len()), (0, 1));
    }

    #[tokio::test]
    async fn all_bad_variables_are_named_without_their_values() {
        let names = SETTINGS.map(|setting| setting.variable);
        let error = builder()
            .await
            .with_variables(|_| Some("canary".to_owned()))
            .unwrap_err();
        let named: Vec<_> = error.faults().iter().map(|fault| fault.variable).collect();
        assert_eq!(named, names);
        assert!(!error.to_string().contains("canary"));
    }

    #[tokio::test]
    async fn what_is_not_understood_is_a_fault() {
        let too_many = ["all 1 messages/day"; 17].join(",");
        for (variable, value) in [
            ("QUEUE_SPEND_CAPS", "recipient 20/day"),
            ("QUEUE_SPEND_CAPS", "everyone 20 messages/day"),
            ("QUEUE_SPEND_CAPS", "prefix0 20 messages/day"),
            ("QUEUE_SPEND_CAPS", "prefix16 20 messages/day"),
            ("QUEUE_SPEND_CAPS", "all -1 messages/day"),
            ("QUEUE_SPEND_CAPS", "all 1 messages/0s"),
            ("QUEUE_SPEND_CAPS", "all 1 messages/week"),
            ("QUEUE_SPEND_CAPS", "all 1.5 messages/day"),
            ("QUEUE_SPEND_CAPS", "all 1 messages/day only"),
            ("QUEUE_SPEND_CAPS", too_many.as_str()),
            ("QUEUE_SPEND_PRICES", "+254=0.80"),
            ("QUEUE_SPEND_PRICES", "1.00, 2.00"),
            ("QUEUE_SPEND_PRICES", "1.00, 254=0.80"),
            ("QUEUE_SPEND_PRICES", "1,00"),
            ("QUEUE_SPEND_COUNTRIES", "Kenya"),
            ("QUEUE_SPEND_COUNTRIES", "KE TZ"),
            ("QUEUE_SPEND_COOL_DOWNS", "otp=0s"),
            ("QUEUE_SPEND_COOL_DOWNS", "otp"),
            ("QUEUE_SPEND_OVER", "defer, refuse"),
            ("QUEUE_SPEND_ZONE", "Nairobi"),
        ] {
            let read = builder()
                .await
                .with_variables(|name| (name == variable).then(|| value.to_owned()));
            let error = read.unwrap_err();
            assert_eq!(error.faults()[0].variable, variable, "{value}");
        }
        // What the variables say together is checked when the guard is made.
        let twice = builder().await.with_variables(from(&[(
            "QUEUE_SPEND_CAPS",
            "all 1 messages/day, all 2 messages/day",
        )]));
        let error = twice.unwrap().build().unwrap_err();
        assert!(matches!(error, SpendGuardError::CapTwice { .. }), "{error}");
    }
}

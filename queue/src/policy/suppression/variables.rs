//! The `QUEUE_SUPPRESSION_*` variables of a [`Suppressed`] provider.

use super::entry::Sender;
use super::provider::Suppressed;
use crate::job::Kind;
use crate::policy::variables::{PolicyVariablesError, Setting, kinds, of_the_process, read};

/// What variables may set.
#[derive(Default)]
struct Variables {
    sender: Option<Sender>,
    exempt: Option<Vec<Kind>>,
}

const SETTINGS: [Setting<Variables>; 2] = [
    Setting {
        variable: "QUEUE_SUPPRESSION_SENDER",
        expected: "the name that messages go out under, of at most 64 bytes",
        apply: |variables, text| {
            variables.sender = Some(Sender::new(text).ok()?);
            Some(())
        },
    },
    Setting {
        variable: "QUEUE_SUPPRESSION_EXEMPT_KINDS",
        expected: "kinds of jobs such as `otp, receipt`",
        apply: |variables, text| {
            let kinds = kinds(text)?.into_iter().map(Kind::from);
            variables.exempt = Some(kinds.collect());
            Some(())
        },
    },
];

impl<P> Suppressed<P> {
    /// Takes the settings that variables say; unset and empty ones leave what was told before.
    ///
    /// | Variable | Sets | Default |
    /// | --- | --- | --- |
    /// | `QUEUE_SUPPRESSION_SENDER` | the [sender](Self::sender) | none |
    /// | `QUEUE_SUPPRESSION_EXEMPT_KINDS` | [kinds that pass opt-outs](Self::exempt_kind), instead of those told before | none |
    ///
    /// # Errors
    /// [`PolicyVariablesError`]: every variable at fault, in one error.
    pub fn from_env(self) -> Result<Self, PolicyVariablesError> {
        self.with_variables(of_the_process)
    }

    fn with_variables(
        mut self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, PolicyVariablesError> {
        let mut variables = Variables::default();
        read(&SETTINGS, &mut variables, variable)?;
        self.sender = variables.sender.or(self.sender);
        self.exempt = variables.exempt.unwrap_or(self.exempt);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SmsJob;
    use crate::policy::Suppression;
    use crate::policy::variables::tests::from;
    use crate::testing::TestQueue;

    async fn suppressed() -> Suppressed<()> {
        let queue = TestQueue::<SmsJob>::new().await;
        Suppression::new(queue.records()).around(())
    }

    #[tokio::test]
    async fn every_setting_has_its_variable() {
        let read = suppressed()
            .await
            .exempt_kind("welcome")
            .with_variables(from(&[
                ("QUEUE_SUPPRESSION_SENDER", "BANK"),
                ("QUEUE_SUPPRESSION_EXEMPT_KINDS", "otp, receipt"),
            ]));
        let read = read.unwrap();
        assert_eq!(read.sender, Some(Sender::new("BANK").unwrap()));
        assert_eq!(
            read.exempt,
            ["otp", "receipt"].map(|kind| Kind::from(kind.to_owned()))
        );
        let kept = read
            .with_variables(from(&[("QUEUE_SUPPRESSION_SENDER", "")]))
            .unwrap();
        assert!(kept.sender.is_some() && kept.exempt.len() == 2);
    }

    #[tokio::test]
    async fn all_bad_variables_are_named_without_their_values() {
        let read = suppressed()
            .await
            .with_variables(|_| Some("canary ".repeat(10)));
        let error = read.err().unwrap();
        let named: Vec<_> = error.faults().iter().map(|fault| fault.variable).collect();
        assert_eq!(named, SETTINGS.map(|setting| setting.variable));
        assert!(!error.to_string().contains("canary"));
    }
}

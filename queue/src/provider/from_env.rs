//! The SMS providers that the environment names, in a stack.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::stack::{ProviderStack, ProviderStackBuilder};
#[cfg(feature = "africas-talking")]
use super::{AfricasTalking, AfricasTalkingError, AfricasTalkingOptions};
use super::{Mock, Provider};
#[cfg(feature = "salum")]
use super::{Salum, SalumError, SalumOptions};
#[cfg(feature = "twilio")]
use super::{Twilio, TwilioError, TwilioOptions};
use crate::sms::SmsMessage;

const MOCK: &str = "mock";

/// The names that `SMS_PROVIDER` may hold, and whether this program was built with them.
const CHOICES: [(&str, bool); 4] = [
    ("salum", cfg!(feature = "salum")),
    ("twilio", cfg!(feature = "twilio")),
    ("africastalking", cfg!(feature = "africas-talking")),
    (MOCK, true),
];

/// What `SMS_PROVIDER` may be set to, in words: a provider that this program lacks is missed by name.
fn choices() -> String {
    let names = |built: bool| {
        let names = CHOICES.iter().filter(|(_, there)| *there == built);
        let names: Vec<String> = names.map(|(name, _)| format!("`{name}`")).collect();
        names.join(", ")
    };
    let (built, lacking) = (names(true), names(false));
    match lacking.is_empty() {
        true => format!("one of {built}"),
        false => format!("one of {built} (this program was built without {lacking})"),
    }
}

/// The SMS providers that `SMS_PROVIDER` names, guarded: a [`ProviderStack`] with every default. A provider that dies is
/// left alone, one that throttles is obeyed, and one-time codes go through the next one.
///
/// The variable holds one name in any case (`salum`, `twilio` or `africastalking`, each with its own variables), or
/// several in the order in which they are asked: `salum,twilio`. `mock` sends nothing, and stands alone.
///
/// There is no default: a typo that silently became a mock would send nothing and look well. To hear of events, or to set
/// more: [`ProviderStackBuilder::from_env`].
///
/// # Errors
/// [`FromEnvError`] names what is wrong with every provider, at once.
pub fn provider_from_env() -> Result<ProviderStack<SmsMessage>, FromEnvError> {
    Ok(ProviderStack::builder().from_env()?.build())
}

impl ProviderStackBuilder<SmsMessage> {
    /// Adds the providers that `SMS_PROVIDER` names, each with every default; see [`provider_from_env`].
    ///
    /// # Errors
    /// [`FromEnvError`] names what is wrong with every provider, at once.
    ///
    /// # Examples
    /// ```no_run
    /// use queue::provider::stack::ProviderStack;
    ///
    /// let stack = ProviderStack::builder()
    ///     .from_env()?
    ///     .on_breaker(|event| eprintln!("{} is {}", event.breaker.provider, event.to().as_str()))
    ///     .build();
    /// # Ok::<(), queue::provider::FromEnvError>(())
    /// ```
    pub fn from_env(self) -> Result<Self, FromEnvError> {
        self.from_variables(|name| std::env::var(name).ok())
    }

    /// Like [`from_env`](Self::from_env), with the variables looked up by `variable`: for hosts that keep them elsewhere.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_variables(
        self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, FromEnvError> {
        let listed = variable("SMS_PROVIDER").unwrap_or_default().to_lowercase();
        if listed.trim().is_empty() {
            return Err(FromEnvError::of(FromEnvFault::Unset));
        }
        let names: Vec<&str> = listed.split(',').map(str::trim).collect();
        let mut providers = Vec::new();
        let mut faults = Vec::new();
        for (at, name) in names.iter().enumerate() {
            match named(name, at + 1, &variable) {
                // Told once, by the first of them.
                _ if names[..at].contains(name) => {
                    faults.push(FromEnvFault::Repeated { position: at + 1 });
                }
                Ok(_) if *name == MOCK && names.len() > 1 => {
                    faults.push(FromEnvFault::MockAmongOthers);
                }
                Ok(provider) => providers.push(provider),
                Err(fault) => faults.push(fault),
            }
        }
        match faults.is_empty() {
            true => Ok(providers.into_iter().fold(self, Self::provider)),
            false => Err(FromEnvError { faults }),
        }
    }
}

/// The provider of this name, the one at `position` of the list.
fn named(
    name: &str,
    position: usize,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Arc<dyn Provider<SmsMessage>>, FromEnvFault> {
    match name {
        MOCK => {
            tracing::warn!("SMS_PROVIDER is `mock`: no SMS is sent");
            Ok(Arc::new(Mock::<SmsMessage>::new()))
        }
        #[cfg(feature = "salum")]
        "salum" => match SalumOptions::from_variables(variable).and_then(Salum::new) {
            Ok(salum) => Ok(Arc::new(salum)),
            Err(error) => Err(FromEnvFault::Salum(error)),
        },
        #[cfg(feature = "twilio")]
        "twilio" => match TwilioOptions::from_variables(variable).and_then(Twilio::new) {
            Ok(twilio) => Ok(Arc::new(twilio)),
            Err(error) => Err(FromEnvFault::Twilio(error)),
        },
        // The name that reports carry is taken too.
        #[cfg(feature = "africas-talking")]
        "africastalking" | "africas_talking" => {
            match AfricasTalkingOptions::from_variables(variable).and_then(AfricasTalking::new) {
                Ok(africas_talking) => Ok(Arc::new(africas_talking)),
                Err(error) => Err(FromEnvFault::AfricasTalking(error)),
            }
        }
        _ => {
            // Without a provider that takes settings nobody reads them.
            let _ = variable;
            Err(FromEnvFault::Unknown { position })
        }
    }
}

/// The environment names no usable providers. Says everything that is wrong, and never holds a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FromEnvError {
    faults: Vec<FromEnvFault>,
}

impl FromEnvError {
    fn of(fault: FromEnvFault) -> Self {
        let faults = vec![fault];
        Self { faults }
    }

    /// Everything that is wrong, in the order of `SMS_PROVIDER`. Never empty.
    pub fn faults(&self) -> &[FromEnvFault] {
        &self.faults
    }
}

impl fmt::Display for FromEnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.faults.iter().enumerate() {
            if at > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl Error for FromEnvError {}

/// One thing that is wrong with the environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FromEnvFault {
    /// `SMS_PROVIDER` is unset or empty.
    #[error("SMS_PROVIDER is not set: set it to {}", choices())]
    Unset,
    /// `SMS_PROVIDER` holds what names no provider. It is not repeated: it may be a credential in the wrong variable.
    #[error(
        "SMS_PROVIDER names no provider at place {position}: it may be {}",
        choices()
    )]
    Unknown {
        /// Which one of the list, from 1.
        position: usize,
    },
    /// `SMS_PROVIDER` names a provider twice.
    #[error("SMS_PROVIDER names a provider again at place {position}")]
    Repeated {
        /// Which one of the list, from 1.
        position: usize,
    },
    /// `SMS_PROVIDER` names the mock beside others: what fell to it would look sent, and was not.
    #[error("SMS_PROVIDER names `mock` beside others: it sends nothing, so it stands alone")]
    MockAmongOthers,
    /// Salum's own variables are incomplete or wrong.
    #[cfg(feature = "salum")]
    #[error("salum: {0}")]
    Salum(SalumError),
    /// Twilio's own variables are incomplete or wrong.
    #[cfg(feature = "twilio")]
    #[error("twilio: {0}")]
    Twilio(TwilioError),
    /// Africa's Talking's own variables are incomplete or wrong.
    #[cfg(feature = "africas-talking")]
    #[error("africastalking: {0}")]
    AfricasTalking(AfricasTalkingError),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the stack is called that these variables make.
    fn made(variables: &[(&str, &str)]) -> Result<String, FromEnvError> {
        let builder = ProviderStack::builder().from_variables(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        Ok(builder?.build().name().to_owned())
    }

    fn named(listed: &str) -> Result<String, FromEnvError> {
        made(&[("SMS_PROVIDER", listed)])
    }

    #[test]
    fn a_provider_must_be_named() {
        assert_eq!(named(" Mock "), Ok("mock".to_owned()));
        for unset in [made(&[]), named(" ")] {
            let error = unset.unwrap_err();
            assert_eq!(error.faults(), [FromEnvFault::Unset]);
            assert!(error.to_string().contains("`mock`"));
        }
        let error = named("moc").unwrap_err();
        assert_eq!(error.faults(), [FromEnvFault::Unknown { position: 1 }]);
    }

    #[test]
    fn a_mock_beside_others_and_a_name_that_is_there_twice_are_refused() {
        let error = named("mock,mock").unwrap_err();
        assert_eq!(
            error.faults(),
            [
                FromEnvFault::MockAmongOthers,
                FromEnvFault::Repeated { position: 2 },
            ]
        );
        let error = named("secret-in-the-wrong-place,, mock").unwrap_err();
        assert_eq!(
            error.faults(),
            [
                FromEnvFault::Unknown { position: 1 },
                FromEnvFault::Unknown { position: 2 },
                FromEnvFault::MockAmongOthers,
            ]
        );
        assert!(!format!("{error} {error:?}").contains("secret"));
    }

    #[cfg(feature = "salum")]
    #[test]
    fn salum_needs_its_own_variables() {
        assert_eq!(
            named("SALUM").unwrap_err().to_string(),
            "salum: set SALUM_API_KEY, SALUM_PARTNER_ID, SALUM_SHORTCODE"
        );
    }

    #[cfg(feature = "twilio")]
    #[test]
    fn twilio_needs_its_own_variables() {
        assert_eq!(
            named("Twilio").unwrap_err().to_string(),
            "twilio: set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN (or TWILIO_API_KEY and TWILIO_API_SECRET), \
             TWILIO_FROM (or TWILIO_MESSAGING_SERVICE_SID)"
        );
    }

    #[cfg(feature = "africas-talking")]
    #[test]
    fn africas_talking_needs_its_own_variables() {
        assert_eq!(
            named("AfricasTalking").unwrap_err().to_string(),
            "africastalking: set AFRICASTALKING_USERNAME, AFRICASTALKING_API_KEY"
        );
    }

    #[cfg(all(feature = "salum", feature = "africas-talking"))]
    #[test]
    fn what_is_wrong_with_several_providers_is_told_at_once() {
        let error = made(&[
            ("SMS_PROVIDER", "salum, moc, africastalking"),
            ("SALUM_API_KEY", "canary"),
            ("SALUM_PARTNER_ID", "canary"),
            ("SALUM_SHORTCODE", "TEST"),
            ("SALUM_API_URL", "http://sms.example/"),
            ("AFRICASTALKING_USERNAME", "canary"),
        ]);
        let shown = error.unwrap_err().to_string();
        assert_eq!(
            shown,
            format!(
                "salum: the gateway's address (SALUM_API_URL) is not usable: {}; SMS_PROVIDER names no provider at place 2: it may be \
                 {}; africastalking: set AFRICASTALKING_API_KEY",
                crate::provider::UrlError::Insecure,
                choices()
            )
        );
        assert!(!shown.contains("canary"));
    }

    #[cfg(any(feature = "tls-aws-lc", feature = "tls-ring"))]
    #[test]
    fn each_name_makes_its_provider_and_several_make_one_stack() {
        let variables = [
            ("SALUM_API_KEY", "key"),
            ("SALUM_PARTNER_ID", "1234"),
            ("SALUM_SHORTCODE", "TEST"),
            ("SALUM_API_URL", "http://127.0.0.1:9/"),
            ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000000"),
            ("TWILIO_AUTH_TOKEN", "token"),
            ("TWILIO_FROM", "TEST"),
            ("TWILIO_API_URL", "http://127.0.0.1:9/"),
            ("AFRICASTALKING_USERNAME", "sandbox"),
            ("AFRICASTALKING_API_KEY", "key"),
            ("AFRICASTALKING_API_URL", "http://127.0.0.1:9/"),
        ];
        let named = |listed: &str| made(&[&[("SMS_PROVIDER", listed)], &variables[..]].concat());
        for (choice, there) in CHOICES {
            let name = named(&choice.to_uppercase());
            match there {
                true => assert_eq!(name.unwrap().replace('_', ""), choice),
                false => assert!(name.is_err()),
            }
        }
        if CHOICES.iter().all(|(_, there)| *there) {
            let name = named("twilio,Salum , africastalking").unwrap();
            assert_eq!(name, "twilio+salum+africas_talking");
        }
    }
}

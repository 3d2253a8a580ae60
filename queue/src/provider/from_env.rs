//! The SMS provider that the environment names.

use std::sync::Arc;

#[cfg(feature = "africas-talking")]
use super::{AfricasTalking, AfricasTalkingError, AfricasTalkingOptions};
use super::{Mock, Provider};
#[cfg(feature = "salum")]
use super::{Salum, SalumError, SalumOptions};
#[cfg(feature = "twilio")]
use super::{Twilio, TwilioError, TwilioOptions};
use crate::sms::SmsMessage;

/// The names that `SMS_PROVIDER` may hold, and whether this program was built with them.
const CHOICES: [(&str, bool); 4] = [
    ("salum", cfg!(feature = "salum")),
    ("twilio", cfg!(feature = "twilio")),
    ("africastalking", cfg!(feature = "africas-talking")),
    ("mock", true),
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

/// The SMS provider that `SMS_PROVIDER` names, in any case: `salum`, `twilio` or `africastalking`, each with its own
/// variables, or `mock`.
///
/// There is no default: a typo that silently became a mock would send nothing and look well.
///
/// # Errors
/// [`FromEnvError`] when the variable is unset or names no provider, or the provider's own variables are incomplete.
pub fn provider_from_env() -> Result<Arc<dyn Provider<SmsMessage>>, FromEnvError> {
    from_variables(&|name| std::env::var(name).ok())
}

fn from_variables(
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Arc<dyn Provider<SmsMessage>>, FromEnvError> {
    let name = variable("SMS_PROVIDER").unwrap_or_default();
    match name.trim().to_lowercase().as_str() {
        "" => Err(FromEnvError::Unset),
        "mock" => {
            tracing::warn!("SMS_PROVIDER is `mock`: no SMS is sent");
            Ok(Arc::new(Mock::<SmsMessage>::new()))
        }
        #[cfg(feature = "salum")]
        "salum" => Ok(Arc::new(Salum::new(SalumOptions::from_variables(
            variable,
        )?)?)),
        #[cfg(feature = "twilio")]
        "twilio" => Ok(Arc::new(Twilio::new(TwilioOptions::from_variables(
            variable,
        )?)?)),
        #[cfg(feature = "africas-talking")]
        "africastalking" => Ok(Arc::new(AfricasTalking::new(
            AfricasTalkingOptions::from_variables(variable)?,
        )?)),
        _ => Err(FromEnvError::Unknown),
    }
}

/// The environment names no usable provider. Never holds a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FromEnvError {
    /// `SMS_PROVIDER` is unset or empty.
    #[error("SMS_PROVIDER is not set: set it to {}", choices())]
    Unset,
    /// `SMS_PROVIDER` names no provider. The name is not repeated: it may be a credential in the wrong variable.
    #[error("SMS_PROVIDER names no provider: set it to {}", choices())]
    Unknown,
    /// Salum's own variables are incomplete or wrong.
    #[cfg(feature = "salum")]
    #[error(transparent)]
    Salum(#[from] SalumError),
    /// Twilio's own variables are incomplete or wrong.
    #[cfg(feature = "twilio")]
    #[error(transparent)]
    Twilio(#[from] TwilioError),
    /// Africa's Talking's own variables are incomplete or wrong.
    #[cfg(feature = "africas-talking")]
    #[error(transparent)]
    AfricasTalking(#[from] AfricasTalkingError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: Option<&str>) -> Result<String, FromEnvError> {
        let provider = from_variables(&|variable| match variable {
            "SMS_PROVIDER" => name.map(str::to_owned),
            _ => None,
        })?;
        Ok(provider.name().to_owned())
    }

    #[test]
    fn a_provider_must_be_named() {
        assert_eq!(named(Some(" Mock ")), Ok("mock".to_owned()));
        assert_eq!(named(None), Err(FromEnvError::Unset));
        assert_eq!(named(Some(" ")), Err(FromEnvError::Unset));
        assert_eq!(named(Some("moc")), Err(FromEnvError::Unknown));
        assert!(FromEnvError::Unset.to_string().contains("`mock`"));
    }

    #[cfg(feature = "salum")]
    #[test]
    fn salum_needs_its_own_variables() {
        let error = named(Some("SALUM")).unwrap_err().to_string();
        assert_eq!(
            error,
            "set SALUM_API_KEY, SALUM_PARTNER_ID, SALUM_SHORTCODE"
        );
    }

    #[cfg(feature = "twilio")]
    #[test]
    fn twilio_needs_its_own_variables() {
        let error = named(Some("Twilio")).unwrap_err().to_string();
        assert_eq!(
            error,
            "set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN (or TWILIO_API_KEY and TWILIO_API_SECRET), \
             TWILIO_FROM (or TWILIO_MESSAGING_SERVICE_SID)"
        );
    }

    #[cfg(feature = "africas-talking")]
    #[test]
    fn africas_talking_needs_its_own_variables() {
        let error = named(Some("AfricasTalking")).unwrap_err().to_string();
        assert_eq!(error, "set AFRICASTALKING_USERNAME, AFRICASTALKING_API_KEY");
    }

    #[cfg(any(feature = "tls-aws-lc", feature = "tls-ring"))]
    #[test]
    fn each_name_makes_its_provider() {
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
        for (choice, there) in CHOICES {
            let provider = from_variables(&|name| match name {
                "SMS_PROVIDER" => Some(choice.to_uppercase()),
                _ => {
                    let found = variables.iter().find(|(known, _)| *known == name);
                    found.map(|(_, value)| (*value).to_owned())
                }
            });
            match there {
                true => {
                    let name = provider.unwrap_or_else(|error| panic!("{choice}: {error}"));
                    assert_eq!(name.name().replace('_', ""), choice);
                }
                false => assert_eq!(provider.err(), Some(FromEnvError::Unknown)),
            }
        }
    }
}

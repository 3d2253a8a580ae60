//! The SMS provider that the environment names.

use std::sync::Arc;

use super::{Mock, Provider};
#[cfg(feature = "salum")]
use super::{Salum, SalumError, SalumOptions};
use crate::sms::SmsMessage;

/// The names that `SMS_PROVIDER` may hold.
#[cfg(feature = "salum")]
const CHOICES: &str = "`salum` or `mock`";
/// The names that `SMS_PROVIDER` may hold.
#[cfg(not(feature = "salum"))]
const CHOICES: &str = "`mock` (this program was built without feature `salum`)";

/// The SMS provider that `SMS_PROVIDER` names, in any case: `salum`, with its own variables, or `mock`.
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
        _ => Err(FromEnvError::Unknown),
    }
}

/// The environment names no usable provider. Never holds a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FromEnvError {
    /// `SMS_PROVIDER` is unset or empty.
    #[error("SMS_PROVIDER is not set: set it to {CHOICES}")]
    Unset,
    /// `SMS_PROVIDER` names no provider. The name is not repeated: it may be a credential in the wrong variable.
    #[error("SMS_PROVIDER names no provider: set it to {CHOICES}")]
    Unknown,
    /// Salum's own variables are incomplete or wrong.
    #[cfg(feature = "salum")]
    #[error(transparent)]
    Salum(#[from] SalumError),
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
}

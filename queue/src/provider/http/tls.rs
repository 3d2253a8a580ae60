//! TLS: an explicit configuration, never the process-wide default that another crate may have chosen or not.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

/// TLS can't be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The library was built without `tls-aws-lc` and `tls-ring`, and the program installed no provider of its own.
    #[error("no TLS: build with feature `tls-aws-lc` or `tls-ring`")]
    NoProvider,
    /// The machine's trusted certificates can't be read.
    #[error("no TLS: the machine's trusted certificates can't be read; install `ca-certificates`")]
    Roots,
    /// The provider supports no version of TLS that we may use, or the client refuses the configuration.
    #[error("no TLS: the client can't be set up")]
    Client,
}

/// The configuration of one client. For a plain `http:` address it trusts nobody, and needs no certificates.
pub(super) fn client_config(https: bool) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider()?)
        .with_safe_default_protocol_versions()
        .map_err(|_| TlsError::Client)?;
    let builder = match https {
        true => builder
            .with_platform_verifier()
            .map_err(|_| TlsError::Roots)?,
        false => builder.with_root_certificates(RootCertStore::empty()),
    };
    Ok(builder.with_no_client_auth())
}

fn provider() -> Result<Arc<CryptoProvider>, TlsError> {
    crate::tls::provider().ok_or(TlsError::NoProvider)
}

//! TLS for the connection: the machine's authorities or one's own, and a client certificate where the server wants one.

use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use super::options::Tls;
use crate::backend::{BackendError, BackendErrorKind};

/// The configuration for a connection. Where no TLS was asked for it trusts the machine's authorities as far as there are
/// any: a server may ask for TLS by itself.
pub(super) fn client_config(tls: &Tls) -> Result<ClientConfig, BackendError> {
    let provider = crate::tls::provider()
        .ok_or_else(|| wrong("no TLS for NATS: build with feature `tls-aws-lc` or `tls-ring`"))?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong("no TLS for NATS: the provider can't be used").caused_by(error))?;
    let builder = match &tls.ca {
        Some(path) => builder.with_root_certificates(authorities(path)?),
        None => match builder.clone().with_platform_verifier() {
            Ok(builder) => builder,
            Err(error) if tls.required => {
                return Err(wrong(
                    "no TLS for NATS: the machine's trusted certificates can't be read; install `ca-certificates`",
                )
                .caused_by(error));
            }
            Err(_) => builder.with_root_certificates(RootCertStore::empty()),
        },
    };
    match &tls.identity {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => {
            let chain = certificates(chain)?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|_| unreadable(key))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|_| wrong("no TLS for NATS: the client certificate and its key don't fit"))
        }
    }
}

fn authorities(path: &Path) -> Result<RootCertStore, BackendError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|_| unreadable(path))?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, BackendError> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|_| unreadable(path))?;
    if certificates.is_empty() {
        return Err(unreadable(path));
    }
    Ok(certificates)
}

fn unreadable(path: &Path) -> BackendError {
    wrong(format!(
        "no TLS for NATS: {} is no readable PEM file of what it should hold",
        path.display()
    ))
}

fn wrong(text: impl Into<String>) -> BackendError {
    BackendError::new(BackendErrorKind::Misconfigured, text)
}

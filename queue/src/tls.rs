//! Which implementation encrypts: the one of our features, never the process-wide default that another crate may have
//! chosen or not.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The provider of feature `tls-aws-lc`, else of `tls-ring`, else the one that the program installed itself.
#[cfg(feature = "tls-aws-lc")]
pub(crate) fn provider() -> Option<Arc<CryptoProvider>> {
    Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

/// The provider of feature `tls-aws-lc`, else of `tls-ring`, else the one that the program installed itself.
#[cfg(all(feature = "tls-ring", not(feature = "tls-aws-lc")))]
pub(crate) fn provider() -> Option<Arc<CryptoProvider>> {
    Some(Arc::new(rustls::crypto::ring::default_provider()))
}

/// The provider of feature `tls-aws-lc`, else of `tls-ring`, else the one that the program installed itself.
#[cfg(not(any(feature = "tls-aws-lc", feature = "tls-ring")))]
pub(crate) fn provider() -> Option<Arc<CryptoProvider>> {
    CryptoProvider::get_default().cloned()
}

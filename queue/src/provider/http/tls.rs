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

#[cfg(test)]
#[cfg(any(feature = "tls-aws-lc", feature = "tls-ring"))]
mod tests {
    use std::path::Path;
    use std::process::Stdio;
    use std::time::Duration;

    use rustls::ServerConfig;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::provider::http::{BaseUrl, CONNECT_TIMEOUT, HttpClient, call};

    /// Set in the process that is the client: the trusted certificates are read from a file that `SSL_CERT_FILE` names,
    /// and a process can't safely change its own environment.
    const URL: &str = "QUEUE_TEST_TLS_URL";
    const NAME: &str = "provider::http::tls::tests::a_certificate_is_trusted_when_the_machine_trusts_it_for_that_host";

    struct Server {
        port: u16,
        certificate: String,
        /// Every request that arrived, decrypted.
        requests: Arc<std::sync::Mutex<Vec<String>>>,
    }

    /// Answers every request on `localhost`, with a certificate for `host` that it signed itself.
    async fn serve(host: &str) -> Server {
        let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(provider().unwrap())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::Pkcs8(key))
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(std::sync::Mutex::new(Vec::new()));
        let arrived = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // A client that does not trust us says so and leaves.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                arrived.lock().unwrap().push(request);
                let answer =
                    b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
                stream.write_all(answer).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        Server {
            port,
            certificate: made.cert.pem(),
            requests,
        }
    }

    /// What a client says that trusts the certificates in `trusted` and no others.
    async fn ask(url: &str, trusted: &Path) -> String {
        let client = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env(URL, url)
            .env("SSL_CERT_FILE", trusted)
            .env_remove("SSL_CERT_DIR")
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&client.stdout).into_owned();
        let said = said
            .split_once("said: ")
            .unwrap_or_else(|| panic!("{client:?}"))
            .1;
        said.lines().next().unwrap_or_default().to_owned()
    }

    async fn be_the_client(url: &str) {
        let base = BaseUrl::parse(url, false).unwrap();
        let client = HttpClient::new(&base, CONNECT_TIMEOUT).unwrap();
        let request = client.post_json(base.join("send"), b"{}".to_vec());
        match call(request, Duration::from_secs(5)).await {
            Ok(answer) => println!("said: {} {}", answer.status, answer.body.escape_ascii()),
            Err(failure) => println!("said: {failure:?}"),
        }
    }

    #[tokio::test]
    async fn a_certificate_is_trusted_when_the_machine_trusts_it_for_that_host() {
        if let Ok(url) = std::env::var(URL) {
            return be_the_client(&url).await;
        }
        let folder = tempfile::tempdir().unwrap();
        let server = serve("localhost").await;
        let other = serve("localhost").await;
        let (own, foreign) = (
            folder.path().join("own.pem"),
            folder.path().join("foreign.pem"),
        );
        std::fs::write(&own, &server.certificate).unwrap();
        std::fs::write(&foreign, &other.certificate).unwrap();
        let failed = r#"NotSent("could not connect: TLS failed")"#;
        let url = format!("https://localhost:{}/api", server.port);
        assert_eq!(ask(&url, &own).await, "201 ok");
        assert_eq!(ask(&url, &foreign).await, failed);
        // The certificate is for another host.
        let url = format!("https://127.0.0.1:{}/api", server.port);
        assert_eq!(ask(&url, &own).await, failed);
        let requests = server.requests.lock().unwrap();
        assert_eq!(requests.len(), 1);
        assert!(
            requests[0].starts_with("POST /api/send HTTP/1.1\r\n"),
            "{requests:?}"
        );
    }
}

//! Twilio's signature: whether a request is Twilio's, and was not changed on the way. Pure.
//!
//! Twilio, "Webhooks security": base64 of HMAC-SHA1, by the account's auth token, over the address as Twilio called it and
//! each parameter of the form, name and value without anything in between, sorted by name. A body of JSON is not signed
//! itself: its SHA-256 is in the address, as `bodySHA256`.

use std::fmt;

use axum::http::Uri;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::PushError;

/// The parameter of an address that holds the digest of a JSON body.
pub(super) const BODY_DIGEST: &str = "bodySHA256";

/// The secrets that sign.
pub(super) struct AuthTokens(Vec<SecretString>);

/// The address as Twilio calls it, without its query.
#[derive(Clone)]
pub(super) struct PublicUrl {
    /// With and without the port: Twilio's own libraries try both, since not all of its products sign the same one.
    spellings: [String; 2],
}

impl AuthTokens {
    pub(super) fn new(token: String) -> Result<Self, PushError> {
        let mut tokens = Self(Vec::new());
        tokens.add(token)?;
        Ok(tokens)
    }

    pub(super) fn add(&mut self, token: String) -> Result<(), PushError> {
        if token.trim().is_empty() {
            return Err(PushError::AuthTokenEmpty);
        }
        self.0.push(SecretString::from(token));
        Ok(())
    }

    /// Whether `signature`, as the header has it, is one of `url` with `query` and `parameters`, by any of the secrets.
    pub(super) fn verify(
        &self,
        signature: &str,
        url: &PublicUrl,
        query: Option<&str>,
        parameters: &[(String, String)],
    ) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else {
            return false;
        };
        let mut sorted: Vec<&(String, String)> = parameters.iter().collect();
        sorted.sort();
        // As Twilio's own libraries do with a parameter that comes twice.
        sorted.dedup();
        self.0.iter().any(|token| {
            url.spellings.iter().any(|url| {
                let key = token.expose_secret().as_bytes();
                let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else {
                    return false;
                };
                mac.update(url.as_bytes());
                if let Some(query) = query {
                    mac.update(b"?");
                    mac.update(query.as_bytes());
                }
                for (name, value) in &sorted {
                    mac.update(name.as_bytes());
                    mac.update(value.as_bytes());
                }
                mac.verify_slice(&signature).is_ok()
            })
        })
    }
}

/// Whether `body` is what `digest`, from an address whose signature is right, says.
pub(super) fn is_body(digest: &str, body: &[u8]) -> bool {
    let actual = Sha256::digest(body);
    let hex: String = actual.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.eq_ignore_ascii_case(digest)
}

impl PublicUrl {
    pub(super) fn parse(url: &str) -> Result<Self, PushError> {
        let uri: Uri = url.parse().map_err(|_| PushError::PublicUrl)?;
        let port = match uri.scheme_str() {
            Some("https") => 443,
            Some("http") => 80,
            _ => return Err(PushError::PublicUrl),
        };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(PushError::PublicUrl);
        };
        if uri.query().is_some() || url.contains(['#', '@']) || authority.host().is_empty() {
            return Err(PushError::PublicUrl);
        }
        let host = authority.host();
        let path = url
            .strip_prefix(scheme)
            .and_then(|rest| rest.strip_prefix("://"))
            .and_then(|rest| rest.strip_prefix(authority.as_str()))
            .ok_or(PushError::PublicUrl)?;
        let other = match authority.port() {
            Some(_) => format!("{scheme}://{host}{path}"),
            None => format!("{scheme}://{host}:{port}{path}"),
        };
        Ok(Self {
            spellings: [url.to_owned(), other],
        })
    }
}

impl fmt::Debug for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spellings[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: Option<&str> = Some("foo=1&bar=2");

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    fn call() -> Vec<(String, String)> {
        pairs(&[
            ("CallSid", "CA1234567890ABCDE"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
            ("To", "+18005551212"),
            ("Caller", "+14158675309"),
        ])
    }

    fn verify(signature: &str, url: &str, parameters: &[(String, String)]) -> bool {
        let tokens = AuthTokens::new("12345".into()).unwrap();
        let url = PublicUrl::parse(url).unwrap();
        tokens.verify(signature, &url, QUERY, parameters)
    }

    /// The vectors of Twilio's own Python library, `tests/unit/test_request_validator.py`.
    #[test]
    fn twilios_own_vectors_hold() {
        const URL: &str = "https://mycompany.com/myapp.php";
        assert!(verify("RSOYDt4T1cUTdK1PDd93/VVr8B8=", URL, &call()));
        let twice = pairs(&[
            ("Sid", "CA123"),
            ("SidAccount", "AC123"),
            ("Digits", "5678"),
            ("Digits", "1234"),
            ("Digits", "1234"),
        ]);
        assert!(verify("IK+Dwps556ElfBT0I3Rgjkr1wJU=", URL, &twice));
        // Signed with the port, called without, and the other way round.
        assert!(verify("kvajT1Ptam85bY51eRf/AJRuM3w=", URL, &call()));
        assert!(verify(
            "0ZXoZLH/DfblKGATFgpif+LLRf4=",
            "http://mycompany.com/myapp.php",
            &call()
        ));
        assert!(verify(
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
            "https://mycompany.com:1234/myapp.php",
            &call()
        ));
        assert!(verify(
            "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=",
            "http://mycompany.com:1234/myapp.php",
            &call()
        ));
    }

    #[test]
    fn twilios_own_vector_of_a_json_body_holds() {
        const DIGEST: &str = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
        const BODY: &[u8] = br#"{"property": "value", "boolean": true}"#;
        let tokens = AuthTokens::new("12345".into()).unwrap();
        let url = PublicUrl::parse("https://mycompany.com/myapp.php").unwrap();
        let query = format!("foo=1&bar=2&bodySHA256={DIGEST}");
        assert!(tokens.verify("a9nBmqA0ju/hNViExpshrM61xv4=", &url, Some(&query), &[]));
        assert!(is_body(DIGEST, BODY));
        assert!(is_body(&DIGEST.to_uppercase(), BODY));
        assert!(!is_body(DIGEST, b"{}"));
        assert!(!is_body("", BODY));
    }

    #[test]
    fn anything_else_is_refused() {
        const URL: &str = "https://mycompany.com/myapp.php";
        const RIGHT: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
        for wrong in [
            "",
            "RSOYDt4T1cUTdK1PDd93/VVr8B8",
            "rSOYDt4T1cUTdK1PDd93/VVr8B8=",
            "RSOY",
            "not base64 \u{e9}",
        ] {
            assert!(!verify(wrong, URL, &call()), "{wrong}");
        }
        assert!(!verify(RIGHT, "https://mycompany.com/other", &call()));
        let mut changed = call();
        changed[1].1 = "1235".into();
        assert!(!verify(RIGHT, URL, &changed));
        let mut more = call();
        more.push(("Extra".into(), String::new()));
        assert!(!verify(RIGHT, URL, &more));
    }

    #[test]
    fn a_secret_is_changed_without_a_gap() {
        let mut tokens = AuthTokens::new("new".into()).unwrap();
        tokens.add("12345".into()).unwrap();
        let url = PublicUrl::parse("https://mycompany.com/myapp.php").unwrap();
        assert!(tokens.verify("RSOYDt4T1cUTdK1PDd93/VVr8B8=", &url, QUERY, &call()));
        assert_eq!(tokens.add(" ".into()), Err(PushError::AuthTokenEmpty));
    }

    #[test]
    fn an_address_that_nobody_can_call_is_refused() {
        for wrong in [
            "",
            "/reports",
            "ftp://a.example/x",
            "https://a.example/x?y=1",
            "https://u:p@a.example/x",
            "https:///x",
        ] {
            assert!(PublicUrl::parse(wrong).is_err(), "{wrong}");
        }
        assert!(PublicUrl::parse("https://[2001:db8::1]:8443/x").is_ok());
    }
}

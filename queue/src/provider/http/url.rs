//! [`BaseUrl`]: an address that credentials may be sent to. [`CallbackUrl`]: one that a provider calls.

use reqwest::Url;

/// The address under which a provider's endpoints are: `https:`, or `http:` on this machine.
#[derive(Clone)]
pub(crate) struct BaseUrl(Url);

impl BaseUrl {
    /// The address in `text`. Plain `http:` to another machine is refused unless `insecure_allowed`.
    pub(crate) fn parse(text: &str, insecure_allowed: bool) -> Result<Self, UrlError> {
        let mut url = Url::parse(text.trim()).map_err(|_| UrlError::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(UrlError::Query);
        }
        match url.scheme() {
            "https" => {}
            "http" if insecure_allowed || is_loopback(&url) => {}
            "http" => return Err(UrlError::Insecure),
            _ => return Err(UrlError::Malformed),
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self(url))
    }

    /// The address of `endpoint`, a relative path of our own such as `sendsms/`.
    pub(crate) fn join(&self, endpoint: &str) -> Url {
        let mut url = self.0.clone();
        let path = format!("{}{endpoint}", url.path());
        url.set_path(&path);
        url
    }

    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The host, for logs; the path may hold a token.
    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

/// The address that a provider calls with its reports: `https:`, or `http:` on this machine. It may hold a token.
#[derive(Clone)]
pub(crate) struct CallbackUrl(String);

impl CallbackUrl {
    /// The address in `text`, kept as it is written: signatures cover every character.
    pub(crate) fn parse(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        let url = Url::parse(text).map_err(|_| UrlError::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        match url.scheme() {
            _ if url.fragment().is_some() => Err(UrlError::Query),
            "https" => Ok(Self(text.to_owned())),
            "http" if is_loopback(&url) => Ok(Self(text.to_owned())),
            "http" => Err(UrlError::Insecure),
            _ => Err(UrlError::Malformed),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// An address that a provider can't use. Never quotes it: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It is no absolute `https:` or `http:` address.
    #[error("not an absolute https: address")]
    Malformed,
    /// It holds a user name or password.
    #[error("the address holds a user name or password: credentials have settings of their own")]
    Credentials,
    /// It has a query or a fragment.
    #[error("the address has a query or fragment: give only the part before `?` and `#`")]
    Query,
    /// It is plain `http:` to another machine, which would show credentials and texts to everybody on the way.
    #[error(
        "the address is http: on another machine: use https:, or allow insecure HTTP in the options"
    )]
    Insecure,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_http_on_this_machine() {
        for good in [
            "https://sms.example/api/services/",
            "https://sms.example/api/services",
            "http://127.0.0.1:8080/api/services",
            "http://[::1]:8080/",
            "http://localhost/",
        ] {
            assert!(BaseUrl::parse(good, false).is_ok(), "{good}");
        }
        for (wrong, error) in [
            ("sms.example", UrlError::Malformed),
            ("ftp://sms.example/", UrlError::Malformed),
            ("https://a:b@sms.example/", UrlError::Credentials),
            ("https://sms.example/?apikey=k", UrlError::Query),
            ("http://sms.example/", UrlError::Insecure),
            ("http://127.0.0.1.example/", UrlError::Insecure),
            ("http://localhost.example/", UrlError::Insecure),
        ] {
            assert_eq!(BaseUrl::parse(wrong, false).err(), Some(error), "{wrong}");
        }
        assert!(BaseUrl::parse("http://sms.example/", true).is_ok());
    }

    #[test]
    fn a_callback_keeps_its_query_and_is_encrypted() {
        let url = "https://app.example/reports/token?job=1";
        assert_eq!(CallbackUrl::parse(url).unwrap().as_str(), url);
        assert!(CallbackUrl::parse("http://127.0.0.1:8080/r").is_ok());
        for (wrong, error) in [
            ("/reports", UrlError::Malformed),
            ("ftp://app.example/", UrlError::Malformed),
            ("http://app.example/", UrlError::Insecure),
            ("https://a:b@app.example/", UrlError::Credentials),
            ("https://app.example/#part", UrlError::Query),
        ] {
            let result = CallbackUrl::parse(wrong);
            assert_eq!(result.err(), Some(error), "{wrong}");
        }
    }

    #[test]
    fn endpoints_go_under_the_path_with_or_without_its_slash() {
        for base in ["https://h/api/services", "https://h/api/services/"] {
            let url = BaseUrl::parse(base, false).unwrap().join("sendsms/");
            assert_eq!(url.as_str(), "https://h/api/services/sendsms/");
        }
    }
}

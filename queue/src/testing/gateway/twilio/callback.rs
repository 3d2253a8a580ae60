//! Status callbacks: forms, signed with the auth token.

use std::net::{Ipv4Addr, SocketAddr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::TwilioPersonality;
use crate::testing::gateway::desk::{Post, PushTo, Sent, Stage};

/// The callback that says where the message `sid` is. It goes where the message said; else where pushes go by default.
pub(super) fn post(
    personality: &TwilioPersonality,
    sid: &str,
    from: Option<&str>,
    sent: Option<&Sent>,
    to: Option<&PushTo>,
    at: &Stage,
) -> Option<Post> {
    let asked = sent.and_then(|sent| sent.callback.clone());
    let url = match (asked, to) {
        (Some(url), _) => url,
        (None, to) => {
            let to = to?;
            format!("http://{}{}", to.address, to.path)
        }
    };
    let (host, path) = parts(&url)?;
    let address = match to {
        Some(to) => to.address,
        None => loopback(host)?,
    };
    let (status, code) = at.parts();
    let mut fields = vec![
        ("AccountSid", personality.account_sid.as_str()),
        ("ApiVersion", "2010-04-01"),
        ("MessageSid", sid),
        ("MessageStatus", status),
        ("SmsSid", sid),
        ("SmsStatus", status),
        ("To", sent.map_or("+254799999999", |sent| &sent.to)),
    ];
    fields.extend(from.map(|from| ("From", from)));
    fields.extend(code.map(|code| ("ErrorCode", code)));
    let signature = signature(&personality.auth_token, &url, &fields);
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(&fields);
    Some(Post {
        to: address,
        host: host.to_owned(),
        path: path.to_owned(),
        content_type: "application/x-www-form-urlencoded; charset=utf-8",
        headers: vec![("X-Twilio-Signature", signature)],
        body: form.finish(),
    })
}

/// The signature of a form: HMAC-SHA1 of the address and of every field, sorted by name, written without anything between.
fn signature(auth_token: &str, url: &str, fields: &[(&str, &str)]) -> String {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let mut mac = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes())
        .expect("a key of HMAC may have any length");
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Whether Twilio would call it.
pub(super) fn is_url(url: &str) -> bool {
    parts(url).is_some_and(|(host, _)| !host.is_empty())
}

/// The host, with its port, and the path, with its query.
fn parts(url: &str) -> Option<(&str, &str)> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    match rest.find('/') {
        Some(slash) => Some(rest.split_at(slash)),
        None => Some((rest, "/")),
    }
}

/// The address of a host on this machine.
fn loopback(host: &str) -> Option<SocketAddr> {
    if let Some(port) = host.strip_prefix("localhost:") {
        return Some((Ipv4Addr::LOCALHOST, port.parse().ok()?).into());
    }
    let address: SocketAddr = host.parse().ok()?;
    address.ip().is_loopback().then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that Twilio's own libraries test with (`RequestValidatorTest`).
    #[test]
    fn a_signature_is_twilios() {
        let fields = [
            ("Digits", "1234"),
            ("To", "+18005551212"),
            ("From", "+14158675309"),
            ("Caller", "+14158675309"),
            ("CallSid", "CA1234567890ABCDE"),
        ];
        let signature = signature(
            "12345",
            "https://mycompany.com/myapp.php?foo=1&bar=2",
            &fields,
        );
        assert_eq!(signature, "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    }
}

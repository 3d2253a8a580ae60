//! Connecting: addresses, logins, and how long it is tried; which servers are new enough.

use std::error::Error;
use std::time::{Duration, Instant};

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret;
use tokio::sync::mpsc;

use super::error::connecting;
use super::options::{JetStreamOptions, Login, SERVERS_MAX};
use super::tls;
use crate::backend::{BackendError, BackendErrorKind};

/// The oldest server that the library works with. Older ones ignore the settings that delayed jobs and whole batches rest
/// on, and would deliver a delayed job at once.
pub const SERVER_FLOOR: &str = "2.12.8";

/// How long one try to connect may take, TLS and login included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest pause between two tries to reconnect.
const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(4);

/// Tries until a server answers, the time to wait is over, or one refuses.
pub(super) async fn connect(
    options: &JetStreamOptions,
    events: &mpsc::Sender<Event>,
) -> Result<Client, BackendError> {
    let addresses = addresses(options)?;
    let until = Instant::now().checked_add(options.wait_for_server);
    let mut tries = 0;
    loop {
        tries += 1;
        let settings = connect_options(options, &addresses, events.clone()).await?;
        let error = match settings.connect(&addresses).await {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        let kind = match is_tls(&error) {
            true => ConnectErrorKind::Tls,
            false => error.kind(),
        };
        let refused = matches!(
            kind,
            ConnectErrorKind::Authentication
                | ConnectErrorKind::AuthorizationViolation
                | ConnectErrorKind::ServerParse
                | ConnectErrorKind::Tls
        );
        let pause = reconnect_pause(tries);
        if refused || until.is_some_and(|until| Instant::now() + pause >= until) {
            // The cause names addresses, which may hold a password, so it is not passed on.
            return Err(connecting(kind));
        }
        if tries == 1 {
            tracing::warn!("no NATS server can be reached: waiting for one");
        }
        tokio::time::sleep(pause).await;
    }
}

/// Whether TLS failed. The client reports a certificate that is not trusted as any failure of the connection.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        if error.is::<rustls::Error>() || inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        next = error.source();
    }
    false
}

fn addresses(options: &JetStreamOptions) -> Result<Vec<ServerAddr>, BackendError> {
    let parse = |text: &str| text.trim().parse::<ServerAddr>();
    let addresses: Result<Vec<_>, _> = options
        .servers
        .split(',')
        .filter(|text| !text.trim().is_empty())
        .map(parse)
        .collect();
    match addresses {
        Ok(addresses) if (1..=SERVERS_MAX).contains(&addresses.len()) => Ok(addresses),
        // Not with the text, which may hold a password.
        _ => Err(connecting(ConnectErrorKind::ServerParse)),
    }
}

async fn connect_options(
    options: &JetStreamOptions,
    addresses: &[ServerAddr],
    events: mpsc::Sender<Event>,
) -> Result<ConnectOptions, BackendError> {
    let mut tls = options.tls.clone();
    tls.required |= addresses.iter().any(ServerAddr::tls_required);
    let unusable = || connecting(ConnectErrorKind::Authentication);
    let settings = ConnectOptions::new()
        .name(concat!("queue ", env!("CARGO_PKG_VERSION")))
        .ping_interval(options.ping_interval)
        .connection_timeout(CONNECT_TIMEOUT)
        .max_reconnects(None)
        // Every subject is made of tokens that are escaped, checked (the domain) or the library's own.
        .skip_subject_validation(true)
        .reconnect_delay_callback(reconnect_pause)
        .tls_client_config(tls::client_config(&tls)?)
        .require_tls(tls.required)
        .event_callback(move |event| {
            // Never waits: the connection stands still while it calls.
            let _ = events.try_send(event);
            std::future::ready(())
        });
    let settings = match tls.first {
        true => settings.tls_first(),
        false => settings,
    };
    let in_address = login_in(addresses);
    let login = match &options.login {
        Login::Anonymous => &in_address,
        login => login,
    };
    Ok(match login {
        Login::Anonymous => settings,
        Login::Token(token) => settings.token(token.expose_secret().to_owned()),
        Login::UserAndPassword(user, password) => {
            settings.user_and_password(user.clone(), password.expose_secret().to_owned())
        }
        Login::NKey(seed) => settings.nkey(seed.expose_secret().to_owned()),
        Login::Credentials(text) => settings
            .credentials(text.expose_secret())
            .map_err(|_| unusable())?,
        Login::CredentialsFile(path) => settings
            .credentials_file(path)
            .await
            .map_err(|_| unusable())?,
    })
}

/// The login of `nats://user:password@host` or `nats://token@host`; the client itself leaves it out.
fn login_in(addresses: &[ServerAddr]) -> Login {
    let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut logins = addresses.iter().filter_map(|address| {
        let user = plain(address.username()?);
        Some(match address.password() {
            Some(password) => Login::UserAndPassword(user, plain(password).into()),
            None => Login::Token(user.into()),
        })
    });
    logins.next().unwrap_or_default()
}

/// The pause before a try to connect: 25 to 50 ms before the first, doubling up to 2 to 4 s. The random half keeps the
/// clients of a server that comes back from arriving all at once.
fn reconnect_pause(tries: usize) -> Duration {
    let doublings = u32::try_from(tries.saturating_sub(1)).unwrap_or(u32::MAX);
    let most = Duration::from_millis(50)
        .saturating_mul(2_u32.saturating_pow(doublings.min(16)))
        .min(RECONNECT_PAUSE_MAX);
    most.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// Refuses a server below the floor.
pub(super) fn check_version(version: &str) -> Result<(), BackendError> {
    if parse(version) >= parse(SERVER_FLOOR) {
        return Ok(());
    }
    Err(BackendError::new(
        BackendErrorKind::ServerTooOld,
        format!(
            "the NATS server is {version}, at least {SERVER_FLOOR} is needed: older ones deliver delayed jobs at once"
        ),
    ))
}

/// Refuses a domain that is not one token of a subject: the subjects of the server's own calls hold it as it stands.
pub(super) fn check_domain(domain: &str) -> Result<(), BackendError> {
    let is_strange = |c: char| c.is_whitespace() || c.is_control() || ".*>".contains(c);
    if !domain.is_empty() && !domain.contains(is_strange) {
        return Ok(());
    }
    Err(BackendError::new(
        BackendErrorKind::Misconfigured,
        "the JetStream domain must be one word without spaces, dots, `*` and `>`, as in the server's configuration",
    ))
}

fn parse(version: &str) -> Option<[u32; 3]> {
    let mut parts = version.split(['.', '-', '+']).map(|part| part.parse().ok());
    Some([parts.next()??, parts.next()??, parts.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_below_the_floor_are_refused() {
        for old in ["2.12.7", "2.11.11", "2.9.10", "1.4.1", "", "soon"] {
            let error = check_version(old).unwrap_err();
            assert_eq!(error.kind(), BackendErrorKind::ServerTooOld, "{old}");
        }
        for new in ["2.12.8", "2.12.10", "2.15.1", "2.16.0-RC.1", "3.0.0"] {
            assert!(check_version(new).is_ok(), "{new}");
        }
    }

    #[test]
    fn a_domain_is_one_token() {
        for strange in ["", "a b", "a.b", "*", "hub>", "a\r\nPUB b 0", "\t"] {
            let error = check_domain(strange).unwrap_err();
            assert_eq!(error.kind(), BackendErrorKind::Misconfigured, "{strange:?}");
        }
        for good in ["hub", "eu-1", "EU_1", "köln"] {
            assert!(check_domain(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        for (tries, most) in [
            (0, 50),
            (1, 50),
            (2, 100),
            (5, 800),
            (8, 4000),
            (usize::MAX, 4000),
        ] {
            let most = Duration::from_millis(most);
            for _ in 0..50 {
                let pause = reconnect_pause(tries);
                assert!(pause <= most && pause >= most / 2, "{tries}: {pause:?}");
            }
        }
        let pauses: Vec<_> = (0..20).map(|_| reconnect_pause(9)).collect();
        assert!(pauses.iter().any(|pause| *pause != pauses[0]));
    }

    #[test]
    fn a_login_in_an_address_is_decoded() {
        let login = |text: &str| {
            let addresses = addresses(&JetStreamOptions::at(text)).unwrap();
            match login_in(&addresses) {
                Login::UserAndPassword(user, password) => {
                    format!("{user} {}", password.expose_secret())
                }
                Login::Token(token) => token.expose_secret().to_owned(),
                _ => String::new(),
            }
        };
        assert_eq!(login("nats://a,nats://sms:p%40ss%3A@b"), "sms p@ss:");
        assert_eq!(login("nats://t%2Fken@a"), "t/ken");
        assert_eq!(login("nats://a"), "");
    }

    #[test]
    fn addresses_are_read_and_never_repeated() {
        let read = |text: &str| addresses(&JetStreamOptions::at(text));
        let three = read("nats://a:4222, b ,tls://c:4333,").unwrap();
        let hosts: Vec<_> = three
            .iter()
            .map(|a| (a.host().to_owned(), a.port()))
            .collect();
        let expected = [("a", 4222), ("b", 4222), ("c", 4333)];
        assert_eq!(hosts, expected.map(|(host, port)| (host.to_owned(), port)));
        for bad in [
            "",
            " , ",
            "http://user:hunter2@a",
            "nats://user:hunter2@a:port",
        ] {
            let error = read(bad).unwrap_err();
            assert_eq!(error.kind(), BackendErrorKind::Misconfigured, "{bad}");
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }
}

//! [`AllowList`]: from which addresses reports are taken.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use ipnet::IpNet;

use super::PushError;

/// How a host finds out who called.
pub(super) type ClientAddress = dyn Fn(&Parts) -> Option<IpAddr> + Send + Sync;

/// From which addresses reports are taken; all when it is empty.
#[derive(Default)]
pub(super) struct AllowList {
    ranges: Vec<IpNet>,
    client: Option<Box<ClientAddress>>,
}

impl AllowList {
    pub(super) fn add(&mut self, range: &str) -> Result<(), PushError> {
        let range = range.trim();
        let parsed = (range.parse::<IpNet>()).or_else(|_| range.parse::<IpAddr>().map(IpNet::from));
        let range = parsed.map_err(|_| PushError::IpRange {
            range: range.to_owned(),
        })?;
        self.ranges.push(range.trunc());
        Ok(())
    }

    pub(super) fn set_client(&mut self, client: Box<ClientAddress>) {
        self.client = Some(client);
    }

    /// Whether a request from where `request` comes is taken. When nobody can say where that is, it is not.
    pub(super) fn admits(&self, request: &Parts) -> bool {
        if self.ranges.is_empty() {
            return true;
        }
        let address = match &self.client {
            Some(client) => client(request),
            None => (request.extensions.get::<ConnectInfo<SocketAddr>>()).map(|peer| peer.0.ip()),
        };
        // A socket for both families shows IPv4 peers as ::ffff:a.b.c.d.
        let address = address.map(|address| address.to_canonical());
        address.is_some_and(|address| self.ranges.iter().any(|range| range.contains(&address)))
    }

    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: Option<&str>) -> Parts {
        let (mut parts, ()) = axum::http::Request::new(()).into_parts();
        if let Some(address) = address {
            let peer = SocketAddr::new(address.parse().unwrap(), 4000);
            parts.extensions.insert(ConnectInfo(peer));
        }
        parts
    }

    #[test]
    fn an_empty_list_admits_everybody() {
        assert!(AllowList::default().admits(&from(None)));
    }

    #[test]
    fn only_listed_addresses_are_admitted() {
        let mut list = AllowList::default();
        list.add("196.201.214.7/24").unwrap();
        list.add(" 2001:db8::1 ").unwrap();
        for (address, admitted) in [
            ("196.201.214.200", true),
            ("::ffff:196.201.214.200", true),
            ("196.201.215.1", false),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
        ] {
            assert_eq!(list.admits(&from(Some(address))), admitted, "{address}");
        }
        // The server was not asked to say who calls.
        assert!(!list.admits(&from(None)));
        assert!(list.add("196.201.214.0/33").is_err());
        assert!(list.add("example.com").is_err());
    }

    #[test]
    fn a_host_behind_a_proxy_says_itself_who_calls() {
        let mut list = AllowList::default();
        list.add("192.0.2.1").unwrap();
        list.set_client(Box::new(|request| {
            request
                .headers
                .get("x-real-ip")?
                .to_str()
                .ok()?
                .parse()
                .ok()
        }));
        let mut request = from(Some("10.0.0.1"));
        assert!(!list.admits(&request));
        request
            .headers
            .insert("x-real-ip", "192.0.2.1".parse().unwrap());
        assert!(list.admits(&request));
    }
}

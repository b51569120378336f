//! The address that an endpoint says.

use std::net::{IpAddr, SocketAddr};

/// The address in an endpoint such as `http://10.88.0.20:2379`; a name has none until it is looked up.
pub(crate) fn endpoint_address(endpoint: &str) -> Option<IpAddr> {
    let authority = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    let bare = || authority.trim_matches(['[', ']']).parse().ok();
    authority.parse::<SocketAddr>().map(|socket| socket.ip()).ok().or_else(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_that_say_an_address() {
        for (endpoint, address) in [
            ("http://10.88.0.20:2379", Some("10.88.0.20")),
            ("http://[fd00::20]:2379/", Some("fd00::20")),
            ("http://10.88.0.20", Some("10.88.0.20")),
            ("http://etcd1:2379", None),
        ] {
            let address = address.map(|address| address.parse().expect("an address"));
            assert_eq!(endpoint_address(endpoint), address, "{endpoint}");
        }
    }
}

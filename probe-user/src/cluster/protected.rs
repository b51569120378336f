//! Addresses that no cut may touch: an entry of the inventory's `protect`, and of `--protect`.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An address or a prefix that stays reachable, with a port or with all of them: `192.0.2.10`, `10.0.0.0/24:22`,
/// `fd00::/64`, `[fd00::7]:22`.
///
/// The port may be at either end, and the other end is then a client's, 32768 or above: `10.0.0.0/24:22` is both the
/// SSH that comes from there and the SSH that goes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^\[?[0-9A-Fa-f:.]+(/[0-9]+)?\]?(:[0-9]+)?$"))]
pub struct Protected {
    /// The addresses.
    pub addresses: IpNet,
    /// The port at either end; every port, and what has none, if there is none.
    pub port: Option<u16>,
}

/// What is wrong with the text of a protected address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an address to protect: write ADDR, ADDR/LENGTH or either with :PORT, as in `192.0.2.10`, \
     `10.0.0.0/24:22` or `[fd00::7]:22`"
)]
pub struct ProtectedError(String);

impl FromStr for Protected {
    type Err = ProtectedError;

    fn from_str(text: &str) -> Result<Self, ProtectedError> {
        let wrong = || ProtectedError(text.to_owned());
        let (addresses, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(Some((addresses, ""))) => (addresses, None),
            Some(Some((addresses, port))) => (addresses, Some(port.strip_prefix(':').ok_or_else(wrong)?)),
            Some(None) => return Err(wrong()),
            // More than one colon is an IPv6 address without a port.
            None => match text.split_once(':') {
                Some((addresses, port)) if !port.contains(':') => (addresses, Some(port)),
                _ => (text, None),
            },
        };
        let alone = addresses.parse::<IpAddr>().map(IpNet::from);
        let addresses = alone.or_else(|_| addresses.parse()).map_err(|_| wrong())?.trunc();
        let port = port.map(str::parse).transpose().map_err(|_| wrong())?;
        if port == Some(0) { Err(wrong()) } else { Ok(Self { addresses, port }) }
    }
}

impl fmt::Display for Protected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.addresses.prefix_len() == self.addresses.max_prefix_len();
        let addresses = if whole { self.addresses.addr().to_string() } else { self.addresses.to_string() };
        match self.port {
            Some(port) if addresses.contains(':') => write!(f, "[{addresses}]:{port}"),
            Some(port) => write!(f, "{addresses}:{port}"),
            None => f.write_str(&addresses),
        }
    }
}

impl TryFrom<String> for Protected {
    type Error = ProtectedError;

    fn try_from(text: String) -> Result<Self, ProtectedError> {
        text.parse()
    }
}

impl From<Protected> for String {
    fn from(protected: Protected) -> Self {
        protected.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_read_as_they_are_written() {
        for (text, addresses, port) in [
            ("192.0.2.10", "192.0.2.10/32", None),
            ("192.0.2.10:22", "192.0.2.10/32", Some(22)),
            ("10.0.0.0/24:22", "10.0.0.0/24", Some(22)),
            ("fd00::7", "fd00::7/128", None),
            ("fd00::/64", "fd00::/64", None),
            ("[fd00::7]:22", "fd00::7/128", Some(22)),
            ("[fd00::/64]:22", "fd00::/64", Some(22)),
            ("0.0.0.0/0:22", "0.0.0.0/0", Some(22)),
        ] {
            let protected = Protected { addresses: addresses.parse().unwrap(), port };
            assert_eq!(text.parse(), Ok(protected), "{text}");
            assert_eq!(protected.to_string(), text);
        }
        // Bits behind the prefix say which network is meant, and no less.
        assert_eq!("10.0.0.7/24".parse::<Protected>().unwrap().to_string(), "10.0.0.0/24");
    }

    #[test]
    fn what_is_none_says_how_to_write_one() {
        for text in
            ["", "db1", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:70000", "[fd00::7", "[fd00::7]22", "10.0.0.0/33"]
        {
            let error = text.parse::<Protected>().unwrap_err().to_string();
            assert!(error.contains("10.0.0.0/24:22"), "{error}");
        }
    }
}

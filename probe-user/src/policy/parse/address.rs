//! Addresses and prefixes, IPv4 and IPv6.

use std::net::{IpAddr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};

use super::word::Wrong;

/// Whether the text can only be meant as an address or a prefix, not as a node's name.
pub(super) fn looks_like_one(text: &str) -> bool {
    text.contains(['/', ':'])
        || (text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || c == '.')
            && text.contains('.'))
}

/// Reads a prefix such as `10.0.0.0/8`; an address alone stands for itself.
pub(super) fn prefix(text: &str) -> Result<IpNet, Wrong> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| not_an_address(text, address))?;
    if let IpAddr::V6(v6) = address
        && let Some(v4) = v6.to_ipv4_mapped()
    {
        return Err(Wrong::new(
            format!("`{text}` is never seen on the wire"),
            "an IPv4 address in IPv6's clothes",
            format!("write the IPv4 address: \"{v4}\""),
        ));
    }
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match length {
        None => IpNet::from(address),
        Some(length) => length
            .parse::<u8>()
            .ok()
            .and_then(|length| IpNet::new(address, length).ok())
            .ok_or_else(|| bad_length(text, address, length, longest))?,
    };
    if prefix.trunc() != prefix {
        return Err(Wrong::new(
            format!("`{text}` has bits set behind its prefix"),
            "neither a network nor a single address",
            format!("write \"{}\" for the network, or \"{address}\" for the address alone", prefix.trunc()),
        ));
    }
    if address.is_unspecified() && prefix.prefix_len() == longest {
        return Err(Wrong::new(
            format!("`{text}` is nobody's address"),
            "no packet has it",
            format!("write \"{address}/0\" for every address of its family, or \"*\" for everyone"),
        ));
    }
    Ok(prefix)
}

fn not_an_address(text: &str, address: &str) -> Wrong {
    let message = format!("`{text}` is not an address");
    if address.contains('%') {
        return Wrong::new(
            message,
            "a zone is not part of an address on the wire",
            "name it in `interfaces`",
        );
    }
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Wrong::new(
            message,
            "an address with a port",
            format!("write \"{}\", and the port in `peer_ports`", socket.ip()),
        );
    }
    Wrong::new(
        message,
        "neither IPv4 nor IPv6",
        "write an address (\"10.0.0.1\", \"fd00::1\") or a prefix (\"10.0.0.0/8\", \"fd00::/64\")",
    )
}

fn bad_length(text: &str, address: IpAddr, length: &str, longest: u8) -> Wrong {
    let message = format!("`{text}` is not a prefix");
    if let (IpAddr::V4(address), Ok(mask)) = (address, length.parse())
        && let Ok(prefix) = Ipv4Net::with_netmask(address, mask)
    {
        return Wrong::new(message, "a netmask", format!("write its length: \"{}\"", prefix.trunc()));
    }
    let help = format!("the length goes from 0 to {longest}");
    Wrong::new(message, format!("`{length}` is not the length of a prefix"), help)
}

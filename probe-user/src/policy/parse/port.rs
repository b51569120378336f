//! Ports and their ranges.

use super::word::Wrong;
use crate::policy::PortRange;

const BOUNDS: &str = "ports go from 1 to 65535; leave the field out for all of them";

/// Reads one port.
pub(super) fn number(number: i64) -> Result<PortRange, Wrong> {
    let port = valid(number)?;
    Ok(PortRange { first: port, last: port })
}

/// Reads `5432` or `5432-5440`.
pub(super) fn range(text: &str) -> Result<PortRange, Wrong> {
    let text = text.trim();
    let Some((first, last)) = text.split_once('-') else {
        return number(digits(text, text)?);
    };
    let (first, last) = (valid(digits(first, text)?)?, valid(digits(last, text)?)?);
    if first > last {
        return Err(Wrong::new(
            format!("the range `{text}` has no ports"),
            "its end is below its beginning",
            format!("did you mean \"{last}-{first}\"?"),
        ));
    }
    Ok(PortRange { first, last })
}

fn digits(digits: &str, whole: &str) -> Result<i64, Wrong> {
    let digits = digits.trim();
    if !digits.is_empty() && digits.len() < 18 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits.parse().map_err(|_| malformed(whole));
    }
    Err(malformed(whole))
}

fn malformed(text: &str) -> Wrong {
    // iptables and ss write ranges in other ways.
    let rewritten = text.replacen("..=", "-", 1).replacen("..", "-", 1).replacen(':', "-", 1);
    let help = if rewritten != text && range(&rewritten).is_ok() {
        format!("did you mean \"{rewritten}\"?")
    } else {
        "write a number such as 5432, or a range such as \"5432-5440\"".to_owned()
    };
    Wrong::new(format!("`{text}` is not a port"), "neither a port nor a range", help)
}

fn valid(number: i64) -> Result<u16, Wrong> {
    match u16::try_from(number) {
        Ok(0) => Err(Wrong::new("port 0 is never on the wire", "no packet can match this", BOUNDS)),
        Ok(port) => Ok(port),
        Err(_) => Err(Wrong::new(format!("there is no port {number}"), "out of range", BOUNDS)),
    }
}

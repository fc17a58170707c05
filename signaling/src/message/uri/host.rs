//! Hosts: names, IPv4 addresses, IPv6 references (RFC 3261 §25.1, RFC 5118 §4).

use std::net::{IpAddr, Ipv6Addr};

use crate::message::grammar;

/// Reads `host [ ":" port ]` at `start`: where the host ends, the port, where all of it ends. White space around the
/// colon is the caller's affair.
pub(in crate::message) fn scan_host_port(text: &[u8], start: usize) -> Option<(usize, Option<u16>, usize)> {
    let host_end = scan_host(text, start)?;
    if text.get(host_end) != Some(&b':') {
        return Some((host_end, None, host_end));
    }
    let port_end = grammar::skip_digits(text, host_end + 1);
    let port = grammar::number::<u16>(&text[host_end + 1..port_end])?;
    Some((host_end, Some(port), port_end))
}

/// Where the host at `start` ends: a name, an IPv4 address, or an IPv6 reference in brackets.
pub(in crate::message) fn scan_host(text: &[u8], start: usize) -> Option<usize> {
    if text.get(start) == Some(&b'[') {
        let close = start + text[start..].iter().position(|&octet| octet == b']')?;
        parse_ipv6(std::str::from_utf8(&text[start + 1..close]).ok()?)?;
        return Some(close + 1);
    }
    let end = grammar::skip_host(text, start);
    (end > start && text[start] != b'.').then_some(end)
}

/// An IPv6 address as its text form (RFC 4291 §2.2). `:::` before an embedded IPv4 address, which the grammar of
/// RFC 3261 allowed by mistake, is read as `::` (RFC 5118 §4.10).
fn parse_ipv6(text: &str) -> Option<Ipv6Addr> {
    text.parse().ok().or_else(|| {
        let fixed = text.replacen(":::", "::", 1);
        if fixed.len() == text.len() || !fixed.contains('.') { None } else { fixed.parse().ok() }
    })
}

/// The address that a host names, with or without brackets.
pub fn host_address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(rest) => parse_ipv6(rest.strip_suffix(']')?).map(IpAddr::V6),
        None if host.contains(':') => parse_ipv6(host).map(IpAddr::V6),
        None => host.parse().ok().map(IpAddr::V4),
    }
}

//! One Via value (RFC 3261 §20.42, §25.1; `rport` RFC 3581).

use std::net::IpAddr;

use super::grammar;
use super::parameters::{self, Parameters, Place};
use super::uri::{host_address, scan_host};

/// What every branch of RFC 3261 starts with (§8.1.1.7).
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// The `rport` parameter (RFC 3581 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rport {
    /// `;rport`: the client asks for it.
    Requested,
    /// `;rport=n`: filled in by the server.
    Port(u16),
}

/// One Via value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    raw: &'a [u8],
    transport: &'a str,
    host: &'a str,
    port: Option<u16>,
    branch: Option<&'a str>,
    rport: Option<Rport>,
    parameters: Parameters<'a>,
}

/// Where the parts of a Via lie in a value without white space around it, which is shorter than 64 KiB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    transport: (u16, u16),
    host: (u16, u16),
    port: Option<u16>,
    /// The value of the first `branch`.
    branch: Option<Place>,
    /// The first `rport`.
    rport: Option<Rport>,
    /// The start of the parameters.
    parameters: u16,
}

impl Layout {
    /// That of a value, as [`Via::parse`] reads it.
    pub(super) fn of(value: &[u8]) -> Option<Layout> {
        if value.len() > usize::from(u16::MAX) {
            return None;
        }
        let (transport_start, transport_end) = if value.len() > 8 && value[..8].eq_ignore_ascii_case(b"SIP/2.0/") {
            (8, grammar::skip_token(value, 8))
        } else {
            scan_spaced_protocol(value)?
        };
        let host_start = grammar::skip_space(value, transport_end);
        if transport_end == transport_start || host_start == transport_end {
            return None;
        }
        let host_end = scan_host(value, host_start)?;
        let mut end = host_end;
        let mut port = None;
        let colon = grammar::skip_space(value, host_end);
        if value.get(colon) == Some(&b':') {
            let digits = grammar::skip_space(value, colon + 1);
            end = grammar::skip_digits(value, digits);
            port = Some(grammar::number::<u16>(&value[digits..end])?);
        }
        let (mut branch, mut rport) = (None, None);
        let all = parameters::scan_each(value, end, |name, place| {
            // Both are asked for with each message, so they are looked for once. The names of others are of other lengths.
            if name.len() == 6 && branch.is_none() && name.eq_ignore_ascii_case(b"branch") {
                branch = Some(place);
            } else if name.len() == 5 && rport.is_none() && name.eq_ignore_ascii_case(b"rport") {
                let port = grammar::number::<u16>(&value[usize::from(place.0)..usize::from(place.1)]);
                rport = Some(port.map_or(Rport::Requested, Rport::Port));
            }
        });
        if all? != value.len() {
            return None;
        }
        Some(Layout {
            branch: branch.filter(|(start, end)| start < end),
            rport,
            transport: (transport_start as u16, transport_end as u16),
            host: (host_start as u16, host_end as u16),
            port,
            parameters: end as u16,
        })
    }

    /// The Via, from the value whose layout it is.
    pub(super) fn read(self, value: &[u8]) -> Option<Via<'_>> {
        let start = usize::from(self.transport.0);
        let text = std::str::from_utf8(value.get(start..)?).ok()?;
        let slice =
            |start: u16, end: u16| text.get(usize::from(start - self.transport.0)..usize::from(end - self.transport.0));
        Some(Via {
            raw: value,
            transport: slice(self.transport.0, self.transport.1)?,
            host: slice(self.host.0, self.host.1)?,
            port: self.port,
            branch: match self.branch {
                Some((start, end)) => Some(slice(start, end)?),
                None => None,
            },
            rport: self.rport,
            parameters: Parameters::of_checked(text.get(usize::from(self.parameters) - start..)?.trim_ascii()),
        })
    }
}

impl<'a> Via<'a> {
    /// Reads one value that fills the whole text: `SIP / 2.0 / transport host [: port] *(; parameter)`, with white
    /// space around every separator.
    pub fn parse(value: &'a [u8]) -> Option<Via<'a>> {
        let value = grammar::trim(value);
        Layout::of(value)?.read(value)
    }

    /// Whether a line of Via values starts with `protocol / version / transport host`, whatever follows: enough to
    /// answer an otherwise broken request (RFC 4475 §3.1.2.1, §3.1.2.16).
    pub fn names_sender(value: &[u8]) -> bool {
        let value = grammar::trim(value);
        let mut at = 0;
        for _ in 0..2 {
            let end = grammar::skip_token(value, at);
            let slash = grammar::skip_space(value, end);
            if end == at || value.get(slash) != Some(&b'/') {
                return false;
            }
            at = grammar::skip_space(value, slash + 1);
        }
        let transport_end = grammar::skip_token(value, at);
        let host = grammar::skip_space(value, transport_end);
        transport_end > at && host > transport_end && scan_host(value, host).is_some()
    }

    /// The whole value as received.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The transport as received: `UDP`, `TCP`, `TLS`, `WS`, `WSS`, `SCTP` or any other token.
    pub fn transport(&self) -> &'a str {
        self.transport
    }

    /// The host of sent-by as received, an IPv6 address in its brackets.
    pub fn host(&self) -> &'a str {
        self.host
    }

    /// The host of sent-by if it is an address.
    pub fn address(&self) -> Option<IpAddr> {
        host_address(self.host)
    }

    /// The port of sent-by, if it is written.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// All parameters.
    pub fn parameters(&self) -> Parameters<'a> {
        self.parameters
    }

    /// The branch, if it has one that is not empty.
    pub fn branch(&self) -> Option<&'a str> {
        self.branch
    }

    /// Whether the branch is one of RFC 3261: it starts with [`MAGIC_COOKIE`] and has more to it.
    pub fn has_magic_cookie(&self) -> bool {
        self.branch().is_some_and(|branch| {
            branch.len() > MAGIC_COOKIE.len()
                && branch.as_bytes()[..MAGIC_COOKIE.len()].eq_ignore_ascii_case(MAGIC_COOKIE.as_bytes())
        })
    }

    /// The `received` address; brackets around an IPv6 address are accepted (RFC 5118 §4.5).
    pub fn received(&self) -> Option<IpAddr> {
        host_address(self.parameters.get("received")?)
    }

    /// The `rport` parameter; one with a value that is no port is taken for a request.
    pub fn rport(&self) -> Option<Rport> {
        self.rport
    }

    /// The `maddr` parameter: a host.
    pub fn maddr(&self) -> Option<&'a str> {
        self.parameters.get("maddr").filter(|host| !host.is_empty())
    }

    /// The `ttl` parameter, if it is 0 to 255.
    pub fn ttl(&self) -> Option<u8> {
        grammar::number(self.parameters.get("ttl")?.as_bytes())
    }
}

/// Reads `SIP / 2.0 / transport` with white space about; returns where the transport starts and ends.
fn scan_spaced_protocol(value: &[u8]) -> Option<(usize, usize)> {
    let mut at = 0;
    for expected in [&b"SIP"[..], b"2.0"] {
        let end = grammar::skip_token(value, at);
        if !value[at..end].eq_ignore_ascii_case(expected) {
            return None;
        }
        let slash = grammar::skip_space(value, end);
        if value.get(slash) != Some(&b'/') {
            return None;
        }
        at = grammar::skip_space(value, slash + 1);
    }
    Some((at, grammar::skip_token(value, at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_out_value() {
        let via = Via::parse(b"SIP  / 2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw").unwrap();
        assert_eq!((via.transport(), via.host(), via.port()), ("UDP", "192.0.2.2", None));
        assert_eq!(via.branch(), Some("390skdjuw"));
        assert!(!via.has_magic_cookie());
        let via = Via::parse(b"SIP/2.0/TCP    spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ").unwrap();
        assert_eq!((via.host(), via.branch()), ("spindle.example.com", Some("z9hG4bK9ikj8")));
        let via =
            Via::parse(b"SIP / 2.0 / UDP first.example.com: 4000;ttl=16;maddr=224.2.0.1 ;branch=z9hG4bKa7c6").unwrap();
        assert_eq!((via.port(), via.ttl(), via.maddr()), (Some(4000), Some(16), Some("224.2.0.1")));
    }

    #[test]
    fn ipv6_and_received() {
        let via =
            Via::parse(b"SIP/2.0/UDP [2001:db8::9:1]:6050;received=[2001:db8:9::255];branch=z9hG4bKas3-111").unwrap();
        assert_eq!((via.host(), via.port()), ("[2001:db8::9:1]", Some(6050)));
        assert_eq!(via.received(), "2001:db8:9::255".parse().ok());
        let via = Via::parse(b"SIP/2.0/UDP [::1];received=2001:db8:9::255;rport").unwrap();
        assert_eq!(via.received(), "2001:db8:9::255".parse().ok());
        assert_eq!(via.rport(), Some(Rport::Requested));
        assert_eq!(Via::parse(b"SIP/2.0/UDP h;rport=5").and_then(|via| via.rport()), Some(Rport::Port(5)));
    }

    #[test]
    fn what_is_found_with_the_parameters_is_what_they_say() {
        for value in [
            "SIP/2.0/UDP h",
            "SIP/2.0/UDP h;branch",
            "SIP/2.0/UDP h;branch=",
            "SIP/2.0/UDP h;BRANCH = z9hG4bKa ; rport",
            "SIP/2.0/UDP h;rport=7;rport=8;branch=a;branch=b",
            "SIP/2.0/UDP h;rport=x;branch=\"a;b\";received=192.0.2.1",
            "SIP/2.0/UDP h;rport=99999;branches=c",
        ] {
            let via = Via::parse(value.as_bytes()).unwrap();
            let branch = via.parameters().get("branch").filter(|branch| !branch.is_empty());
            assert_eq!(via.branch(), branch, "{value}");
            let rport = via.parameters().find("rport").map(|found| {
                let port = found.value.and_then(|port| grammar::number::<u16>(port.as_bytes()));
                port.map_or(Rport::Requested, Rport::Port)
            });
            assert_eq!(via.rport(), rport, "{value}");
        }
    }

    #[test]
    fn broken_values_are_refused() {
        for bad in [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0/UDPhost",
            "SIP/3.0/UDP h",
            "HTTP/2.0/UDP h",
            "SIP/2.0/UDP h:x",
            "SIP/2.0/UDP h:99999",
            "SIP/2.0/UDP 192.0.2.15;;,;,,",
            "SIP/2.0/UDP ;branch=x",
            "SIP/2.0/ h",
            "SIP/2.0/UDP h junk",
            "SIP/2.0/UDP 2001:db8::1",
        ] {
            assert_eq!(Via::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}

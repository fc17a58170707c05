//! The transports that there are (RFC 3261 §18). A further one is a file that describes it, and a line in the list below.

use std::fmt;
use std::io;

use super::listener::ListenerConfig;
use super::socket::Socket;
use super::{tcp, tls, udp, ws};
use crate::message::{Scheme, UriRef};

/// What there is to know of a transport.
#[derive(Debug)]
pub(super) struct Kind {
    /// The name in a Via (RFC 3261 §20.42).
    pub(super) name: &'static str,
    /// Its name where it is written alone: in the configuration, in a log, in the text of a flow.
    pub(super) parameter: &'static str,
    /// The name in a URI's `transport` parameter (RFC 3261 §19.1.1, RFC 7118 §5.2.2).
    pub(super) uri_parameter: &'static str,
    /// The port where none is written (RFC 3261 §19.1.2).
    pub(super) default_port: u16,
    /// The service by which a zone offers it (RFC 3263 §4.1); `None`: none is used from here.
    pub(super) naptr: Option<&'static str>,
    /// What stands before the domain in the name of its SRV records (RFC 3263 §4.2); `None`: it has none.
    pub(super) srv: Option<&'static str>,
    /// Whether what is sent arrives or is reported as failed.
    pub(super) is_reliable: bool,
    /// Whether nobody on the way reads or changes what is sent.
    pub(super) is_secure: bool,
    /// Whether connections are opened from here; else the peers' are waited for.
    pub(super) is_opened: bool,
    /// Binds a listener; the second argument: whether other shards bind the same address.
    pub(super) bind: fn(&ListenerConfig, bool) -> io::Result<Socket>,
}

macro_rules! transports {
    ($($(#[$doc:meta])* $transport:ident = $kind:path;)*) => {
        /// A transport of SIP.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Transport {
            $($(#[$doc])* $transport,)*
        }

        impl Transport {
            /// All of them.
            pub const ALL: &'static [Transport] = &[$(Transport::$transport),*];

            pub(super) const fn kind(self) -> &'static Kind {
                match self {
                    $(Transport::$transport => &$kind,)*
                }
            }
        }
    };
}

transports! {
    /// Datagrams: what is sent may be lost, so transactions retransmit.
    Udp = udp::KIND;
    /// A stream, framed by Content-Length.
    Tcp = tcp::KIND;
    /// TLS over TCP (RFC 3261 §26.3.1), framed as TCP.
    Tls = tls::KIND;
    /// WebSocket over TCP (RFC 7118): a message is one of WebSocket.
    Ws = ws::KIND;
    /// WebSocket over TLS.
    Wss = ws::SECURE_KIND;
}

impl Transport {
    /// What a `sip:` URI means that names none (RFC 3263 §4.1).
    pub const DEFAULT: Transport = Transport::Udp;

    /// The transport that a Via or a `transport` parameter names, in any case.
    pub fn parse(token: &str) -> Option<Transport> {
        Transport::ALL.iter().copied().find(|transport| token.eq_ignore_ascii_case(transport.as_str()))
    }

    /// The name in a Via (RFC 3261 §20.42).
    pub const fn as_str(self) -> &'static str {
        self.kind().name
    }

    /// Its name where it is written alone: in the configuration, in a log, in the text of a flow.
    pub const fn parameter(self) -> &'static str {
        self.kind().parameter
    }

    /// The name in a URI's `transport` parameter (RFC 3261 §19.1.1).
    pub const fn uri_parameter(self) -> &'static str {
        self.kind().uri_parameter
    }

    /// Whether nobody on the way reads or changes what is sent.
    pub const fn is_secure(self) -> bool {
        self.kind().is_secure
    }

    /// Whether connections are opened from here; else a peer is reached by one of its own alone (RFC 7118 §4.2).
    pub const fn is_opened(self) -> bool {
        self.kind().is_opened
    }

    /// The transport by which a URI's host is reached: the one that is written, or else the default; of `sips:` one with TLS
    /// (RFC 3261 §26.2.2, RFC 3263 §4.1). `None`: none of ours.
    pub fn of_uri(uri: &UriRef<'_>) -> Option<Transport> {
        let written = match uri.transport() {
            Some(token) => Some(Transport::parse(token)?),
            None => None,
        };
        match (uri.scheme(), written) {
            (Scheme::Sip, written) => Some(written.unwrap_or(Transport::DEFAULT)),
            (Scheme::Sips, None | Some(Transport::Tcp | Transport::Tls)) => Some(Transport::Tls),
            (Scheme::Sips, _) | (Scheme::Tel | Scheme::Other, _) => None,
        }
    }

    /// Whether what is sent arrives or is reported as failed, so that transactions need not retransmit
    /// (RFC 3261 §17).
    pub const fn is_reliable(self) -> bool {
        self.kind().is_reliable
    }

    /// The service by which a zone offers it (RFC 3263 §4.1).
    pub(super) const fn naptr_service(self) -> Option<&'static str> {
        self.kind().naptr
    }

    /// What stands before the domain in the name of its SRV records (RFC 3263 §4.2).
    pub(super) const fn srv_prefix(self) -> Option<&'static str> {
        self.kind().srv
    }

    /// The port where none is written (RFC 3261 §19.1.2).
    pub const fn default_port(self) -> u16 {
        self.kind().default_port
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transports_are_named_in_any_case() {
        assert_eq!(Transport::parse("udp"), Some(Transport::Udp));
        assert_eq!(Transport::parse("Tcp"), Some(Transport::Tcp));
        assert_eq!(Transport::parse("SCTP"), None);
        assert!(Transport::Tcp.is_reliable() && !Transport::Udp.is_reliable());
        assert!(Transport::Tls.is_secure() && !Transport::Tcp.is_secure());
    }
}

//! What the transport layer does with Via: writes ours on requests (RFC 3261 §18.1.1), and follows the client's with
//! responses (§18.2.2, RFC 3581 §4). What a response says of `received` and `rport` (§18.2.1) is written by
//! [`ResponseWriter::source`](crate::message::ResponseWriter::source).

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use memchr::memmem;

use super::flow::{Connection, Destination, Flow};
use super::kind::Transport;
use super::listener::Listener;
use crate::message::{Rport, Value, Via, host_address};

/// Octets that our Via line adds to a request at most, the advertised host not counted.
const VIA_LINE_OCTETS: usize = 128;

/// The request with our Via on top: the transport and the advertised address of the listener, as seen from our end of the way
/// where that is known, and the branch.
/// `rport` is asked for on UDP (RFC 3581 §3), so that the response comes back through a NAT of ours.
///
/// The request starts with its request line and has no Via of ours; one without any line end comes back as it is.
pub fn with_via(request: &[u8], listener: &Listener, local: Option<IpAddr>, branch: &str) -> Bytes {
    let Some(line) = memmem::find(request, b"\r\n") else { return Bytes::copy_from_slice(request) };
    let (start, rest) = request.split_at(line + 2);
    let advertised = listener.advertised_from(local);
    let room = VIA_LINE_OCTETS + advertised.host().len() + branch.len();
    let asked = match listener.transport() {
        Transport::Udp => ";rport",
        // The connection may be used for requests to us, too (RFC 5923 §5.1).
        Transport::Tls => ";alias",
        _ => "",
    };
    let mut buffer = Vec::with_capacity(request.len() + room);
    buffer.extend_from_slice(start);
    ("Via: SIP/2.0/", listener.transport().as_str(), " ", advertised, ";branch=", branch, asked).put(&mut buffer);
    buffer.extend_from_slice(b"\r\n");
    buffer.extend_from_slice(rest);
    buffer.into()
}

/// Whether `maddr` of a Via is followed. It names any address as that of the response, so a stranger's would make the server
/// send to whom the stranger likes; it is for multicast and for proxies that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maddr {
    /// The sender is known by its address: a trunk.
    Followed,
    /// As if it were not there.
    Ignored,
}

/// Where the response to a request with that topmost Via, received on that flow, is sent (RFC 3261 §18.2.2).
///
/// - A stream: the connection of the request; once it is gone, the source address with the port of sent-by.
/// - `maddr`, where it is followed: that address, where it is one, with the port of sent-by.
/// - `rport`: the source address and port (RFC 3581 §4), from the socket that the request came to.
/// - Otherwise the source address (which `received` says, or sent-by itself) with the port of sent-by.
///
/// What the Via itself claims in `received` and in the value of `rport` is not believed: the server sets both.
pub fn response_destination(via: &Via<'_>, flow: &Flow, maddr: Maddr) -> Destination {
    let back = Destination { may_upgrade: false, ..Destination::flow(flow) };
    let port = via.port().filter(|&port| port != 0).unwrap_or(flow.transport.default_port());
    let sent_by = SocketAddr::new(flow.remote.ip(), port);
    if let Some(connection) = flow.connection {
        return Destination { connection: Connection::Prefer(connection, sent_by), ..back };
    }
    if maddr == Maddr::Followed
        && let Some(address) = via.maddr().and_then(host_address)
        && address.is_ipv4() == flow.remote.is_ipv4()
    {
        return Destination { remote: SocketAddr::new(address, port), ..back };
    }
    match via.rport() {
        Some(Rport::Requested | Rport::Port(_)) => back,
        None => Destination { remote: sent_by, ..back },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{ConnectionId, ListenerId, Transport};

    fn flow(transport: Transport, remote: &str) -> Flow {
        Flow {
            transport,
            listener: ListenerId(0),
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: remote.parse().unwrap(),
            connection: transport.is_reliable().then_some(ConnectionId(4)),
        }
    }

    fn udp(via: &str, remote: &str) -> String {
        let via = Via::parse(via.as_bytes()).unwrap();
        response_destination(&via, &flow(Transport::Udp, remote), Maddr::Followed).remote.to_string()
    }

    #[test]
    fn a_stranger_does_not_say_by_maddr_where_responses_go() {
        for (via, expected) in [
            ("SIP/2.0/UDP 10.0.0.1:5062;maddr=203.0.113.9", "198.51.100.7:5062"),
            ("SIP/2.0/UDP 10.0.0.1:5062;maddr=203.0.113.9;rport", "198.51.100.7:40000"),
        ] {
            let via = Via::parse(via.as_bytes()).unwrap();
            let flow = flow(Transport::Udp, "198.51.100.7:40000");
            assert_eq!(response_destination(&via, &flow, Maddr::Ignored).remote.to_string(), expected);
        }
    }

    #[test]
    fn a_response_over_udp_follows_rport_maddr_and_sent_by() {
        let source = "198.51.100.7:40000";
        for (via, expected) in [
            ("SIP/2.0/UDP 10.0.0.1:5062;rport;branch=z9hG4bK1", "198.51.100.7:40000"),
            ("SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1", "198.51.100.7:5062"),
            ("SIP/2.0/UDP phone.example.com;branch=z9hG4bK1", "198.51.100.7:5060"),
            ("SIP/2.0/UDP 10.0.0.1:0", "198.51.100.7:5060"),
            ("SIP/2.0/UDP 10.0.0.1:5062;maddr=224.2.0.1;ttl=16", "224.2.0.1:5062"),
            ("SIP/2.0/UDP 10.0.0.1:5062;maddr=proxy.example.com;rport", "198.51.100.7:40000"),
            ("SIP/2.0/UDP 10.0.0.1;maddr=[2001:db8::1]", "198.51.100.7:5060"),
            // Not believed: the server sets them.
            ("SIP/2.0/UDP 10.0.0.1;received=203.0.113.9;rport=9", "198.51.100.7:40000"),
            ("SIP/2.0/UDP 10.0.0.1:5070;received=203.0.113.9", "198.51.100.7:5070"),
        ] {
            assert_eq!(udp(via, source), expected, "{via}");
        }
        assert_eq!(udp("SIP/2.0/UDP [2001:db8::7]:5062", "[2001:db8::7]:5062"), "[2001:db8::7]:5062");
    }

    #[test]
    fn a_response_over_udp_leaves_from_the_socket_of_the_request() {
        let via = Via::parse(b"SIP/2.0/UDP 10.0.0.1:5062").unwrap();
        let destination = response_destination(&via, &flow(Transport::Udp, "198.51.100.7:40000"), Maddr::Followed);
        assert_eq!((destination.listener, destination.may_upgrade), (Some(ListenerId(0)), false));
        assert_eq!(destination.local, Some("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn a_response_over_tcp_takes_the_connection_and_then_sent_by() {
        let via = Via::parse(b"SIP/2.0/TCP 10.0.0.1:5062;branch=z9hG4bK1").unwrap();
        let destination = response_destination(&via, &flow(Transport::Tcp, "198.51.100.7:40000"), Maddr::Followed);
        let sent_by = "198.51.100.7:5062".parse().unwrap();
        assert_eq!(destination.connection, Connection::Prefer(ConnectionId(4), sent_by));
        assert_eq!(destination.remote.to_string(), "198.51.100.7:40000");
    }

    #[test]
    fn our_via_goes_on_top() {
        let request = b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP other\r\n\r\n";
        let udp = Listener::new(Transport::Udp, "[2001:db8::1]:5060".parse().unwrap(), None);
        assert_eq!(
            with_via(request, &udp, None, "z9hG4bKx"),
            "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKx;rport\r\nVia: SIP/2.0/UDP other\r\n\r\n"
        );
        let tcp = Listener::new(Transport::Tcp, "192.0.2.1:5070".parse().unwrap(), None);
        let written = with_via(request, &tcp, None, "z9hG4bKx");
        assert!(
            written.starts_with(b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1:5070;branch=z9hG4bKx\r\nVia:")
        );
        assert_eq!(with_via(b"nonsense", &tcp, None, "z9hG4bKx"), "nonsense");
    }
}

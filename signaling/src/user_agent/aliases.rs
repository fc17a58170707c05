//! Connections that trunks opened and offer for requests to them, too (RFC 5923): one connection for both directions.

use crate::limits::ALIASES_MAX;
use crate::message::Message;
use crate::transport::{Connection, ConnectionId, Destination, Flow};
use crate::trunk::{TrunkId, Trunks};
use std::collections::HashMap;
use std::net::SocketAddr;

/// Connections by the trunk that has proven to be at their other end, and where it says that it listens.
#[derive(Debug, Default)]
pub(crate) struct Aliases(HashMap<(TrunkId, SocketAddr), ConnectionId>);

impl Aliases {
    /// Takes note of a request's offer, if it makes one and its sender has proven whose it is (RFC 5923 §8.2: who has not would draw
    /// another's requests to itself).
    pub(crate) fn note(&mut self, request: &Message, flow: &Flow, trunk: TrunkId, trunks: &Trunks) {
        let (Some(connection), Ok(via)) = (flow.connection, request.via()) else { return };
        if !flow.transport.is_secure() || !via.parameters().has("alias") || trunks.get(trunk).config.domain.is_none() {
            return;
        }
        let port = via.port().filter(|&port| port != 0).unwrap_or(flow.transport.default_port());
        let place = (trunk, SocketAddr::new(flow.remote.ip(), port));
        if self.0.len() < ALIASES_MAX || self.0.contains_key(&place) {
            self.0.insert(place, connection);
        }
    }

    /// A connection ended.
    pub(crate) fn closed(&mut self, flow: &Flow) {
        if !self.0.is_empty() {
            self.0.retain(|_, connection| Some(*connection) != flow.connection);
        }
    }

    /// The way that a request takes: by an alias where there is one.
    pub(crate) fn apply(&self, destination: Destination) -> Destination {
        let place = destination.trunk.filter(|_| destination.transport.is_secure() && !self.0.is_empty());
        let alias = place.and_then(|trunk| self.0.get(&(trunk, destination.remote)));
        match (alias, destination.connection) {
            (Some(&alias), Connection::Any) => {
                Destination { connection: Connection::Prefer(alias, destination.remote), ..destination }
            }
            _ => destination,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{ListenerId, Transport};
    use crate::trunk::{Source, TrunkConfig};
    use bytes::Bytes;
    use router::{Private, Shards};

    fn trunk(name: &str, domain: Option<&str>) -> TrunkConfig {
        TrunkConfig {
            name: name.to_owned(),
            target: None,
            sources: Source::parse("0.0.0.0/0").into_iter().collect(),
            domain: domain.map(str::to_owned),
            credentials: None,
            trusted: false,
            calls_max: None,
            response_timeout: crate::limits::TRUNK_RESPONSE_TIMEOUT,
            calls: None,
            calls_per_s: None,
            options: None,
            register: Vec::new(),
            register_expires: crate::limits::REGISTER_EXPIRES,
            outbound: false,
            headers: Default::default(),
            identity: Default::default(),
            media_fixed: false,
        }
    }

    #[test]
    fn a_connection_is_taken_for_requests_where_it_is_offered_by_whom_is_proven() {
        let configs = vec![trunk("proven", Some("a.example")), trunk("plain", None)];
        let trunks = Trunks::new(configs, Private::default(), Shards::default());
        let [proven, plain] = ["proven", "plain"].map(|name| trunks.by_name(name).unwrap());
        let request = |parameters: &str| {
            let via = format!("SIP/2.0/TLS 198.51.100.7:5071;branch=z9hG4bK1{parameters}");
            let text = format!("OPTIONS sip:h SIP/2.0\r\nVia: {via}\r\n\r\n");
            Message::parse_datagram(Bytes::from(text)).unwrap()
        };
        let flow = Flow {
            transport: Transport::Tls,
            listener: ListenerId(0),
            local: "192.0.2.1:5061".parse().unwrap(),
            remote: "198.51.100.7:40000".parse().unwrap(),
            connection: Some(ConnectionId(9)),
        };
        let to =
            |trunk, remote: &str| Destination::address(Transport::Tls, remote.parse().unwrap()).of_trunk(Some(trunk));
        let there = to(proven, "198.51.100.7:5071");
        let mut aliases = Aliases::default();
        aliases.note(&request(""), &flow, proven, &trunks);
        aliases.note(&request(";alias"), &flow, plain, &trunks);
        aliases.note(&request(";alias"), &Flow { transport: Transport::Tcp, ..flow }, proven, &trunks);
        assert_eq!(aliases.apply(there), there, "not offered, not proven, not protected");
        aliases.note(&request(";alias"), &flow, proven, &trunks);
        assert_eq!(aliases.apply(there).connection, Connection::Prefer(ConnectionId(9), there.remote));
        for other in [to(proven, "198.51.100.7:5061"), to(plain, "198.51.100.7:5071")] {
            assert_eq!(aliases.apply(other), other, "somebody else");
        }
        let back = Destination::flow(&flow).of_trunk(Some(proven));
        assert_eq!(aliases.apply(back), back, "what has its connection keeps it");
        aliases.closed(&flow);
        assert_eq!(aliases.apply(there), there);
    }
}

//! Which hosts have a service (RFC 2782), by way of aliases too: the name of the service may be one (RFC 1034 §3.6.2), that of a host may not.
//!
//! The resolver follows the targets of SRV records as if they were aliases, so the name servers are asked here themselves.

use std::fmt;
use std::sync::Arc;

use hickory_resolver::config::{ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer, RetryDnsHandle};
use hickory_resolver::proto::op::{DnsRequestOptions, Query};
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig};

use super::limits::LOOKUP_ALIASES_MAX;

/// Names at whose end no name server is asked (RFC 6761, RFC 7686): a browser's contact ends in one.
const NOWHERE: [&[u8]; 3] = [b"invalid", b"localhost", b"onion"];

/// The name servers, asked for services.
#[derive(Clone)]
pub(super) struct Services {
    servers: RetryDnsHandle<NameServerPool<TokioRuntimeProvider>>,
    options: DnsRequestOptions,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Services {
    /// Of these name servers.
    pub(super) fn new(config: &ResolverConfig, options: &ResolverOpts) -> Result<Self, NetError> {
        let context = Arc::new(PoolContext::new(options.clone(), TlsConfig::new()?));
        let servers = config.name_servers.iter().cloned();
        let pool = NameServerPool::from_config(servers, context, TokioRuntimeProvider::default());
        let mut request = DnsRequestOptions::default();
        request.recursion_desired = options.recursion_desired;
        request.use_edns = options.edns0;
        request.edns_payload_len = options.edns_payload_len;
        request.case_randomization = options.case_randomization;
        Ok(Self { servers: RetryDnsHandle::new(pool, options.attempts), options: request })
    }

    /// The hosts of a service, none where it has none, and the shortest time to live of what leads there.
    pub(super) async fn find(&self, mut name: Name) -> Result<(Vec<SRV>, Option<u32>), NetError> {
        let mut ttl = None;
        for _ in 0..LOOKUP_ALIASES_MAX {
            let ends_nowhere =
                name.iter().next_back().is_none_or(|end| NOWHERE.iter().any(|one| end.eq_ignore_ascii_case(one)));
            if ends_nowhere {
                break;
            }
            let query = Query::query(name.clone(), RecordType::SRV);
            let response = self.servers.lookup(query, self.options).first_answer().await?;
            let named = follow(&response.answers, &name, &mut ttl);
            let of_it = response.answers.iter().filter(|record| record.name == named);
            let mut hosts = Vec::new();
            for record in of_it {
                if let RData::SRV(srv) = &record.data {
                    shorten(&mut ttl, record);
                    hosts.push(srv.clone());
                }
            }
            // An alias alone: its end is asked for.
            if !hosts.is_empty() || named == name {
                return Ok((hosts, ttl));
            }
            name = named;
        }
        Ok((Vec::new(), ttl))
    }
}

/// The name that an answer's aliases lead to.
fn follow(answers: &[Record], name: &Name, ttl: &mut Option<u32>) -> Name {
    let mut name = name.clone();
    for _ in 0..LOOKUP_ALIASES_MAX {
        let next = answers.iter().find_map(|record| match &record.data {
            RData::CNAME(alias) if record.name == name => Some((alias.0.clone(), record)),
            _ => None,
        });
        let Some((next, record)) = next else { break };
        shorten(ttl, record);
        name = next;
    }
    name
}

fn shorten(ttl: &mut Option<u32>, record: &Record) {
    *ttl = Some(ttl.map_or(record.ttl, |ttl| ttl.min(record.ttl)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::config::{ConnectionConfig, NameServerConfig};
    use hickory_resolver::proto::op::{Message, OpCode};
    use hickory_resolver::proto::rr::rdata::CNAME;
    use std::net::SocketAddr;
    use tokio::net::UdpSocket;

    fn name(text: &str) -> Name {
        let mut name = Name::from_ascii(text).unwrap();
        name.set_fqdn(true);
        name
    }

    fn alias(of: &str, to: &str, ttl: u32) -> Record {
        Record::from_rdata(name(of), ttl, RData::CNAME(CNAME(name(to))))
    }

    fn srv(of: &str, host: &str) -> Record {
        Record::from_rdata(name(of), 600, RData::SRV(SRV::new(10, 1, 5_070, name(host))))
    }

    /// A name server that answers all that is asked with what is given for its name, and what it was asked for.
    async fn serve(socket: UdpSocket, zone: Vec<(&'static str, Vec<Record>)>) {
        let mut buffer = [0; 1_500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let asked = Message::from_vec(&buffer[..length]).unwrap();
            let query = asked.queries[0].clone();
            assert_eq!(query.query_type(), RecordType::SRV);
            let of_it = zone.iter().find(|(of, _)| name(of) == *query.name());
            let (_, records) = of_it.unwrap_or_else(|| panic!("{query} is none of a service"));
            let mut answer = Message::response(asked.metadata.id, OpCode::Query);
            answer.add_query(query);
            answer.add_answers(records.iter().cloned());
            socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
        }
    }

    async fn found(zone: Vec<(&'static str, Vec<Record>)>, service: &str) -> (Vec<SRV>, Option<u32>) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at: SocketAddr = socket.local_addr().unwrap();
        tokio::spawn(serve(socket, zone));
        let mut connection = ConnectionConfig::udp();
        connection.port = at.port();
        let server = NameServerConfig::new(at.ip(), true, vec![connection]);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        Services::new(&config, &ResolverOpts::default()).unwrap().find(name(service)).await.unwrap()
    }

    #[tokio::test]
    async fn a_service_is_found_by_its_name_and_by_an_alias_of_it_whether_its_records_come_along_or_not() {
        let own = || vec![SRV::new(10, 1, 5_070, name("h.example"))];
        for (zone, ttl) in [
            (vec![("_sip._udp.a.example", vec![srv("_sip._udp.a.example", "h.example")])], 600),
            (
                vec![(
                    "_sip._udp.a.example",
                    vec![
                        alias("_sip._udp.a.example", "_sip._udp.b.example", 60),
                        srv("_sip._udp.b.example", "h.example"),
                    ],
                )],
                60,
            ),
            (
                vec![
                    ("_sip._udp.a.example", vec![alias("_sip._udp.a.example", "_sip._udp.b.example", 900)]),
                    ("_sip._udp.b.example", vec![alias("_sip._udp.b.example", "_sip._udp.c.example", 90)]),
                    ("_sip._udp.c.example", vec![srv("_sip._udp.c.example", "h.example")]),
                ],
                90,
            ),
        ] {
            assert_eq!(found(zone, "_sip._udp.a.example").await, (own(), Some(ttl)));
        }
    }

    #[tokio::test]
    async fn aliases_that_go_in_a_circle_lead_nowhere_and_names_that_are_nowhere_are_not_asked_for() {
        let circle = vec![
            ("_sip._udp.a.example", vec![alias("_sip._udp.a.example", "_sip._udp.b.example", 60)]),
            ("_sip._udp.b.example", vec![alias("_sip._udp.b.example", "_sip._udp.a.example", 60)]),
        ];
        assert_eq!(found(circle, "_sip._udp.a.example").await.0, []);
        assert_eq!(found(Vec::new(), "_sip._udp.df7jal23ls0d.invalid").await.0, []);
    }
}

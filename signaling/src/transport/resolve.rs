//! Questions to the name service, asked beside the message flow: nothing waits for it.

use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use router::Random;
use router::time::{Duration, Instant};
use tokio::task::JoinSet;

use super::kind::Transport;
use super::limits::{LOOKUP_ATTEMPTS, LOOKUP_LATE, LOOKUP_TIMEOUT};
use super::names::{Answer, Names, Naptr, Question, Records, Srv};
use super::sought::{Resolution, Sought};

/// Asks the name service, and remembers.
#[derive(Debug)]
pub struct Resolver {
    names: Names,
    service: Option<Box<TokioResolver>>,
    questions: JoinSet<(Question, Answer)>,
    /// Answers that came while [`poll_ready`](Self::poll_ready) looked.
    answers: Vec<(Question, Answer)>,
}

impl Resolver {
    /// With these name servers; without any with those of the system (`/etc/resolv.conf`), read now. The system's `/etc/hosts`
    /// goes before either. Where there is no name service, every name is unknown and only addresses resolve. To be called
    /// within a tokio runtime.
    pub fn new(servers: &[SocketAddr], served: Vec<Transport>, random: Random) -> Resolver {
        let builder = match servers {
            [] => TokioResolver::builder_tokio(),
            servers => {
                let servers = servers.iter().map(|server| {
                    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                        connection.port = server.port();
                        connection
                    });
                    NameServerConfig::new(server.ip(), true, connections.into())
                });
                let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
                Ok(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))
            }
        };
        let service = builder.and_then(|mut builder| {
            let options = builder.options_mut();
            options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
            (options.timeout, options.attempts) = (LOOKUP_TIMEOUT, LOOKUP_ATTEMPTS);
            // The cache is ours.
            options.cache_size = 0;
            builder.build()
        });
        let service = service.inspect_err(|error| tracing::warn!(%error, "no name service: names are unknown")).ok();
        Resolver {
            names: Names::new(served, random),
            service: service.map(Box::new),
            questions: JoinSet::new(),
            answers: Vec::new(),
        }
    }

    /// Where something is, as far as it is known now. While it is [`Resolution::Pending`], the answer comes from
    /// [`poll_answer`](Self::poll_answer).
    pub fn resolve(&mut self, now: Instant, sought: &Sought) -> Resolution {
        let resolution = self.names.locate(now, sought);
        self.ask(now);
        resolution
    }

    /// The next thing that was sought and is found, or not to be found.
    pub fn poll_answer(&mut self, now: Instant) -> Option<(Sought, Resolution)> {
        loop {
            if let Some(located) = self.names.poll_located() {
                return Some(located);
            }
            let (question, answer) = self.answers.pop().or_else(|| self.questions.try_join_next()?.ok())?;
            self.names.handle_answer(now, &question, answer);
            self.ask(now);
        }
    }

    fn ask(&mut self, now: Instant) {
        while let Some(question) = self.names.poll_question() {
            if self.service.is_some() && self.names.may_be_late(&question) {
                let question = question.clone();
                self.questions.spawn(async move {
                    tokio::time::sleep(LOOKUP_LATE).await;
                    (question, Answer::Late)
                });
            }
            match self.service.clone() {
                Some(service) => drop(self.questions.spawn(async move {
                    let answer = answer(&service, &question).await;
                    (question, answer)
                })),
                None => self.names.handle_answer(now, &question, Answer::Failed),
            }
        }
    }

    /// Ready when an answer has come.
    pub fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.answers.is_empty() {
            return Poll::Ready(());
        }
        match self.questions.poll_join_next(context) {
            Poll::Ready(Some(Ok(answer))) => {
                self.answers.push(answer);
                Poll::Ready(())
            }
            // Nothing is asked, or a question was aborted: nothing to wait for.
            Poll::Ready(_) | Poll::Pending => Poll::Pending,
        }
    }

    /// Waits until an answer has come; may be dropped at any moment.
    pub async fn ready(&mut self) {
        std::future::poll_fn(|context| self.poll_ready(context)).await;
    }
}

async fn answer(service: &TokioResolver, question: &Question) -> Answer {
    let found = match question {
        Question::Naptr(name) | Question::Number(name) => records(service, name, RecordType::NAPTR).await,
        Question::Srv(name) => records(service, name, RecordType::SRV).await,
        Question::Addresses(host) => addresses(service, host).await,
    };
    found.unwrap_or_else(|error| match error {
        NetError::Dns(DnsError::NoRecordsFound(absent)) => {
            Answer::Absent(absent.negative_ttl.map(u64::from).map(Duration::from_secs))
        }
        error => {
            match question {
                // It may tell the name, and that is a number.
                Question::Number(_) => tracing::debug!("the name service failed for a number"),
                _ => tracing::debug!(%error, "the name service failed"),
            }
            Answer::Failed
        }
    })
}

async fn addresses(service: &TokioResolver, host: &str) -> Result<Answer, NetError> {
    let found = service.lookup_ip(host).await?;
    let ttl = found.as_lookup().answers().iter().map(|record| record.ttl).min();
    let addresses: Vec<IpAddr> = found.iter().collect();
    Ok(Answer::Found(Records::Addresses(addresses.into()), seconds(ttl)))
}

async fn records(service: &TokioResolver, name: &str, kind: RecordType) -> Result<Answer, NetError> {
    // No name of the search list: it stands in a URI, or in another record.
    let Ok(mut full) = Name::from_ascii(name) else { return Ok(Answer::Absent(None)) };
    full.set_fqdn(true);
    let found = service.lookup(full, kind).await?;
    let ttl = found.answers().iter().map(|record| record.ttl).min();
    let (mut services, mut hosts) = (Vec::new(), Vec::new());
    for record in found.answers() {
        match &record.data {
            RData::NAPTR(naptr) => services.push(Naptr {
                order: naptr.order,
                preference: naptr.preference,
                flags: String::from_utf8_lossy(&naptr.flags).into(),
                service: String::from_utf8_lossy(&naptr.services).into(),
                regexp: String::from_utf8_lossy(&naptr.regexp).into(),
                replacement: plain(&naptr.replacement),
            }),
            RData::SRV(srv) => hosts.push(Srv {
                priority: srv.priority,
                weight: srv.weight,
                port: srv.port,
                target: plain(&srv.target),
            }),
            // An alias on the way.
            _ => {}
        }
    }
    let records = if kind == RecordType::SRV { Records::Srv(hosts.into()) } else { Records::Naptr(services.into()) };
    Ok(Answer::Found(records, seconds(ttl)))
}

fn seconds(ttl: Option<u32>) -> Duration {
    Duration::from_secs(u64::from(ttl.unwrap_or(0)))
}

/// In small letters, without the dot at the end: that of the root is empty.
fn plain(name: &Name) -> Box<str> {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_of_the_host_itself_resolve_without_a_name_server() {
        // Nobody listens there.
        let nobody = ["127.0.0.1:9".parse().unwrap()];
        let mut resolver = Resolver::new(&nobody, vec![Transport::Udp], Random::from_seed(1));
        let now = Instant::from_millis(1);
        let sought = Sought::new("localhost", Some(5070), None);
        let mut resolution = resolver.resolve(now, &sought);
        while resolution == Resolution::Pending {
            resolver.ready().await;
            if let Some((located, found)) = resolver.poll_answer(now) {
                assert_eq!(located, sought);
                resolution = found;
            }
        }
        assert!(
            matches!(&resolution, Resolution::Known(found) if found.iter().all(|to| to.remote.ip().is_loopback())),
            "{resolution:?}"
        );
        assert_eq!(resolver.resolve(now, &sought), resolution);
    }
}

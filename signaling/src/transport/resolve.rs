//! Questions to the name service, asked beside the message flow: nothing waits for it.

use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use router::Random;
use router::time::{Duration, Instant};
use tokio::task::JoinSet;

use super::kind::Transport;
use super::limits::{LOCATED_WITHIN, LOOKUP_LATE, LOOKUP_REPETITIONS, LOOKUP_TIMEOUT};
use super::names::{Answer, Names, Naptr, Question, Records, Srv};
use super::services::Services;
use super::sought::{Resolution, Sought};

/// Whom questions go to.
#[derive(Clone, Debug)]
struct NameService {
    resolver: TokioResolver,
    services: Services,
}

impl NameService {
    fn new(servers: &[SocketAddr]) -> Result<Self, NetError> {
        let (config, mut options) = match servers {
            [] => read_system_conf()?,
            servers => {
                let servers = servers.iter().map(|server| {
                    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                        connection.port = server.port();
                        connection
                    });
                    NameServerConfig::new(server.ip(), true, connections.into())
                });
                (ResolverConfig::from_parts(None, Vec::new(), servers.collect()), ResolverOpts::default())
            }
        };
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        (options.timeout, options.attempts) = (LOOKUP_TIMEOUT, LOOKUP_REPETITIONS);
        // The cache is ours.
        options.cache_size = 0;
        let services = Services::new(&config, &options)?;
        let resolver =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).with_options(options);
        Ok(Self { resolver: resolver.build()?, services })
    }
}

/// Asks the name service, and remembers.
#[derive(Debug)]
pub struct Resolver {
    names: Names,
    service: Option<Box<NameService>>,
    questions: JoinSet<Heard>,
    /// What came while [`poll_ready`](Self::poll_ready) looked.
    heard: Vec<Heard>,
}

/// What is waited for.
#[derive(Debug)]
enum Heard {
    /// An answer to a question.
    Answer(Question, Answer),
    /// That this has been sought for long enough.
    Overdue(Sought),
}

impl Resolver {
    /// With these name servers; without any with those of the system (`/etc/resolv.conf`), read now. The system's `/etc/hosts`
    /// goes before either. Where there is no name service, every name is unknown and only addresses resolve. To be called
    /// within a tokio runtime.
    pub fn new(servers: &[SocketAddr], served: Vec<Transport>, random: Random) -> Resolver {
        let service = NameService::new(servers);
        let service = service.inspect_err(|error| tracing::warn!(%error, "no name service: names are unknown")).ok();
        Resolver {
            names: Names::new(served, random),
            service: service.map(Box::new),
            questions: JoinSet::new(),
            heard: Vec::new(),
        }
    }

    /// Where something is, as far as it is known now. While it is [`Resolution::Pending`], the answer comes from
    /// [`poll_answer`](Self::poll_answer).
    pub fn resolve(&mut self, now: Instant, sought: &Sought) -> Resolution {
        let waits = self.names.is_waiting(sought);
        let resolution = self.names.locate(now, sought);
        if !waits && resolution == Resolution::Pending && self.service.is_some() {
            let sought = sought.clone();
            self.questions.spawn(async move {
                tokio::time::sleep(LOCATED_WITHIN).await;
                Heard::Overdue(sought)
            });
        }
        self.ask(now);
        resolution
    }

    /// The next thing that was sought and is found, or not to be found.
    pub fn poll_answer(&mut self, now: Instant) -> Option<(Sought, Resolution)> {
        loop {
            if let Some(located) = self.names.poll_located() {
                return Some(located);
            }
            match self.heard.pop().or_else(|| self.questions.try_join_next()?.ok())? {
                Heard::Answer(question, answer) => self.names.handle_answer(now, &question, answer),
                Heard::Overdue(sought) => self.names.give_up(now, &sought),
            }
            self.ask(now);
        }
    }

    fn ask(&mut self, now: Instant) {
        while let Some(question) = self.names.poll_question() {
            if self.service.is_some() && self.names.may_be_late(&question) {
                let question = question.clone();
                self.questions.spawn(async move {
                    tokio::time::sleep(LOOKUP_LATE).await;
                    Heard::Answer(question, Answer::Late)
                });
            }
            match self.service.clone() {
                Some(service) => drop(self.questions.spawn(async move {
                    let answer = answer(&service, &question).await;
                    Heard::Answer(question, answer)
                })),
                None => self.names.handle_answer(now, &question, Answer::Failed),
            }
        }
    }

    /// Ready when an answer has come.
    pub fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.heard.is_empty() {
            return Poll::Ready(());
        }
        match self.questions.poll_join_next(context) {
            Poll::Ready(Some(Ok(heard))) => {
                self.heard.push(heard);
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

async fn answer(service: &NameService, question: &Question) -> Answer {
    let found = match question {
        Question::Naptr(name) | Question::Number(name) => rules(&service.resolver, name).await,
        Question::Srv(name) => hosts(&service.services, name).await,
        Question::Addresses(host) => addresses(&service.resolver, host).await,
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

/// No name of the search list: it stands in a URI, or in another record.
fn full(name: &str) -> Option<Name> {
    let mut full = Name::from_ascii(name).ok()?;
    full.set_fqdn(true);
    Some(full)
}

async fn rules(service: &TokioResolver, name: &str) -> Result<Answer, NetError> {
    let Some(name) = full(name) else { return Ok(Answer::Absent(None)) };
    let found = service.lookup(name, RecordType::NAPTR).await?;
    let ttl = found.answers().iter().map(|record| record.ttl).min();
    let mut rules = Vec::new();
    for record in found.answers() {
        // What else there is are aliases on the way.
        if let RData::NAPTR(naptr) = &record.data {
            rules.push(Naptr {
                order: naptr.order,
                preference: naptr.preference,
                flags: String::from_utf8_lossy(&naptr.flags).into(),
                service: String::from_utf8_lossy(&naptr.services).into(),
                regexp: String::from_utf8_lossy(&naptr.regexp).into(),
                replacement: plain(&naptr.replacement),
            });
        }
    }
    Ok(Answer::Found(Records::Naptr(rules.into()), seconds(ttl)))
}

async fn hosts(services: &Services, name: &str) -> Result<Answer, NetError> {
    let Some(name) = full(name) else { return Ok(Answer::Absent(None)) };
    let (found, ttl) = services.find(name).await?;
    if found.is_empty() {
        return Ok(Answer::Absent(ttl.map(u64::from).map(Duration::from_secs)));
    }
    let host =
        |srv: &SRV| Srv { priority: srv.priority, weight: srv.weight, port: srv.port, target: plain(&srv.target) };
    Ok(Answer::Found(Records::Srv(found.iter().map(host).collect()), seconds(ttl)))
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

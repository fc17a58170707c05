//! Addresses of host names (A and AAAA), asked for beside the message flow: nothing waits for the name service.

use std::task::{Context, Poll};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;
use hickory_resolver::net::{DnsError, NetError};
use router::time::{Duration, Instant};
use tokio::task::JoinSet;

use super::names::{NameAnswer, NameCache, Resolution};

/// Asks the system's name service, and remembers.
#[derive(Debug)]
pub struct Resolver {
    names: NameCache,
    service: Option<Box<TokioResolver>>,
    questions: JoinSet<(Box<str>, NameAnswer)>,
    /// Answers that came while [`poll_ready`](Self::poll_ready) looked.
    answers: Vec<(Box<str>, NameAnswer)>,
}

impl Resolver {
    /// With the name servers of the system (`/etc/resolv.conf`, `/etc/hosts`), read now. Without any, every name is
    /// unknown and only addresses resolve. To be called within a tokio runtime.
    pub fn system() -> Resolver {
        let service = TokioResolver::builder_tokio().and_then(|mut builder| {
            let options = builder.options_mut();
            options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
            // The cache is ours.
            options.cache_size = 0;
            builder.build()
        });
        let service = service.inspect_err(|error| tracing::warn!(%error, "no name service: names are unknown")).ok();
        Resolver {
            names: NameCache::default(),
            service: service.map(Box::new),
            questions: JoinSet::new(),
            answers: Vec::new(),
        }
    }

    /// What is known of a host now. While it is [`Resolution::Pending`], the answer comes from
    /// [`poll_answer`](Self::poll_answer) unless it is asked for here again before.
    pub fn resolve(&mut self, now: Instant, host: &str) -> Resolution {
        let look = self.names.look(now, host);
        if look.ask {
            match self.service.clone() {
                Some(service) => {
                    let host: Box<str> = host.into();
                    self.questions.spawn(async move {
                        let answer = match service.lookup_ip(&*host).await {
                            Ok(found) => {
                                let ttl = found.as_lookup().answers().iter().map(|record| record.ttl).min();
                                let ttl = Duration::from_secs(u64::from(ttl.unwrap_or(0)));
                                NameAnswer::Addresses(found.iter().collect(), ttl)
                            }
                            Err(NetError::Dns(DnsError::NoRecordsFound(absent))) => {
                                NameAnswer::Absent(absent.negative_ttl.map(u64::from).map(Duration::from_secs))
                            }
                            Err(error) => {
                                tracing::debug!(%error, "the name service failed");
                                NameAnswer::Failed
                            }
                        };
                        (host, answer)
                    });
                }
                None => return self.names.answer(now, host, NameAnswer::Failed),
            }
        }
        look.resolution
    }

    /// The next answer to a question, with its host as it was asked for.
    pub fn poll_answer(&mut self, now: Instant) -> Option<(Box<str>, Resolution)> {
        let (host, answer) = self.answers.pop().or_else(|| self.questions.try_join_next()?.ok())?;
        let resolution = self.names.answer(now, &host, answer);
        Some((host, resolution))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn names_of_the_host_itself_resolve_without_a_name_server() {
        let mut resolver = Resolver::system();
        let now = Instant::from_millis(1);
        assert_eq!(resolver.resolve(now, "127.0.0.1"), Resolution::Known(Arc::from(["127.0.0.1".parse().unwrap()])));
        if resolver.resolve(now, "localhost") == Resolution::Pending {
            resolver.ready().await;
            let (host, resolution) = resolver.poll_answer(now).unwrap();
            assert_eq!(&*host, "localhost");
            assert!(matches!(&resolution, Resolution::Known(found) if found.iter().all(|ip| ip.is_loopback())));
            assert_eq!(resolver.resolve(now, "localhost"), resolution);
        }
    }
}

//! Where a host is. The system's resolver is asked in a thread, which nobody can stop: whoever asks may lose patience before, and its place among
//! those that fetch is taken for as long. So names that nobody answers for, which strangers choose, take no more threads than there are places, and
//! of these no more than a trunk has.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use tokio::task::JoinHandle;

/// How names are resolved.
type Resolve = fn(&str, u16) -> io::Result<Vec<SocketAddr>>;

/// A question to the resolver, or none yet.
#[derive(Debug)]
pub(super) struct Lookup {
    resolve: Resolve,
    under_way: Option<JoinHandle<io::Result<Vec<SocketAddr>>>>,
}

impl Default for Lookup {
    fn default() -> Self {
        Self { resolve: |host, port| (host, port).to_socket_addrs().map(Iterator::collect), under_way: None }
    }
}

impl Lookup {
    /// The addresses of a host, which may be one itself.
    pub(super) async fn addresses(&mut self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let (resolve, host) = (self.resolve, host.to_owned());
        let found = self.under_way.insert(tokio::task::spawn_blocking(move || resolve(&host, port))).await;
        self.under_way = None;
        found?
    }

    /// Once the resolver has given up, too.
    pub(super) async fn ended(self) {
        if let Some(under_way) = self.under_way {
            let _ = under_way.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;
    use tokio::time::timeout;

    /// Held by the test for as long as the resolver does not answer.
    static SILENT: Mutex<()> = Mutex::new(());

    const MOMENT: Duration = Duration::from_millis(20);

    #[test]
    fn a_lookup_that_nobody_waits_for_any_more_has_not_ended_before_the_resolver() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let resolve: Resolve = |_, port| {
            drop(SILENT.lock().unwrap_or_else(PoisonError::into_inner));
            Ok(vec![SocketAddr::from(([192, 0, 2, 1], port))])
        };
        let mut lookup = Lookup { resolve, under_way: None };
        let silent = SILENT.lock().unwrap();
        runtime.block_on(async {
            assert!(timeout(MOMENT, lookup.addresses("cert.example", 443)).await.is_err());
            let mut ended = Box::pin(lookup.ended());
            assert!(timeout(MOMENT, &mut ended).await.is_err(), "its thread is still there");
            drop(silent);
            ended.await;
            let found = Lookup { resolve, under_way: None }.addresses("cert.example", 8443).await;
            assert_eq!(found.unwrap(), ["192.0.2.1:8443".parse::<SocketAddr>().unwrap()]);
            let mut none = Lookup { resolve: |_, _| unreachable!("it is an address"), under_way: None };
            assert_eq!(none.addresses("::1", 443).await.unwrap(), ["[::1]:443".parse::<SocketAddr>().unwrap()]);
            none.ended().await;
        });
    }
}

//! A host with several addresses: the first one that takes a connection is as good as any.

use crate::limits::{ADDRESSES_TRIED, ATTEMPT_AFTER};
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A connection to one of the addresses of a host. `None`: none of them takes one.
pub(super) async fn connect(addresses: impl Iterator<Item = SocketAddr>) -> Option<TcpStream> {
    first(addresses.take(ADDRESSES_TRIED).map(TcpStream::connect)).await
}

/// What the first attempt brings that succeeds: the next one begins when one has failed, or has brought nothing for a moment (RFC 8305 §5).
async fn first<T: Send + 'static>(
    mut attempts: impl Iterator<Item = impl Future<Output = io::Result<T>> + Send + 'static>,
) -> Option<T> {
    let mut under_way = JoinSet::new();
    loop {
        match attempts.next() {
            Some(attempt) => drop(under_way.spawn(attempt)),
            None if under_way.is_empty() => return None,
            None => {}
        }
        if let Ok(Some(Ok(Ok(brought)))) = tokio::time::timeout(ATTEMPT_AFTER, under_way.join_next()).await {
            return Some(brought);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::Pin;

    type Attempt = Pin<Box<dyn Future<Output = io::Result<u8>> + Send>>;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn an_address_that_refuses_or_says_nothing_leaves_the_next_one_its_turn() {
        let silent = || -> Attempt { Box::pin(std::future::pending()) };
        let refuses = || -> Attempt { Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) }) };
        let takes = |which| -> Attempt { Box::pin(async move { Ok(which) }) };
        runtime().block_on(async {
            assert_eq!(first([silent(), refuses(), takes(3)].into_iter()).await, Some(3));
            assert_eq!(first([takes(1), takes(2)].into_iter()).await, Some(1), "in the order of the resolver");
            assert_eq!(first([refuses(), refuses()].into_iter()).await, None);
            assert_eq!(first(std::iter::empty::<Attempt>()).await, None);
        });
    }

    #[test]
    fn a_host_is_reached_at_its_second_address() {
        runtime().block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let there = listener.local_addr().unwrap();
            // Bound and closed: nobody listens there.
            let closed = std::net::TcpListener::bind("[::1]:0").unwrap().local_addr().unwrap();
            let stream = connect([closed, there].into_iter()).await.expect("a connection");
            assert_eq!(stream.peer_addr().unwrap(), there);
        });
    }
}

//! The connections of the metrics' listener: few, and not for long, so that whoever reaches it takes none of what calls need.

use crate::limits::{VISIT, VISITORS};
use axum::serve::Listener;
use router::Seldom;
use router::time::Duration;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep};

/// How long accepting rests after a failure: mostly no file descriptor is left.
const REST: Duration = Duration::from_millis(200);

/// A listener that has so many connections at once: a further one takes the place of the oldest.
#[derive(Debug)]
pub(super) struct Visitors {
    listener: TcpListener,
    /// Who is dropped closes its connection; the oldest first.
    places: VecDeque<oneshot::Sender<()>>,
    failing: Seldom,
}

impl Visitors {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, places: VecDeque::new(), failing: Seldom::default() }
    }
}

impl Listener for Visitors {
    type Io = Visit;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Visit, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, from)) => {
                    self.places.retain(|place| !place.is_closed());
                    if self.places.len() >= VISITORS {
                        self.places.pop_front();
                        // Its task closes it before the next one is accepted.
                        tokio::task::yield_now().await;
                    }
                    let (place, asked_to_leave) = oneshot::channel();
                    self.places.push_back(place);
                    return (Visit { stream, asked_to_leave, end: Box::pin(sleep(VISIT)) }, from);
                }
                Err(error) => {
                    if let Some(unsaid) = self.failing.is_due(Instant::now().into_std()) {
                        tracing::warn!(%error, unsaid, "a connection to the metrics cannot be accepted");
                    }
                    sleep(REST).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection. Whatever its peer does, or does not, it ends in time.
#[derive(Debug)]
pub(super) struct Visit {
    stream: TcpStream,
    asked_to_leave: oneshot::Receiver<()>,
    end: Pin<Box<Sleep>>,
}

impl Visit {
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        self.end.as_mut().poll(context).is_ready() || Pin::new(&mut self.asked_to_leave).poll(context).is_ready()
    }
}

fn over() -> io::Error {
    io::Error::from(io::ErrorKind::TimedOut)
}

impl AsyncRead for Visit {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over(context) {
            return Poll::Ready(Err(over()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Visit {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_over(context) {
            return Poll::Ready(Err(over()));
        }
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    async fn begin() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = axum::Router::new().route("/", get(|| async { "there" }));
        tokio::spawn(async move { axum::serve(Visitors::new(listener), router).await });
        address
    }

    /// Who sends half a request, and waits.
    async fn half(address: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&REQUEST[..16]).await.unwrap();
        stream
    }

    #[tokio::test]
    async fn whoever_waits_makes_room_and_who_comes_is_served() {
        let address = begin().await;
        let mut waiting = VecDeque::new();
        for _ in 0..4 * VISITORS {
            waiting.push_back(half(address).await);
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        // All but the last are closed.
        for _ in 0..3 * VISITORS {
            let mut first = waiting.pop_front().unwrap();
            assert!(!matches!(first.read(&mut answer).await, Ok(1..)), "closed without an answer");
        }
    }

    #[tokio::test]
    async fn a_connection_ends_in_time() {
        let address = begin().await;
        let mut stream = half(address).await;
        tokio::task::yield_now().await;
        let begin = Instant::now();
        let mut answer = [0; 1];
        assert!(!matches!(stream.read(&mut answer).await, Ok(1..)));
        assert!(begin.elapsed() >= VISIT / 2);
    }
}

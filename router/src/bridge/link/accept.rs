//! Connections that come in: who may have a handshake made, and how long he may take for it. Every connection is accepted at once and has a
//! place, if another has to make way for it (`newcomers`): a port whose connections wait unaccepted is closed to platforms, too.

use super::connect::{handshake, within};
use super::hosts::Hosts;
use super::{Connection, Input, Security, plain_is_for_loopback, told};
use crate::bridge::newcomers::{Newcomer, makes_way, network_of};
use crate::limits::HANDSHAKE_EVERY_MS;
use crate::time::Duration;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::task::Poll;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How long a listening socket rests after it failed (no file descriptor is left).
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A listening socket for links. Without TLS, on a loopback address only.
pub fn listen(address: SocketAddr, security: &Security) -> io::Result<TcpListener> {
    if matches!(security, Security::Plain) && !address.ip().is_loopback() {
        return Err(plain_is_for_loopback());
    }
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// One that came in, while its handshake is made.
struct Waiting {
    of: Newcomer<IpAddr>,
    remote: SocketAddr,
    task: AbortHandle,
}

/// When the handshakes of strangers begin: one after the other, in the order in which they began to speak.
struct Turns(Mutex<Interval>);

impl Turns {
    fn new() -> Self {
        let mut turns = interval(Duration::from_millis(HANDSHAKE_EVERY_MS));
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(Mutex::new(turns))
    }

    async fn next(&self) {
        self.0.lock().await.tick().await;
    }
}

/// Accepts connections, and has their handshakes made.
pub(super) async fn accept(
    listeners: Vec<tokio::net::TcpListener>,
    security: Security,
    sender: mpsc::Sender<Input>,
    hosts: Arc<Hosts>,
) {
    let turns = Arc::new(Turns::new());
    let mut under_way = JoinSet::new();
    // The longest waiting first.
    let mut waiting: Vec<(Id, Waiting)> = Vec::new();
    let mut first = 0;
    loop {
        let input = tokio::select! {
            biased;
            Some(ended) = under_way.join_next_with_id() => {
                let (id, input) = match ended {
                    Ok((id, input)) => (id, Some(input)),
                    // It made way.
                    Err(error) => (error.id(), None),
                };
                waiting.retain(|(of, _)| *of != id);
                input
            }
            accepted = next(&listeners, &mut first) => match accepted {
                Ok((stream, remote)) => {
                    let of = Newcomer { source: network_of(remote.ip()), is_known: hosts.holds(remote.ip()) };
                    let gone = displaced(&mut waiting, of);
                    let turns = (!of.is_known).then(|| Arc::clone(&turns));
                    let attempt = attempt(stream, remote, security.clone(), Arc::clone(&hosts), turns);
                    let task = under_way.spawn(attempt);
                    waiting.push((task.id(), Waiting { of, remote, task }));
                    gone.map(|remote| Input::Refused(remote, "others came while it said nothing".to_owned()))
                }
                Err(error) => {
                    tracing::warn!(%error, "no link is accepted");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                    None
                }
            }
        };
        if let Some(input) = input
            && sender.send(input).await.is_err()
        {
            return;
        }
    }
}

/// The next connection; of several sockets each has its turn.
async fn next(listeners: &[tokio::net::TcpListener], first: &mut usize) -> io::Result<(TcpStream, SocketAddr)> {
    poll_fn(|context| {
        for turn in 0..listeners.len() {
            let index = (*first + turn) % listeners.len();
            if let Poll::Ready(accepted) = listeners[index].poll_accept(context) {
                *first = index + 1;
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}

/// Ends the handshake that makes way for a newcomer: whose it was.
fn displaced(waiting: &mut Vec<(Id, Waiting)>, newcomer: Newcomer<IpAddr>) -> Option<SocketAddr> {
    let others: Vec<_> = waiting.iter().map(|(id, other)| (*id, other.of)).collect();
    let gone = makes_way(&others, newcomer)?;
    let index = waiting.iter().position(|(id, _)| *id == gone)?;
    let (_, Waiting { remote, task, .. }) = waiting.remove(index);
    task.abort();
    Some(remote)
}

/// What becomes of a connection.
async fn attempt(
    stream: TcpStream,
    remote: SocketAddr,
    security: Security,
    hosts: Arc<Hosts>,
    turns: Option<Arc<Turns>>,
) -> Input {
    let shakes = async {
        if matches!(security, Security::Tls(_)) {
            // Who says nothing takes no turn.
            stream.readable().await?;
            if let Some(turns) = turns {
                turns.next().await;
            }
        }
        handshake(stream, remote, &security).await
    };
    match within(shakes).await {
        Ok(connection) => {
            if let Connection { identity: Some(_), .. } = connection {
                hosts.note(remote.ip());
            }
            Input::Accepted(connection, remote)
        }
        Err(error) => Input::Refused(remote, told(&error)),
    }
}

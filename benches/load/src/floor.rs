//! The floor: the least that a relay on sockets must do. A bare mio loop receives on one socket and sends from its pair's, on as many
//! sockets as the load has; it reads no header, keeps no count, and knows nothing but the pairing.
//!
//! Socket `n` listens at `listen + 2n` and faces the load's leg `n` at `peer + 2n`; what arrives at `n` leaves from `n ^ 1`.

use crate::clock::Clock;
use crate::limits::{DATAGRAM_BYTES, EVENTS, FLOOR_LIFE_MAX, MEDIA_BUFFER_BYTES};
use crate::reactor::allow_sockets;
use clap::Parser;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use rustix::event::epoll;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::time::Duration;

/// A bare relay, to compare relays with: the kernel's work and nothing else. Driven by `tandem-load --floor`.
#[derive(Debug, Clone, Parser)]
#[command(name = "relay-floor", version)]
pub struct RelayOptions {
    /// Address of the first socket; each other is two ports up
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:30000")]
    pub listen: SocketAddr,
    /// Address of the load's first leg
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:20000")]
    pub peer: SocketAddr,
    /// Calls, two sockets each
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub calls: u16,
    /// Connects each socket to its peer: cheaper, and the kernel drops strangers
    #[arg(long)]
    pub connected: bool,
    /// Takes one datagram for each report of the poll, and lets the kernel say whether more wait, as Tandem's workers do; mio's own
    /// way is to read until nothing is left, a second call for nearly every packet
    #[arg(long)]
    pub level: bool,
    /// Ends after this long
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub seconds: u64,
}

struct Leg {
    socket: UdpSocket,
    peer: SocketAddr,
}

/// Relays until its time is over.
///
/// # Errors
/// What the arguments or the kernel do not allow.
pub fn relay(options: &RelayOptions) -> Result<(), String> {
    let sockets = options.calls.checked_mul(2).filter(|count| *count > 0).ok_or("--calls is 1 to 32767")?;
    for (name, address) in [("--listen", options.listen), ("--peer", options.peer)] {
        if !address.ip().is_loopback() {
            return Err(format!("{name}: {} is not a loopback address", address.ip()));
        }
        if u32::from(address.port()) + u32::from(sockets) * 2 > u32::from(u16::MAX) {
            return Err(format!("{name}: {sockets} sockets do not fit above port {}", address.port()));
        }
    }
    allow_sockets(sockets.into())?;
    let life = Duration::from_secs(options.seconds).min(FLOOR_LIFE_MAX);
    run(options, sockets, life).map_err(|error| error.to_string())
}

fn run(options: &RelayOptions, sockets: u16, life: Duration) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let at = |address: SocketAddr, n: u16| SocketAddr::new(address.ip(), address.port() + n * 2);
    let mut legs = Vec::with_capacity(sockets.into());
    for n in 0..sockets {
        let mut socket = UdpSocket::bind(at(options.listen, n))?;
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, MEDIA_BUFFER_BYTES);
        let peer = at(options.peer, n);
        if options.connected {
            socket.connect(peer)?;
        }
        if options.level {
            let data = epoll::EventData::new_u64(n.into());
            epoll::add(poll.registry().as_fd(), &socket, data, epoll::EventFlags::IN)?;
        } else {
            poll.registry().register(&mut socket, Token(n.into()), Interest::READABLE)?;
        }
        legs.push(Leg { socket, peer });
    }
    let clock = Clock::start();
    let mut events = Events::with_capacity(EVENTS);
    let mut buffer = vec![0; DATAGRAM_BYTES];
    while clock.now() < life {
        match poll.poll(&mut events, Some(Duration::from_secs(1))) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            let number = event.token().0;
            let (leg, pair) = (&legs[number], &legs[number ^ 1]);
            while relay_one(leg, pair, options.connected, &mut buffer) && !options.level {}
        }
    }
    Ok(())
}

/// Passes one datagram on. False once the socket is empty or fails. What cannot be sent is lost, as on any network.
fn relay_one(leg: &Leg, pair: &Leg, connected: bool, buffer: &mut [u8]) -> bool {
    if connected {
        match leg.socket.recv(buffer) {
            Ok(length) => {
                let _ = pair.socket.send(&buffer[..length]);
                true
            }
            // a peer that is not there yet is told by ICMP, once a packet; the packets behind it are read on
            Err(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        }
    } else {
        let Ok((length, source)) = leg.socket.recv_from(buffer) else { return false };
        if source == leg.peer {
            let _ = pair.socket.send_to(&buffer[..length], pair.peer);
        }
        true
    }
}

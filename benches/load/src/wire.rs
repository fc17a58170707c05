//! How signalling travels: in datagrams, or over connections that are kept, in clear or by TLS.

use crate::options::{Options, Transport};
use crate::reactor::Reactor;
use crate::stream::{Listening, Stream};
use mio::net::UdpSocket;
use std::io;
use std::net::SocketAddr;

/// One end's socket, or connections.
#[derive(Debug)]
pub enum Wire {
    /// UDP.
    Datagrams(UdpSocket),
    /// One connection to the server.
    Opened(Box<Stream>),
    /// Those that the server opens.
    Accepted(Listening),
}

impl Wire {
    /// Opens an end and watches it under a number: the caller's, or the callee's, to which the server opens connections.
    ///
    /// # Errors
    /// The kernel's, or those of the handshake.
    pub fn open(options: &Options, reactor: &Reactor, is_callee: bool, number: usize) -> Result<Wire, String> {
        let address = if is_callee { options.callee } else { options.caller };
        let failed = |error: io::Error| format!("{address}: {error}");
        match options.transport {
            Transport::Udp => {
                let buffer = crate::limits::SIGNALLING_BUFFER_BYTES;
                reactor.open(address, buffer, number).map(Wire::Datagrams).map_err(|error| error.to_string())
            }
            Transport::Tcp | Transport::Tls if is_callee => {
                let certificate = (options.transport == Transport::Tls).then(|| (options.certificate(), options.key()));
                let mut listening = Listening::new(address, certificate)?;
                reactor.watch(listening.socket(), number).map_err(failed)?;
                Ok(Wire::Accepted(listening))
            }
            Transport::Tcp | Transport::Tls => {
                let authority = (options.transport == Transport::Tls).then(|| options.authority());
                let mut opened = Stream::connect(address, options.server, authority)?;
                reactor.watch(opened.socket(), number).map_err(failed)?;
                Ok(Wire::Opened(Box::new(opened)))
            }
        }
    }

    /// Takes note of connections that the server opened.
    pub fn accept(&mut self, reactor: &Reactor, number: usize) {
        let Wire::Accepted(listening) = self else { return };
        while let Some(stream) = listening.accept() {
            let _ = reactor.watch(stream.socket(), number);
        }
    }

    /// The next message, and from whom; `None`: none has come.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        match self {
            Wire::Datagrams(socket) => socket.recv_from(buffer).ok(),
            Wire::Opened(stream) => stream.receive(buffer),
            Wire::Accepted(listening) => listening.streams.iter_mut().find_map(|stream| stream.receive(buffer)),
        }
    }

    /// Sends a message; over a connection on the one that there is, whatever the address.
    ///
    /// # Errors
    /// The kernel's, or that there is no connection.
    pub fn send(&mut self, text: &str, to: SocketAddr) -> io::Result<()> {
        match self {
            Wire::Datagrams(socket) => socket.send_to(text.as_bytes(), to).map(drop),
            Wire::Opened(stream) => stream.send(text),
            Wire::Accepted(listening) => {
                let closed = || io::Error::from(io::ErrorKind::NotConnected);
                let stream = listening.streams.iter_mut().find(|stream| stream.peer() == to);
                match stream {
                    Some(stream) => stream.send(text),
                    None => listening.streams.last_mut().ok_or_else(closed)?.send(text),
                }
            }
        }
    }
}

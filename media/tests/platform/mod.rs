//! A worker that runs, with sockets of the loopback interface, and the switch's side of it.
#![allow(dead_code, reason = "each test uses a part")]

use media::{Config, PortRange, Worker};
use router::packet::{Parameters, Transaction};
use router::parameter::Reason;
use router::time::Duration;
use router::{Address, Command, Endpoint, Instance, ModuleKind, Packet, Router};
use std::net::UdpSocket;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

/// Longer than any machine needs: a test that fails waits so long, one that passes does not.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The worker, and the switch that it serves.
pub(crate) struct Platform {
    pub(crate) router: Router,
    pub(crate) switch: Endpoint,
    woken: Receiver<()>,
    stop: media::Stop,
    thread: Option<JoinHandle<media::Ended>>,
    next: u64,
}

impl Platform {
    /// One that has room for so many pairs of ports; its thread does `begin` first.
    pub(crate) fn start(pairs: u16, config: Config, begin: fn()) -> Self {
        let router = Router::new(router::PlatformId(1));
        let (wake, woken) = channel();
        let switch = router.register(ModuleKind::Switch, 0, move || {
            let _ = wake.send(());
        });
        // The system names a port that is free; those above mostly are, and those that are not are passed over.
        let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().min(60_000);
        let ports = PortRange { first: free, last: free + 2 * pairs };
        let worker = Worker::new(&router, 0, Config { ports, ..config }).unwrap();
        let stop = worker.stop_handle();
        let thread = Some(worker.spawn("media-0".to_owned(), begin).unwrap());
        Self { router, switch, woken, stop, thread, next: 1 }
    }

    /// Stops the worker, and waits until it has ended.
    pub(crate) fn stop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// The next packet in the switch's inbox.
    pub(crate) fn receive(&self) -> Packet {
        loop {
            if let Some(packet) = self.switch.receive() {
                return packet;
            }
            if self.switch.may_sleep() {
                self.woken.recv_timeout(PATIENCE).expect("an answer");
            }
            self.switch.awake();
        }
    }

    /// Sends a request.
    pub(crate) fn send(&mut self, session: Instance, command: Command, parameters: Parameters) -> Transaction {
        let transaction = Transaction(self.next);
        self.next += 1;
        let source = self.switch.address().at(session);
        let destination = Address::any(ModuleKind::Voice).at(session);
        self.router.send(Packet { source, destination, transaction, command, parameters }).unwrap();
        transaction
    }

    /// Its answer; notices before it are passed over.
    pub(crate) fn answer(&self, transaction: Transaction) -> Result<Parameters, Reason> {
        loop {
            let packet = self.receive();
            if packet.command == Command::Notify {
                continue;
            }
            assert_eq!(packet.transaction, transaction);
            return if packet.command == Command::Done { Ok(packet.parameters) } else { Err(packet.failure().reason) };
        }
    }

    pub(crate) fn ask(&mut self, session: Instance, command: Command, parameters: Parameters) -> Parameters {
        let transaction = self.send(session, command, parameters);
        self.answer(transaction).unwrap()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A peer's socket.
pub(crate) fn phone(on: &str) -> UdpSocket {
    let socket = UdpSocket::bind(on).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

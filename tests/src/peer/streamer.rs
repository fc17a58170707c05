//! A caller by hand who streams RTP and counts what comes back.

use super::Wire;
use super::wait::{PATIENCE, pause, within};
use super::wire::{header, offer, status};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// The time of a packet of G.711 here.
const PACKET: Duration = Duration::from_millis(20);

/// A call that is up.
#[derive(Debug)]
pub struct Streamer {
    wire: Wire,
    rtp: UdpSocket,
    user: String,
    server: SocketAddr,
    to: String,
    /// Where its media is to be sent to.
    pub media: SocketAddr,
    /// How many packets came back.
    pub heard: u64,
}

impl Streamer {
    /// Calls `user` at `server` and waits until that answers; `told` is where it is told to send media to.
    pub fn call(wire: Wire, rtp: UdpSocket, told: SocketAddr, user: &str, server: SocketAddr) -> Self {
        rtp.set_read_timeout(Some(Duration::from_millis(1))).expect("a time is set");
        wire.send(&wire.request("INVITE", user, "stream", "", &offer(told)));
        let answer = wire.receive("200", |message| status(message) == Some(200));
        let field = |prefix: &str| answer.lines().find_map(|line| line.strip_prefix(prefix)).unwrap_or_default().trim();
        let port = field("m=audio ").split(' ').next().and_then(|port| port.parse().ok()).expect("a port");
        let media = SocketAddr::new(field("c=IN IP4 ").parse().expect("an address"), port);
        let to = header(&answer, "To").expect("an answer has a To").to_owned();
        let call = Self { wire, rtp, user: user.to_owned(), server, to, media, heard: 0 };
        call.send("ACK", 1);
        call
    }

    fn send(&self, method: &str, number: u32) {
        let Self { user, server, to, .. } = self;
        let text = self.wire.request(method, user, &format!("stream{number}"), "", "");
        let text = text.replace(&format!("tag=tstream{number}"), "tag=tstream");
        let text = text.replace(&format!("stream{number}@wire"), "stream@wire");
        let text = text.replace(&format!("To: <sip:{user}@{server}>"), &format!("To: {to}"));
        self.wire.send(&text.replace(&format!("CSeq: 1 {method}"), &format!("CSeq: {number} {method}")));
    }

    /// Sends so many packets to `media`, and hears what comes back meanwhile and until all that is not `lost` on the way has come.
    pub fn stream(&mut self, media: SocketAddr, packets: u16, lost: impl Fn() -> u64) {
        for number in 0..packets {
            let mut packet = vec![0x80, 0, (number >> 8) as u8, number as u8];
            packet.extend((u32::from(number) * 160).to_be_bytes());
            packet.extend([0, 0, 0, 7]);
            packet.extend([0x55; 160]);
            self.rtp.send_to(&packet, media).expect("a datagram can be sent");
            pause(PACKET);
            self.hear();
        }
        // What never comes is told by the numbers of whoever counts.
        within(PATIENCE, || {
            self.hear();
            (self.heard + lost() >= u64::from(packets)).then_some(())
        });
    }

    fn hear(&mut self) {
        let mut buffer = [0; 2_048];
        while self.rtp.recv(&mut buffer).is_ok() {
            self.heard += 1;
        }
    }

    /// Hangs up, and waits until that is answered.
    pub fn hang_up(self) {
        self.send("BYE", 2);
        self.wire.receive("200 to BYE", |message| status(message) == Some(200) && message.contains("BYE"));
    }
}

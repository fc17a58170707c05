//! All RTP legs: their sockets, streams and figures.

use crate::clock::Clock;
use crate::limits::{MEDIA_BUFFER_BYTES, PACKET_BYTES};
use crate::media::{CountedSpan, LegId, Receiver, Sender};
use crate::outbox::MediaOrder;
use crate::pacing::Slots;
use crate::party::leg_address;
use crate::reactor::Reactor;
use crate::sdp::Codec;
use crate::speech::Speech;
use crate::srtp::{Context, TAG_BYTES};
use crate::stamp;
use crate::statistics::Flow;
use mio::net::UdpSocket;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

struct Leg {
    socket: UdpSocket,
    use_number: u16,
    sender: Option<Sender>,
    receiver: Receiver,
    /// What it sends is sealed by the first, and what comes to it is opened by the second.
    contexts: Option<Box<[Context; 2]>>,
}

/// The RTP side of the generator.
pub struct Streams {
    legs: Vec<Leg>,
    slots: Slots,
    span: CountedSpan,
    codecs: [Codec; 2],
    /// What either end says, where a codec between them would not let stamps through.
    speech: Option<[Speech; 2]>,
    packets: [[u8; PACKET_BYTES]; 2],
    sealed: [u8; PACKET_BYTES + TAG_BYTES],
    /// Whether the caller and the callee send.
    talks: [bool; 2],
    /// Caller to callee, and callee to caller.
    pub flows: [Flow; 2],
}

impl Streams {
    /// Opens the sockets of `pairs` calls: an even leg at the caller's address, the odd one after it at the callee's.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open(
        reactor: &Reactor,
        pairs: u16,
        addresses: [IpAddr; 2],
        rtp_base: u16,
        codecs: [Codec; 2],
        span: CountedSpan,
    ) -> io::Result<Streams> {
        let is_stamped = codecs.iter().all(|codec| codec.carries_stamps());
        let mut legs = Vec::with_capacity(usize::from(pairs) * 2);
        for id in (0..pairs * 2).map(LegId) {
            let end = usize::from(id.is_callee());
            let address = leg_address(addresses[end], rtp_base, id);
            let socket = reactor.open(address, MEDIA_BUFFER_BYTES, id.index())?;
            legs.push(Leg {
                socket,
                use_number: 0,
                sender: None,
                receiver: Receiver::new(codecs[end], is_stamped),
                contexts: None,
            });
        }
        let slots = Slots::new(legs.len());
        let packets = codecs.map(|codec| [stamp::silence(codec); PACKET_BYTES]);
        let speech = (!is_stamped).then(|| codecs.map(Speech::of));
        let flows = [Flow::new(), Flow::new()];
        let sealed = [0; PACKET_BYTES + TAG_BYTES];
        Ok(Streams { legs, slots, span, codecs, speech, packets, sealed, talks: [true; 2], flows })
    }

    /// Whether callers and callees send.
    #[must_use]
    pub fn saying(self, talks: [bool; 2]) -> Streams {
        Streams { talks, ..self }
    }

    /// Starts, moves, pauses or ends a leg's stream.
    pub fn obey(&mut self, order: MediaOrder, now: Duration) {
        match order {
            MediaOrder::Send(id, target) => {
                let end = usize::from(id.is_callee());
                let Some(leg) = self.legs.get_mut(id.index()) else { return };
                match &mut leg.sender {
                    Some(sender) => sender.retarget(target),
                    None => {
                        leg.use_number = leg.use_number.wrapping_add(1);
                        leg.sender = Some(Sender::new(id, leg.use_number, self.codecs[end], now, target, self.span));
                        leg.receiver = Receiver::new(self.codecs[end], self.speech.is_none());
                    }
                }
                if self.talks[end] {
                    self.slots.start(id);
                }
            }
            MediaOrder::Secure(id, masters) => {
                let Some(leg) = self.legs.get_mut(id.index()) else { return };
                // Told again, what was sealed and opened meanwhile is remembered.
                let is_of = |contexts: &[Context; 2]| contexts.each_ref().map(Context::master) == masters;
                if !leg.contexts.as_deref().is_some_and(is_of) {
                    leg.contexts = Some(Box::new(masters.map(Context::new)));
                }
            }
            MediaOrder::Pause(id) => self.slots.stop(id),
            MediaOrder::Close(id) => {
                self.slots.stop(id);
                let Some(leg) = self.legs.get_mut(id.index()) else { return };
                leg.contexts = None;
                let is_spoken_to = self.talks[usize::from(!id.is_callee())];
                if leg.sender.take().is_some() && leg.receiver.packets() == 0 && is_spoken_to {
                    self.flows[usize::from(!id.is_callee())].deaf_legs += 1;
                }
            }
        }
    }

    /// Copies the legs that a tick sends for.
    pub fn due(&self, tick: u64, due: &mut Vec<LegId>) {
        due.clear();
        due.extend_from_slice(self.slots.at(tick));
    }

    /// Sends a leg's next packet, unless it was stopped since it was listed.
    pub fn send(&mut self, id: LegId, clock: &Clock) {
        let end = usize::from(id.is_callee());
        let leg = &mut self.legs[id.index()];
        let Some(sender) = leg.sender.as_mut() else { return };
        let flow = &mut self.flows[end];
        let packet = &mut self.packets[end];
        let speech = self.speech.as_ref().map(|speech| &speech[end]);
        let (length, counted) = sender.next(clock.now(), speech, packet);
        let datagram = match leg.contexts.as_deref_mut() {
            None => &packet[..length],
            Some([outbound, _]) => {
                self.sealed[..length].copy_from_slice(&packet[..length]);
                let length = outbound.seal(&mut self.sealed, length);
                &self.sealed[..length]
            }
        };
        match leg.socket.send_to(datagram, sender.target()) {
            Ok(_) => {
                flow.sent += 1;
                flow.counted_sent += u64::from(counted);
            }
            Err(_) => flow.send_errors += 1,
        }
    }

    /// Reads all that has arrived at a leg.
    pub fn receive(&mut self, id: LegId, clock: &Clock, buffer: &mut [u8]) {
        let Some(leg) = self.legs.get_mut(id.index()) else { return };
        let flow = &mut self.flows[usize::from(!id.is_callee())];
        while let Ok(length) = leg.socket.recv(buffer) {
            let datagram = &mut buffer[..length];
            match leg.contexts.as_deref_mut() {
                Some([_, inbound]) if !is_report(datagram) => match inbound.open(datagram) {
                    Some(packet) => leg.receiver.receive(clock.now(), packet, flow),
                    None => flow.unreadable += 1,
                },
                _ => leg.receiver.receive(clock.now(), datagram, flow),
            }
        }
    }

    /// Ends every stream: the run is over.
    pub fn close_all(&mut self, now: Duration) {
        for id in 0..self.legs.len() {
            self.obey(MediaOrder::Close(LegId(id as u16)), now);
        }
    }

    /// RTP packets received, in both directions.
    pub fn received(&self) -> u64 {
        self.flows.iter().map(|flow| flow.received).sum()
    }

    /// Sends that the kernel refused.
    pub fn send_errors(&self) -> u64 {
        self.flows.iter().map(|flow| flow.send_errors).sum()
    }
}

/// Whether it is RTCP, which is counted as it is (RFC 5761 §4).
fn is_report(datagram: &[u8]) -> bool {
    matches!(datagram, [_, 192..=223, ..])
}

//! One leg's end: the pair of sockets, the plan, the peer, what was counted. Its RTCP is in `port/control.rs`.

mod control;
mod handshake;
mod keys;
mod quality;
mod relayed;
mod secure;
mod ways;

pub use handshake::{Allowance, Handshaken, Means, Record};
pub use secure::Sending;
pub use ways::{Asking, Question};

use relayed::Relays;
use secure::Secured;
use ways::Ways;

use super::builtin::Generator;
use super::dialling::Dialling;
use super::learn::{Heard, Learning, Networks, Verdict};
use super::plan::{Format, FormatKind, Formats, Plan};
use super::relay::{Incoming, Origin, Outgoing};
use crate::limits::{PACKETS_PER_SECOND, REPORTS_ALONE};
use crate::rtcp::{Feedback, Reception, Sent};
use crate::rtp::{Arrival, Header};
use crate::status::Discard;
use crate::transcoding::Way;
use crate::wire::{Channel, Destination, PairIndex};
use router::parameter::{KeyForm, MediaPort, PortAddress, PortId, PortStatistics, SrtpSuite};
use router::time::{Duration, Instant, TimerKey};
use router::{Instance, Random, ShortText};
use std::net::{IpAddr, SocketAddr};

/// What a port plays instead of its bridge.
#[derive(Debug)]
pub enum Play {
    /// What it hears.
    Echo,
    /// What is made here.
    Source(Generator),
    /// What others say in a conference.
    Conference(SeatPlace),
    /// Keys that its owner has for its peer, for as long as they last. What the peer says goes on meanwhile.
    Keys(Box<Dialling>),
}

/// A seat: which of the worker's conferences, which of its seats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeatPlace {
    /// The conference's index at the worker.
    pub conference: u32,
    /// The seat there.
    pub seat: u32,
}

/// A packet that its port took.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// For the stream that passes it on.
    pub incoming: Incoming,
    /// The payload type of the same format in packets to its sender.
    pub own: u8,
    /// The payload type of the same encoding at the bridged port, if it was agreed there.
    pub mapped: Option<u8>,
    /// Whether the marker was set.
    pub marker: bool,
    /// Octets of payload.
    pub payload_length: usize,
    /// Whether the port's first packet, or the first after a silence that was reported.
    pub arrived: bool,
    /// Whether it is that, or says something of a key: what is seldom, and seen to apart.
    pub is_notable: bool,
}

/// What went wrong with a packet, and whether its stream goes on without it.
#[derive(Clone, Copy, Debug)]
pub struct Dropped {
    /// Why.
    pub why: Discard,
    /// The packet's place, where it is left out of a stream that was passed on.
    pub left_out: Option<(Origin, u16)>,
}

impl From<Discard> for Dropped {
    fn from(why: Discard) -> Self {
        Self { why, left_out: None }
    }
}

/// The timers of a port.
#[derive(Clone, Copy, Debug, Default)]
pub struct PortTimers {
    /// The next report.
    pub report: Option<TimerKey>,
    /// The next look whether the peer is silent.
    pub watch: Option<TimerKey>,
    /// The next generated frame.
    pub frame: Option<TimerKey>,
    /// The next look at what is transcoded for its peer.
    pub way: Option<TimerKey>,
}

impl PortTimers {
    /// All of them.
    pub fn all(self) -> impl Iterator<Item = TimerKey> {
        [self.report, self.watch, self.frame, self.way].into_iter().flatten()
    }
}

/// What a port is from its opening on.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Which port of its session.
    pub id: PortId,
    /// Its session.
    pub session: Instance,
    /// Its sockets.
    pub pair: PairIndex,
    /// The interface that was asked for.
    pub interface: IpAddr,
    /// The address that its sockets are bound to.
    pub bound: IpAddr,
    /// Where peers are told to send.
    pub address: PortAddress,
}

/// A port of a session.
#[derive(Debug)]
pub struct Port {
    /// What it is from its opening on.
    pub place: Place,
    /// Whom it is bridged to.
    pub bridge: Option<PairIndex>,
    /// What it plays instead.
    pub play: Option<Play>,
    /// What is transcoded for its peer, of what the bridged port's sends.
    pub way: Option<Box<Way>>,
    /// What it sends.
    pub outgoing: Outgoing,
    /// Its timers.
    pub timers: PortTimers,
    plan: Option<Plan>,
    formats: Formats,
    /// What protects it; `None`: its stream is in the clear.
    security: Option<Box<Secured>>,
    /// What finds the way to its peer; `None`: its packets tell where it is.
    ways: Option<Box<Ways>>,
    /// Its addresses at a server that relays; `None`: it has none.
    relays: Option<Box<Relays>>,
    /// What protected its stream last.
    suite: Option<SrtpSuite>,
    learning: Learning,
    /// Whether the RTP socket is connected to the learned source.
    connected: bool,
    /// Whether the source was just learned for good.
    connect_due: bool,
    reception: Option<Reception>,
    /// What of its peer's keys came as events, once one has.
    keys: Option<Box<keys::Keyboard>>,
    /// The SSRC that was heard before the present one, and until when its stragglers are dropped.
    former_ssrc: u32,
    former_until: Instant,
    /// When the plan was set, when the peer was last heard.
    planned: Instant,
    heard: Option<Instant>,
    /// Whether the present silence was reported.
    silent: bool,
    /// The payload type of the last packet of sound; its codec's name where the plan has changed since.
    payload_type: Option<u8>,
    codec: Option<ShortText>,
    window_begun: Instant,
    window_packets: u32,
    packets_received: u64,
    octets_received: u64,
    packets_discarded: u64,
    packets_reordered: u64,
    packets_late: u64,
    lost_before: u64,
    lost_told: u64,
    // RTCP
    cname: [u64; 2],
    sent: Sent,
    feedback: Feedback,
    remote_rtcp: Option<SocketAddr>,
    /// What time it has said it is, until that is answered.
    reference: Option<Box<control::Reference>>,
    heard_rtcp: Option<Instant>,
    /// When a report last said that the peer is there though nothing is heard of it; what its last sender report counted.
    alive: Option<Instant>,
    sender_packets: Option<u32>,
    /// Packets sent at the last report and at the one before.
    sent_at_reports: [u64; 2],
    reported: bool,
}

impl Port {
    /// A port without plan.
    pub fn new(place: Place, now: Instant, random: &mut Random) -> Self {
        Self {
            place,
            bridge: None,
            play: None,
            way: None,
            outgoing: Outgoing::new(random),
            timers: PortTimers::default(),
            plan: None,
            formats: Formats::default(),
            security: None,
            ways: None,
            relays: None,
            suite: None,
            learning: Learning::default(),
            connected: false,
            connect_due: false,
            reception: None,
            keys: None,
            former_ssrc: 0,
            former_until: now,
            planned: now,
            heard: None,
            silent: false,
            payload_type: None,
            codec: None,
            window_begun: now,
            window_packets: 0,
            packets_received: 0,
            octets_received: 0,
            packets_discarded: 0,
            packets_reordered: 0,
            packets_late: 0,
            lost_before: 0,
            lost_told: 0,
            cname: [random.next_u64(), random.next_u64()],
            sent: Sent::default(),
            feedback: Feedback::default(),
            remote_rtcp: None,
            reference: None,
            heard_rtcp: None,
            alive: None,
            sender_packets: None,
            sent_at_reports: [0; 2],
            reported: false,
        }
    }

    /// Its timers, which are to be cancelled: it goes.
    pub fn take_timers(&mut self) -> impl Iterator<Item = TimerKey> + use<> {
        let of_key = self.key_timer().and_then(Option::take);
        let of_handshake = self.set_dtls_timer(None);
        let of_ways = self.set_ways_timer(None);
        let of_relays = self.set_relay_timer(None);
        std::mem::take(&mut self.timers).all().chain(of_key).chain(of_handshake).chain(of_ways).chain(of_relays)
    }

    /// Where its owner is told that it is.
    pub fn told(&self) -> MediaPort {
        let Place { id: port, interface, address, .. } = self.place;
        MediaPort {
            port,
            interface,
            address: Some(address),
            urgent: false,
            components_served: 0,
            served: self.served(),
        }
    }

    /// The formats of its plan, to read.
    pub fn agreed(&self) -> &Formats {
        &self.formats
    }

    /// The formats of its plan.
    pub fn formats(&mut self) -> &mut Formats {
        &mut self.formats
    }

    /// Its plan.
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// How its peer has keys, where that was said.
    pub fn key_form(&self) -> Option<KeyForm> {
        self.plan.as_ref().and_then(|plan| plan.keys)
    }

    /// When its peer last sent anything, RTP or RTCP.
    pub fn heard(&self) -> Option<Instant> {
        self.heard.max(self.heard_rtcp)
    }

    /// Whether its RTP socket is connected.
    pub fn connected(&self) -> bool {
        self.connected
    }

    /// The source that the RTP socket is to be connected to, once after it was learned for good.
    #[inline]
    pub fn take_connect_due(&mut self) -> Option<SocketAddr> {
        if !self.connect_due {
            return None;
        }
        self.connect_due = false;
        self.learning.source()
    }

    /// The RTP socket was connected to the learned source, or disconnected.
    pub fn set_connected(&mut self, connected: bool) {
        self.connected = connected;
    }

    /// Its peer's media may come from these networks, too.
    pub fn believe(&mut self, networks: Option<Box<Networks>>) {
        self.learning.believe(networks);
    }

    /// Takes a plan. True if the source was unlearned: the socket is to be disconnected.
    pub fn set_plan(&mut self, now: Instant, plan: Plan, formats: Formats) -> bool {
        if let Some(codec) = self.payload_type.take().and_then(|payload_type| self.formats.codec(payload_type)) {
            self.codec = Some(codec.name.clone());
        }
        let unlearned = self.learning.handle_plan(now, plan.remote_rtp, plan.host, plan.generation);
        if unlearned || self.plan.as_ref().is_none_or(|former| former.remote_rtcp != plan.remote_rtcp) {
            self.remote_rtcp = None;
        }
        if self.plan.as_ref().is_some_and(|former| former.sends != plan.sends) {
            self.outgoing.interrupt();
        }
        (self.planned, self.silent) = (now, false);
        (self.plan, self.formats) = (Some(plan), formats);
        unlearned
    }

    /// Looks at what a packet takes of it, whichever way that goes; what it gives means nothing.
    #[inline]
    pub fn preview(&self) -> u64 {
        let plan = self.plan.as_ref().map_or(0, |plan| u64::from(plan.receives));
        let heard = self.reception.as_ref().map_or(0, |reception| u64::from(reception.ssrc()));
        let flags = self.connected | self.learning.is_settled() | self.play.is_some() | self.way.is_some();
        let counts = self.packets_received ^ u64::from(self.window_packets) ^ self.outgoing.packets();
        plan ^ heard ^ u64::from(flags) ^ counts ^ self.formats.preview() ^ u64::from(self.place.pair.0)
    }

    /// Takes an RTP packet from `source`: is it one, is it the peer's, where does it belong, what is it?
    #[inline]
    pub fn take(&mut self, now: Instant, source: SocketAddr, data: &[u8]) -> Result<Taken, Dropped> {
        let taken = self.examine(now, source, data);
        self.packets_discarded += u64::from(taken.is_err());
        taken
    }

    #[inline]
    fn examine(&mut self, now: Instant, source: SocketAddr, data: &[u8]) -> Result<Taken, Dropped> {
        if self.plan.is_none() {
            return Err(Discard::Unexpected.into());
        }
        let header = Header::parse(data).map_err(|_| Discard::Malformed)?;
        let format = self.formats.of(header.payload_type).copied();
        let Header { ssrc, sequence, .. } = header;
        let (agreed, keyed) = (format.is_some(), self.security.is_some());
        let mut is_beside = false;
        let verdict = self.learning.check(now, &Heard { source, ssrc, sequence, agreed, keyed });
        match verdict {
            Verdict::Accept => {}
            Verdict::Settled => self.connect_due = true,
            Verdict::Stranger => match self.take_beside(now, source) {
                Some(has_moved) => is_beside = !has_moved,
                None => return Err(Discard::Stranger.into()),
            },
        }
        if now.since(self.window_begun) >= Duration::from_secs(1) {
            (self.window_begun, self.window_packets) = (now, 0);
        }
        self.window_packets += 1;
        if self.window_packets > PACKETS_PER_SECOND {
            return Err(Discard::Flood.into());
        }
        let arrival = self.hear(now, &header, format.as_ref())?;
        let arrived = self.heard.is_none() || self.silent;
        // What comes beside the way that is taken says nothing of that one; the first packet is the first all the same.
        if !is_beside || self.heard.is_none() {
            self.heard = Some(now);
        }
        self.silent = false;
        self.packets_received += 1;
        self.octets_received += header.payload_length as u64;
        let origin = Origin { from: Some(self.place.pair.0), ssrc: header.ssrc };
        let Some(format) = format else {
            return Err(Dropped { why: Discard::Format, left_out: Some((origin, header.sequence)) });
        };
        if format.kind == FormatKind::Sound {
            self.payload_type = Some(header.payload_type);
        }
        let incoming = Incoming {
            origin,
            arrival,
            sequence: header.sequence,
            timestamp: header.timestamp,
            clock_rate_hz: format.clock_rate_hz,
            kind: format.kind,
        };
        Ok(Taken {
            incoming,
            own: format.own,
            mapped: format.mapped,
            marker: header.marker,
            payload_length: header.payload_length,
            arrived,
            is_notable: arrived | (format.kind == FormatKind::Event),
        })
    }

    /// Takes the packet into the statistics of its source.
    #[inline]
    fn hear(&mut self, now: Instant, header: &Header, format: Option<&Format>) -> Result<Arrival, Discard> {
        let arrival = match &mut self.reception {
            Some(reception) if reception.ssrc() == header.ssrc => {
                let arrival = reception.count(header.sequence);
                match arrival {
                    Arrival::Stray => return Err(Discard::Stray),
                    Arrival::Late => self.packets_reordered += 1,
                    _ => {}
                }
                arrival
            }
            _ => self.change_source(now, header, format)?,
        };
        if let (Some(format), Some(reception)) = (format, &mut self.reception)
            && format.kind == FormatKind::Sound
        {
            reception.measure(now, header.timestamp, format.clock_rate_hz);
        }
        Ok(arrival)
    }

    /// A packet of another SSRC than the present one. The peer's stream begins anew; stragglers of the one before are
    /// dropped for a moment, else each would be a change to and fro.
    #[cold]
    fn change_source(&mut self, now: Instant, header: &Header, format: Option<&Format>) -> Result<Arrival, Discard> {
        if self.former_ssrc == header.ssrc && now < self.former_until {
            return Err(Discard::Stray);
        }
        let clock_rate_hz = format.map_or(8_000, |format| format.clock_rate_hz);
        let fresh = Reception::new(header.ssrc, header.sequence, clock_rate_hz);
        if let Some(reception) = self.reception.replace(fresh) {
            self.lost_before += reception.sequence().lost();
            if let Some(fresh) = &mut self.reception {
                fresh.remember_jitter(reception.jitter_max_us());
            }
            (self.former_ssrc, self.former_until) = (reception.ssrc(), now + Duration::from_millis(100));
        }
        Ok(Arrival::Newest(0))
    }

    /// The flow to its peer stops: what comes next begins anew.
    pub fn interrupt(&mut self) {
        self.outgoing.interrupt();
        if let Some(way) = &mut self.way {
            way.interrupt();
        }
    }

    /// One more packet that went no further.
    pub fn count_discarded(&mut self) {
        self.packets_discarded += 1;
    }

    /// So many packets came when their time was over.
    pub fn count_late(&mut self, packets: u64) {
        self.packets_late += packets;
    }

    /// Where RTP goes; `None` while nothing is to be sent or nobody knows where.
    #[inline]
    pub fn rtp_destination(&self) -> Option<Destination> {
        if !self.plan.as_ref().is_some_and(|plan| plan.sends) {
            return None;
        }
        self.peer()
    }

    #[inline]
    fn peer(&self) -> Option<Destination> {
        if self.connected {
            return Some(Destination::Connected);
        }
        self.learning.destination().map(Destination::To)
    }

    /// Whether what the peer sends is to be passed on.
    #[inline]
    pub fn receives(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.receives)
    }

    /// Whether RTCP shares the RTP port.
    #[inline]
    pub fn shares_rtcp(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.rtcp_mux)
    }

    /// Packets lost since the last call, for the worker's counter.
    pub fn take_lost(&mut self) -> u64 {
        let lost = self.lost();
        let since = lost.saturating_sub(self.lost_told);
        self.lost_told = self.lost_told.max(lost);
        since
    }

    fn lost(&self) -> u64 {
        self.lost_before + self.reception.as_ref().map_or(0, |reception| reception.sequence().lost())
    }

    /// Looks whether the peer is silent.
    pub fn watch(&mut self, now: Instant, unlearn_after: Duration) -> Watched {
        let quiet_since = self.heard.map_or(self.planned, |heard| heard.max(self.planned));
        let mut watched = Watched { silent: false, unlearned: false, next: now + unlearn_after };
        let Some(plan) = &self.plan else { return watched };
        if let Some(limit) = plan.silence_limit.filter(|_| !self.silent) {
            // A peer that reports is there (held by its own device, silent by its codec, or its packets are lost on the way), but
            // not for ever: nobody talks.
            let alive = self.alive.map_or(quiet_since, |alive| alive.max(quiet_since));
            let due = (alive + limit).min(quiet_since + limit.max(REPORTS_ALONE));
            if now >= due {
                (self.silent, watched.silent) = (true, true);
            } else {
                watched.next = watched.next.min(due);
            }
        }
        // Who is on hold may be silent for as long as it likes: its source stays.
        if plan.receives {
            let due = quiet_since + unlearn_after;
            if now >= due {
                watched.unlearned = self.learning.handle_silence(self.reception.as_ref().map(Reception::ssrc));
            } else {
                watched.next = watched.next.min(due);
            }
        }
        watched
    }

    /// What it has counted.
    pub fn statistics(&self) -> PortStatistics {
        let codec = self.payload_type.and_then(|payload_type| self.formats.codec(payload_type));
        PortStatistics {
            port: self.place.id.0,
            codec: codec.map(|codec| &codec.name).or(self.codec.as_ref()).cloned(),
            packets_received: self.packets_received,
            octets_received: self.octets_received,
            packets_sent: self.outgoing.packets(),
            octets_sent: self.outgoing.octets(),
            packets_lost: self.lost(),
            packets_lost_at_peer: self.feedback.lost,
            jitter_us: self.reception.as_ref().map_or(0, Reception::jitter_us),
            jitter_max_us: self.reception.as_ref().map(Reception::jitter_max_us),
            jitter_at_peer_us: self.feedback.jitter_us,
            jitter_max_at_peer_us: self.feedback.jitter_max_us(),
            packets_repeated_at_peer: self.feedback.repeated(),
            round_trip_us: self.feedback.round_trip_us,
            packets_discarded: self.packets_discarded,
            packets_reordered: self.packets_reordered,
            learned: self.learning.source().map(|source| self.known_as(Channel::Rtp, source)),
            suite: self.suite,
            packets_late: self.packets_late,
            mos_centi: self.opinion(),
            mos_at_peer_centi: self.opinion_at_peer(),
        }
    }
}

/// What a look at a port found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watched {
    /// Its silence is to be reported.
    pub silent: bool,
    /// Its source was unlearned: the socket is to be disconnected.
    pub unlearned: bool,
    /// When to look again.
    pub next: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_small_part_of_what_a_call_may_cost() {
        // A call may cost 48 KiB in all; its two ports, with formats and timers beside them, are to take below a tenth: these are 6.9 %.
        assert!(size_of::<Port>() <= 1_680, "{} octets", size_of::<Port>());
    }
}

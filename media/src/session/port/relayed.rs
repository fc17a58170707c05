//! A port's addresses at a server that relays (TURN): the allocations, what goes by them, and where the peer is that is reached so. A port without pays the question
//! whether it has some.

use super::Port;
use super::secure::Sending;
use crate::ice::Came as WayCame;
use crate::limits::{TURN_PATIENCE, TURN_RENEWALS};
use crate::turn::{Client, is_place};
use crate::wire::{Channel, Destination, Wire};
use router::Random;
use router::parameter::ServedAddresses;
use router::time::{Instant, TimerKey};
use std::net::SocketAddr;

/// The allocations of a port.
#[derive(Debug, Default)]
pub(super) struct Relays {
    rtp: Option<Client>,
    rtcp: Option<Client>,
    /// What asks beside whether a server answers again.
    probe: Option<Client>,
    timer: Option<TimerKey>,
    /// How often one was asked for in the place of one that was lost.
    renewals: u8,
    renewal: Option<Renewal>,
}

/// An address was lost, and another one is asked for: its owner is told once that is there, or has had its time.
#[derive(Clone, Copy, Debug)]
struct Renewal {
    until: Instant,
    /// Whether the way that was taken is lost, too.
    is_way_lost: bool,
}

impl Relays {
    fn slot(&mut self, channel: Channel) -> &mut Option<Client> {
        match channel {
            Channel::Rtp => &mut self.rtp,
            Channel::Rtcp => &mut self.rtcp,
        }
    }

    fn client(&self, channel: Channel) -> Option<&Client> {
        match channel {
            Channel::Rtp => self.rtp.as_ref(),
            Channel::Rtcp => self.rtcp.as_ref(),
        }
    }

    fn clients(&self) -> impl Iterator<Item = &Client> {
        [&self.rtp, &self.rtcp].into_iter().flatten()
    }
}

impl Port {
    /// Whether it has an address at a server, or is to have one.
    #[inline]
    pub fn has_relay(&self) -> bool {
        self.relays.is_some()
    }

    /// The allocation of one of its components.
    pub fn relay(&mut self, channel: Channel) -> Option<&mut Client> {
        self.relays.as_mut()?.slot(channel).as_mut()
    }

    /// It has that allocation from now on, or none.
    pub fn set_relay(&mut self, channel: Channel, client: Option<Client>) {
        if self.relays.is_none() && client.is_none() {
            return;
        }
        *self.relays.get_or_insert_default().slot(channel) = client;
    }

    /// What asks by its first socket whether a server answers again, beside the one that it has an address at.
    pub fn probe(&mut self) -> Option<&mut Client> {
        self.relays.as_mut()?.probe.as_mut()
    }

    /// It asks so from now on, unless it does already or has no address anywhere.
    pub fn set_probe(&mut self, probe: impl FnOnce() -> Option<Client>) {
        if let Some(relays) = self.relays.as_mut().filter(|relays| relays.probe.is_none()) {
            relays.probe = probe();
        }
    }

    /// Takes its allocations out.
    pub fn take_relays(&mut self) -> impl Iterator<Item = (Channel, Client)> + use<> {
        let relays = self.relays.take().map(|relays| *relays).unwrap_or_default();
        let rtp = [relays.rtp, relays.probe].into_iter().flatten().map(|client| (Channel::Rtp, client));
        rtp.chain(relays.rtcp.map(|client| (Channel::Rtcp, client)))
    }

    /// Whether addresses may still come.
    pub fn is_gathering(&self) -> bool {
        self.relays.as_ref().is_some_and(|relays| relays.clients().any(Client::is_pending))
    }

    /// Its addresses at servers, and as they see it.
    pub fn served(&self) -> Option<ServedAddresses> {
        let relays = self.relays.as_ref()?;
        let of = |channel| relays.client(channel).and_then(Client::allocated);
        let (rtp, rtcp) = (of(Channel::Rtp), of(Channel::Rtcp));
        let served = ServedAddresses {
            relayed_rtp: rtp.map(|it| it.relayed),
            relayed_rtcp: rtcp.map(|it| it.relayed),
            reflexive_rtp: rtp.and_then(|it| it.reflexive),
            reflexive_rtcp: rtcp.and_then(|it| it.reflexive),
        };
        (served != ServedAddresses::default()).then_some(served)
    }

    /// Nobody needs the address of a component any more.
    pub fn release_relay(&mut self, now: Instant, channel: Channel, random: &mut Random) {
        if let Some(client) = self.relay(channel) {
            client.release(now, random);
        }
        self.lose_relay(now, channel);
    }

    /// The address of a component is gone: so are the ways by it.
    pub fn lose_relay(&mut self, now: Instant, channel: Channel) -> WayCame {
        let agent = self.ways.as_mut().and_then(|ways| ways.agents().find(|(of, _)| *of == channel));
        let came = agent.map_or(WayCame::Nothing, |(_, agent)| agent.lose_relayed());
        self.follow_way(now, channel, came);
        if channel == Channel::Rtp { came } else { WayCame::Nothing }
    }

    /// An address was lost, and its way where that led by it. True: another one may be asked for.
    pub fn begin_renewal(&mut self, now: Instant, is_way_lost: bool) -> bool {
        let Some(relays) = &mut self.relays else { return false };
        let before = relays.renewal.is_some_and(|renewal| renewal.is_way_lost);
        relays.renewal = Some(Renewal { until: now + TURN_PATIENCE, is_way_lost: is_way_lost || before });
        relays.renewals = relays.renewals.saturating_add(1);
        relays.renewals <= TURN_RENEWALS
    }

    /// Whether its owner is to be told now where it is since one was lost; and, true within, that no way leads to its peer.
    pub fn take_renewal(&mut self, now: Instant) -> Option<bool> {
        let is_gathering = self.is_gathering();
        let renewal = &mut self.relays.as_mut()?.renewal;
        renewal.take_if(|renewal| renewal.until <= now || !is_gathering).map(|renewal| renewal.is_way_lost)
    }

    /// Where its peer leaves unanswered what is asked by a server, the server is asked as well: it may have forgotten the address.
    pub fn verify_relays(&mut self, now: Instant) {
        let (Some(relays), Some(ways)) = (&mut self.relays, &self.ways) else { return };
        for channel in [Channel::Rtp, Channel::Rtcp] {
            let is_doubtful = ways.agent(channel).is_some_and(|agent| agent.doubts().is_some_and(is_place));
            if let Some(client) = relays.slot(channel).as_mut().filter(|_| is_doubtful) {
                client.verify(now);
            }
        }
    }

    /// Lets in where its peer says that it may be reached.
    pub fn reach_candidates(&mut self, now: Instant) {
        let (Some(relays), Some(ways)) = (&mut self.relays, &self.ways) else { return };
        for channel in [Channel::Rtp, Channel::Rtcp] {
            if let (Some(client), Some(agent)) = (relays.slot(channel), ways.agent(channel)) {
                for (address, priority) in agent.named() {
                    client.reach(now, address, priority);
                }
            }
        }
        self.check_reachable(now);
    }

    /// What has been let in is checked.
    pub fn check_reachable(&mut self, now: Instant) {
        let (Some(relays), Some(ways)) = (&self.relays, &mut self.ways) else { return };
        for (channel, agent) in ways.agents() {
            for (place, priority) in relays.client(channel).into_iter().flat_map(|client| client.reachable(now)) {
                agent.add(place, priority);
            }
        }
    }

    /// The way leads there from now on, or nowhere.
    pub(super) fn direct_relay(&mut self, now: Instant, channel: Channel, way: Option<SocketAddr>) {
        let Some(client) = self.relay(channel) else { return };
        match way.filter(|way| is_place(*way)) {
            Some(place) => client.keep(now, place),
            None => client.keep_none(),
        }
    }

    /// Where the peer is that is at a place, as anybody else would say it.
    pub(super) fn known_as(&self, channel: Channel, address: SocketAddr) -> SocketAddr {
        let client = self.relays.as_ref().filter(|_| is_place(address)).and_then(|relays| relays.client(channel));
        client.and_then(|client| client.address(address)).unwrap_or(address)
    }

    /// The timer of its allocations: the former one, for another. A port without has none.
    pub fn set_relay_timer(&mut self, timer: Option<TimerKey>) -> Option<TimerKey> {
        std::mem::replace(&mut self.relays.as_mut()?.timer, timer)
    }

    /// When they are to be looked at.
    pub fn poll_relay_timeout(&self) -> Option<Instant> {
        let relays = self.relays.as_ref()?;
        let renewal = relays.renewal.map(|renewal| renewal.until);
        relays.clients().chain(&relays.probe).filter_map(Client::poll_timeout).chain(renewal).min()
    }

    /// Drops those that are over; its timer is none of theirs any more.
    pub fn drop_relays(&mut self) {
        let Some(relays) = &mut self.relays else { return };
        for channel in [Channel::Rtp, Channel::Rtcp] {
            relays.slot(channel).take_if(|client| client.is_over());
        }
        relays.probe.take_if(|probe| probe.is_over());
        if relays.clients().chain(&relays.probe).next().is_none() && relays.renewal.is_none() {
            self.relays = None;
        }
    }

    /// Sends what is neither voice nor reports: by the server, where the peer is reached so. False: it was not taken.
    pub fn transmit<W: Wire>(
        &mut self,
        wire: &mut W,
        channel: Channel,
        destination: Destination,
        datagram: &[u8],
    ) -> bool {
        match destination {
            Destination::To(place) if is_place(place) => {
                self.send_by_relay(wire, channel, place, datagram, |_, length| Some(length)) == Sending::Taken
            }
            _ => wire.send(self.place.pair, channel, destination, datagram),
        }
    }

    /// Sends a datagram to a place; `seal` finishes it first.
    pub(super) fn send_by_relay<W: Wire>(
        &mut self,
        wire: &mut W,
        channel: Channel,
        place: SocketAddr,
        datagram: &[u8],
        seal: impl FnOnce(&mut [u8], usize) -> Option<usize>,
    ) -> Sending {
        let pair = self.place.pair;
        let Some(client) = self.relay(channel) else { return Sending::Failed };
        let server = Destination::To(client.at());
        let mut is_sealed = true;
        let taken = wire.send_sealed(pair, channel, server, datagram, |room, length| {
            let Some(length) = seal(room, length) else {
                is_sealed = false;
                return None;
            };
            client.wrap(place, room, length)
        });
        if is_sealed { taken.into() } else { Sending::Repeated }
    }
}

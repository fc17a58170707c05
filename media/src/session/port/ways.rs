//! The ways to a port's peer, where they are looked for (ICE): an agent for RTP, and one for RTCP that has a port of its own. What they find takes the place of what
//! packets would tell (`learn`).

use super::Port;
use crate::ice::{Agent, Came, Source};
use crate::status::Discard;
use crate::wire::Channel;
use router::Random;
use router::parameter::IceParameters;
use router::time::{Instant, TimerKey};
use std::net::SocketAddr;
use stun::{Message, Writer};

/// The agents of a port.
#[derive(Debug)]
pub(super) struct Ways {
    rtp: Agent,
    /// `None`: RTCP shares the port.
    rtcp: Option<Agent>,
    timer: Option<TimerKey>,
    /// Where its owner was told that the peer was found.
    told: Option<Reached>,
}

/// Where a peer was found, for RTP, and for RTCP that has a port of its own.
pub(in crate::session) type Reached = (SocketAddr, Option<SocketAddr>);

impl Ways {
    pub(super) fn agent(&self, channel: Channel) -> Option<&Agent> {
        match channel {
            Channel::Rtp => Some(&self.rtp),
            Channel::Rtcp => self.rtcp.as_ref(),
        }
    }

    pub(super) fn agents(&mut self) -> impl Iterator<Item = (Channel, &mut Agent)> {
        let rtcp = self.rtcp.as_mut().map(|agent| (Channel::Rtcp, agent));
        [(Channel::Rtp, &mut self.rtp)].into_iter().chain(rtcp)
    }

    /// Where the peer is, as far as that has been found.
    pub(super) fn destination(&self, channel: Channel) -> Option<SocketAddr> {
        self.agent(channel)?.destination()
    }
}

/// A message of STUN that came.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Where it came to.
    pub channel: Channel,
    /// Where it came from.
    pub source: SocketAddr,
    /// What it is.
    pub message: &'a Message<'a>,
}

/// What is to be sent because of one, or because it is time.
#[derive(Clone, Copy, Debug)]
pub struct Asking {
    /// From where.
    pub channel: Channel,
    /// Whither.
    pub to: SocketAddr,
    /// What.
    pub message: Writer,
}

impl Port {
    /// Whether ways to its peer are looked for.
    #[inline]
    pub fn seeks_ways(&self) -> bool {
        self.ways.is_some()
    }

    /// Takes what a new plan says of them. True: they are looked for, so the socket is to hear everybody.
    pub fn seek(
        &mut self,
        now: Instant,
        ice: Option<Box<IceParameters>>,
        shares_rtcp: bool,
        random: &mut Random,
    ) -> bool {
        self.learning.follow_checks(ice.is_some());
        let Some(parameters) = ice else {
            self.ways = None;
            return false;
        };
        let (former, timer) = match self.ways.take() {
            Some(mut ways) if ways.rtp.is_of(&parameters) => {
                ways.rtp.update(&parameters);
                if shares_rtcp {
                    ways.rtcp = None;
                } else {
                    let fresh = || Agent::new(now, &parameters, 2, None, random);
                    ways.rtcp.get_or_insert_with(fresh).update(&parameters);
                }
                self.ways = Some(ways);
                return true;
            }
            Some(ways) => ([ways.destination(Channel::Rtp), ways.destination(Channel::Rtcp)], ways.timer),
            None => ([self.learning.source(), None], None),
        };
        let rtp = Agent::new(now, &parameters, 1, former[0], random);
        let rtcp = (!shares_rtcp).then(|| Agent::new(now, &parameters, 2, former[1], random));
        self.ways = Some(Box::new(Ways { rtp, rtcp, timer, told: None }));
        true
    }

    /// Whether the peer has shown that it sends from there.
    pub(super) fn is_proven(&self, channel: Channel, source: SocketAddr) -> bool {
        self.ways.as_ref().and_then(|ways| ways.agent(channel)).is_some_and(|agent| agent.knows(source))
    }

    /// Media that does not come by the way that is taken. `None`: it is a stranger's; true: the peer is there now.
    #[cold]
    pub(super) fn take_beside(&mut self, now: Instant, source: SocketAddr) -> Option<bool> {
        let ways = self.ways.as_mut()?;
        let has_moved = ways.rtp.handle_media(now, source, self.heard)?;
        if has_moved {
            self.follow_way(now, Channel::Rtp, Came::Way(source));
        }
        Some(has_moved)
    }

    /// Takes a check, or the answer to one of ours: what is to be answered, and what it has come to.
    pub fn take_check(
        &mut self,
        now: Instant,
        question: Question<'_>,
        random: &mut Random,
    ) -> Result<(Option<Asking>, Came), Discard> {
        let Question { channel, source, message } = question;
        let heard = self.heard;
        let seen = Source { place: source, address: self.known_as(channel, source) };
        let agent = self.ways.as_mut().and_then(|ways| ways.agents().find(|(of, _)| *of == channel));
        let handled = agent.and_then(|(_, agent)| agent.handle(now, seen, message, heard, random));
        let Some(handled) = handled else {
            self.count_discarded();
            return Err(Discard::Forged);
        };
        self.follow_way(now, channel, handled.came);
        Ok((handled.answer.map(|message| Asking { channel, to: source, message }), handled.came))
    }

    /// The peer is somewhere else, or nowhere.
    pub(super) fn follow_way(&mut self, now: Instant, channel: Channel, came: Came) {
        let way = match came {
            Came::Nothing => return,
            Came::Way(remote) => Some(remote),
            Came::Lost => None,
        };
        if channel == Channel::Rtp {
            self.learning.handle_way(way);
        }
        self.direct_relay(now, channel, way);
        if let Some(remote) = way {
            self.direct_dtls(now, channel, remote);
        }
    }

    /// Where its peer was found by our decision, once after that has changed.
    pub fn take_reached(&mut self) -> Option<Reached> {
        let ways = self.ways.as_ref()?;
        let rtcp = ways.rtcp.as_ref().and_then(Agent::chosen).map(|rtcp| self.known_as(Channel::Rtcp, rtcp));
        let reached = (self.known_as(Channel::Rtp, ways.rtp.chosen()?), rtcp);
        let ways = self.ways.as_mut()?;
        (ways.told.replace(reached) != Some(reached)).then_some(reached)
    }

    /// Looks at its ways: whether they still are some, whether one was found in time.
    pub fn handle_ways_timeout(&mut self, now: Instant) -> Came {
        let Some(ways) = &mut self.ways else { return Came::Nothing };
        let rtp = ways.rtp.handle_timeout(now);
        let rtcp = ways.rtcp.as_mut().map_or(Came::Nothing, |agent| agent.handle_timeout(now));
        self.follow_way(now, Channel::Rtp, rtp);
        self.follow_way(now, Channel::Rtcp, rtcp);
        rtp
    }

    /// The timer of its ways: the former one, for another. A port without has none.
    pub fn set_ways_timer(&mut self, timer: Option<TimerKey>) -> Option<TimerKey> {
        std::mem::replace(&mut self.ways.as_mut()?.timer, timer)
    }

    /// When its ways are to be looked at.
    pub fn poll_ways_timeout(&mut self) -> Option<Instant> {
        let ways = self.ways.as_mut()?;
        ways.agents().filter_map(|(_, agent)| agent.poll_timeout()).min()
    }

    /// The next check, and whither it goes.
    pub fn poll_check(&mut self, now: Instant, random: &mut Random) -> Option<Asking> {
        let ways = self.ways.as_mut()?;
        ways.agents().find_map(|(channel, agent)| {
            let check = agent.poll_transmit(now, random)?;
            Some(Asking { channel, to: check.to, message: check.message })
        })
    }
}

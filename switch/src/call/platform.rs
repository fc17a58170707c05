//! Legs that are at the switch of another platform: it is asked for them as a leg of signaling asks for a call, and is told of their
//! end until it says that it knows.
//!
//! ```text
//!  this call ── Start × Call (placement, path) ──▶ a call there       Progress × LegState … Done × LegState | Failed
//!            ◀─ whatever a leg sends ────────────▶
//!            ── Stop × LegState ─────────────────▶                    again with a growing pause, while it is not reached
//! ```

use super::call::Call;
use super::connected::Facing;
use super::leg::{LegId, Peer, Wanted, Whither};
use super::timers::Timer;
use super::turn::Turn;
use crate::limits::{STOP_RETRY, STOP_RETRY_MAX};
use crate::plan::trunk_of;
use crate::platforms::Platforms;
use router::parameter::{self, Cause, CauseKind, MediaExchange, Origin, Parameter, Party, Placement, Reason};
use router::time::{Duration, Instant};
use router::{Address, Command, Packet, PlatformId};
use std::net::{IpAddr, Ipv4Addr};

/// What a leg at another platform has beside what every leg has.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(super) platform: PlatformId,
    /// Its name.
    pub(super) name: String,
    /// Whether it is that one for certain: it had a link of its own when the leg began.
    is_proven: bool,
    /// Since when the other side has not said how the leg stands although it was asked.
    pub(super) unheard_since: Option<Instant>,
    /// It has come from that call, which the other platform is not told yet.
    pub(super) handing: Option<Address>,
    /// The other platform knows of none; it is asked once more.
    pub(super) doubted: bool,
    /// The number that goes round by it, to find out whether it comes back by the other leg; `None`: none has been sent.
    pub(super) probe: Option<u64>,
    /// It is being told that the leg has ended: why, and since when.
    pub(super) stopping: Option<(Cause, Instant)>,
    /// Whom that platform takes it to be connected with.
    pub(super) facing: Facing,
    /// How often that platform has said that somebody else is there.
    pub(super) others: u8,
}

impl Remote {
    /// A leg at that platform.
    pub(crate) fn new(platform: PlatformId, platforms: &Platforms) -> Self {
        Self {
            platform,
            name: platforms.name(platform),
            is_proven: platforms.is_proven(platform),
            unheard_since: None,
            handing: None,
            doubted: false,
            probe: None,
            stopping: None,
            facing: Facing::First,
            others: 0,
        }
    }

    /// On whose behalf something is that the platform says is on that one's.
    pub(crate) fn origin(&self, stated: &Origin) -> Origin {
        stated.on(&self.name, self.is_proven.then_some(self.platform))
    }

    /// The same, of which its platform knows so much of whom it is connected with.
    pub(super) fn facing(self, facing: Facing) -> Self {
        Self { facing, ..self }
    }
}

/// Where on another platform an outgoing leg is to go.
#[derive(Clone, Debug)]
pub(super) struct Elsewhere {
    /// The switch that takes the call.
    pub(super) switch: Address,
    /// What is decided already.
    pub(super) placement: Option<Placement>,
}

impl Call {
    /// Where an account is reached at another platform. `None`: that is not reached any more.
    pub(super) fn account_elsewhere(
        &self,
        turn: &mut Turn<'_>,
        platform: PlatformId,
        account: &str,
        called: Party,
        timeout: Duration,
    ) -> Option<Wanted> {
        let switch = turn.platforms.switch_of(platform)?;
        let placement = Some(Placement::Account(account.to_owned()));
        let elsewhere = Elsewhere { switch, placement };
        Some(Wanted {
            target: Whither::Elsewhere(Box::new(elsewhere)),
            peer: Peer::Account(account.to_owned()),
            interface: self.interface_to_platforms(),
            called,
            timeout: Some(timeout),
            charge: None,
        })
    }

    /// A number at another platform: at a trunk of it, or at its plan. False: nobody is there.
    pub(super) fn try_platform(
        &mut self,
        turn: &mut Turn<'_>,
        platform: String,
        trunk: Option<String>,
        number: String,
        timeout: Option<Duration>,
    ) -> bool {
        let trunk_name = trunk.as_deref().map(|trunk| trunk_of(trunk, &platform));
        self.sought().destination = Some(trunk_name.clone().unwrap_or_else(|| platform.clone()).into());
        let interface = self.interface_to_platforms();
        let default = self.config.ring_timeout;
        let Some(search) = &mut self.search else { return false };
        if number.is_empty() {
            search.note(CauseKind::UnknownNumber.into());
            return false;
        }
        let switch = turn.platforms.named(&platform).and_then(|id| turn.platforms.switch_of(id));
        let Some(switch) = switch else {
            search.note(CauseKind::Unreachable.into());
            return false;
        };
        let called = Party { display_name: search.called.display_name.clone(), ..Party::new(number.clone(), "") };
        let placement = trunk.map(|name| Placement::Trunk { name, number: number.into() });
        let (peer, timeout) = match trunk_name {
            Some(name) => {
                turn.trunks.offered(turn.now.instant, &name);
                (Peer::Trunk(name), Some(timeout.unwrap_or(default)))
            }
            // That plan has its own time, and its own branches behind it.
            None => (Peer::Platform(platform), timeout),
        };
        let elsewhere = Elsewhere { switch, placement };
        let wanted =
            Wanted { target: Whither::Elsewhere(Box::new(elsewhere)), peer, interface, called, timeout, charge: None };
        self.try_legs(turn, vec![wanted]);
        true
    }

    /// Asks another platform's switch for a leg. The cause: it cannot be asked.
    pub(super) fn start_elsewhere(
        &mut self,
        turn: &mut Turn<'_>,
        id: LegId,
        elsewhere: Elsewhere,
        media: Option<MediaExchange>,
        timeout: Option<Duration>,
    ) -> Result<Parameter, Cause> {
        let (Some(search), Some(cluster)) = (&self.search, &self.config.cluster) else {
            return Err(CauseKind::Internal.into());
        };
        let Some(hops) = self.hops.saturating_sub(search.hops()).checked_sub(1) else {
            return Err(CauseKind::TooManyHops.into());
        };
        let platform = elsewhere.switch.platform;
        let is_first = self.path.is_empty() && !self.called_elsewhere.contains(&platform);
        let own = cluster.platform;
        let is_placed = elsewhere.placement.is_some();
        let call = parameter::Call {
            // Each platform has records of its own under the common id; all further calls have one that nobody else makes.
            id: if is_first { self.id.clone() } else { format!("{}~{}.{}", self.id, own.0, id.0) },
            origin: search.origin().clone(),
            caller: search.caller.clone(),
            anonymous: search.anonymous,
            called: self.legs[id].party.clone(),
            media,
            hops,
            interface: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            leg_id: String::new(),
            verified: search.verified,
            referred_by: search.referred_by.clone(),
            passed: search.passed.clone(),
            secure: search.secure,
            host: None,
            early_offer: search.waiting.is_some_and(|waiting| self.legs[waiting].medium.takes_early_offer()),
            identity: self.identity_for(id),
            placement: elsewhere.placement,
            path: self.path.iter().copied().chain([own]).collect(),
            ring_ms: timeout
                .filter(|_| is_placed)
                .map(|timeout| u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX)),
        };
        if is_first {
            self.called_elsewhere.push(platform);
        }
        turn.counters.legs_elsewhere += 1;
        Ok(call.into())
    }

    /// Whether another platform has a part in it: a leg, or that it had it made.
    pub(crate) fn is_of(&self, platform: PlatformId) -> bool {
        let at_it = |leg: &super::leg::Leg| leg.remote.as_ref().is_some_and(|remote| remote.platform == platform);
        self.placed_by == Some(platform) || self.legs.iter().any(at_it)
    }

    /// The platforms at which it has had legs.
    pub(crate) fn abroad(&self) -> &[PlatformId] {
        &self.abroad.0
    }

    /// Those of them that have come since that was asked.
    pub(crate) fn newly_abroad(&mut self) -> Vec<PlatformId> {
        let (known, looked_at) = &mut self.abroad;
        let before = known.len();
        for platform in self.legs.since(*looked_at).iter().filter_map(|leg| Some(leg.remote.as_ref()?.platform)) {
            if !known.contains(&platform) {
                known.push(platform);
            }
        }
        *looked_at = self.legs.count();
        known[before..].to_vec()
    }

    /// The local address of media from and to other platforms.
    pub(super) fn interface_to_platforms(&self) -> IpAddr {
        self.config.cluster.as_ref().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |cluster| cluster.media)
    }

    /// For how long the call goes on while a platform is not reached.
    pub(super) fn grace(&self) -> Duration {
        self.config.cluster.as_ref().map_or(Duration::ZERO, |cluster| cluster.call_grace)
    }

    /// Another platform knows of the end of a leg, or does not say so: it is told again, until it must have found out by itself.
    pub(super) fn stop_elsewhere_answered(
        &mut self,
        turn: &mut Turn<'_>,
        leg: LegId,
        cause: Cause,
        attempt: u8,
        packet: &Packet,
    ) {
        let (now, grace) = (turn.now.instant, self.grace());
        let Some(remote) = &mut self.legs[leg].remote else { return };
        let unheard = [Reason::PlatformAbsent, Reason::UnknownDestination, Reason::Expired, Reason::Busy];
        if packet.command == Command::Done || !unheard.contains(&packet.failure().reason) {
            remote.stopping = None;
            return;
        }
        let (_, since) = remote.stopping.get_or_insert((cause, now));
        if now.since(*since) >= grace {
            remote.stopping = None;
            turn.counters.legs_lost += 1;
            return;
        }
        let pause = STOP_RETRY.saturating_mul(1 << attempt.min(10)).min(STOP_RETRY_MAX);
        self.set_timer(turn, Timer::Stop(leg, attempt), pause);
    }

    /// Tells another platform once more that a leg has ended.
    pub(super) fn repeat_stop(&mut self, turn: &mut Turn<'_>, leg: LegId, attempt: u8) {
        let cause = self.legs[leg].remote.as_ref().and_then(|remote| remote.stopping.as_ref()).map(|(cause, _)| cause);
        if let Some(cause) = cause.cloned() {
            self.send_stop(turn, leg, cause, attempt.saturating_add(1));
        }
    }
}

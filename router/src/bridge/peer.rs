//! One link: a connection, its hello, its heartbeats.

use super::LinkId;
use super::claims::Claims;
use super::frame::FrameReader;
use super::identity::{Identity, may_be_called};
use super::message::{Announced, ByeReason, Hello, VERSION, VERSION_OLDEST};
use super::outgoing::Outgoing;
use crate::address::PlatformId;
use crate::limits::{
    FRAME_BYTES, HEARTBEAT_MS, HELLO_FRAME_BYTES, HELLO_WITHIN_MS, SILENT_HEARTBEATS, TELL_AFTER_MS,
    UNANSWERED_HEARTBEATS,
};
use crate::time::{Duration, Instant};
use std::collections::BTreeSet;

/// Why a link ends here, and a sentence for people.
pub(crate) type Fault = (ByeReason, String);

/// How far a link has come.
#[derive(Debug)]
pub(crate) enum Phase {
    /// The shell connects.
    Connecting,
    /// Connected; our hello is out.
    Greeting,
    /// Both have said hello.
    Up(Peer),
}

/// The platform at the other end, as it introduced itself.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) platform: PlatformId,
    pub(crate) epoch: u32,
    pub(crate) since: Instant,
    heartbeat: Duration,
    /// Platforms that it may speak for.
    claims: Box<Claims>,
    /// Platforms that may be spoken for to it: those of the last list that it was told.
    told: BTreeSet<PlatformId>,
    /// Its last list, while it waits to be looked at.
    list: Option<Vec<Announced>>,
    /// From when on a list is looked at.
    list_from: Instant,
    /// The oldest heartbeat that it has not answered, and when that was sent.
    unanswered: Option<(u64, Instant)>,
    next_heartbeat: u64,
    pub(crate) round_trip: Option<Duration>,
}

/// A link.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    /// The address that was dialled; `None`: the peer dialled.
    pub(crate) dialled: Option<String>,
    /// The address at the other end.
    pub(crate) remote: String,
    /// Whom the peer's certificate names.
    pub(crate) identity: Option<Identity>,
    pub(crate) phase: Phase,
    pub(crate) reader: FrameReader,
    pub(crate) outgoing: Outgoing,
    pub(crate) packets_in: u64,
    pub(crate) octets_in: u64,
    /// Whether it is among those that have something to write.
    pub(crate) is_ready: bool,
    since: Instant,
    last_received: Instant,
    last_written: Instant,
}

impl Link {
    /// A link whose connection is being made, or was just accepted.
    pub(crate) fn new(now: Instant, id: LinkId, dialled: Option<String>, remote: String) -> Self {
        Self {
            id,
            dialled,
            remote,
            identity: None,
            phase: Phase::Connecting,
            reader: FrameReader::new(HELLO_FRAME_BYTES),
            outgoing: Outgoing::default(),
            packets_in: 0,
            octets_in: 0,
            is_ready: false,
            since: now,
            last_received: now,
            last_written: now,
        }
    }

    /// The connection is there; the certificate at its other end, if there are any, names `identity`.
    pub(crate) fn connected(&mut self, now: Instant, identity: Option<Identity>) {
        self.identity = identity;
        self.phase = Phase::Greeting;
        self.since = now;
    }

    /// The peer, once it has said hello.
    pub(crate) fn peer(&self) -> Option<&Peer> {
        match &self.phase {
            Phase::Up(peer) => Some(peer),
            Phase::Connecting | Phase::Greeting => None,
        }
    }

    /// The same, to be changed.
    pub(crate) fn peer_mut(&mut self) -> Option<&mut Peer> {
        match &mut self.phase {
            Phase::Up(peer) => Some(peer),
            Phase::Connecting | Phase::Greeting => None,
        }
    }

    /// Whether the peer may be who it says it is, as far as this link alone can tell.
    pub(crate) fn check_hello(&self, hello: &Hello) -> Result<(), Fault> {
        if !matches!(self.phase, Phase::Greeting) {
            return Err((ByeReason::Misbehaved, "it said hello twice".to_owned()));
        }
        let common = hello.version.min(VERSION);
        if common < VERSION_OLDEST || common < hello.oldest {
            let (version, oldest) = (hello.version, hello.oldest);
            let text =
                format!("it speaks versions {oldest} to {version}, and this platform {VERSION_OLDEST} to {VERSION}");
            return Err((ByeReason::Version, text));
        }
        if !hello.platform.is_identity() {
            return Err((ByeReason::Misbehaved, format!("{} is no platform's number", hello.platform.0)));
        }
        match &self.identity {
            Some(identity) => identity.check(hello),
            None if may_be_called(hello.platform, &hello.name) => Ok(()),
            None => Err((ByeReason::IdentityMismatch, format!("its name `{}` is another one's number", hello.name))),
        }
    }

    /// The hello is accepted: the link is up.
    pub(crate) fn up(&mut self, now: Instant, hello: &Hello) {
        let heartbeat = u64::from(hello.heartbeat_ms).clamp(*HEARTBEAT_MS.start(), *HEARTBEAT_MS.end());
        self.phase = Phase::Up(Peer {
            platform: hello.platform,
            epoch: hello.epoch,
            since: now,
            heartbeat: Duration::from_millis(heartbeat),
            claims: Box::new(Claims::new(now)),
            told: BTreeSet::new(),
            list: None,
            list_from: now,
            unanswered: None,
            next_heartbeat: 1,
            round_trip: None,
        });
    }

    /// How long a frame may be.
    pub(crate) fn frame_bound(&self) -> usize {
        if self.peer().is_some() { FRAME_BYTES } else { HELLO_FRAME_BYTES }
    }

    /// Octets came.
    pub(crate) fn received(&mut self, now: Instant, octets: usize) {
        self.last_received = now;
        self.octets_in += octets as u64;
    }

    /// The shell has written octets, by so many writes.
    pub(crate) fn written(&mut self, now: Instant, octets: usize, writes: u64) {
        self.outgoing.handle_written(octets, writes);
        self.last_written = now;
    }

    /// Before octets are given to the shell while it has none: from now on it may be waited for.
    pub(crate) fn will_write(&mut self, now: Instant) {
        if !self.outgoing.is_under_way() {
            self.last_written = now;
        }
    }

    /// Whether the peer was heard within two of its heartbeats.
    pub(crate) fn is_alive(&self, now: Instant) -> bool {
        self.peer().is_some_and(|peer| now.since(self.last_received) < 2 * peer.heartbeat)
    }

    /// Why the link is to be given up; `own` is the interval of our own heartbeats.
    pub(crate) fn check(&self, now: Instant, own: Duration) -> Result<(), Fault> {
        let Phase::Up(peer) = &self.phase else {
            let within = Duration::from_millis(HELLO_WITHIN_MS);
            let late = now.since(self.since) >= within;
            let text = match self.phase {
                Phase::Connecting => "no connection came about in time",
                _ => "no hello came in time",
            };
            return if late { Err((ByeReason::Silent, text.to_owned())) } else { Ok(()) };
        };
        let silent = now.since(self.last_received);
        if silent >= SILENT_HEARTBEATS * peer.heartbeat {
            return Err((ByeReason::Silent, format!("nothing came for {} ms", silent.as_millis())));
        }
        let stalled = now.since(self.last_written);
        if self.outgoing.is_under_way() && stalled >= SILENT_HEARTBEATS * own {
            return Err((ByeReason::Unread, format!("nothing could be written for {} ms", stalled.as_millis())));
        }
        if let Some((_, sent)) = peer.unanswered
            && now.since(sent) >= UNANSWERED_HEARTBEATS * own
        {
            return Err((ByeReason::Unread, format!("no heartbeat answered for {} ms", now.since(sent).as_millis())));
        }
        Ok(())
    }

    /// When to [`check`](Self::check) next.
    pub(crate) fn next_check(&self, now: Instant, own: Duration) -> Instant {
        match &self.phase {
            Phase::Up(peer) => {
                let silent = self.last_received + SILENT_HEARTBEATS * peer.heartbeat;
                let list = peer.list_due().unwrap_or(silent);
                silent.min(now + own).min(list)
            }
            Phase::Connecting | Phase::Greeting => self.since + Duration::from_millis(HELLO_WITHIN_MS),
        }
    }
}

impl Peer {
    /// The number of the next heartbeat, which is sent now.
    pub(crate) fn heartbeat(&mut self, now: Instant) -> u64 {
        let number = self.next_heartbeat;
        self.next_heartbeat += 1;
        self.unanswered.get_or_insert((number, now));
        number
    }

    /// A heartbeat was answered.
    pub(crate) fn heartbeat_answered(&mut self, now: Instant, number: u64) {
        if let Some((_, sent)) = self.unanswered.take_if(|(oldest, _)| *oldest == number) {
            self.round_trip = Some(now.since(sent));
        }
    }

    /// It announced these, so that packets of theirs may follow at once; a list that waits is out of date.
    pub(crate) fn announced(&mut self, now: Instant, list: Vec<Announced>) {
        self.claims.announce(now, list.iter().map(|announced| announced.platform));
        self.list = Some(list);
    }

    /// When the list that waits is to be looked at.
    pub(crate) fn list_due(&self) -> Option<Instant> {
        self.list.as_ref().map(|_| self.list_from)
    }

    /// The list that waits, which is looked at now.
    pub(crate) fn take_list(&mut self, now: Instant) -> Option<Vec<Announced>> {
        self.list_from = now + Duration::from_millis(TELL_AFTER_MS);
        self.list.take()
    }

    /// These are announced to it, and no others any more.
    pub(crate) fn was_told(&mut self, platforms: impl IntoIterator<Item = PlatformId>) {
        self.told = platforms.into_iter().collect();
    }

    /// Whether a platform is announced to it, so that it takes what comes in its name.
    pub(crate) fn knows(&self, platform: PlatformId) -> bool {
        self.told.contains(&platform)
    }

    /// Whether it may speak for a platform.
    pub(crate) fn speaks_for(&self, platform: PlatformId) -> bool {
        platform == self.platform || self.claims.cover(platform)
    }
}

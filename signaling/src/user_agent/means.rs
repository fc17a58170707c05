//! What the user agents of a shard share.

use super::aliases::Aliases;
use super::avoided::Avoided;
use super::contact::contact;
use super::counters::Counters;
use super::credentials::Proofs;
use super::flows::Flows;
use super::late_pracks::LatePracks;
use super::leg::Timer;
use super::options::ALLOW_IN_CALLS;
use super::release::Releases;
use super::resolving::Resolving;
use crate::config::Config;
use crate::dialog::Reach;
use crate::identity::repository::Repository;
use crate::message::{CallId, Header, Message, ResponseWriter, StatusCode, Tag};
use crate::trace::Trace;
use crate::transaction::{Acknowledgement, ClientKey, ServerKey, Transactions};
use crate::transport::{Destination, Flow, Transmit};
use crate::trunk::{ProvenDomains, TrunkId, Trunks};
use bytes::Bytes;
use router::time::{Duration, Instant, Now, TimerKey, TimerWheel};
use router::{Address, Asked, Instance, Instances, ModuleKind, Outbox, OwnMap, Random, Subscriptions};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;

/// To whom the responses to a request of ours go.
#[derive(Debug)]
pub(crate) enum ClientUse {
    /// To a leg. An INVITE's outlives it: repeated 2xx are acknowledged again, those of other forks hung up.
    Invite {
        /// The leg.
        leg: Instance,
        /// How its peer is reached.
        reach: Reach,
        /// Of an INVITE within a dialog: the peer's tag.
        dialog: Option<Tag>,
        /// Whether it made an offer: else its 2xx does, and the ACK answers.
        offered: bool,
        /// The credentials that it went with, for its ACK.
        proofs: Option<Proofs>,
        /// The ACKs that were sent, by the To tag of the 2xx.
        acknowledged: SmallVec<[(Option<Tag>, Acknowledgement); 1]>,
    },
    /// To a leg.
    Request(Instance),
    /// To a registration of ours at a trunk.
    Registration,
    /// To who asks whether trunks are there.
    Probe,
    /// To nobody: the BYE of a fork that came too late.
    Nobody,
    /// To the notifier: the subscription with that tag of ours.
    Notify(u64),
    /// To a text message on its way.
    Message(Instance),
    /// To the registrar: a keep-alive to that contact of that account.
    KeepAlive(Box<(String, String, Instant)>),
}

/// What the user agents of a shard share.
pub(crate) struct Means {
    /// The time of the input in hand.
    pub(crate) now: Now,
    pub(crate) outbox: Outbox,
    pub(crate) transactions: Transactions,
    pub(crate) random: Random,
    pub(crate) instances: Instances,
    pub(crate) timers: TimerWheel<(Instance, Timer)>,
    pub(crate) config: Arc<Config>,
    pub(crate) trunks: Trunks,
    /// Legs by their local tag.
    pub(crate) tags: OwnMap<u64, Instance>,
    pub(crate) clients: OwnMap<ClientKey, ClientUse>,
    /// Legs by the INVITE that waits for an answer of ours.
    pub(crate) servers: OwnMap<ServerKey, Instance>,
    pub(crate) flows: Flows,
    /// What trunks offer for requests to them.
    pub(crate) aliases: Aliases,
    /// What the peers of connections have proven.
    pub(crate) proven: ProvenDomains,
    pub(crate) resolving: Resolving,
    /// Certificates of those who sign calls.
    pub(crate) repository: Repository,
    pub(crate) avoided: Avoided,
    pub(crate) late_pracks: LatePracks,
    pub(crate) releases: Releases,
    pub(crate) trace: Trace,
    pub(crate) counters: Counters,
    /// Who wants news of trunks.
    pub(crate) trunk_followers: Subscriptions,
    /// What goes out beside SIP: messages of STUN and line ends. All of it leaves at the end of the turn.
    pub(crate) bare: VecDeque<Transmit>,
}

impl Means {
    /// The switch of our own shard.
    pub(crate) fn switch(&self) -> Address {
        Address::local(ModuleKind::Switch, self.outbox.address().module.index.unwrap_or(0))
    }

    /// The switch of the shard at which what has that name is at home.
    pub(crate) fn switch_of(&self, name: &str) -> Address {
        let shards = &self.config.shards;
        if shards.is_one() { self.switch() } else { Address::local(ModuleKind::Switch, shards.home(name.as_bytes())) }
    }

    /// The trunk that what comes on a way belongs to.
    pub(crate) fn trunk_of(&self, flow: &Flow) -> Option<TrunkId> {
        self.trunks.of_flow(flow, &self.proven)
    }

    /// Takes note of what a request offers of its connection.
    pub(crate) fn note_alias(&mut self, request: &Message, flow: &Flow) {
        if let Some(trunk) = self.trunk_of(flow).filter(|_| flow.transport.is_secure()) {
            self.aliases.note(request, flow, trunk, &self.trunks);
        }
    }

    /// Begins a response: Via, To tag and Server are seen to.
    pub(crate) fn response<'a>(
        &self,
        request: &'a Message,
        flow: &Flow,
        status: StatusCode,
        tag: &'a Tag,
    ) -> ResponseWriter<'a> {
        ResponseWriter::to(request, status).source(flow.remote).to_tag(tag).header(Header::Server, &self.config.agent)
    }

    /// Answers a request within a transaction.
    pub(crate) fn respond(&mut self, key: ServerKey, response: Bytes) -> bool {
        self.transactions.respond(self.now.instant, key, response)
    }

    /// Answers a request with a status and nothing more.
    pub(crate) fn refuse(&mut self, key: ServerKey, request: &Message, flow: &Flow, status: StatusCode) {
        self.refuse_because(key, request, flow, status, status.reason());
    }

    /// The same in other words: what is to be mended.
    pub(crate) fn refuse_because(
        &mut self,
        key: ServerKey,
        request: &Message,
        flow: &Flow,
        status: StatusCode,
        reason: &str,
    ) {
        let tag = self.mint_tag();
        let mut writer = self.response(request, flow, status, &tag).reason(reason);
        // RFC 3261 §21.4.6: what may be asked there, so not this method.
        if status == StatusCode::METHOD_NOT_ALLOWED {
            writer = writer.header(Header::Allow, ALLOW_IN_CALLS);
        }
        let response = writer.finish();
        self.respond(key, response);
    }

    /// A new Call-ID, at home on our own shard: what its peer sends comes to us.
    pub(crate) fn mint_call_id(&mut self) -> CallId {
        loop {
            let bits = u128::from(self.random.next_u64()) << 64 | u128::from(self.random.next_u64());
            let call_id = CallId::of_random(bits);
            if self.is_home(call_id.as_str()) {
                return call_id;
            }
        }
    }

    /// Whether what has that name is at home on our own shard.
    pub(crate) fn is_home(&self, name: &str) -> bool {
        let (shards, own) = (&self.config.shards, self.outbox.address().module.index.unwrap_or(0));
        shards.is_one() || shards.home(name.as_bytes()) == own % shards.count()
    }

    /// A new call's common id.
    pub(crate) fn mint_call(&mut self) -> String {
        format!("{:016x}{:016x}", self.random.next_u64(), self.random.next_u64())
    }

    /// A new tag.
    pub(crate) fn mint_tag(&mut self) -> Tag {
        Tag::of_random(self.random.next_u64())
    }

    /// Sends a request on behalf of a leg. `None`: it cannot be sent.
    pub(crate) fn send(&mut self, destination: Destination, request: Bytes, to: ClientUse) -> Option<ClientKey> {
        let destination = self.aliases.apply(destination);
        match self.transactions.request(self.now.instant, destination, request) {
            Ok(key) => {
                self.clients.insert(key, to);
                Some(key)
            }
            Err(refused) => {
                tracing::debug!(%refused, "a request was not sent");
                None
            }
        }
    }

    /// Our Contact as peers reached from that listener are told it.
    pub(crate) fn contact_at(&self, flow: &Flow) -> String {
        let listener = self.config.listeners.get(flow.listener);
        listener.map(|listener| contact(listener, Some(flow.local.ip()))).unwrap_or_default()
    }

    /// Schedules a leg's timer.
    pub(crate) fn schedule(&mut self, leg: Instance, timer: Timer, after: Duration) -> TimerKey {
        self.timers.schedule(self.now.instant + after, (leg, timer))
    }

    /// Remembers an ACK, to be repeated with each repetition of its 2xx.
    pub(crate) fn remember_ack(&mut self, key: ClientKey, tag: Option<Tag>, ack: Acknowledgement) {
        if let Some(ClientUse::Invite { acknowledged, .. }) = self.clients.get_mut(&key) {
            acknowledged.push((tag, ack));
        }
    }

    /// A name or number as the log may show it.
    pub(crate) fn shown<'a>(&self, name: &'a str) -> &'a str {
        if self.config.reveal_numbers { name } else { "(private)" }
    }

    /// Answers a request of the switch: done, with nothing more.
    pub(crate) fn done(&mut self, asked: Asked) {
        asked.done(&mut self.outbox, router::Parameters::new());
    }
}

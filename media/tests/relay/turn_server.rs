//! A server that relays (TURN, RFC 8656) in virtual time, well-behaved or not: what a client says is answered by the book, and manners of it may be spoilt one by one. Shared with the
//! tests of the client alone.

use router::time::{Duration, Instant};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use stun::{Class, Key, Message, Method, TransactionId, Usage, Writer, channel};

/// A datagram: from, to, what.
pub(crate) type Datagram = (SocketAddr, SocketAddr, Vec<u8>);

pub(crate) const USERNAME: &str = "tandem";
pub(crate) const PASSWORD: &str = "a password";
const REALM: &[u8] = b"relay.example";

/// What is wrong with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manner {
    /// It says nothing.
    pub(crate) is_silent: bool,
    /// It does what it is asked, and its answers are lost.
    pub(crate) is_mute: bool,
    /// Somebody on the way says this before it does, without a key.
    pub(crate) forged: Option<u16>,
    /// Somebody on the way takes out the algorithms that it lists.
    pub(crate) is_stripped: bool,
    /// Every nonce is stale.
    pub(crate) is_stale: bool,
    /// It answers each Allocate with this.
    pub(crate) refuses: Option<u16>,
    /// It sends everybody there.
    pub(crate) alternate: Option<SocketAddr>,
    /// It wants keys by SHA-256.
    pub(crate) is_modern: bool,
    /// It lets this host in to nobody.
    pub(crate) forbids: Option<IpAddr>,
    /// It has no channels.
    pub(crate) has_no_channels: bool,
    /// It grants so many seconds.
    pub(crate) lifetime_s: Option<u32>,
    /// Its answers are another key's.
    pub(crate) is_forged: bool,
    /// Accounts are made of this secret, each named [`USERNAME`] and good for a time.
    pub(crate) secret: Option<&'static str>,
    /// It names no relayed address.
    pub(crate) names_nothing: bool,
}

#[derive(Debug)]
pub(crate) struct Allocation {
    pub(crate) relayed: SocketAddr,
    permissions: BTreeMap<IpAddr, Instant>,
    channels: BTreeMap<u16, (SocketAddr, Instant)>,
    expires: Instant,
}

/// The server.
#[derive(Debug)]
pub(crate) struct TurnServer {
    pub(crate) at: SocketAddr,
    pub(crate) manner: Manner,
    /// By who has asked.
    pub(crate) allocations: BTreeMap<SocketAddr, Allocation>,
    /// How often each method was asked, and how often something was relayed as ChannelData and in indications, by clients.
    pub(crate) asked: BTreeMap<Method, usize>,
    pub(crate) channel_data: usize,
    pub(crate) indications: usize,
    /// Who has asked it, each time another one.
    pub(crate) names: Vec<String>,
    nonce: u32,
    port: u16,
}

impl TurnServer {
    pub(crate) fn new(at: &str) -> Self {
        Self {
            at: at.parse().unwrap(),
            manner: Manner::default(),
            allocations: BTreeMap::new(),
            asked: BTreeMap::new(),
            channel_data: 0,
            indications: 0,
            names: Vec::new(),
            nonce: 1,
            port: 50_000,
        }
    }

    /// From now on other nonces hold.
    pub(crate) fn change_nonce(&mut self) {
        self.nonce += 1;
    }

    /// It starts anew: what it had is forgotten.
    pub(crate) fn restart(&mut self) {
        self.allocations.clear();
        self.change_nonce();
    }

    /// Whether a datagram is for it, or for what it has given.
    pub(crate) fn has(&self, to: SocketAddr) -> bool {
        to == self.at || self.allocations.values().any(|allocation| allocation.relayed == to)
    }

    /// Takes a datagram; what it sends.
    pub(crate) fn handle(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, data: &[u8]) -> Vec<Datagram> {
        self.allocations.retain(|_, allocation| allocation.expires > now);
        if self.manner.is_silent {
            return Vec::new();
        }
        if to != self.at {
            return self.relay(now, from, to, data).into_iter().collect();
        }
        if let Some((number, (begin, end))) = channel::unwrap(data) {
            self.channel_data += 1;
            let allocation = self.allocations.get(&from);
            let bound = allocation.and_then(|it| Some((it.relayed, *it.channels.get(&number)?)));
            let Some((relayed, (peer, until))) = bound else { return Vec::new() };
            let is_open = until > now && self.is_permitted(now, from, peer.ip());
            return if is_open { vec![(relayed, peer, data[begin..end].to_vec())] } else { Vec::new() };
        }
        let Some(message) = Message::parse(data, Usage::Relaying) else {
            panic!("what a client sends is read: {data:?}")
        };
        match (message.class, message.method) {
            (Class::Indication, Method::Send) => {
                self.indications += 1;
                let (peer, (begin, end)) = (message.relaying.peer.unwrap(), message.relaying.data.unwrap());
                let is_open = self.is_permitted(now, from, peer.ip());
                let relayed = self.allocations.get(&from).map(|allocation| allocation.relayed).filter(|_| is_open);
                relayed.map(|relayed| (relayed, peer, data[begin..end].to_vec())).into_iter().collect()
            }
            (Class::Request, method) => {
                *self.asked.entry(method).or_default() += 1;
                let answer = self.answer(now, from, &message);
                let forge = |code| Writer::of(method, Class::Error, &message.transaction).error(code);
                let forged = self.manner.forged.map(forge);
                let said = forged.into_iter().chain((!self.manner.is_mute).then_some(answer));
                said.map(|said| (self.at, from, said.octets().to_vec())).collect()
            }
            other => panic!("no client says {other:?}"),
        }
    }

    fn is_permitted(&self, now: Instant, client: SocketAddr, host: IpAddr) -> bool {
        let permissions = self.allocations.get(&client).map(|allocation| &allocation.permissions);
        permissions.and_then(|permissions| permissions.get(&host)).is_some_and(|until| *until > now)
    }

    fn relay(&self, now: Instant, from: SocketAddr, to: SocketAddr, data: &[u8]) -> Option<Datagram> {
        let (client, allocation) = self.allocations.iter().find(|(_, allocation)| allocation.relayed == to)?;
        if !self.is_permitted(now, *client, from.ip()) {
            return None;
        }
        let bound = allocation.channels.iter().find(|(_, (peer, until))| *peer == from && *until > now);
        let relayed = match bound {
            Some((number, _)) => {
                let mut room = [data, &[0; channel::EXPANSION]].concat();
                let length = channel::wrap(&mut room, data.len(), *number)?;
                room.truncate(length);
                room
            }
            None => Writer::of(Method::Data, Class::Indication, &[9; 12]).peer(from).data(data).octets().to_vec(),
        };
        Some((self.at, *client, relayed))
    }

    fn nonce(&self) -> String {
        let cookie = if self.manner.is_modern { "obMatJos2gAAA" } else { "" };
        format!("{cookie}nonce-{}", self.nonce)
    }

    fn key(&self) -> Key {
        let list: Option<&[u8]> = if self.manner.is_modern { Some(&[0, 2, 0, 0, 0, 1, 0, 0]) } else { None };
        match (self.manner.secret, self.names.last()) {
            (Some(secret), Some(name)) => {
                let end = name.split(':').next().and_then(|end| end.parse().ok()).unwrap_or(0);
                let (name, password) = stun::limited_account(secret, USERNAME, end);
                Key::new(&name, REALM, &password, list).unwrap()
            }
            _ => Key::new(USERNAME, REALM, PASSWORD, list).unwrap(),
        }
    }

    fn refuse(&self, method: Method, transaction: &TransactionId, code: u16) -> Writer {
        let error = Writer::of(method, Class::Error, transaction).error(code);
        match code {
            401 | 438 => {
                let error = error.challenge(REALM, self.nonce().as_bytes());
                let lists = self.manner.is_modern && !self.manner.is_stripped;
                if lists { error.algorithms(&[0, 2, 0, 0, 0, 1, 0, 0]) } else { error }
            }
            300 => self.key().seal(error.alternate(self.manner.alternate.unwrap())),
            _ => self.key().seal(error),
        }
    }

    fn answer(&mut self, now: Instant, client: SocketAddr, message: &Message<'_>) -> Writer {
        let (method, transaction, said) = (message.method, &message.transaction, &message.relaying);
        let nonce = self.nonce();
        let Some(given) = said.nonce else { return self.refuse(method, transaction, 401) };
        if self.manner.is_stale {
            self.nonce += 1;
        }
        if given != nonce.as_bytes() || self.manner.is_stale {
            return self.refuse(method, transaction, 438);
        }
        let name = String::from_utf8_lossy(message.username.unwrap_or_default()).into_owned();
        let is_named = self.manner.secret.is_some() || name == USERNAME;
        if self.names.last() != Some(&name) {
            self.names.push(name);
        }
        let is_known = is_named && self.key().has_sealed(message);
        if !is_known || said.realm != Some(REALM) {
            return self.refuse(method, transaction, 401);
        }
        let until = |seconds: u32| now + Duration::from_secs(seconds.into());
        let mut done = Writer::of(method, Class::Success, transaction);
        match method {
            Method::Allocate => {
                let code = if self.manner.alternate.is_some() { Some(300) } else { self.manner.refuses };
                if let Some(code) = code {
                    return self.refuse(method, transaction, code);
                }
                assert_eq!(said.transport, Some(17), "UDP");
                if self.allocations.contains_key(&client) {
                    return self.refuse(method, transaction, 437);
                }
                let seconds = self.manner.lifetime_s.unwrap_or(said.lifetime_s.unwrap_or(600));
                let relayed = SocketAddr::new(self.at.ip(), self.port);
                self.port += 1;
                let allocation = Allocation {
                    relayed,
                    permissions: BTreeMap::new(),
                    channels: BTreeMap::new(),
                    expires: until(seconds.max(1)),
                };
                self.allocations.insert(client, allocation);
                done = done.lifetime(seconds).mapped(client);
                if !self.manner.names_nothing {
                    done = done.relayed(relayed);
                }
            }
            Method::Refresh => {
                let seconds = said.lifetime_s.unwrap_or(600);
                let seconds = if seconds == 0 { 0 } else { self.manner.lifetime_s.unwrap_or(seconds) };
                match self.allocations.get_mut(&client) {
                    Some(_) if seconds == 0 => {
                        self.allocations.remove(&client);
                    }
                    Some(allocation) => allocation.expires = until(seconds),
                    None => return self.refuse(method, transaction, 437),
                }
                done = done.lifetime(seconds);
            }
            Method::CreatePermission | Method::ChannelBind => {
                let peer = said.peer.unwrap();
                if self.manner.forbids == Some(peer.ip()) {
                    return self.refuse(method, transaction, 403);
                }
                if method == Method::ChannelBind && self.manner.has_no_channels {
                    return self.refuse(method, transaction, 508);
                }
                let Some(allocation) = self.allocations.get_mut(&client) else {
                    return self.refuse(method, transaction, 437);
                };
                allocation.permissions.insert(peer.ip(), until(300));
                if method == Method::ChannelBind {
                    let number = said.channel.unwrap();
                    let other = allocation.channels.get(&number).filter(|(other, _)| *other != peer);
                    assert!(other.is_none(), "a number is one peer's");
                    allocation.channels.insert(number, (peer, until(600)));
                }
            }
            Method::Binding | Method::Send | Method::Data => panic!("no request is of {method:?}"),
        }
        let key = if self.manner.is_forged { Key::new("x", REALM, "y", None).unwrap() } else { self.key() };
        key.seal(done)
    }
}

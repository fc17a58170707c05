//! From what is sought to addresses: RFC 3263 §4, as a walk over what is known.
//!
//! ```text
//!   an address ───────────────────────────────────────────────────────────▶ there
//!   a name with a port ─────────────────────────────────────▶ A, AAAA ────▶ there, at that port
//!   a name with a transport ──────────▶ SRV of that ─┬──────▶ A, AAAA ────▶ there, at the ports that SRV says
//!   a name alone ─▶ NAPTR ─▶ what it says ───────────┤
//!                     └ none ─▶ SRV of each transport┴ none ▶ A, AAAA ────▶ there, by UDP
//! ```

use std::net::SocketAddr;

use router::Random;
use router::time::Instant;

use super::e164::next_name;
use super::records::{Cache, Look, Naptr, Question, Records, Srv};
use super::weights::ordered;
use crate::transport::flow::Destination;
use crate::transport::kind::Transport;
use crate::transport::limits::{ENUM_NAMES, ENUM_RULES_PER_NAME, LOCATED_MAX};
use crate::transport::sought::{Resolution, Sought};

/// One walk.
pub(super) struct Walk<'a> {
    pub(super) cache: &'a mut Cache,
    pub(super) now: Instant,
    /// When the first walk for this began.
    pub(super) began: Instant,
    /// The transports that may be used.
    pub(super) served: &'a [Transport],
    /// The same in each walk for the same, so that the hosts that are asked for are those that are used.
    pub(super) random: Random,
    /// What is to be asked now.
    pub(super) questions: &'a mut Vec<Question>,
    /// What it waits for.
    pub(super) missing: Vec<Question>,
}

impl Walk<'_> {
    /// Where it is. Not all while something is [missing](Self::missing).
    pub(super) fn locate(&mut self, sought: &Sought) -> Vec<Destination> {
        if let Some(destination) = sought.address() {
            return vec![destination];
        }
        let mut found = match (sought.port, sought.transport) {
            (Some(_), transport) => self.host(&sought.host, sought, transport.unwrap_or(Transport::DEFAULT)),
            (None, Some(transport)) => self.of_transports(&[transport], sought),
            (None, None) => match self.services(sought) {
                Some(found) => found,
                None if self.missing.is_empty() => {
                    // TLS is asked for, by whoever writes the name or by its zone: a plain address is not looked for there.
                    let served: &[Transport] = self.served;
                    let plain = |one: &Transport| one.naptr_service().is_some() && !one.is_secure();
                    let plain: Vec<Transport> = served.iter().copied().filter(plain).collect();
                    self.of_transports(&plain, sought)
                }
                None => Vec::new(),
            },
        };
        let mut seen: Vec<(Transport, SocketAddr)> = Vec::with_capacity(found.len());
        found.retain(|to| {
            let fresh = !seen.contains(&(to.transport, to.remote));
            seen.push((to.transport, to.remote));
            fresh
        });
        found.truncate(LOCATED_MAX);
        found
    }

    /// The rules for a number (RFC 6116 §3): in the place of each that leads on to another name, that one's.
    pub(super) fn rules(&mut self, sought: &Sought) -> Resolution {
        let (mut names, mut rules) = (ENUM_NAMES, Vec::new());
        let told = self.rules_of(&sought.host, &mut names, &mut rules);
        if told || !rules.is_empty() { Resolution::Rules(rules.into()) } else { Resolution::Unknown }
    }

    /// The rules that a name has; so many `names` may be asked for still. False: the name service does not say.
    fn rules_of(&mut self, name: &str, names: &mut usize, rules: &mut Vec<Naptr>) -> bool {
        let Some(left) = names.checked_sub(1) else { return true };
        *names = left;
        let question = Question::Number(name.into());
        let Some(Records::Naptr(records)) = self.look(question.clone()) else {
            return self.cache.is_told_of(&question);
        };
        let mut told = true;
        for record in records.iter() {
            match next_name(record) {
                Some(next) => told &= self.rules_of(next, names, rules),
                None if rules.len() < ENUM_RULES_PER_NAME => rules.push(record.clone()),
                None => {}
            }
            // One name after the other: what stands behind may be beyond the bound once it is known.
            if !self.missing.is_empty() {
                return false;
            }
        }
        told
    }

    /// By the services that the domain names for SIP (RFC 3263 §4.1). `None`: it names none. One that names only services that
    /// cannot be used from here has nothing for us: it is not tried by others.
    fn services(&mut self, sought: &Sought) -> Option<Vec<Destination>> {
        let Some(Records::Naptr(records)) = self.look(Question::Naptr(sought.host.clone())) else { return None };
        let is_sip = |service: &str| {
            let (resolves, _) = service.split_once('+').unwrap_or((service, ""));
            resolves.eq_ignore_ascii_case("SIP") || resolves.eq_ignore_ascii_case("SIPS")
        };
        let (mut any, mut is_secure) = (false, false);
        let mut found = Vec::new();
        // They are in the order of the records.
        for naptr in records.iter().filter(|naptr| is_sip(&naptr.service)) {
            any = true;
            let transport = self
                .served
                .iter()
                .copied()
                .find(|one| one.naptr_service().is_some_and(|service| naptr.service.eq_ignore_ascii_case(service)));
            let Some(transport) = transport else { continue };
            // A zone that asks for TLS is not called in clear because somebody on the way resets a connection, or shows a certificate of another
            // (RFC 3403 §4.1: once one is taken, none of a higher order is).
            if is_secure && !transport.is_secure() {
                break;
            }
            is_secure |= transport.is_secure();
            match &*naptr.flags.to_ascii_lowercase() {
                "s" => {
                    if let Some(Records::Srv(hosts)) = self.look(Question::Srv(naptr.replacement.clone())) {
                        found.extend(self.hosts(&hosts, transport));
                    }
                }
                "a" => found.extend(self.host(&naptr.replacement, sought, transport)),
                // RFC 3263 §4.1 has no others; regular expressions are of no use here either.
                _ => {}
            }
        }
        any.then_some(found)
    }

    /// By the service records of the domain for these transports, else by its addresses (RFC 3263 §4.2).
    fn of_transports(&mut self, transports: &[Transport], sought: &Sought) -> Vec<Destination> {
        let (mut any, mut found) = (false, Vec::new());
        for &transport in transports {
            let Some(prefix) = transport.srv_prefix() else { continue };
            let question = Question::Srv(format!("{prefix}.{}", sought.host).into());
            if let Some(Records::Srv(hosts)) = self.look(question) {
                any = true;
                found.extend(self.hosts(&hosts, transport));
            }
        }
        if any || !self.missing.is_empty() {
            return found;
        }
        let transport = sought.transport.unwrap_or(Transport::DEFAULT);
        self.host(&sought.host, sought, transport)
    }

    fn hosts(&mut self, hosts: &[Srv], transport: Transport) -> Vec<Destination> {
        let mut found = Vec::new();
        let mut random = self.random.fork();
        // RFC 2782: a target of "." says that the service is decidedly not there.
        for srv in ordered(hosts, &mut random).into_iter().filter(|srv| !srv.target.is_empty() && srv.port != 0) {
            found.extend(self.addresses(&srv.target, srv.port, transport));
        }
        found
    }

    fn host(&mut self, host: &str, sought: &Sought, transport: Transport) -> Vec<Destination> {
        self.addresses(host, sought.port_by(transport), transport)
    }

    fn addresses(&mut self, host: &str, port: u16, transport: Transport) -> Vec<Destination> {
        match self.look(Question::Addresses(host.into())) {
            Some(Records::Addresses(all)) => {
                all.iter().map(|&one| Destination::address(transport, SocketAddr::new(one, port))).collect()
            }
            _ => Vec::new(),
        }
    }

    fn look(&mut self, question: Question) -> Option<Records> {
        let (look, ask) = self.cache.look(self.now, self.began, &question);
        if ask {
            self.questions.push(question.clone());
        }
        match look {
            Look::Known(records) => Some(records),
            Look::Nothing => None,
            Look::Pending => {
                self.missing.push(question);
                None
            }
        }
    }
}

//! Where accounts are reached: the registrar here and the other platforms are asked at once.

use super::call::Call;
use super::leg::{Peer, Wanted, Whither};
use super::purpose::Purpose;
use super::search::Stage;
use super::turn::Turn;
use crate::limits::{FORK_LEGS, LOCATE_WITHIN, QUERY_WITHIN};
use crate::plan::Member;
use router::parameter::{Cause, CauseKind, Contact, Parameter, Reason, Registration, Target};
use router::time::Duration;
use router::{Command, Packet, PlatformId, one};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// An account that is looked for.
#[derive(Debug)]
pub(super) struct Sought {
    account: String,
    /// How long it is to ring.
    timeout: Duration,
    found: Vec<Wanted>,
    /// Whether any platform has such an account.
    is_known: bool,
    /// What kept one from saying so.
    fault: Option<CauseKind>,
    /// Whether a platform that cannot be asked may have it.
    is_away: bool,
}

impl Call {
    /// Asks where the members are. False: nobody can be asked.
    pub(super) fn try_accounts(&mut self, turn: &mut Turn<'_>, members: Vec<Member>, everywhere: bool) -> bool {
        let Some(search) = &mut self.search else { return false };
        let platforms = if everywhere { turn.platforms.registrars(turn.now.instant) } else { Vec::new() };
        let ring_timeout = self.config.ring_timeout;
        let sought: Vec<_> = members
            .into_iter()
            .take(FORK_LEGS)
            .map(|Member { account, timeout }| Sought {
                is_away: everywhere && turn.platforms.is_maybe_away(turn.now.instant, &account),
                account,
                timeout: timeout.unwrap_or(ring_timeout),
                found: Vec::new(),
                is_known: false,
                fault: None,
            })
            .collect();
        if sought.is_empty() {
            return false;
        }
        let accounts: Vec<_> = sought.iter().map(|sought| sought.account.clone()).collect();
        search.stage = Stage::Asking { outstanding: accounts.len() * (1 + platforms.len()), sought };
        for (member, account) in accounts.into_iter().enumerate() {
            let registrar = turn.registrar(&self.config.shards, &account);
            let query = one(Registration { account, contacts: Vec::new() });
            for &(platform, address) in &platforms {
                let purpose = Purpose::Registration { member, platform: Some(platform) };
                self.request(turn, address, Command::Query, query.clone(), LOCATE_WITHIN, purpose);
            }
            let purpose = Purpose::Registration { member, platform: None };
            self.request(turn, registrar, Command::Query, query, QUERY_WITHIN, purpose);
        }
        true
    }

    /// A registrar answered: the own one, or that of another platform.
    pub(super) fn account_located(
        &mut self,
        turn: &mut Turn<'_>,
        member: usize,
        platform: Option<PlatformId>,
        packet: Packet,
    ) {
        let Some(search) = &self.search else { return };
        let Stage::Asking { sought, .. } = &search.stage else { return };
        let Some(asked) = sought.get(member) else { return };
        let (called, timeout) = (search.called.clone(), asked.timeout);
        let account = asked.account.clone();
        let answer = match (packet.command, packet.parameters.into_iter().next()) {
            (Command::Done, Some(Parameter::Registration(registration))) => Ok(registration.contacts),
            (_, Some(Parameter::Failure(failure))) => Err(failure.reason),
            _ => Err(Reason::Internal),
        };
        let is_away = platform.is_some_and(|platform| not_told(turn, platform, &account, answer.as_ref().err()));
        let (is_known, fault) = match &answer {
            Ok(_) => (true, None),
            Err(Reason::NotFound) => (false, None),
            // What has no registrar has no accounts; who does not say so may have this one.
            Err(Reason::Unsupported | Reason::Expired | Reason::PlatformAbsent | Reason::UnknownDestination)
                if platform.is_some() =>
            {
                (false, None)
            }
            Err(Reason::Busy | Reason::Exhausted) => (false, Some(CauseKind::Congestion)),
            Err(Reason::Internal) if platform.is_none() => (false, Some(CauseKind::Internal)),
            Err(_) => (false, Some(CauseKind::Unreachable)),
        };
        let contacts = answer.unwrap_or_default();
        let found: Vec<Wanted> = match platform {
            // That one rings all of them.
            Some(platform) if !contacts.is_empty() => {
                self.account_elsewhere(turn, platform, &account, called, timeout).into_iter().collect()
            }
            Some(_) => Vec::new(),
            // Which are registered is the registrar's to know, by a clock that nobody sets: `expires` is for people.
            None => contacts
                .into_iter()
                .map(|contact| Wanted {
                    interface: interface_of(&contact),
                    target: Whither::Here(Target::Contact(contact)),
                    peer: Peer::Account(account.clone()),
                    called: called.clone(),
                    timeout: Some(timeout),
                    charge: None,
                })
                .collect(),
        };
        let Some(Stage::Asking { outstanding, sought }) = self.search.as_mut().map(|search| &mut search.stage) else {
            return;
        };
        if let Some(sought) = sought.get_mut(member) {
            sought.is_known |= is_known;
            sought.is_away |= is_away;
            sought.fault = sought.fault.or(fault);
            match platform {
                Some(_) => sought.found.extend(found),
                // What is here comes first.
                None => drop(sought.found.splice(0..0, found)),
            }
        }
        *outstanding = outstanding.saturating_sub(1);
        if *outstanding == 0 {
            let sought = std::mem::take(sought);
            self.accounts_located(turn, sought);
        }
    }

    /// All have answered, or let their time pass.
    fn accounts_located(&mut self, turn: &mut Turn<'_>, all: Vec<Sought>) {
        let mut wanted = Vec::new();
        for Sought { account, found, is_known, fault, is_away, .. } in all {
            if found.is_empty()
                && let Some(search) = &mut self.search
            {
                search.note(match fault {
                    _ if is_known => CauseKind::Unreachable.into(),
                    Some(fault) => fault.into(),
                    None if is_away => away(),
                    None => CauseKind::UnknownNumber.into(),
                });
            }
            wanted.extend(found);
            if is_known || is_away || fault.is_some() {
                self.sought().destination = Some(account.into());
            }
        }
        wanted.truncate(FORK_LEGS);
        if wanted.is_empty() {
            self.search_on(turn);
        } else if self.is_checking() {
            self.ring_first_party(turn);
        } else {
            self.try_legs(turn, wanted);
        }
    }
}

/// Keeps what another platform has said of an account; `fault`: why it has not. Whether it may have it all the same.
fn not_told(turn: &mut Turn<'_>, platform: PlatformId, account: &str, fault: Option<&Reason>) -> bool {
    let now = turn.now.instant;
    match fault {
        None => turn.platforms.told_of(now, platform, account, true),
        Some(Reason::NotFound | Reason::Unsupported) => turn.platforms.told_of(now, platform, account, false),
        Some(Reason::Expired) => {
            turn.platforms.silent(now, platform);
            return turn.platforms.not_told_of(now, platform, account);
        }
        Some(Reason::PlatformAbsent | Reason::UnknownDestination) => {
            return turn.platforms.not_told_of(now, platform, account);
        }
        Some(_) => {}
    }
    false
}

/// Whoever has that number may be at a platform that cannot be asked. Q.850 27: a destination that is out of order, where 20 is one that is not
/// registered.
fn away() -> Cause {
    Cause { q850: Some(27), ..Cause::new(CauseKind::Unreachable) }
}

/// The local address that the contact's requests come in by; its port opens there.
fn interface_of(contact: &Contact) -> IpAddr {
    let mut flow = contact.flow.reveal().split_ascii_whitespace();
    let local = flow.nth(1).and_then(|local| local.parse::<SocketAddr>().ok());
    local.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |local| local.ip())
}

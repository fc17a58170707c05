//! What other platforms may ask of the modules here. They are of one cluster, and yet one of them may be broken, or in the wrong hands: what
//! comes from it reaches what is meant for others, and nothing by which it could touch calls, accounts or records that are not its own.
//!
//! | module | what others may ask |
//! |---|---|
//! | every one | `Query × Status`; a plug-in's parameter, the server's apart |
//! | `switch` | a call: `Start × Call`, `Start × Originate`; of a call that they have a leg in: `Set`, `Stop`, `Query × LegState`, `Send × Information`, `Digits`, `Start × Transfer`, `Set × Handover`, `Connected`; of one that they have a part in: `Stop × Selection`; to read: `Query × CallSummary`, `Selection`, `TrunkStatus`, `MessageRoute`, `Call`; to follow: `CallEvent`, `TrunkEvent` |
//! | `signaling` | `Query × Registration`, `Dialog`, `TrunkStatus`; to follow: `RegistrationEvent`, `TrunkEvent`, `AccountState` of an account; `Set × MessageWaiting` |
//! | `voice` | `Query × Conference` |
//! | `store` | `Query × CallRecord` |
//! | `bridge` | `Query`, `Subscribe`, `Unsubscribe × Platform` |
//!
//! Whether a call is theirs is the switch's to know. A `Notify` is news to who subscribed at that platform, and to nobody else.

use crate::address::{Instance, Module, ModuleKind, PlatformId};
use crate::command::Command;
use crate::limits::FOLLOWED;
use crate::packet::Packet;
use crate::parameter::Parameter;
use std::collections::BTreeSet;

/// Whom the interface lets ask for what.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Trust {
    /// Other platforms may ask for what is listed above.
    #[default]
    Listed,
    /// Whatever the modules here serve: these look themselves at who asks.
    Everything,
}

/// How a request of another platform is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Admission {
    /// It is the module's.
    Served,
    /// It is the module's, so many a second of one platform: it goes through all that the module has.
    Listing,
    /// It is the module's, so many a second of one platform: it makes a call, and a record.
    Call,
    /// It is nobody's.
    Refused,
}

/// How `packet`, a request of another platform to a module here, is taken.
pub(crate) fn admission(packet: &Packet) -> Admission {
    use Command::{Query, Send, Set, Start, Stop, Subscribe, Unsubscribe};
    use Parameter as P;
    let to = packet.destination;
    let (kind, is_module) = (to.module.kind, to.instance == Instance::MODULE);
    let [first, beside @ ..] = &packet.parameters[..] else { return Admission::Refused };
    let selects = beside.iter().all(|parameter| matches!(parameter, P::Selection(_)));
    match (kind, packet.command, first) {
        (ModuleKind::Server, _, P::Extension(_)) => Admission::Refused,
        // A plug-in's, or a later version's: whether it is served is the module's to say.
        (_, _, P::Extension(_)) => Admission::Served,
        // They count what they have: calls, legs, ports, open files.
        (ModuleKind::Server | ModuleKind::Switch | ModuleKind::Signaling | ModuleKind::Voice, Query, P::Status(_)) => {
            Admission::Listing
        }
        (_, Query, P::Status(_)) => Admission::Served,
        // A second parameter would name a call, a dialog or a leg that may be anybody's.
        (ModuleKind::Switch, Start, P::Call(_) | P::Originate(_)) if beside.is_empty() => Admission::Call,
        (ModuleKind::Switch, Start, P::Transfer(_))
        | (ModuleKind::Switch, Set | Stop | Query, P::LegState(_))
        | (ModuleKind::Switch, Set, P::Handover(_) | P::Connected(_))
        | (ModuleKind::Switch, Send, P::Information(_) | P::Digits(_))
            if beside.is_empty() && !is_module =>
        {
            Admission::Served
        }
        // A call that is told by its id; what is no call's.
        (ModuleKind::Switch, Stop, P::Selection(_))
        | (ModuleKind::Switch, Query, P::MessageRoute(_) | P::Call(_))
        | (ModuleKind::Signaling, Set, P::MessageWaiting(_))
        // Whoever names it knows both tags, which no other platform is told.
        | (ModuleKind::Signaling, Query, P::Dialog(_))
            if beside.is_empty() =>
        {
            Admission::Served
        }
        (ModuleKind::Signaling, Query, P::Registration(asked)) if selects && !asked.account.is_empty() => {
            Admission::Served
        }
        (ModuleKind::Switch, Query, P::CallSummary(_) | P::Selection(_) | P::TrunkStatus(_))
        | (ModuleKind::Signaling, Query, P::Registration(_) | P::TrunkStatus(_))
        | (ModuleKind::Store, Query, P::CallRecord(_))
        | (ModuleKind::Voice, Query, P::Conference(_))
        | (ModuleKind::Bridge, Query, P::Platform(_))
            if selects =>
        {
            Admission::Listing
        }
        (ModuleKind::Switch, Subscribe | Unsubscribe, P::CallEvent(_) | P::TrunkEvent(_))
        | (ModuleKind::Signaling, Subscribe | Unsubscribe, P::RegistrationEvent(_) | P::TrunkEvent(_))
        | (ModuleKind::Bridge, Subscribe | Unsubscribe, P::Platform(_)) => Admission::Served,
        (ModuleKind::Signaling, Subscribe | Unsubscribe, P::AccountState(of))
            if beside.is_empty() && is_module && !of.registration.account.is_empty() =>
        {
            Admission::Served
        }
        _ => Admission::Refused,
    }
}

/// What modules here follow at other platforms: who, at whom, of what (the parameter's number).
#[derive(Debug, Default)]
pub(crate) struct Followed(BTreeSet<(PlatformId, Module, ModuleKind, u16)>);

impl Followed {
    /// A `Subscribe` or `Unsubscribe` of a module here leaves. False: there are too many.
    pub(crate) fn asked(&mut self, packet: &Packet) -> bool {
        let Packet { source, destination, command, .. } = packet;
        let Some(what) = packet.first() else { return true };
        let topic = (destination.platform, source.module, destination.module.kind, what.tag());
        match command {
            Command::Subscribe if self.0.len() >= FOLLOWED && !self.0.contains(&topic) => return false,
            Command::Subscribe => {
                self.0.insert(topic);
            }
            // Of accounts that are followed one by one there may be others.
            Command::Unsubscribe if matches!(what, Parameter::AccountState(_)) => {}
            Command::Unsubscribe => {
                self.0.remove(&topic);
            }
            _ => {}
        }
        true
    }

    /// Whether a notice of another platform is news to its receiver.
    pub(crate) fn is_news(&self, notice: &Packet) -> bool {
        let Packet { source, destination, .. } = notice;
        notice
            .first()
            .is_some_and(|what| self.0.contains(&(source.platform, destination.module, source.module.kind, what.tag())))
    }

    /// A platform is lost, and with it who subscribed there.
    pub(crate) fn lost(&mut self, platform: PlatformId) {
        self.0.retain(|(of, ..)| *of != platform);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::packet::{Transaction, one};
    use crate::parameter::{
        AccountState, Dialog, LegPhase, LegState, Party, Platform, Registration, Selection, Status, Transfer,
    };

    const THERE: PlatformId = PlatformId(2);

    fn packet(command: Command, to: Address, parameters: Vec<Parameter>) -> Packet {
        Packet {
            source: Address { platform: THERE, ..Address::local(ModuleKind::Switch, 0) }.at(Instance(5)),
            destination: to,
            transaction: Transaction(1),
            command,
            parameters: parameters.into_iter().collect(),
        }
    }

    #[test]
    fn a_leg_may_do_what_a_leg_does_and_name_nobody_elses() {
        let call = Address::local(ModuleKind::Switch, 0).at(Instance(9));
        let state = || Parameter::from(LegState::new(LegPhase::Answered));
        for command in [Command::Set, Command::Stop, Command::Query] {
            assert_eq!(admission(&packet(command, call, vec![state()])), Admission::Served, "{command:?}");
        }
        let leg = Address::local(ModuleKind::Signaling, 0).at(Instance(9));
        assert_eq!(admission(&packet(Command::Stop, leg, vec![state()])), Admission::Refused, "a leg of our switch's");
        let transfer = || {
            let target = Party::new("carol", "");
            Parameter::from(Transfer { target, phase: LegPhase::Trying, cause: None, referred_by: None })
        };
        let dialog = Dialog {
            leg_id: "a".to_owned(),
            own_tag: String::new(),
            peer_tag: String::new(),
            early_only: false,
            at: None,
            join: false,
        };
        assert_eq!(admission(&packet(Command::Start, call, vec![transfer()])), Admission::Served);
        for beside in [Parameter::from(dialog), Selection::default().into()] {
            assert_eq!(admission(&packet(Command::Start, call, vec![transfer(), beside])), Admission::Refused);
        }
    }

    #[test]
    fn one_account_is_looked_up_and_all_are_listed() {
        let to = Address::any(ModuleKind::Signaling);
        let of = |account: &str| {
            let asked = Registration { account: account.to_owned(), contacts: Vec::new() };
            admission(&packet(Command::Query, to, vec![asked.into()]))
        };
        assert_eq!((of("bob"), of("")), (Admission::Served, Admission::Listing));
        let status = |kind| admission(&packet(Command::Query, Address::any(kind), vec![Status::default().into()]));
        assert!(ModuleKind::ALL.iter().all(|&kind| status(kind) != Admission::Refused));
        assert_eq!(admission(&packet(Command::Query, to, Vec::new())), Admission::Refused);
    }

    #[test]
    fn news_is_what_was_asked_for_where_it_was_asked_for() {
        let mut followed = Followed::default();
        let (own, switch) = (Address::local(ModuleKind::Control, 0), Address::any(ModuleKind::Switch));
        let topic = || one(Platform::default());
        let subscribe = Packet {
            source: own,
            destination: Address { platform: THERE, ..switch },
            ..packet(Command::Subscribe, own, Vec::new())
        };
        assert!(followed.asked(&Packet { parameters: topic(), ..subscribe.clone() }));
        let notice = Packet { parameters: topic(), ..packet(Command::Notify, own, Vec::new()) };
        assert!(followed.is_news(&notice));
        let others = [
            Packet { parameters: one(Status::default()), ..notice.clone() },
            Packet { destination: Address::local(ModuleKind::Signaling, 0), ..notice.clone() },
            Packet { source: Address { platform: PlatformId(3), ..notice.source }, ..notice.clone() },
            Packet { source: Address { platform: THERE, ..Address::local(ModuleKind::Store, 0) }, ..notice.clone() },
        ];
        assert!(!others.iter().any(|other| followed.is_news(other)));
        let of = |command, account| Packet {
            source: Address::local(ModuleKind::Signaling, 0),
            destination: Address { platform: THERE, ..Address::any(ModuleKind::Signaling) },
            parameters: one(AccountState::of(account)),
            ..packet(command, own, Vec::new())
        };
        assert!(followed.asked(&of(Command::Subscribe, "bob")) && followed.asked(&of(Command::Subscribe, "carol")));
        assert!(followed.asked(&of(Command::Unsubscribe, "bob")));
        let carols = Packet {
            source: Address { platform: THERE, ..Address::local(ModuleKind::Signaling, 1) },
            destination: Address::local(ModuleKind::Signaling, 0),
            parameters: one(AccountState::of("carol")),
            ..notice.clone()
        };
        assert!(followed.is_news(&carols), "one of several accounts is followed no more");
        followed.lost(PlatformId(3));
        assert!(followed.is_news(&notice));
        followed.lost(THERE);
        assert!(!followed.is_news(&notice));
    }

    #[test]
    fn what_is_followed_is_bounded() {
        let mut followed = Followed::default();
        let mut subscribe = |platform: usize| {
            followed.asked(&Packet {
                source: Address::local(ModuleKind::Control, 0),
                destination: Address { platform: PlatformId(platform as u32), ..Address::any(ModuleKind::Switch) },
                parameters: one(Platform::default()),
                ..packet(Command::Subscribe, Address::any(ModuleKind::Switch), Vec::new())
            })
        };
        assert!((1..=FOLLOWED).all(&mut subscribe));
        assert!(!subscribe(FOLLOWED + 1));
        assert!(subscribe(1));
    }
}

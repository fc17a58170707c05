//! Dialogs that a peer names, and the legs and ports that change their call.

use super::call::calls;
use super::media::{codec, description};
use super::{Published, ip, party};
use router::parameter::*;
use router::{Address, Instance, ModuleKind, Parameter};

pub(super) fn published(samples: &mut Published) {
    let dialog = dialog();
    samples.add([Dialog { join: true, ..dialog.clone() }]);
    samples.add([
        Dialog { early_only: true, at: Some(DialogPlace { leg: leg(), call: call() }), ..dialog.clone() },
        dialog,
    ]);
    samples.add([Handover { from: call(), call_id: "c-2".to_owned() }]);
    samples.add([MovedPort { port: PortId(2), session: session(), from: PortId(1) }]);
    let guest = guest();
    let calling = GuestLeg { session: None, port: None, asked: Some(7), calls: true, ..guest.clone() };
    let from = GuestLeg { host: Some(ip("198.51.100.7")), ..guest.clone() };
    let payer = Some("account bob".to_owned().into());
    let paid = GuestLeg { price: Some(12_500), payer, ..guest.clone() };
    samples.add([GuestLeg { early_only: true, ..guest.clone() }, guest, calling, from, paid]);
    let ringing = Ringing {
        by: Origin::Account("bob".to_owned().into()),
        accounts: Some(vec!["carol".to_owned()]),
        at: None,
        waits_ms: 0,
        allowed: false,
    };
    samples.add([
        Ringing {
            at: Some(DialogPlace { leg: leg(), call: call() }),
            waits_ms: 1_500,
            allowed: true,
            ..ringing.clone()
        },
        Ringing { accounts: None, ..ringing },
    ]);
}

pub(super) fn additions() -> Vec<(&'static str, Parameter)> {
    let placement = Placement::Dialog { dialog: Dialog { join: true, ..dialog() }, sent: true };
    let placed = calls().into_iter().next().map(|call| Call { placement: Some(placement), ..call });
    let sent = GuestLeg { early_only: true, sent: true, calls: true, ..guest() };
    let hidden = GuestLeg { hidden: true, ..sent.clone() };
    let placed = placed.map(|call| ("Call+dialog", call.into()));
    placed.into_iter().chain([("GuestLeg+sent", sent.into()), ("GuestLeg+hidden", hidden.into())]).collect()
}

pub(super) fn leg() -> Address {
    Address::local(ModuleKind::Signaling, 1).at(Instance(3))
}

fn call() -> Address {
    Address::local(ModuleKind::Switch, 1).at(Instance(4))
}

fn session() -> Address {
    Address::local(ModuleKind::Voice, 1).at(Instance(4))
}

fn dialog() -> Dialog {
    Dialog {
        leg_id: "1-2@192.0.2.7".to_owned(),
        own_tag: "a".to_owned(),
        peer_tag: "b".to_owned(),
        early_only: false,
        at: None,
        join: false,
    }
}

fn guest() -> GuestLeg {
    GuestLeg {
        replaces: leg(),
        early_only: false,
        origin: Origin::Account("bob".into()),
        leg: leg(),
        party: party(),
        verified: true,
        peer: Origin::Trunk("carrier".into()),
        incoming: true,
        leg_id: "1-2@192.0.2.7".to_owned(),
        interface: ip("192.0.2.1"),
        session: Some(session()),
        port: Some(PortId(1)),
        local: description(),
        remote: description(),
        by_peer: true,
        codecs: vec![codec()],
        capabilities: vec![codec()],
        generation: 2,
        record: "c-1".to_owned(),
        asked: None,
        calls: false,
        host: None,
        price: None,
        payer: None,
        sent: false,
        hidden: false,
    }
}

//! How trunks are.

use super::{AT, Published, private};
use router::parameter::*;

pub(super) fn published(samples: &mut Published) {
    let trunk = TrunkStatus {
        name: "carrier".to_owned(),
        target: private("sip.carrier.example:5060"),
        calls_in: 1,
        calls_out: 2,
        offered: 3,
        answered: 4,
        failed: 5,
        last_failure: Some("no answer".to_owned()),
        silent: None,
        passed_over_s: None,
        registrations: None,
        limited: None,
        responds: None,
        reason: None,
        answered_percent: None,
        delay_ms: None,
    };
    let silent = TrunkStatus {
        silent: Some(2),
        passed_over_s: Some(10),
        limited: Some(7),
        responds: Some(false),
        reason: Some("silent".to_owned()),
        answered_percent: Some(41),
        delay_ms: Some(1_200),
        ..trunk.clone()
    };
    use RegistrationState::{Failed, Gone, Leaving, Registered, Trying};
    let own = [Trying, Registered, Failed, Leaving, Gone].map(|state| TrunkRegistration {
        address: private("tandem@carrier.example"),
        state,
        kept_s: (state == Registered).then_some(300),
        next_s: Some(270),
        reason: (state == Failed).then(|| "403 Forbidden".to_owned()),
        service_route: vec![private("<sip:edge.carrier.example;lr>")],
        registrar: (state == Registered).then(|| private("198.51.100.10:5060")),
        flow: (state == Registered).then_some(2),
    });
    let registers = TrunkStatus { registrations: Some(own.to_vec()), ..trunk.clone() };
    samples.add([trunk, TrunkStatus::default(), silent, registers]);
    let changes = {
        use TrunkChange::{InUse, PassedOver, Registered, Tried, Unregistered};
        [PassedOver, Tried, InUse, Registered, Unregistered]
    };
    samples.add(changes.map(|change| TrunkEvent {
        name: "carrier".to_owned(),
        change,
        seconds: (change == TrunkChange::PassedOver).then_some(10),
        reason: (change == TrunkChange::PassedOver).then(|| "silent".to_owned()),
        address: (change == TrunkChange::Registered).then(|| private("tandem@carrier.example")),
        at: AT,
        missed: false,
    }));
}

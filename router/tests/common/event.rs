//! What is told of accounts.

use super::registration::registration;
use super::{Published, party, private};
use router::Parameter;
use router::parameter::*;

pub(super) fn published(samples: &mut Published) {
    let waiting = MessageWaiting { account: "alice".to_owned(), new: 2, old: 8, urgent_new: 1, urgent_old: 0 };
    let presence = Presence {
        id: "t1".to_owned(),
        open: true,
        contact: Some(private("sip:alice@198.51.100.7")),
        note: Some(private("at lunch")),
        activities: vec!["meal".to_owned()],
    };
    samples.add([waiting.clone(), MessageWaiting::default()]);
    let state = AccountState {
        registration: registration(),
        waiting: Some(waiting),
        presence: vec![presence, Presence::default()],
        registered: None,
        dialogs: None,
    };
    samples.add([AccountState { waiting: None, presence: vec![], ..state.clone() }, state]);
}

pub(super) fn additions() -> Vec<(&'static str, Parameter)> {
    let dialogs = [None, Some(party())].map(|other| AccountDialog {
        leg_id: "1-2@192.0.2.7".to_owned(),
        incoming: other.is_some(),
        phase: LegPhase::Ringing,
        other,
    });
    let state = AccountState { registered: Some(true), dialogs: Some(dialogs.to_vec()), ..AccountState::of("alice") };
    vec![("AccountState+dialogs", state.into())]
}

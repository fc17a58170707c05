//! Why requests failed, and calls ended.

use super::{Published, ip, party};
use router::Parameter;
use router::parameter::*;

pub(super) fn published(samples: &mut Published) {
    samples.add(failures());
}

pub(super) fn additions() -> Vec<(&'static str, Parameter)> {
    let moved = Failure { contacts: vec![party()], ..Failure::because(cause()) };
    let moved = Failure { diversion: Some(DiversionCause::NoAnswer), ..moved };
    let elsewhere = Failure { interface: Some(ip("2001:db8::5")), ..Failure::because(CauseKind::PeerFailure.into()) };
    let hidden = Failure { contacts: vec![party()], diversion_private: true, ..Failure::because(cause()) };
    vec![
        ("Failure+diversion", moved.into()),
        ("Failure+interface", elsewhere.into()),
        ("Failure+private", hidden.into()),
    ]
}

pub(super) fn cause() -> Cause {
    Cause { kind: CauseKind::Busy, code: Some(486), q850: Some(17), text: Some("Busy Here".to_owned()) }
}

fn failures() -> Vec<Failure> {
    let full = Failure {
        reason: Reason::Peer,
        cause: Some(cause()),
        detail: Some("the callee is busy".to_owned()),
        retry_after_s: Some(60),
        contacts: Vec::new(),
        diversion: None,
        interface: None,
        diversion_private: false,
    };
    let contacts = vec![party(), Party::new("300", "")];
    let redirected = Failure { contacts, ..full.clone() };
    let every_reason = Reason::ALL.map(Failure::new);
    let every_cause = CauseKind::ALL.map(|kind| Failure::because(kind.into()));
    [full].into_iter().chain(every_reason).chain(every_cause).chain([redirected]).collect()
}

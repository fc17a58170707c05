//! What is told of callers beside the name: of calls, legs and records.

use super::call::calls;
use super::leg::legs;
use super::party;
use super::record::record;
use super::summary::summary;
use router::parameter::*;
use router::{Parameter, Private};

pub(super) fn additions() -> Vec<(&'static str, Parameter)> {
    let mut added: Vec<(&'static str, Parameter)> = Vec::new();
    for identity in identities() {
        let identity = Some(Box::new(identity));
        added.extend(calls().pop().map(|call| ("Call+identity", Call { identity: identity.clone(), ..call }.into())));
        added.extend(legs().pop().map(|leg| ("Leg+identity", Leg { identity, ..leg }.into())));
    }
    for verdict in verdicts() {
        let verdict = Some(Box::new(verdict));
        let record = CallRecord { verdict: verdict.clone(), ..record(Outcome::Answered) };
        added.push(("CallRecord+verdict", record.into()));
        added.push(("CallSummary+verdict", CallSummary { verdict, ..summary(CallPhase::Talking) }.into()));
    }
    let attested = Attested { attestation: Attestation::Full, origin: Private::new("alice".into()) };
    let signed = CallIdentity { attested: Some(attested), diverted_here: 2, ..CallIdentity::default() };
    added.extend(legs().pop().map(|leg| ("Leg+diverted", Leg { identity: Some(Box::new(signed)), ..leg }.into())));
    added
}

fn identities() -> [CallIdentity; 3] {
    let diversion = |(cause, count)| Diversion { by: party(), cause, count, private: count % 2 == 0 };
    let diversions: Vec<_> = DiversionCause::ALL.into_iter().zip(0..).map(diversion).collect();
    let passed = verdicts().swap_remove(1);
    let origin = Private::new("alice".into());
    let attested = Attested { attestation: Attestation::Full, origin };
    let everything = CallIdentity { diversions, verdict: Some(passed), attested: Some(attested), diverted_here: 0 };
    let one = CallIdentity { diversions: everything.diversions[..1].to_vec(), ..CallIdentity::default() };
    [everything, one, CallIdentity::default()]
}

fn verdicts() -> Vec<CallerVerdict> {
    let passed = Attestation::ALL.map(|attestation| CallerVerdict {
        verstat: Verstat::Passed,
        attestation: Some(attestation),
        origid: Some("4b6a6d1c-58ae-4c4b-9b8c-24d8f1f3f0a1".into()),
        fault: None,
    });
    let failed = SignatureFault::ALL.map(CallerVerdict::failed);
    [CallerVerdict::none()].into_iter().chain(passed).chain(failed).collect()
}

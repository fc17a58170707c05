//! Who is at a leg.

use super::{Published, party};
use router::parameter::*;

pub(super) fn published(samples: &mut Published) {
    let connected = Connected {
        party: party(),
        origin: Some(Origin::Account("bob".into())),
        verified: true,
        anonymous: true,
        calls: true,
    };
    samples.add([
        connected.clone(),
        Connected { origin: None, verified: false, anonymous: false, calls: false, ..connected },
    ]);
}

//! Conferences.

use super::dialog::leg;
use super::{AT, Published};
use router::parameter::*;

pub(super) fn published(samples: &mut Published) {
    let room = ConferenceName::room("sales").expect("a name");
    let conference = Conference { name: room, members: 3, since: AT, packets_late: 4, frames: 50 };
    samples.add([conference]);
    let converted = Conversion { leg: Some(leg()), origin: Origin::Account("bob".into()), name: Some(room) };
    samples.add([Conversion { leg: None, name: None, ..converted.clone() }, converted]);
}

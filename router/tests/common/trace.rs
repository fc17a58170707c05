//! Messages of a call.

use super::{AT, Published, private};
use router::parameter::*;

pub(super) fn published(samples: &mut Published) {
    let trace = TraceEntry {
        at: AT,
        direction: TraceDirection::Received,
        transport: "udp".to_owned(),
        local: "192.0.2.1:5060".to_owned(),
        remote: private("198.51.100.7:41234"),
        leg_id: "1-2@192.0.2.7".to_owned(),
        message: b"BYE sip:100@192.0.2.1 SIP/2.0\r\n\r\n".to_vec(),
        truncated: false,
    };
    samples.add([TraceEntry { direction: TraceDirection::Sent, truncated: true, ..trace.clone() }, trace]);
}

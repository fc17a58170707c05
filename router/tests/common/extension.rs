//! Plug-ins.

use super::Published;
use router::parameter::*;

pub(super) fn published(samples: &mut Published) {
    samples.add([Extension { name: "org.example.colour".to_owned(), bytes: vec![0x01] }]);
}

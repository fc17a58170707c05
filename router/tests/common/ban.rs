//! Sources that are not listened to.

use super::{AT, Published, private};
use router::parameter::*;

pub(super) fn published(samples: &mut Published) {
    samples.add([Ban { network: private("2001:db8::/64"), until: AT, attempts: 60 }, Ban::default()]);
}

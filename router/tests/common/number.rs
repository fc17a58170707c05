//! Where numbers lead to.

use super::{Published, private};
use router::parameter::*;

pub(super) fn published(samples: &mut Published) {
    let lookup =
        NumberLookup { number: private("+4930123"), domain: "e164.arpa".to_owned(), ..NumberLookup::default() };
    let ported = Passed { name: ";called".to_owned(), value: private("+4930123;npdi"), trunks_alone: true };
    let places = vec![Party::new("+4930123", "carrier.example")];
    samples.add([NumberLookup { places, passed: vec![ported], ..lookup.clone() }, lookup]);
}

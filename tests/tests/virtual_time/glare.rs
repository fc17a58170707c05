//! Offers that cross.

use crate::{connect, secs, with_phones};
use scenarios::{HoldStyle, Step};

#[test]
fn both_offer_at_once_and_both_get_through() {
    for seed in 0..6 {
        for steps in [
            [Step::Refresh, Step::Refresh],
            [Step::Hold(HoldStyle::SendOnly), Step::Refresh],
            [Step::Hold(HoldStyle::SendOnly), Step::Hold(HoldStyle::SendOnly)],
            [Step::Update, Step::Hold(HoldStyle::Inactive)],
        ] {
            let (mut simulation, phones) = with_phones(seed, ["alice", "bob"]);
            connect(&mut simulation, phones[0], phones[1]);
            simulation.run(secs(1));
            for (phone, step) in phones.into_iter().zip(&steps) {
                simulation.tell(phone).step(0, step.clone());
            }
            simulation.run(secs(15));
            for (phone, step) in phones.into_iter().zip(&steps) {
                let call = simulation.call(phone);
                assert!(call.is_up(), "seed {seed} {steps:?}: {:?}", call.ending);
                assert_eq!(call.offers.last(), Some(&200), "seed {seed} {steps:?}: {:?}", call.offers);
                if matches!(step, Step::Hold(_)) {
                    assert!(!call.media.direction().receives(), "seed {seed} {steps:?}");
                }
            }
            for phone in phones {
                simulation.tell(phone).step(0, Step::Retrieve);
                simulation.run(secs(8));
            }
            simulation.run(secs(4));
            simulation.finish();
        }
    }
}

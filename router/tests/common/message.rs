//! Text messages.

use super::{AT, Published, party, private};
use router::Private;
use router::parameter::*;

pub(super) fn published(samples: &mut Published) {
    let text = TextMessage {
        id: "m-1".to_owned(),
        from: party(),
        to: Party::new("bob", "example.org"),
        account: Some("bob".to_owned()),
        content_type: "text/plain".to_owned(),
        body: Private::new(b"hello".to_vec().into()),
        sent: AT,
        expires: AT,
        anonymous: true,
        verified: true,
        hops: Some(69),
        subject: Some(private("lunch")),
        ends: Some(AT),
    };
    samples.add([text, TextMessage::of_account(None)]);
    samples.add([MessageFate::Delivered, MessageFate::Kept, MessageFate::Refused].map(|fate| MessageEvent {
        id: "m-1".to_owned(),
        from: party(),
        to: Party::new("bob", "example.org"),
        octets: 5,
        fate,
        at: AT,
        missed: false,
    }));
    let ways = vec![
        MessageWay::Account("bob".to_owned()),
        MessageWay::Trunk { name: "carrier".to_owned(), number: private("+4930") },
    ];
    samples.add([MessageRoute { number: private("bob"), origin: Origin::Control, ways }]);
}

//! Bodies of events as phones publish them: a presence document, and a message summary.

use signaling::limits::{PRESENCE_ACTIVITIES_MAX, PRESENCE_OCTETS_MAX, PRESENCE_TEXT_OCTETS_MAX, PRESENCE_TUPLES_MAX};
use signaling::subscription::{message_summary, pidf, published_again};

/// Reads the input as both. What is read is within its bounds, and what is told of it reads back as the same.
pub fn presence_document(data: &[u8]) {
    if let Some(waiting) = message_summary::read(data) {
        assert_eq!(message_summary::read(message_summary::write(Some(&waiting), "sip:a@b").as_bytes()), Some(waiting));
    }
    match pidf::read(data) {
        Ok(tuples) => {
            assert!(data.len() <= PRESENCE_OCTETS_MAX && tuples.len() <= PRESENCE_TUPLES_MAX);
            for tuple in &tuples {
                assert!(tuple.activities.len() <= PRESENCE_ACTIVITIES_MAX);
                let texts = tuple.note.iter().chain(&tuple.contact).map(|text| text.reveal());
                assert!(texts.chain([&tuple.id]).all(|text| text.len() <= PRESENCE_TEXT_OCTETS_MAX));
            }
            // One tuple more stands in what we write: that of the telephone.
            let written = published_again(&tuples[..tuples.len().min(PRESENCE_TUPLES_MAX - 1)]);
            if written.len() <= PRESENCE_OCTETS_MAX {
                let again = pidf::read(written.as_bytes()).expect("what we write is a presence document");
                assert!(
                    tuples.iter().take(PRESENCE_TUPLES_MAX - 1).zip(&again).all(|(one, other)| one.open == other.open),
                    "what is open stays open"
                );
            }
        }
        Err(unreadable) => assert!(!unreadable.to_string().is_empty()),
    }
}

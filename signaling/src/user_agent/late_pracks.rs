//! Provisional responses that nobody had acknowledged when their INVITE was refused: a PRACK that was on its way is answered all the same (RFC 3262 §3), though
//! the leg is gone.

use crate::limits::LATE_PRACKS_MAX;
use crate::message::{Message, Tag};
use router::time::{Duration, Instant};
use std::collections::VecDeque;

/// Those of the last refusals, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct LatePracks {
    due: VecDeque<Due>,
}

/// One that may still come.
#[derive(Debug)]
struct Due {
    until: Instant,
    tag: Tag,
    rseq: u32,
}

impl LatePracks {
    /// The INVITE was refused whose dialog has that tag of ours; its sender may acknowledge what it was told before, for so long.
    pub(crate) fn note(&mut self, now: Instant, tag: &Tag, rseq: u32, within: Duration) {
        self.forget(now);
        if self.due.len() >= LATE_PRACKS_MAX {
            self.due.pop_front();
        }
        self.due.push_back(Due { until: now + within, tag: tag.clone(), rseq });
    }

    /// Whether a PRACK is to one of them: once.
    pub(crate) fn take(&mut self, now: Instant, prack: &Message) -> bool {
        self.forget(now);
        let Ok(Some(rack)) = prack.rack() else { return false };
        let is_due = |due: &Due| due.rseq == rack.response && prack.to_tag_text() == Some(due.tag.as_str());
        let index = self.due.iter().position(is_due);
        index.is_some_and(|index| self.due.remove(index).is_some())
    }

    fn forget(&mut self, now: Instant) {
        while self.due.front().is_some_and(|due| due.until <= now) {
            self.due.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn prack(tag: &Tag, rseq: u32) -> Message {
        Message::parse_datagram(Bytes::from(format!(
            "PRACK sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
             To: <sip:b@h>;tag={}\r\nCall-ID: c\r\nCSeq: 2 PRACK\r\nRAck: {rseq} 1 INVITE\r\nContent-Length: 0\r\n\r\n",
            tag.as_str()
        )))
        .unwrap()
    }

    #[test]
    fn each_is_known_once_for_a_time_and_so_many_of_them() {
        let (mut late, now, within) = (LatePracks::default(), Instant::from_millis(1), Duration::from_secs(32));
        let tag = |number: usize| Tag::of_random(number as u64);
        late.note(now, &tag(1), 7, within);
        assert!(!late.take(now, &prack(&tag(1), 8)) && !late.take(now, &prack(&tag(2), 7)));
        assert!(late.take(now, &prack(&tag(1), 7)) && !late.take(now, &prack(&tag(1), 7)));
        late.note(now, &tag(1), 7, within);
        assert!(!late.take(now + within, &prack(&tag(1), 7)));
        (0..2 * LATE_PRACKS_MAX).for_each(|number| late.note(now, &tag(number), 7, within));
        assert_eq!(late.due.len(), LATE_PRACKS_MAX);
        assert!(!late.take(now, &prack(&tag(0), 7)) && late.take(now, &prack(&tag(2 * LATE_PRACKS_MAX - 1), 7)));
    }
}

//! Hold and retrieve, as the peer's descriptions tell them (RFC 3264 §8.4, RFC 6337 §5.3).

use router::parameter::MediaDescription;

/// What a new description changes for who hears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldChange {
    /// Its author no longer listens.
    Held,
    /// Its author listens again.
    Retrieved,
}

/// Whether the author of a description holds: it has streams, and listens to none of them.
///
/// `sendonly` and `inactive` are seen here, and so is the old `c=0.0.0.0`, which the typed form has made a direction
/// that does not receive.
pub fn is_held(description: &MediaDescription) -> bool {
    let mut streams = description.streams.iter().filter(|stream| stream.rtp.is_some()).peekable();
    streams.peek().is_some() && streams.all(|stream| !stream.direction.receives())
}

/// What the peer's answer tells of its hold: it holds if none of what we would send is listened to. An answer to an
/// offer that sends nothing tells nothing, and what was so `before` is so still.
pub(super) fn is_held_after(before: bool, offer: &MediaDescription, answer: &MediaDescription) -> bool {
    let pairs = || offer.streams.iter().zip(&answer.streams);
    let mut asked = pairs().filter(|(offer, answer)| offer.direction.sends() && answer.rtp.is_some()).peekable();
    if asked.peek().is_none() { before } else { asked.all(|(_, answer)| !answer.direction.receives()) }
}

/// What changes from before to now.
pub(super) fn hold_change(before: bool, now: bool) -> Option<HoldChange> {
    match (before, now) {
        (false, true) => Some(HoldChange::Held),
        (true, false) => Some(HoldChange::Retrieved),
        _ => None,
    }
}

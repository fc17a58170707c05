//! Sources that may be learned, and whether they are consistent.

use super::Learning;
use super::standing::Standing;
use crate::limits::{CANDIDATE_MS, CONSISTENT};
use router::time::{Duration, Instant};
use std::net::SocketAddr;

/// A source that may be learned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    source: SocketAddr,
    ssrc: u32,
    sequence: u16,
    consistent: u8,
    heard: Instant,
}

impl Learning {
    /// Whether `source` has sent enough packets in a row, this one included.
    pub(super) fn consistent(
        &mut self,
        now: Instant,
        source: SocketAddr,
        standing: Standing,
        ssrc: u32,
        sequence: u16,
    ) -> bool {
        let fresh = Candidate { source, ssrc, sequence, consistent: 1, heard: now };
        if let Some(candidate) = self.candidates.iter_mut().flatten().find(|candidate| candidate.source == source) {
            candidate.heard = now;
            if candidate.ssrc != ssrc {
                *candidate = fresh;
                return false;
            }
            match sequence.wrapping_sub(candidate.sequence) {
                // A few may be lost.
                1..=16 => {
                    candidate.sequence = sequence;
                    candidate.consistent += 1;
                }
                // Repeated, or overtaken by the ones before it.
                0 | 0xfff0..=0xffff => {}
                _ => *candidate = fresh,
            }
            return candidate.consistent >= CONSISTENT;
        }
        let patience = Duration::from_millis(CANDIDATE_MS);
        let mut longest_silent = (0, None);
        for (index, slot) in self.candidates.iter().enumerate() {
            let Some(candidate) = slot else {
                longest_silent = (index, None);
                break;
            };
            // A stranger makes room for who is known.
            let known = self.standing(candidate.source) >= standing;
            let place = Some((known, candidate.heard));
            if index == 0 || place < longest_silent.1 {
                longest_silent = (index, place);
            }
        }
        let (index, place) = longest_silent;
        if place.is_none_or(|(known, heard)| !known || now.since(heard) >= patience) {
            self.candidates[index] = Some(fresh);
        }
        false
    }
}

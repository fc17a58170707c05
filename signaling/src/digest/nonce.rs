//! Nonces: minted without state, remembered once used.

use super::algorithm::Algorithm;
use crate::limits::NONCES_IN_USE_MAX;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use router::Random;
use router::time::{Duration, Instant};
use std::collections::{HashMap, VecDeque};
use subtle::ConstantTimeEq;

/// Octets of the proof that a nonce is ours: nobody guesses one within its life.
const PROOF: usize = 12;

/// Octets of a nonce: when (8), which (2), to whom (2), proof.
const OCTETS: usize = 12 + PROOF;

/// Its text has four characters for three octets (RFC 4648 §5): a challenge is to be short, as strangers are sent it.
const CHARACTERS: usize = OCTETS / 3 * 4;

const _: () = assert!(OCTETS.is_multiple_of(3));

/// A window of counts below the highest one seen: over UDP, requests of one phone may arrive out of order.
const WINDOW: u32 = 64;

/// What is known of a nonce and its count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NonceVerdict {
    /// Ours, young enough, count not seen.
    Fresh,
    /// Ours, but too old or forgotten: the client is to try again with a new one (`stale=true`).
    Stale,
    /// Ours, but this count was seen: a replay.
    Replayed,
    /// Not ours.
    Foreign,
}

/// Mints and judges nonces. A nonce carries its own time and a keyed hash of it, so a challenge costs no memory; only
/// nonces with which somebody proved a secret are kept, with the counts seen, for as long as they live.
#[derive(Debug)]
pub struct Nonces {
    key: [u8; 32],
    life: Duration,
    minted: u16,
    used: HashMap<[u8; 12], Used>,
    /// Nonces in use by age, the oldest first.
    order: VecDeque<[u8; 12]>,
    /// Nonces minted before this are stale unless in use: their counts have been forgotten.
    horizon_nanos: u64,
}

#[derive(Clone, Copy, Debug)]
struct Used {
    highest: u32,
    /// Bit n: `highest - n` was seen.
    seen: u64,
}

impl Nonces {
    /// Nonces that live for `life` after they were minted.
    pub fn new(life: Duration, random: &mut Random) -> Self {
        let mut key = [0; 32];
        random.fill(&mut key);
        Self { key, life, minted: 0, used: HashMap::new(), order: VecDeque::new(), horizon_nanos: 0 }
    }

    /// Another life for all nonces.
    pub fn set_life(&mut self, life: Duration) {
        self.life = life;
    }

    /// A new nonce, with the mark of who is sent it.
    pub fn mint(&mut self, now: Instant, mark: u16) -> String {
        self.minted = self.minted.wrapping_add(1);
        let mut octets = [0; OCTETS];
        octets[..8].copy_from_slice(&now.as_nanos().to_be_bytes());
        octets[8..10].copy_from_slice(&self.minted.to_be_bytes());
        octets[10..12].copy_from_slice(&mark.to_be_bytes());
        let proof = self.proof(&octets[..12]);
        octets[12..].copy_from_slice(&proof);
        URL_SAFE_NO_PAD.encode(octets)
    }

    /// Whether a nonce of ours was sent to who has that mark.
    pub fn is_marked(&self, nonce: &str, mark: u16) -> bool {
        decode(nonce).is_some_and(|octets| {
            bool::from(self.proof(&octets[..12])[..].ct_eq(&octets[12..])) && octets[10..12] == mark.to_be_bytes()
        })
    }

    /// What is known of `nonce`, used with `count` (1 where the client does not count). Nothing is remembered: call
    /// [`remember`](Self::remember) once the client proved that it knows the secret.
    pub fn judge(&self, now: Instant, nonce: &str, count: u32) -> NonceVerdict {
        let Some(octets) = decode(nonce) else { return NonceVerdict::Foreign };
        let proof = self.proof(&octets[..12]);
        if !bool::from(proof[..].ct_eq(&octets[12..])) {
            return NonceVerdict::Foreign;
        }
        let minted = minted_nanos(&octets);
        if now.since(Instant::from_nanos(minted)) > self.life || count == 0 {
            return NonceVerdict::Stale;
        }
        match self.used.get(&octets[..12]) {
            None if minted < self.horizon_nanos => NonceVerdict::Stale,
            None => NonceVerdict::Fresh,
            Some(used) if count > used.highest => NonceVerdict::Fresh,
            Some(used) => match used.highest - count {
                behind if behind >= WINDOW => NonceVerdict::Stale,
                behind if used.seen & (1 << behind) != 0 => NonceVerdict::Replayed,
                _ => NonceVerdict::Fresh,
            },
        }
    }

    /// Remembers that `nonce` was used with `count`.
    pub fn remember(&mut self, now: Instant, nonce: &str, count: u32) {
        let Some(octets) = decode(nonce) else { return };
        let Ok(key) = <[u8; 12]>::try_from(&octets[..12]) else { return };
        self.forget(now);
        let used = self.used.entry(key).or_insert_with(|| {
            self.order.push_back(key);
            Used { highest: 0, seen: 0 }
        });
        if count > used.highest {
            let ahead = count - used.highest;
            used.seen = if ahead >= WINDOW { 0 } else { used.seen << ahead } | 1;
            used.highest = count;
        } else if used.highest - count < WINDOW {
            used.seen |= 1 << (used.highest - count);
        }
    }

    /// How many nonces are in use.
    pub fn in_use(&self) -> usize {
        self.used.len()
    }

    /// Drops nonces that are too old, and the oldest at the bound: what is dropped early becomes stale, never replayable.
    fn forget(&mut self, now: Instant) {
        while let Some(oldest) = self.order.front() {
            let minted = u64::from_be_bytes(oldest[..8].try_into().unwrap_or_default());
            let too_old = now.since(Instant::from_nanos(minted)) > self.life;
            if !too_old && self.order.len() < NONCES_IN_USE_MAX {
                break;
            }
            if !too_old {
                self.horizon_nanos = self.horizon_nanos.max(minted + 1);
            }
            if let Some(oldest) = self.order.pop_front() {
                self.used.remove(&oldest);
            }
        }
    }

    fn proof(&self, what: &[u8]) -> [u8; PROOF] {
        let hash = Algorithm::Sha256.hash(&[&self.key, what]);
        let mut proof = [0; PROOF];
        proof.copy_from_slice(&hash.as_bytes()[..PROOF]);
        proof
    }
}

fn minted_nanos(octets: &[u8; OCTETS]) -> u64 {
    octets[..8].iter().fold(0, |nanos, &octet| (nanos << 8) | u64::from(octet))
}

fn decode(nonce: &str) -> Option<[u8; OCTETS]> {
    if nonce.len() != CHARACTERS {
        return None;
    }
    let mut octets = [0; OCTETS];
    URL_SAFE_NO_PAD.decode_slice(nonce, &mut octets).ok()?;
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonces() -> Nonces {
        Nonces::new(Duration::from_secs(300), &mut Random::from_seed(1))
    }

    #[test]
    fn a_nonce_is_fresh_for_its_life_and_once_per_count() {
        let mut nonces = nonces();
        let minted = Instant::from_millis(1_000);
        let nonce = nonces.mint(minted, 7);
        let later = minted + Duration::from_secs(299);
        assert_eq!(nonces.judge(later, &nonce, 1), NonceVerdict::Fresh);
        nonces.remember(later, &nonce, 1);
        assert_eq!(nonces.judge(later, &nonce, 1), NonceVerdict::Replayed);
        assert_eq!(nonces.judge(later, &nonce, 3), NonceVerdict::Fresh);
        nonces.remember(later, &nonce, 3);
        assert_eq!(nonces.judge(later, &nonce, 2), NonceVerdict::Fresh, "out of order");
        nonces.remember(later, &nonce, 2);
        assert_eq!(nonces.judge(later, &nonce, 2), NonceVerdict::Replayed);
        assert_eq!(nonces.judge(minted + Duration::from_secs(301), &nonce, 4), NonceVerdict::Stale);
    }

    #[test]
    fn a_count_far_ahead_forgets_no_replay() {
        let mut nonces = nonces();
        let nonce = nonces.mint(Instant::ZERO, 7);
        nonces.remember(Instant::ZERO, &nonce, 5);
        nonces.remember(Instant::ZERO, &nonce, 500);
        assert_eq!(nonces.judge(Instant::ZERO, &nonce, 5), NonceVerdict::Stale);
        assert_eq!(nonces.judge(Instant::ZERO, &nonce, 500), NonceVerdict::Replayed);
        assert_eq!(nonces.judge(Instant::ZERO, &nonce, 0), NonceVerdict::Stale);
    }

    #[test]
    fn a_foreign_nonce_is_known_as_such() {
        let (mut ours, mut theirs) = (nonces(), Nonces::new(Duration::from_secs(300), &mut Random::from_seed(2)));
        let nonce = theirs.mint(Instant::ZERO, 7);
        assert_eq!(ours.judge(Instant::ZERO, &nonce, 1), NonceVerdict::Foreign);
        let mut forged = ours.mint(Instant::ZERO, 7).into_bytes();
        assert_eq!(forged.len(), CHARACTERS);
        forged[3] = if forged[3] == b'0' { b'1' } else { b'0' };
        let forged = String::from_utf8(forged).unwrap();
        assert_eq!(ours.judge(Instant::ZERO, &forged, 1), NonceVerdict::Foreign);
        for garbage in ["", "zz", "é", &"g".repeat(CHARACTERS), &"=".repeat(CHARACTERS), &"é".repeat(CHARACTERS / 2)]
        {
            assert_eq!(ours.judge(Instant::ZERO, garbage, 1), NonceVerdict::Foreign);
        }
    }

    #[test]
    fn nonces_in_use_are_bounded_and_what_is_dropped_cannot_be_replayed() {
        let mut nonces = nonces();
        let first = nonces.mint(Instant::from_nanos(1), 7);
        nonces.remember(Instant::from_nanos(1), &first, 1);
        for step in 0..NONCES_IN_USE_MAX as u64 {
            let at = Instant::from_nanos(2 + step);
            let nonce = nonces.mint(at, 7);
            nonces.remember(at, &nonce, 1);
        }
        assert!(nonces.in_use() <= NONCES_IN_USE_MAX);
        assert_eq!(nonces.judge(Instant::from_millis(1), &first, 1), NonceVerdict::Stale);
        assert_eq!(nonces.judge(Instant::from_millis(1), &first, 2), NonceVerdict::Stale);
    }

    #[test]
    fn old_nonces_leave() {
        let mut nonces = nonces();
        let first = nonces.mint(Instant::ZERO, 7);
        nonces.remember(Instant::ZERO, &first, 1);
        let later = Instant::ZERO + Duration::from_secs(301);
        let second = nonces.mint(later, 7);
        nonces.remember(later, &second, 1);
        assert_eq!(nonces.in_use(), 1);
    }
}

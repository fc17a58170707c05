//! Temporary GRUUs (RFC 5627 §3.1.2): each REGISTER brings another one, and all hold until the registration ends or comes with another Call-ID. A table
//! of them would grow with each refresh; so they are computed, as appendix A.2 of the RFC proposes:
//!
//! ```text
//!  tgruu. │ salt │ id ⊕ HMAC(key, salt) │ HMAC(key, salt, id ⊕ …) │      the id is the binding's, the same under one Call-ID
//! ```
//! Without the key nobody can tell that two of them lead to one phone, or make one. A binding keeps its id with the key, in the store, too: so they hold over
//! a restart, and whoever begins goes on with a key that it finds there.

use crate::limits::TEMPORARY_KEYS_MAX;
use ring::hmac;
use router::{Private, Random};

/// How users of temporary GRUUs begin.
pub(crate) const TEMPORARY: &str = "tgruu.";

/// A key of 128 bits.
type Key = [u8; 16];

/// What a binding keeps, to know its temporary GRUUs by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Secret {
    key: Key,
    pub(super) id: u64,
}

impl Secret {
    /// As [`text`](Self::text) wrote it.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (key, id) = (text.get(..32)?, text.get(32..)?);
        Some(Self {
            key: digits(key).and_then(|key| u128::from_str_radix(key, 16).ok())?.to_be_bytes(),
            id: number(id)?,
        })
    }

    /// As it is kept with a contact.
    pub(super) fn text(self) -> Private<String> {
        Private::new(format!("{:032x}{:016x}", u128::from_be_bytes(self.key), self.id))
    }

    /// The user of one more.
    pub(crate) fn seal(self, salt: u64) -> String {
        let sealed = self.id ^ mask(&self.key, &[salt]);
        let tag = mask(&self.key, &[salt, sealed]);
        format!("{TEMPORARY}{salt:016x}{sealed:016x}{tag:016x}")
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// The keys of bindings that there are; the first one is that of the next binding.
#[derive(Default)]
pub(super) struct Keys(Vec<Key>);

impl Keys {
    /// A secret for one more binding.
    pub(super) fn draw(&mut self, random: &mut Random) -> Secret {
        if self.0.is_empty() {
            let mut key = Key::default();
            random.fill(&mut key);
            self.0.push(key);
        }
        Secret { key: self.0[0], id: random.next_u64() }
    }

    /// A binding has that secret. False: there are too many keys, and its temporary GRUUs lead nowhere.
    pub(super) fn know(&mut self, secret: Secret) -> bool {
        if self.0.contains(&secret.key) {
            return true;
        }
        let is_room = self.0.len() < TEMPORARY_KEYS_MAX;
        if is_room {
            self.0.push(secret.key);
        }
        is_room
    }

    /// Whose binding a user may be.
    pub(super) fn open(&self, user: &str) -> Option<u64> {
        let sealed = user.strip_prefix(TEMPORARY).filter(|digits| digits.len() == 48)?;
        let [salt, cipher, tag] = [sealed.get(..16)?, sealed.get(16..32)?, sealed.get(32..)?].map(number);
        let (salt, cipher, tag) = (salt?, cipher?, tag?);
        let key = self.0.iter().find(|key| mask(key, &[salt, cipher]) == tag)?;
        Some(cipher ^ mask(key, &[salt]))
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

/// The first 64 bits of what HMAC-SHA-256 makes of these.
fn mask(key: &Key, of: &[u64]) -> u64 {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    of.iter().for_each(|number| context.update(&number.to_be_bytes()));
    let tag = context.sign();
    tag.as_ref().iter().take(8).fold(0, |number, octet| number << 8 | u64::from(*octet))
}

/// Digits as they are written, and in no other way.
fn digits(text: &str) -> Option<&str> {
    text.bytes().all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f')).then_some(text)
}

fn number(text: &str) -> Option<u64> {
    digits(text).filter(|text| text.len() == 16).and_then(|text| u64::from_str_radix(text, 16).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_is_opened_by_who_has_the_key_and_nothing_else_is() {
        let mut random = Random::from_seed(1);
        let mut keys = Keys::default();
        let (one, other) = (keys.draw(&mut random), keys.draw(&mut random));
        assert_ne!(one.id, other.id);
        let users: Vec<String> = (0..100).map(|salt| one.seal(salt)).collect();
        assert!(users.iter().all(|user| keys.open(user) == Some(one.id)));
        assert_eq!(keys.open(&other.seal(0)), Some(other.id));
        // Nothing of it is what another one of the same phone has.
        let parts = |user: &str| [user[6..22].to_owned(), user[22..38].to_owned(), user[38..].to_owned()];
        assert!(parts(&users[0]).iter().zip(parts(&users[1])).all(|(one, other)| *one != other));
        for index in TEMPORARY.len()..users[0].len() {
            let mut forged = users[0].clone();
            let digit = if forged.as_bytes()[index] == b'0' { "1" } else { "0" };
            forged.replace_range(index..=index, digit);
            assert_eq!(keys.open(&forged), None, "{index}");
        }
        for none in ["", "tgruu.", "tgruu.0000", &users[0].to_uppercase(), &format!("{}0", users[0]), "tgruu.é"] {
            assert_eq!(keys.open(none), None, "{none}");
        }
        // After a restart: what the binding kept.
        let kept = Secret::read(one.text().reveal()).unwrap();
        let mut restarted = Keys::default();
        assert_eq!(restarted.open(&users[0]), None);
        assert!(restarted.know(kept));
        assert_eq!(restarted.open(&users[0]), Some(one.id));
        let next = restarted.draw(&mut random);
        assert_eq!(keys.open(&next.seal(7)), Some(next.id), "it goes on with that key");
        assert!(["", "tgruu.0123456789abcdef", &"g".repeat(48)].iter().all(|text| Secret::read(text).is_none()));
        for number in 0..2 * TEMPORARY_KEYS_MAX as u64 {
            let foreign = Keys::default().draw(&mut Random::from_seed(2 + number));
            assert_eq!(restarted.know(foreign), number + 1 < TEMPORARY_KEYS_MAX as u64);
        }
    }
}

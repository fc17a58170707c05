//! Trunks that ask who we are (RFC 3261 §22.2, §22.3, RFC 8760 §2.4).

use super::means::Means;
use crate::digest::{Algorithm, answers, respond};
use crate::limits::{CHALLENGES_MAX, REALMS_MAX};
use crate::message::{Challenge, Header, Message, Method};
use crate::trunk::TrunkId;
use smallvec::SmallVec;
use std::sync::Arc;

/// The header lines that prove who we are, one for each realm that asked.
pub(crate) type Proofs = Arc<[(Header, String)]>;

/// The nonces that were answered last within a leg, and how often.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered(SmallVec<[(Box<str>, u32); 1]>);

impl Answered {
    /// How often a nonce is used with this answer (RFC 7616 §3.4, `nc`).
    fn count(&mut self, nonce: &str) -> u32 {
        if let Some((_, count)) = self.0.iter_mut().find(|(known, _)| **known == *nonce) {
            *count += 1;
            return *count;
        }
        if self.0.len() == REALMS_MAX {
            self.0.remove(0);
        }
        self.0.push((nonce.into(), 1));
        1
    }
}

/// What one request of ours was asked for on its way, and its answers.
#[derive(Debug, Default)]
pub(crate) struct Authorization {
    realms: SmallVec<[Realm; 1]>,
    /// How many responses asked.
    challenges: u8,
    proofs: Option<Proofs>,
}

/// Somebody on the way who asks.
#[derive(Debug)]
struct Realm {
    /// Where its answer stands.
    told: Header,
    /// The challenge as it came.
    challenge: Box<str>,
    /// Whether it took the place of one whose nonce was stale.
    renewed: bool,
}

impl Realm {
    fn challenge(&self) -> Option<Challenge<'_>> {
        Challenge::parse(self.challenge.as_bytes())
    }
}

impl Authorization {
    /// What goes with the request.
    pub(crate) fn proofs(&self) -> Option<Proofs> {
        self.proofs.clone()
    }

    /// Takes what a 401 or 407 asks for. False: the request is not to be sent again. Credentials that were refused are not
    /// offered once more, unless only their nonce was stale, and that once (RFC 3261 §22.2, RFC 7616 §3.3).
    fn take(&mut self, response: &Message) -> bool {
        if self.challenges == CHALLENGES_MAX {
            return false;
        }
        self.challenges += 1;
        let (mut asks, mut room) = (false, REALMS_MAX.saturating_sub(self.realms.len()));
        for (told, challenge) in strongest(response) {
            let known = self.realms.iter_mut().find(|known| {
                known.told == told && known.challenge().is_some_and(|known| known.realm == challenge.realm)
            });
            let text = || format!("Digest {}", challenge.fields.as_str()).into();
            match known {
                Some(known) if challenge.stale && !known.renewed => {
                    (known.challenge, known.renewed) = (text(), true);
                }
                Some(_) => return false,
                None if room == 0 => return false,
                None => {
                    room -= 1;
                    self.realms.push(Realm { told, challenge: text(), renewed: false });
                }
            }
            asks = true;
        }
        asks
    }
}

/// The challenge of each realm in a response that we answer: the one with the strongest algorithm, wherever it stands, so
/// that nobody on the way can make us use a weaker one by the order (RFC 8760 §2.4). A 401 may have those of proxies too
/// (RFC 3261 §16.7 step 7).
fn strongest(response: &Message) -> SmallVec<[(Header, Challenge<'_>); 1]> {
    let mut found: SmallVec<[(Header, Challenge<'_>); 1]> = SmallVec::new();
    let asked =
        [(Header::WwwAuthenticate, Header::Authorization), (Header::ProxyAuthenticate, Header::ProxyAuthorization)];
    for (asked, told) in asked {
        for challenge in response.challenges(asked).filter(answers) {
            let strength = |challenge: &Challenge<'_>| Algorithm::of_field(challenge.algorithm);
            // One beyond the bound shows that there are too many.
            let room = found.len() <= REALMS_MAX;
            match found.iter_mut().find(|(at, known)| *at == told && known.realm == challenge.realm) {
                Some((_, known)) if strength(known) < strength(&challenge) => *known = challenge,
                Some(_) => {}
                None if room => found.push((told, challenge)),
                None => {}
            }
        }
    }
    found
}

/// Answers a 401 or 407 to a request that went with `former`. `None`: it cannot be answered, was answered before, or the
/// trunk has no credentials.
pub(crate) fn answer(
    means: &mut Means,
    trunk: Option<TrunkId>,
    former: Option<Box<Authorization>>,
    answered: &mut Answered,
    response: &Message,
    method: &Method,
    uri: &str,
) -> Option<Box<Authorization>> {
    means.trunks.get(trunk?).config.credentials.as_ref()?;
    if !matches!(response.status()?.code(), 401 | 407) {
        return None;
    }
    let mut authorization = former.unwrap_or_default();
    if !authorization.take(response) {
        return None;
    }
    prove(means, trunk?, authorization, answered, method, uri)
}

/// What proves who we are to those who asked before, in another request (RFC 3261 §22.3: they need not ask each time).
pub(crate) fn again(
    means: &mut Means,
    trunk: TrunkId,
    asked: Authorization,
    answered: &mut Answered,
    method: &Method,
    uri: &str,
) -> Option<Box<Authorization>> {
    let realms = asked.realms.into_iter().map(|realm| Realm { renewed: false, ..realm }).collect();
    prove(means, trunk, Box::new(Authorization { realms, ..Authorization::default() }), answered, method, uri)
}

/// Makes the proofs that have been asked for.
fn prove(
    means: &mut Means,
    trunk: TrunkId,
    mut authorization: Box<Authorization>,
    answered: &mut Answered,
    method: &Method,
    uri: &str,
) -> Option<Box<Authorization>> {
    let credentials = means.trunks.get(trunk).config.credentials.as_ref()?;
    let client_nonce = format!("{:016x}", means.random.next_u64());
    let mut proofs = Vec::with_capacity(authorization.realms.len());
    for realm in &authorization.realms {
        let challenge = realm.challenge()?;
        let count = answered.count(challenge.nonce);
        proofs.push((realm.told, respond(&challenge, credentials, method.as_str(), uri, count, &client_nonce)?));
    }
    authorization.proofs = Some(proofs.into());
    Some(authorization)
}

//! Trunks that ask who we are (RFC 3261 §22.2, §22.3).

use super::means::Means;
use crate::digest::respond;
use crate::message::{Header, Message, Method};
use crate::trunk::TrunkId;

/// The nonce that was answered last within a leg, and how often.
#[derive(Debug, Default)]
pub(super) struct Answered {
    nonce: Box<str>,
    count: u32,
}

/// The header that answers the first challenge of a 401 or 407 that can be answered. `None`: none can, or the trunk has no
/// credentials.
pub(super) fn answer(
    means: &mut Means,
    trunk: Option<TrunkId>,
    answered: &mut Answered,
    response: &Message,
    method: &Method,
    uri: &str,
) -> Option<(Header, String)> {
    let credentials = means.trunks.get(trunk?).config.credentials.as_ref()?;
    let (asked, told) = match response.status()?.code() {
        401 => (Header::WwwAuthenticate, Header::Authorization),
        407 => (Header::ProxyAuthenticate, Header::ProxyAuthorization),
        _ => return None,
    };
    let client_nonce = format!("{:016x}", means.random.next_u64());
    for challenge in response.challenges(asked) {
        let count = if *answered.nonce == *challenge.nonce { answered.count + 1 } else { 1 };
        if let Some(value) = respond(&challenge, credentials, method.as_str(), uri, count, &client_nonce) {
            *answered = Answered { nonce: challenge.nonce.into(), count };
            return Some((told, value));
        }
    }
    None
}

//! By what transactions are found: keys for the user, and the rules of RFC 3261 §17.1.3 and §17.2.3.

use sha2::{Digest as _, Sha256};

use super::limits::KEY_OCTETS_MAX;
use super::slots::Slot;
use crate::message::{Branch, Header, MAGIC_COOKIE, Message, Method, Value, Via};
use crate::transport::{Token, Transport};

/// One client transaction: a request that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientKey(pub(super) Slot);

/// One server transaction: a request that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerKey(pub(super) Slot);

/// A transaction of either side, as timers and transports know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Client(ClientKey),
    Server(ServerKey),
}

/// The bit of a token that tells the sides apart.
const SERVER_BIT: u64 = 1 << 63;

impl Owner {
    /// What the transports know it by.
    pub(super) fn token(self) -> Token {
        Token(match self {
            Owner::Client(ClientKey(slot)) => slot.to_bits(),
            Owner::Server(ServerKey(slot)) => slot.to_bits() | SERVER_BIT,
        })
    }

    /// Whom the transports mean.
    pub(super) fn of_token(token: Token) -> Owner {
        let slot = Slot::from_bits(token.0 & !SERVER_BIT);
        if token.0 & SERVER_BIT == 0 { Owner::Client(ClientKey(slot)) } else { Owner::Server(ServerKey(slot)) }
    }
}

/// Writes what tells one server transaction from another (RFC 3261 §17.2.3) for a request of that method; `method` is
/// INVITE for an ACK.
///
/// With the magic cookie: branch, sent-by, method. Without it (RFC 2543): Request-URI, From tag, Call-ID, CSeq number,
/// topmost Via, method, and the To tag where the method is not INVITE, whose ACK carries the tag of the response.
///
/// `None` if a header that is needed is absent or malformed.
pub(super) fn write_server_key(buffer: &mut Vec<u8>, message: &Message, via: &Via<'_>, method: &Method) -> Option<()> {
    buffer.clear();
    buffer.extend_from_slice(method.as_str().as_bytes());
    buffer.push(0);
    if let Some(branch) = via.branch().filter(|_| via.has_magic_cookie()) {
        let port = via.port().unwrap_or(Transport::parse(via.transport()).map_or(5060, Transport::default_port));
        buffer.extend_from_slice(branch.as_bytes());
        buffer.push(0);
        let host = buffer.len();
        buffer.extend_from_slice(via.host().as_bytes());
        buffer[host..].make_ascii_lowercase();
        buffer.push(0);
        port.put(buffer);
    } else {
        buffer.push(0);
        buffer.extend_from_slice(message.request_uri_raw()?);
        buffer.push(0);
        buffer.extend_from_slice(message.from_tag_text().unwrap_or_default().as_bytes());
        buffer.push(0);
        if *method != Method::Invite {
            buffer.extend_from_slice(message.to_tag_text().unwrap_or_default().as_bytes());
        }
        buffer.push(0);
        buffer.extend_from_slice(message.call_id().ok()?.as_bytes());
        buffer.push(0);
        message.cseq().ok()?.number.put(buffer);
        buffer.push(0);
        buffer.extend_from_slice(via.raw());
    }
    shorten(buffer);
    Some(())
}

/// Writes what merged requests have in common (RFC 3261 §8.2.2.2): From tag, Call-ID, CSeq. `None` for what cannot be
/// one: an ACK, a CANCEL, a request inside a dialog, or one without a From tag.
pub(super) fn write_merge_key(buffer: &mut Vec<u8>, message: &Message) -> Option<()> {
    buffer.clear();
    let cseq = message.cseq().ok()?;
    if matches!(cseq.method, Method::Ack | Method::Cancel) || message.to_tag_text().is_some() {
        return None;
    }
    buffer.extend_from_slice(message.call_id().ok()?.as_bytes());
    buffer.push(0);
    buffer.extend_from_slice(message.from_tag_text()?.as_bytes());
    buffer.push(0);
    cseq.put(buffer);
    shorten(buffer);
    Some(())
}

/// Bounds the memory of a key, whatever the client made of its branch.
fn shorten(buffer: &mut Vec<u8>) {
    if buffer.len() > KEY_OCTETS_MAX {
        let digest = Sha256::digest(&buffer[..]);
        buffer.clear();
        buffer.extend_from_slice(&digest);
    }
}

/// The branch of a client transaction of ours.
pub(super) fn branch_of(bits: u128) -> Branch {
    Branch::of_random(bits)
}

/// The random bits of a branch, if it may be one of ours.
pub(super) fn branch_bits(branch: &str) -> Option<u128> {
    let (cookie, bits) = branch.split_at_checked(MAGIC_COOKIE.len())?;
    let ours =
        cookie.eq_ignore_ascii_case(MAGIC_COOKIE) && bits.len() == 32 && bits.bytes().all(|b| b.is_ascii_hexdigit());
    if ours { u128::from_str_radix(bits, 16).ok() } else { None }
}

/// Which client transaction a response answers: branch and method (RFC 3261 §17.1.3). A CANCEL shares the branch of its
/// INVITE.
pub(super) fn response_key(message: &Message) -> Option<(u128, Method)> {
    let via = message.via().ok()?;
    // A response with two Via values is not for this client (RFC 3261 §8.1.3.3).
    if message.values(Header::Via).nth(1).is_some() {
        return None;
    }
    Some((branch_bits(via.branch()?)?, message.cseq().ok()?.method))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn message(text: &str) -> Message {
        Message::parse_datagram(Bytes::copy_from_slice(text.replace('\n', "\r\n").as_bytes())).unwrap()
    }

    fn request(line: &str, via: &str, to: &str, cseq: &str) -> Message {
        message(&format!(
            "{line} SIP/2.0\nVia: {via}\nFrom: <sip:a@h>;tag=1\nTo: <sip:b@h>{to}\nCall-ID: c\nCSeq: {cseq}\n\n"
        ))
    }

    fn key(message: &Message, method: &Method) -> Vec<u8> {
        let mut buffer = Vec::new();
        write_server_key(&mut buffer, message, &message.via().unwrap(), method).unwrap();
        buffer
    }

    #[test]
    fn branch_sent_by_and_method_tell_requests_apart() {
        let base = request("INVITE sip:b@h", "SIP/2.0/UDP h:5060;branch=z9hG4bK1", "", "1 INVITE");
        let same = request("INVITE sip:b@h", "SIP/2.0/UDP H;rport;branch=z9hG4bK1", "", "1 INVITE");
        let ack = request("ACK sip:b@h", "SIP/2.0/UDP h;branch=z9hG4bK1", ";tag=x", "1 ACK");
        assert_eq!(key(&base, &Method::Invite), key(&same, &Method::Invite));
        assert_eq!(key(&base, &Method::Invite), key(&ack, &Method::Invite));
        for other in
            ["SIP/2.0/UDP h:5061;branch=z9hG4bK1", "SIP/2.0/UDP g;branch=z9hG4bK1", "SIP/2.0/UDP h;branch=z9hG4bK2"]
        {
            let other = request("INVITE sip:b@h", other, "", "1 INVITE");
            assert_ne!(key(&base, &Method::Invite), key(&other, &Method::Invite));
        }
        assert_ne!(key(&base, &Method::Invite), key(&base, &Method::Cancel));
    }

    #[test]
    fn without_the_cookie_the_rules_of_rfc_2543_hold() {
        let via = "SIP/2.0/UDP h;branch=1";
        let base = request("INVITE sip:b@h", via, "", "1 INVITE");
        let ack = request("ACK sip:b@h", via, ";tag=x", "1 ACK");
        assert_eq!(key(&base, &Method::Invite), key(&ack, &Method::Invite));
        let next = request("INVITE sip:b@h", via, "", "2 INVITE");
        assert_ne!(key(&base, &Method::Invite), key(&next, &Method::Invite));
        let elsewhere = request("INVITE sip:c@h", via, "", "1 INVITE");
        assert_ne!(key(&base, &Method::Invite), key(&elsewhere, &Method::Invite));
        let bye = request("BYE sip:b@h", via, ";tag=1", "3 BYE");
        let other = request("BYE sip:b@h", via, ";tag=2", "3 BYE");
        assert_ne!(key(&bye, &Method::Bye), key(&other, &Method::Bye));
    }

    #[test]
    fn long_keys_are_digests() {
        let long = format!("SIP/2.0/UDP h;branch=z9hG4bK{}", "a".repeat(4_000));
        let longer = format!("{long}b");
        let first = key(&request("OPTIONS sip:b@h", &long, "", "1 OPTIONS"), &Method::Options);
        let second = key(&request("OPTIONS sip:b@h", &longer, "", "1 OPTIONS"), &Method::Options);
        assert_eq!((first.len(), second.len()), (32, 32));
        assert_ne!(first, second);
    }

    #[test]
    fn merged_requests_share_from_tag_call_id_and_cseq() {
        let via = "SIP/2.0/UDP h;branch=z9hG4bK1";
        let merge = |message: &Message| {
            let mut buffer = Vec::new();
            write_merge_key(&mut buffer, message).map(|()| buffer)
        };
        let base = request("INVITE sip:b@h", via, "", "1 INVITE");
        assert_eq!(merge(&base), merge(&request("INVITE sip:c@h", "SIP/2.0/UDP g;branch=z9hG4bK2", "", "1 INVITE")));
        assert_ne!(merge(&base), merge(&request("INVITE sip:b@h", via, "", "2 INVITE")));
        assert_eq!(merge(&request("INVITE sip:b@h", via, ";tag=2", "1 INVITE")), None);
        assert_eq!(merge(&request("CANCEL sip:b@h", via, "", "1 CANCEL")), None);
    }

    #[test]
    fn branches_of_ours_are_recognised() {
        let branch = branch_of(0xabc);
        assert_eq!(branch_bits(branch.as_str()), Some(0xabc));
        assert_eq!(branch_bits(&branch.as_str().to_ascii_uppercase()), Some(0xabc));
        for other in ["z9hG4bK1", "", "z9hG4bK", "z9hG4bK+0000000000000000000000000000abc", "é9hG4bK"] {
            assert_eq!(branch_bits(other), None, "{other}");
        }
    }

    #[test]
    fn tokens_lead_back() {
        let mut slots = super::super::slots::Slots::new(4);
        let slot = slots.insert(()).unwrap();
        for owner in [Owner::Client(ClientKey(slot)), Owner::Server(ServerKey(slot))] {
            assert_eq!(Owner::of_token(owner.token()), owner);
        }
    }
}

//! `a=fingerprint` (RFC 8122 §5) and `a=setup` (RFC 4145 §4, RFC 8842 §5): keys that come about in the media (DTLS-SRTP, RFC 5763).
//!
//! ```text
//!   a=fingerprint:sha-256 12:DF:3E:5D:49:6B:19:E5:7C:AB:4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:4A:AD
//!   a=setup:actpass
//! ```
//! Both stand in a media section, or at the session level for all that have none.

use router::parameter::{DtlsParameters, DtlsRole, Fingerprint, FingerprintHash};
use std::net::SocketAddr;

use super::attribute::{Attribute, Attributes};
use super::limits::SDP_FINGERPRINTS_MAX;
use super::media::MediaSection;
use super::session::SessionDescription;
use super::text::{Text, words};

/// Who is to begin, as its describer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setup {
    /// The describer does.
    Active,
    /// The other one does.
    Passive,
    /// The answerer chooses.
    ActPass,
    /// Nobody, until another description says who.
    HoldConn,
}

impl Setup {
    const ALL: [Self; 4] = [Self::Active, Self::Passive, Self::ActPass, Self::HoldConn];

    const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
            Self::HoldConn => "holdconn",
        }
    }
}

impl From<DtlsRole> for Setup {
    fn from(role: DtlsRole) -> Self {
        match role {
            DtlsRole::Client => Self::Active,
            DtlsRole::Server => Self::Passive,
        }
    }
}

/// What a peer says of its handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Described {
    fingerprints: Vec<Fingerprint>,
    setup: Option<Setup>,
}

impl Described {
    /// What is described for a section; `None`: it has no fingerprint that proves anything.
    pub(super) fn of(session: &SessionDescription, section: &MediaSection) -> Option<Self> {
        let read = |attributes: &Attributes| -> Vec<Fingerprint> {
            attributes.values("fingerprint").take(SDP_FINGERPRINTS_MAX).filter_map(parse).collect()
        };
        let own = section.attributes.has("fingerprint");
        let fingerprints = read(if own { &section.attributes } else { &session.attributes });
        let setup_of = |attributes: &Attributes| {
            let said = attributes.values("setup").next()?;
            Setup::ALL.into_iter().find(|setup| said.is(setup.name()))
        };
        let setup = setup_of(&section.attributes).or_else(|| setup_of(&session.attributes));
        (!fingerprints.is_empty()).then_some(Self { fingerprints, setup })
    }

    /// Our part in a handshake that the peer offers, the association being `former` before. `None`: the peer wants none now.
    ///
    /// Where the peer leaves it to us we wait: behind a NAT it can reach us, and we not it. A part that was played is kept (RFC 8842 §5.3).
    pub(super) fn answered(self, former: Option<&Former<'_>>, remote: Option<SocketAddr>) -> Option<DtlsParameters> {
        let role = match self.setup {
            Some(Setup::Active) | None => DtlsRole::Server,
            Some(Setup::Passive) => DtlsRole::Client,
            Some(Setup::ActPass) => former.map_or(DtlsRole::Server, |former| former.parameters.role),
            Some(Setup::HoldConn) => return None,
        };
        Some(self.with(role, former, remote))
    }

    /// Our part in a handshake that we have offered and the peer agrees to. Who says nothing begins (RFC 4145 §4.1).
    pub(super) fn concluded(self, former: Option<&Former<'_>>, remote: Option<SocketAddr>) -> Option<DtlsParameters> {
        let role = match self.setup {
            Some(Setup::Active | Setup::ActPass) | None => DtlsRole::Server,
            Some(Setup::Passive) => DtlsRole::Client,
            Some(Setup::HoldConn) => return None,
        };
        Some(self.with(role, former, remote))
    }

    /// The association goes on where neither certificate, part, nor, where we begin, the peer's address has changed (RFC 8842 §4). Where we wait we
    /// see from the peer's hello that it begins anew.
    fn with(self, role: DtlsRole, former: Option<&Former<'_>>, remote: Option<SocketAddr>) -> DtlsParameters {
        let Self { fingerprints, .. } = self;
        let association = former.map_or(1, |former| {
            let Former { parameters, remote: before } = former;
            let is_somewhere = |address: &SocketAddr| !address.ip().is_unspecified();
            let (before, remote) = (before.filter(is_somewhere), remote.filter(is_somewhere));
            let has_moved = role == DtlsRole::Client && before.is_some() && remote.is_some() && before != remote;
            let is_same = parameters.role == role && parameters.fingerprints == fingerprints && !has_moved;
            parameters.association + u32::from(!is_same)
        });
        DtlsParameters { role, fingerprints, association }
    }
}

/// An association that was agreed before, and where the peer was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Former<'a> {
    pub(super) parameters: &'a DtlsParameters,
    pub(super) remote: Option<SocketAddr>,
}

/// Writes our fingerprint and our part into a section.
pub(super) fn write(section: &mut MediaSection, fingerprint: &Fingerprint, setup: Setup) {
    let mut text = format!("{} ", fingerprint.hash.name()).into_bytes();
    for (index, octet) in fingerprint.digest.iter().enumerate() {
        if index > 0 {
            text.push(b':');
        }
        text.extend([octet >> 4, octet & 15].map(|digit| b"0123456789ABCDEF"[usize::from(digit)]));
    }
    if let Some(text) = Text::new(text) {
        section.attributes.push(Attribute::value(Text::literal("fingerprint"), text));
        section.attributes.push(Attribute::value(Text::literal("setup"), Text::literal(setup.name())));
    }
}

/// Reads the value of an attribute. `None`: it is malformed, or of a hash that proves nothing any more.
fn parse(value: &Text) -> Option<Fingerprint> {
    let mut words = words(value.as_bytes());
    let name = words.next()?;
    let hash = FingerprintHash::ALL.into_iter().find(|hash| name.eq_ignore_ascii_case(hash.name().as_bytes()))?;
    let text = words.next()?;
    if words.next().is_some() || text.len() != hash.bytes() * 3 - 1 {
        return None;
    }
    let octet = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        if pair.starts_with('+') { None } else { u8::from_str_radix(pair, 16).ok() }
    };
    let digest = text.split(|octet| *octet == b':').map(octet).collect::<Option<Vec<u8>>>()?;
    (digest.len() == hash.bytes()).then_some(Fingerprint { hash, digest })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<Fingerprint> {
        parse(&Text::new(value.as_bytes().to_vec()).unwrap())
    }

    const DIGEST: &str =
        "12:DF:3E:5D:49:6B:19:E5:7C:AB:4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:4A:AD";

    #[test]
    fn fingerprints_are_read_and_written() {
        let read_of = read(&format!("sha-256 {DIGEST}")).unwrap();
        assert_eq!((read_of.hash, read_of.digest.len(), read_of.digest[1]), (FingerprintHash::Sha256, 32, 0xdf));
        assert_eq!(read(&format!("SHA-256 {}", DIGEST.to_lowercase())), Some(read_of.clone()));
        let long = vec!["0A"; 64].join(":");
        assert_eq!(read(&format!("sha-512 {long}")).unwrap().digest, [10; 64]);
        let mut section = MediaSection::new(Text::literal("audio"), 1, Text::literal("RTP/AVP"), Vec::new());
        write(&mut section, &read_of, Setup::ActPass);
        let written = |name: &str| section.attributes.values(name).next().unwrap().as_str().unwrap().to_owned();
        assert_eq!((written("fingerprint"), written("setup")), (format!("sha-256 {DIGEST}"), "actpass".to_owned()));
        for bad in [
            "".to_owned(),
            "sha-256".to_owned(),
            format!("sha-1 {}", &DIGEST[..59]),
            format!("md5 {}", &DIGEST[..47]),
            format!("sha-384 {DIGEST}"),
            format!("sha-256 {DIGEST}:00"),
            format!("sha-256 {DIGEST} more"),
            format!("sha-256 {}", DIGEST.replace(':', "-")),
            format!("sha-256 {}", DIGEST.replace("12", "+2")),
            format!("sha-256 {}", DIGEST.replace("12", "1")),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }

    fn described(setup: Option<Setup>, octet: u8) -> Described {
        Described { fingerprints: vec![Fingerprint { hash: FingerprintHash::Sha256, digest: vec![octet; 32] }], setup }
    }

    #[test]
    fn parts_are_played_on_and_what_has_changed_begins_anew() {
        let at = |port: u16| Some(SocketAddr::from(([192, 0, 2, 1], port)));
        let told = |setup, former: Option<&Former<'_>>, octet, port| {
            let DtlsParameters { role, association, .. } = described(setup, octet).answered(former, at(port)).unwrap();
            (role, association)
        };
        use DtlsRole::{Client, Server};
        use Setup::{ActPass, Active, HoldConn, Passive};
        assert_eq!(told(Some(ActPass), None, 1, 4), (Server, 1));
        assert_eq!(told(Some(Active), None, 1, 4), (Server, 1));
        assert_eq!(told(None, None, 1, 4), (Server, 1));
        assert_eq!(told(Some(Passive), None, 1, 4), (Client, 1));
        assert_eq!(described(Some(HoldConn), 1).answered(None, at(4)), None);
        let parameters = described(Some(Passive), 1).answered(None, at(4)).unwrap();
        let former = Former { parameters: &parameters, remote: at(4) };
        assert_eq!(told(Some(ActPass), Some(&former), 1, 4), (Client, 1), "it goes on");
        assert_eq!(told(Some(ActPass), Some(&former), 2, 4), (Client, 2), "another certificate");
        assert_eq!(told(Some(ActPass), Some(&former), 1, 5), (Client, 2), "another address, to begin at");
        assert_eq!(told(Some(Active), Some(&former), 1, 4), (Server, 2), "the other part");
        let waits = DtlsParameters { role: Server, ..parameters.clone() };
        let former = Former { parameters: &waits, remote: at(4) };
        assert_eq!(told(Some(ActPass), Some(&former), 1, 5), (Server, 1), "who begins anew says so by its hello");
        let conclude = |setup| described(setup, 1).concluded(None, at(4)).map(|told| told.role);
        assert_eq!([Some(Active), Some(Passive), None].map(conclude), [Some(Server), Some(Client), Some(Server)]);
        assert_eq!(conclude(Some(HoldConn)), None);
    }
}

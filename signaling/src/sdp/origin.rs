//! Our `o=` line: one session, and a version that grows when, and only when, the text changes.

use std::net::IpAddr;

use bytes::Bytes;

use super::attribute::Attributes;
use super::media::MediaSection;
use super::session::{Connection, Origin, SessionDescription};
use super::text::{Text, Texts};

/// Who makes the descriptions of one dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocalOrigin {
    session_id: u64,
    version: u64,
    address: IpAddr,
    /// The last text that was composed: what `version` stands for.
    last: Option<Bytes>,
}

impl LocalOrigin {
    /// A session of its own. `session_id` is unpredictable (two bits of it are cleared: RFC 3264 §5 wants it to fit
    /// into 63 bits with room); `address` is the one that the peer is told of, and stays for the life of the dialog.
    pub(super) fn new(session_id: u64, address: IpAddr) -> LocalOrigin {
        LocalOrigin { session_id: session_id & (u64::MAX >> 2), version: 1, address, last: None }
    }

    /// The address that the peer is told of.
    pub(super) fn address(&self) -> IpAddr {
        self.address
    }

    /// Composes a description of these sections, each with the address where it is received, and with these attributes of the whole.
    ///
    /// RFC 3264 §8: the version is one more than that of the last text if this one differs, and else the same.
    pub(super) fn compose(
        &mut self,
        sections: Vec<(MediaSection, Option<IpAddr>)>,
        attributes: Attributes,
    ) -> (SessionDescription, Bytes) {
        let mut session = SessionDescription::new(self.origin());
        session.attributes = attributes;
        let common = sections.iter().find_map(|(_, address)| *address).unwrap_or(self.address);
        session.connection = Some(Connection::unicast(common));
        session.media.reserve_exact(sections.len());
        for (mut section, address) in sections {
            section.connections =
                address.filter(|address| *address != common).map(Connection::unicast).into_iter().collect();
            session.media.push(section);
        }
        let mut text = session.write();
        if self.last.as_ref().is_some_and(|last| *last != text) {
            self.version += 1;
            session.origin = self.origin();
            text = session.write();
        }
        self.last = Some(text.clone());
        (session, text)
    }

    /// Composes a description of ours again: the same content, under a new version if others were sent since.
    pub(super) fn repeat(&mut self, session: &SessionDescription) -> (SessionDescription, Bytes) {
        let sections = session.media.iter().map(|section| {
            let address = session.connection_of(section).and_then(Connection::ip).filter(|_| !section.is_disabled());
            (section.clone(), address)
        });
        self.compose(sections.collect(), session.attributes.clone())
    }

    fn origin(&self) -> Origin {
        let mut texts = Texts::new();
        let (id, version, address) = (texts.put(self.session_id), texts.put(self.version), texts.put(self.address));
        let texts = texts.finish();
        let text = |place| texts.get(place).unwrap_or_default();
        Origin {
            username: Text::literal("-"),
            session_id: text(id),
            session_version: text(version),
            net_type: Text::literal("IN"),
            address_type: Text::literal(if self.address.is_ipv4() { "IP4" } else { "IP6" }),
            address: text(address),
        }
    }
}

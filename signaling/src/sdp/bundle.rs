//! `a=mid` and `a=group:BUNDLE` (RFC 5888, RFC 9143): names of media sections, and which of them would share one port.
//!
//! Of a group one section is taken, the first that is served: nothing is shared, and who offers a group is answered one, as browsers ask of an answer.
//! We offer no group of our own accord; one that was agreed goes on.

use super::attribute::{Attribute, Attributes};
use super::limits::SDP_MID_BYTES_MAX;
use super::media::MediaSection;
use super::offer::{Sections, Slot};
use super::session::SessionDescription;
use super::text::{Text, words};

/// What an offer calls a section, and whether that is in a group.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Mid {
    name: Option<Text>,
    is_bundled: bool,
}

impl Mid {
    /// Of a section of an offer.
    pub(super) fn of(session: &SessionDescription, section: &MediaSection) -> Self {
        let name = section.attributes.values("mid").next();
        let name = name.filter(|name| name.is_token() && name.len() <= SDP_MID_BYTES_MAX).cloned();
        let Some(name) = name else { return Self::default() };
        let groups = session.attributes.values("group").map(|group| words(group.as_bytes()));
        let is_bundled = groups.map(|mut group| {
            let is_bundle = group.next().is_some_and(|kind| kind.eq_ignore_ascii_case(b"BUNDLE"));
            is_bundle && group.any(|member| member == name.as_bytes())
        });
        Self { is_bundled: is_bundled.into_iter().any(|is_member| is_member), name: Some(name) }
    }

    /// Writes the name into a section, refused or not: by it the two descriptions are matched (RFC 5888 §9.2).
    pub(super) fn write(&self, section: &mut MediaSection) {
        if let Some(name) = &self.name {
            section.attributes.push(Attribute::value(Text::literal("mid"), name.clone()));
        }
    }
}

/// Says of the whole which section its group has (RFC 9143 §7.3): who is refused is in none (§7.3.3).
pub(super) fn write(attributes: &mut Attributes, slots: &[Slot], sections: &Sections) {
    let taken = slots.iter().zip(sections).find(|(slot, (section, _))| slot.mid.is_bundled && !section.is_disabled());
    if let Some(name) = taken.and_then(|(slot, _)| slot.mid.name.as_ref()) {
        let group = [b"BUNDLE ", name.as_bytes()].concat();
        if let Some(group) = Text::new(group) {
            attributes.push(Attribute::value(Text::literal("group"), group));
        }
    }
}

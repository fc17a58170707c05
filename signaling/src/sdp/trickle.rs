//! Candidates that a peer names after its description (trickle, RFC 8840 §9): `application/trickle-ice-sdpfrag`, a few lines of a description.
//!
//! ```text
//!   a=ice-ufrag:8hhY  a=ice-pwd:asd88fgpdd777uzjYhagZg     whose they are: at the head, or in a section
//!   m=audio 9 RTP/AVP 0
//!   a=mid:1
//!   a=candidate:…
//!   a=end-of-candidates
//! ```
//! Whose they are the credentials say, so that those of a former search count for nothing; which section they stand in does not matter: sections of a group have
//! one transport (RFC 9143).

use router::parameter::{IceCandidate, IceCredentials, IceParameters};

use super::candidate::Candidate;
use super::limits::SDP_CANDIDATES_MAX;
use super::text::Text;

/// The INFO package, and the option, that they come by (RFC 8840 §10).
pub const TRICKLE_PACKAGE: &str = "trickle-ice";

/// The body's type.
pub const TRICKLE_FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// What one says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fragment {
    sections: Vec<Named>,
}

/// What one section says, or what stands before the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Named {
    fragment: Option<String>,
    password: Option<String>,
    candidates: Vec<Candidate>,
}

impl Fragment {
    /// Reads a body. `None`: it is no part of a description. Candidates that are not served are passed over, and those beyond the bound of a description.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let mut sections = vec![Named::default()];
        let mut candidates = 0;
        for line in text.lines().map(|line| line.trim_end_matches('\r')).filter(|line| !line.is_empty()) {
            let (kind, value) = line.split_once('=').filter(|(kind, _)| kind.len() == 1)?;
            if kind == "m" {
                if sections.len() > SDP_CANDIDATES_MAX {
                    return None;
                }
                sections.push(Named::default());
                continue;
            }
            let (name, value) = value.split_once(':').filter(|_| kind == "a").unwrap_or((value, ""));
            let section = sections.last_mut()?;
            match name {
                "ice-ufrag" => section.fragment = Some(value.trim().to_owned()),
                "ice-pwd" => section.password = Some(value.trim().to_owned()),
                "candidate" => {
                    candidates += 1;
                    let read = || Candidate::parse(&Text::new(value.as_bytes().to_vec())?);
                    section
                        .candidates
                        .extend(Some(()).filter(|()| candidates <= SDP_CANDIDATES_MAX).and_then(|()| read()));
                }
                _ => {}
            }
        }
        Some(Self { sections })
    }

    /// The candidates of who has these credentials.
    fn of(&self, remote: &IceCredentials) -> impl Iterator<Item = &Candidate> {
        let head = self.sections.first();
        let is_theirs = move |section: &&Named| {
            let said =
                |own: &Option<String>, of_head: Option<&Option<String>>| own.clone().or(of_head.cloned().flatten());
            let fragment = said(&section.fragment, head.map(|head| &head.fragment));
            let password = said(&section.password, head.map(|head| &head.password));
            fragment.as_deref() == Some(&remote.fragment) && password.as_deref() == Some(&remote.password)
        };
        self.sections.iter().filter(is_theirs).flat_map(|section| &section.candidates)
    }
}

/// Adds what a fragment names to what is known of a peer; what is new. Who sends no checks need not know.
pub(super) fn add(ice: &mut IceParameters, fragment: &Fragment) -> Vec<IceCandidate> {
    let mut added = Vec::new();
    if ice.is_lite {
        return added;
    }
    for candidate in fragment.of(&ice.remote) {
        let Some(component) = u8::try_from(candidate.component).ok().filter(|component| *component <= 2) else {
            continue;
        };
        let named = IceCandidate { component, priority: candidate.priority, address: candidate.address };
        let is_known = |known: &IceCandidate| (known.component, known.address) == (component, named.address);
        if ice.candidates.len() + added.len() < SDP_CANDIDATES_MAX && !ice.candidates.iter().chain(&added).any(is_known)
        {
            added.push(named);
        }
    }
    ice.candidates.extend(&added);
    added
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> IceParameters {
        let credentials = |name: &str| IceCredentials { fragment: name.to_owned(), password: name.repeat(8) };
        IceParameters {
            local: credentials("ours"),
            remote: credentials("8hhY"),
            candidates: Vec::new(),
            is_lite: false,
            is_remote_lite: false,
            is_controlling: false,
            nominates_once: true,
        }
    }

    fn body(fragment: &str) -> String {
        format!(
            "a=ice-pwd:{}\r\na=ice-ufrag:{fragment}\r\nm=audio 9 RTP/AVP 0\r\na=mid:1\r\n\
             a=candidate:1 1 UDP 2130706432 203.0.113.1 5000 typ host\r\n\
             a=candidate:1 2 UDP 2130706431 203.0.113.1 5001 typ host\r\n\
             a=candidate:1 1 TCP 5 203.0.113.1 5000 typ host\r\na=end-of-candidates\r\n",
            fragment.repeat(8)
        )
    }

    /// RFC 8840 §9.
    #[test]
    fn candidates_are_added_once_to_whom_they_belong() {
        let fragment = Fragment::parse(body("8hhY").as_bytes()).unwrap();
        let mut ice = parameters();
        let added = add(&mut ice, &fragment);
        assert_eq!(added.len(), 2, "those over UDP: {added:?}");
        assert_eq!(ice.candidates, added);
        assert_eq!(add(&mut ice, &fragment), []);
        for other in ["8hhZ", "former"] {
            assert_eq!(add(&mut ice, &Fragment::parse(body(other).as_bytes()).unwrap()), [], "{other}");
        }
        let lite = &mut IceParameters { is_lite: true, ..parameters() };
        assert_eq!(add(lite, &fragment), []);
        // Credentials of a section go before those at the head.
        let text =
            body("8hhY").replace("a=mid:1\r\n", "a=ice-ufrag:other\r\na=ice-pwd:of-another-one-of-22-octets\r\n");
        assert_eq!(add(&mut parameters(), &Fragment::parse(text.as_bytes()).unwrap()), []);
    }

    #[test]
    fn what_is_no_description_is_none_and_what_has_no_end_is_bounded() {
        for bad in [&b"\xff"[..], b"hello", b"ice-ufrag:8hhY", b"a=mid:1\nnothing"] {
            assert_eq!(Fragment::parse(bad), None, "{bad:?}");
        }
        assert_eq!(add(&mut parameters(), &Fragment::parse(b"").unwrap()), []);
        let mut text = format!("a=ice-ufrag:8hhY\na=ice-pwd:{}\nm=audio 9 RTP/AVP 0\n", "8hhY".repeat(8));
        for port in 1..5_000 {
            text.push_str(&format!("a=candidate:1 1 UDP 5 203.0.113.1 {port} typ host\n"));
        }
        assert_eq!(add(&mut parameters(), &Fragment::parse(text.as_bytes()).unwrap()).len(), SDP_CANDIDATES_MAX);
        assert_eq!(Fragment::parse("m=a\n".repeat(5_000).as_bytes()), None);
    }
}

//! What can stand between two legs that have no sound in common, and what of it their peers are offered.

use router::parameter::Codec;
use std::collections::BTreeMap;

/// What media workers can code, and whom that is offered. By default nothing: then legs share a format, or there is no call.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Transcoding {
    /// Every format of sound that can be decoded and encoded.
    pub served: Vec<Codec>,
    /// Those that a peer is offered beside what the other leg can, best first, where nothing is said of it below.
    pub offered: Vec<Codec>,
    /// Whether it is offered them at once, and not only once it has refused what the other leg can.
    pub at_once: bool,
    /// The same for the phones of an account. None: it is never transcoded for.
    pub accounts: BTreeMap<String, Vec<Codec>>,
    /// The same for a trunk.
    pub trunks: BTreeMap<String, Vec<Codec>>,
}

impl Transcoding {
    /// Whether a format of sound can be decoded and encoded.
    pub(crate) fn serves(&self, codec: &Codec) -> bool {
        self.served.iter().any(|served| served.matches(codec))
    }

    /// What the phones of an account are offered.
    pub(crate) fn of_account(&self, name: &str) -> &[Codec] {
        self.accounts.get(name).unwrap_or(&self.offered)
    }

    /// What a trunk is offered.
    pub(crate) fn of_trunk(&self, name: &str) -> &[Codec] {
        self.trunks.get(name).unwrap_or(&self.offered)
    }

    /// Whether sound can be led from a leg with one of these formats to one with one of those.
    pub(crate) fn joins(&self, a: &[Codec], b: &[Codec]) -> bool {
        let codes = |codecs: &[Codec]| codecs.iter().any(|codec| self.serves(codec));
        !self.served.is_empty() && codes(a) && codes(b)
    }
}

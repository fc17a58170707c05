//! Session keys from a master key and its salt (RFC 3711 §4.3, RFC 6188 §3, RFC 7714 §11). The key derivation rate is 0: they are derived once.

use super::aes::Aes;

/// What a session key is for (RFC 3711 §4.3.2).
#[derive(Clone, Copy, Debug)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// A master key, ready to derive.
pub(super) struct Master {
    aes: Aes,
    /// The salt, to 112 bits filled with zeros at its end.
    salt: u128,
}

impl Master {
    /// Of a key of 16 or 32 octets and a salt of 14 at most; `None` for others.
    pub(super) fn new(key: &[u8], salt: &[u8]) -> Option<Self> {
        let mut padded = [0; 16];
        padded.get_mut(..14)?.get_mut(..salt.len())?.copy_from_slice(salt);
        Some(Self { aes: Aes::new(key)?, salt: u128::from_be_bytes(padded) })
    }

    /// The first `N` octets of a session key.
    pub(super) fn derive<const N: usize>(&self, label: Label) -> [u8; N] {
        let mut key = [0; N];
        // The label stands before the 48 bits of an index that is always 0, all times 2^16.
        self.aes.apply(self.salt ^ (label as u128) << 64, &mut key);
        key
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::octets;
    use super::*;

    #[test]
    fn the_vectors_of_rfc_3711_appendix_b3() {
        let key = octets("e1f97a0d3e018be0d64fa32c06de4139");
        let master = Master::new(&key, &octets("0ec675ad498afeebb6960b3aabe6")).unwrap();
        assert_eq!(master.derive::<16>(Label::RtpEncryption)[..], octets("c61e7a93744f39ee10734afe3ff7a087"));
        assert_eq!(master.derive::<14>(Label::RtpSalt)[..], octets("30cbbc08863d8c85d49db34a9ae1"));
        let authentication = octets("cebe321f6ff7716b6fd4ab49af256a156d38baa4");
        assert_eq!(master.derive::<20>(Label::RtpAuthentication)[..], authentication);
    }

    #[test]
    fn the_vectors_of_rfc_6188_section_7_2() {
        let key = octets("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6");
        let master = Master::new(&key, &octets("3b04803de51ee7c96423ab5b78d2")).unwrap();
        let encryption = octets("5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4");
        assert_eq!(master.derive::<32>(Label::RtpEncryption)[..], encryption);
        assert_eq!(master.derive::<14>(Label::RtpSalt)[..], octets("fa31791685ca444a9e07c6c64e93"));
        let authentication = octets("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05");
        assert_eq!(master.derive::<20>(Label::RtpAuthentication)[..], authentication);
    }

    #[test]
    fn keys_of_another_length_are_none() {
        assert!(Master::new(&[0; 15], &[0; 14]).is_none() && Master::new(&[0; 24], &[0; 14]).is_none());
        assert!(Master::new(&[0; 16], &[0; 15]).is_none() && Master::new(&[0; 16], &[0; 12]).is_some());
    }
}

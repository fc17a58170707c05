//! From a password to what digest authentication checks.

use md5::Md5;
use router::parameter::AccountCredential;
use sha2::{Digest, Sha256};

/// H(user:realm:password) for MD5 and SHA-256 (RFC 7616 §3.4.2, RFC 8760 §2.6). The password is not kept.
pub fn hashes(user: &str, realm: &str, password: &str) -> AccountCredential {
    let secret = [user.as_bytes(), b":", realm.as_bytes(), b":", password.as_bytes()].concat();
    AccountCredential::Hashes { md5: Md5::digest(&secret).into(), sha256: Sha256::digest(&secret).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7616 §3.9.1: user, realm and password, with the hashes as `md5sum` and `sha256sum` give them.
    #[test]
    fn hashes_are_those_of_rfc_7616() {
        let AccountCredential::Hashes { md5, sha256 } = hashes("Mufasa", "http-auth@example.org", "Circle of Life")
        else {
            panic!("not hashes");
        };
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&md5), "3d78807defe7de2157e2b0b6573a855f");
        assert_eq!(hex(&sha256), "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232");
    }
}

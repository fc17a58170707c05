//! Silence: frames that decode to the value next to zero.

use crate::g711::Law;

/// Fills `octets` with silence in `law`.
pub fn fill(law: Law, octets: &mut [u8]) {
    octets.fill(law.silence());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_decodes_to_next_to_nothing() {
        for law in [Law::Mu, Law::A] {
            let mut octets = [0; 160];
            fill(law, &mut octets);
            assert!(octets.iter().all(|&octet| law.decode(octet).abs() <= 8));
        }
    }
}

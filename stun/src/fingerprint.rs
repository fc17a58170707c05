//! `FINGERPRINT` (RFC 8489 §14.7): the CRC-32 of ITU-T V.42, combined with a word that tells it from other protocols' CRCs.

const XOR: u32 = 0x5354_554e;

/// The fingerprint of a message, from what stands before the attribute; its length counts the attribute already.
pub(crate) fn fingerprint(octets: &[u8]) -> u32 {
    !octets.iter().fold(!0, |crc: u32, &octet| TABLE[usize::from(crc as u8 ^ octet)] ^ crc >> 8) ^ XOR
}

static TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ crc >> 1 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

//! CSeq (RFC 3261 §20.16) and RAck (RFC 3262 §7.2).

use std::fmt;

use super::grammar;
use super::method::Method;

/// Sequence number and method of a request. The number is below 2^31 (RFC 3261 §8.1.1.5).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CSeq {
    /// The sequence number.
    pub number: u32,
    /// The method.
    pub method: Method,
}

/// What a PRACK acknowledges: the RSeq and the CSeq of the provisional response (RFC 3262 §7.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RAck {
    /// The RSeq of the response.
    pub response: u32,
    /// The CSeq of the response.
    pub cseq: CSeq,
}

impl CSeq {
    /// The largest sequence number.
    pub const NUMBER_MAX: u32 = (1 << 31) - 1;

    /// Reads `1*DIGIT LWS Method`.
    pub fn parse(value: &[u8]) -> Option<CSeq> {
        let value = grammar::trim(value);
        let digits = grammar::skip_digits(value, 0);
        let method = grammar::skip_space(value, digits);
        if method == digits {
            return None;
        }
        let number = grammar::number(&value[..digits]).filter(|&number| number <= CSeq::NUMBER_MAX)?;
        Some(CSeq { number, method: Method::parse(&value[method..])? })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.number, self.method)
    }
}

impl RAck {
    /// Reads `response-num LWS CSeq-num LWS Method`.
    pub fn parse(value: &[u8]) -> Option<RAck> {
        let value = grammar::trim(value);
        let digits = grammar::skip_digits(value, 0);
        let response = grammar::number(&value[..digits])?;
        let rest = grammar::skip_space(value, digits);
        if rest == digits {
            return None;
        }
        Some(RAck { response, cseq: CSeq::parse(&value[rest..])? })
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.response, self.cseq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_and_leading_zeros() {
        assert_eq!(CSeq::parse(b"0009\r\n  INVITE"), Some(CSeq { number: 9, method: Method::Invite }));
        assert_eq!(RAck::parse(b"776656 1 INVITE").map(|rack| rack.to_string()).as_deref(), Some("776656 1 INVITE"));
    }

    #[test]
    fn numbers_stay_below_two_to_the_thirty_first() {
        assert!(CSeq::parse(b"2147483647 BYE").is_some());
        for bad in
            ["2147483648 BYE", "36893488147419103232 REGISTER", "1", "1INVITE", "-1 INVITE", "INVITE", "1 IN VITE", ""]
        {
            assert_eq!(CSeq::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}

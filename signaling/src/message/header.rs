//! Header field names, with their compact forms (RFC 3261 §7.3.1 and §7.3.3).

use std::fmt;

macro_rules! headers {
    ($($name:ident $text:literal $($compact:literal)?;)*) => {
        /// A header field that this stack knows by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Header {
            $(#[doc = concat!("`", $text, "`", $(" (compact form `", $compact, "`)",)? ".")] $name,)*
        }

        impl Header {
            /// All of them.
            pub const ALL: &'static [Header] = &[$(Header::$name,)*];

            /// The full name, in the spelling of its RFC.
            pub const fn as_str(self) -> &'static str {
                match self { $(Header::$name => $text,)* }
            }

            /// The compact form, if there is one.
            pub const fn compact(self) -> Option<&'static str> {
                match self { $($(Header::$name => Some($compact),)?)* _ => None }
            }
        }
    };
}

headers! {
    Accept "Accept";
    AcceptContact "Accept-Contact" "a";
    AcceptEncoding "Accept-Encoding";
    AcceptLanguage "Accept-Language";
    AlertInfo "Alert-Info";
    Allow "Allow";
    AllowEvents "Allow-Events" "u";
    AuthenticationInfo "Authentication-Info";
    Authorization "Authorization";
    CallId "Call-ID" "i";
    CallInfo "Call-Info";
    Contact "Contact" "m";
    ContentDisposition "Content-Disposition";
    ContentEncoding "Content-Encoding" "e";
    ContentLanguage "Content-Language";
    ContentLength "Content-Length" "l";
    ContentType "Content-Type" "c";
    CSeq "CSeq";
    Date "Date";
    Diversion "Diversion";
    ErrorInfo "Error-Info";
    Event "Event" "o";
    Expires "Expires";
    From "From" "f";
    HistoryInfo "History-Info";
    Identity "Identity" "y";
    InReplyTo "In-Reply-To";
    Join "Join";
    MaxForwards "Max-Forwards";
    MimeVersion "MIME-Version";
    MinExpires "Min-Expires";
    MinSe "Min-SE";
    Organization "Organization";
    PAssertedIdentity "P-Asserted-Identity";
    PPreferredIdentity "P-Preferred-Identity";
    Path "Path";
    Priority "Priority";
    Privacy "Privacy";
    ProxyAuthenticate "Proxy-Authenticate";
    ProxyAuthorization "Proxy-Authorization";
    ProxyRequire "Proxy-Require";
    RAck "RAck";
    Reason "Reason";
    RecordRoute "Record-Route";
    ReferSub "Refer-Sub";
    ReferTo "Refer-To" "r";
    ReferredBy "Referred-By" "b";
    RejectContact "Reject-Contact" "j";
    RemotePartyId "Remote-Party-ID";
    Replaces "Replaces";
    ReplyTo "Reply-To";
    RequestDisposition "Request-Disposition" "d";
    Require "Require";
    ResourcePriority "Resource-Priority";
    RetryAfter "Retry-After";
    Route "Route";
    RSeq "RSeq";
    Server "Server";
    ServiceRoute "Service-Route";
    SessionExpires "Session-Expires" "x";
    SipEtag "SIP-ETag";
    SipIfMatch "SIP-If-Match";
    Subject "Subject" "s";
    SubscriptionState "Subscription-State";
    Supported "Supported" "k";
    Timestamp "Timestamp";
    To "To" "t";
    Unsupported "Unsupported";
    UserAgent "User-Agent";
    Via "Via" "v";
    Warning "Warning";
    WwwAuthenticate "WWW-Authenticate";
}

/// A row of [`TABLE`]: how many known names start at this length and first letter is small, so a look-up compares
/// one or two names.
type Bucket = [u8; 6];

/// No header: ends a bucket.
const NONE: u8 = u8::MAX;

/// Longest known name.
const NAME_OCTETS_MAX: usize = 20;

/// Known names by length and by the low five bits of their first letter (equal for both cases).
static TABLE: [[Bucket; 32]; NAME_OCTETS_MAX + 1] = table();

const fn table() -> [[Bucket; 32]; NAME_OCTETS_MAX + 1] {
    let mut table = [[[NONE; 6]; 32]; NAME_OCTETS_MAX + 1];
    let mut index = 0;
    while index < Header::ALL.len() {
        let header = Header::ALL[index];
        let name = header.as_str().as_bytes();
        let bucket = &mut table[name.len()][(name[0] & 31) as usize];
        let mut slot = 0;
        while bucket[slot] != NONE {
            slot += 1;
        }
        bucket[slot] = header as u8;
        if let Some(compact) = header.compact() {
            table[1][(compact.as_bytes()[0] & 31) as usize][0] = header as u8;
        }
        index += 1;
    }
    table
}

impl Header {
    /// The known header of a name, full or compact, in any case.
    pub fn parse(name: &[u8]) -> Option<Header> {
        let first = *name.first()?;
        let bucket = TABLE.get(name.len())?.get(usize::from(first & 31))?;
        for &index in bucket {
            if index == NONE {
                return None;
            }
            let header = Header::ALL[usize::from(index)];
            let expected = if name.len() == 1 { header.compact()? } else { header.as_str() };
            if expected.as_bytes().eq_ignore_ascii_case(name) {
                return Some(header);
            }
        }
        None
    }
}

impl fmt::Display for Header {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The name of a header field: a known one, or any other as received.
///
/// Made from a [`Header`] or from text, which is looked up: `HeaderName::from("f") == HeaderName::from(Header::From)`.
/// Names compare without case (RFC 3261 §7.3.1).
#[derive(Clone, Copy, Debug)]
pub enum HeaderName<'a> {
    /// A header that this stack knows.
    Known(Header),
    /// Any other.
    Other(&'a str),
}

impl<'a> HeaderName<'a> {
    /// The name, in full for a known header.
    pub fn as_str(self) -> &'a str {
        match self {
            HeaderName::Known(header) => header.as_str(),
            HeaderName::Other(name) => name,
        }
    }
}

impl PartialEq for HeaderName<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (HeaderName::Known(left), HeaderName::Known(right)) => left == right,
            (HeaderName::Other(left), HeaderName::Other(right)) => left.eq_ignore_ascii_case(right),
            _ => false,
        }
    }
}

impl Eq for HeaderName<'_> {}

impl PartialEq<Header> for HeaderName<'_> {
    fn eq(&self, other: &Header) -> bool {
        matches!(self, HeaderName::Known(header) if header == other)
    }
}

impl From<Header> for HeaderName<'_> {
    fn from(header: Header) -> Self {
        HeaderName::Known(header)
    }
}

impl<'a> From<&'a str> for HeaderName<'a> {
    fn from(name: &'a str) -> Self {
        Header::parse(name.as_bytes()).map_or(HeaderName::Other(name), HeaderName::Known)
    }
}

impl fmt::Display for HeaderName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_full_in_any_case_and_compact() {
        for &header in Header::ALL {
            assert_eq!(Header::parse(header.as_str().as_bytes()), Some(header));
            assert_eq!(Header::parse(header.as_str().to_ascii_uppercase().as_bytes()), Some(header));
            assert_eq!(Header::parse(header.as_str().to_ascii_lowercase().as_bytes()), Some(header));
            if let Some(compact) = header.compact() {
                assert_eq!(Header::parse(compact.as_bytes()), Some(header));
                assert_eq!(Header::parse(compact.to_ascii_uppercase().as_bytes()), Some(header));
            }
        }
    }

    #[test]
    fn other_names_are_other() {
        for name in ["", "X-Custom", "Vio", "z", "\u{17}ia", "Call_ID", "P-Asserted-Identity-Extended"] {
            assert_eq!(Header::parse(name.as_bytes()), None, "{name:?}");
        }
        assert_eq!(HeaderName::from("X-a"), HeaderName::from("x-A"));
        assert_eq!(HeaderName::from("VIA"), Header::Via);
    }
}

//! Request methods (RFC 3261 §7.1 and its extensions).

use std::fmt;
use std::sync::Arc;

use super::grammar;

/// A request method. Methods are case-sensitive (RFC 3261 §7.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// RFC 3261 §13.
    Invite,
    /// RFC 3261 §13 and §17.1.1.3.
    Ack,
    /// RFC 3261 §15.
    Bye,
    /// RFC 3261 §9.
    Cancel,
    /// RFC 3261 §11.
    Options,
    /// RFC 3261 §10.
    Register,
    /// RFC 3262.
    Prack,
    /// RFC 6086.
    Info,
    /// RFC 3311.
    Update,
    /// RFC 6665.
    Subscribe,
    /// RFC 6665.
    Notify,
    /// RFC 3515.
    Refer,
    /// RFC 3428.
    Message,
    /// RFC 3903.
    Publish,
    /// Any other token, kept as received.
    Other(Arc<str>),
}

impl Method {
    /// The registered methods, in the order in which an Allow header lists them.
    pub const REGISTERED: [Method; 14] = [
        Method::Invite,
        Method::Ack,
        Method::Bye,
        Method::Cancel,
        Method::Options,
        Method::Register,
        Method::Prack,
        Method::Info,
        Method::Update,
        Method::Subscribe,
        Method::Notify,
        Method::Refer,
        Method::Message,
        Method::Publish,
    ];

    /// The method of a token. `None` if it is no token or longer than
    /// [`METHOD_OCTETS_MAX`](crate::limits::METHOD_OCTETS_MAX).
    pub fn parse(token: &[u8]) -> Option<Method> {
        let known = match token {
            b"INVITE" => Method::Invite,
            b"ACK" => Method::Ack,
            b"BYE" => Method::Bye,
            b"CANCEL" => Method::Cancel,
            b"OPTIONS" => Method::Options,
            b"REGISTER" => Method::Register,
            b"PRACK" => Method::Prack,
            b"INFO" => Method::Info,
            b"UPDATE" => Method::Update,
            b"SUBSCRIBE" => Method::Subscribe,
            b"NOTIFY" => Method::Notify,
            b"REFER" => Method::Refer,
            b"MESSAGE" => Method::Message,
            b"PUBLISH" => Method::Publish,
            _ => {
                if token.len() > crate::limits::METHOD_OCTETS_MAX {
                    return None;
                }
                return grammar::token(token).map(|text| Method::Other(Arc::from(text)));
            }
        };
        Some(known)
    }

    /// The method as written on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Method::Invite => "INVITE",
            Method::Ack => "ACK",
            Method::Bye => "BYE",
            Method::Cancel => "CANCEL",
            Method::Options => "OPTIONS",
            Method::Register => "REGISTER",
            Method::Prack => "PRACK",
            Method::Info => "INFO",
            Method::Update => "UPDATE",
            Method::Subscribe => "SUBSCRIBE",
            Method::Notify => "NOTIFY",
            Method::Refer => "REFER",
            Method::Message => "MESSAGE",
            Method::Publish => "PUBLISH",
            Method::Other(token) => token,
        }
    }

    /// Whether the method is one that this stack knows by name. An unknown method is answered 501, a known one that
    /// is not served 405 (RFC 3261 §8.2.1 and §21.5.2).
    pub fn is_registered(&self) -> bool {
        !matches!(self, Method::Other(_))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_registered_method_parses_back() {
        for method in Method::REGISTERED {
            assert_eq!(Method::parse(method.as_str().as_bytes()), Some(method));
        }
    }

    #[test]
    fn methods_are_case_sensitive_and_tokens() {
        assert_eq!(Method::parse(b"invite"), Some(Method::Other("invite".into())));
        assert_eq!(Method::parse(b"IN VITE"), None);
        assert_eq!(Method::parse(b""), None);
        assert!(Method::parse(&[b'A'; 100]).is_some_and(|method| !method.is_registered()));
        assert_eq!(Method::parse(&[b'A'; crate::limits::METHOD_OCTETS_MAX + 1]), None);
    }
}

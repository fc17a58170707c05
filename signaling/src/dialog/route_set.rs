//! Route sets (RFC 3261 §12.1, §12.2.1.1).

use crate::limits::ROUTES_MAX;
use crate::message::{Defect, Header, Message, NameAddr, UriRef};

/// The proxies between the two ends, in the order of the requests that we send.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RouteSet(Vec<Box<str>>);

impl RouteSet {
    /// Of a request that made a dialog with us: its Record-Route in order (RFC 3261 §12.1.1).
    pub fn of_request(message: &Message) -> Result<Self, Defect> {
        Self::of_header(message, Header::RecordRoute)
    }

    /// Of a response to a request of ours: its Record-Route turned round (RFC 3261 §12.1.2), as far as it can be read.
    pub fn of_response(message: &Message) -> Result<Self, Defect> {
        let readable = message.record_routes().take(ROUTES_MAX).filter_map(Result::ok);
        let mut routes: Vec<Box<str>> = readable.map(|route| String::from_utf8_lossy(route.raw()).into()).collect();
        routes.reverse();
        Ok(Self(routes))
    }

    /// Of values as they are stored: `Path` of a binding (RFC 3327 §5.3).
    pub fn of_values<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let routes = values.into_iter().filter(|value| NameAddr::parse(value.as_bytes()).is_some());
        Self(routes.take(ROUTES_MAX).map(Box::from).collect())
    }

    /// As they are stored.
    pub fn values(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(|value| value.to_string())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The URI of the first proxy.
    pub fn first(&self) -> Option<UriRef<'_>> {
        self.0.first().and_then(|route| NameAddr::parse(route.as_bytes())).map(|route| route.uri())
    }

    /// Request-URI and Route values for a request to `target` (RFC 3261 §12.2.1.1): a first proxy that is a strict router
    /// becomes the Request-URI, and the target the last Route.
    pub fn apply<'a>(&'a self, target: &'a str) -> (&'a str, impl Iterator<Item = String> + 'a) {
        let strict = self.first().filter(|first| !first.is_loose_router());
        let skipped = usize::from(strict.is_some());
        let request_uri = strict.map_or(target, UriRef::as_str);
        let last = strict.map(|_| format!("<{target}>"));
        let routes = self.0.iter().skip(skipped).map(|route| route.to_string()).chain(last);
        (request_uri, routes)
    }

    fn of_header(message: &Message, header: Header) -> Result<Self, Defect> {
        let mut routes = Vec::new();
        for route in message.addresses(header).take(ROUTES_MAX) {
            routes.push(String::from_utf8_lossy(route?.raw()).into());
        }
        Ok(Self(routes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loose_routers_are_routes_and_a_strict_one_is_the_request_uri() {
        let loose = RouteSet::of_values(["<sip:p1.example;lr>", "<sip:p2.example>"]);
        let (uri, routes) = loose.apply("sip:bob@192.0.2.4");
        assert_eq!(uri, "sip:bob@192.0.2.4");
        assert_eq!(routes.collect::<Vec<_>>(), ["<sip:p1.example;lr>", "<sip:p2.example>"]);
        // RFC 3261 §16.12.1.2
        let strict = RouteSet::of_values(["<sip:p1.example>", "<sip:p2.example;lr>"]);
        let (uri, routes) = strict.apply("sip:bob@192.0.2.4");
        assert_eq!(uri, "sip:p1.example");
        assert_eq!(routes.collect::<Vec<_>>(), ["<sip:p2.example;lr>", "<sip:bob@192.0.2.4>"]);
    }
}

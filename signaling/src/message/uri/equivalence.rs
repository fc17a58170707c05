//! What makes two URIs the same (RFC 3261 §19.1.4, RFC 3966 §4).

use super::UriRef;
use super::escape::{decoded, unescape};
use super::host::host_address;
use crate::message::parameters::Parameters;

/// The digits of a telephone number without its visual separators (RFC 3966 §4).
pub(super) fn digits(number: Option<&str>) -> impl Iterator<Item = u8> {
    let number = number.unwrap_or_default().bytes();
    number.filter(|octet| !b"-.()".contains(octet)).map(|octet| octet.to_ascii_lowercase())
}

pub(super) fn same_host(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right) || host_address(left).is_some_and(|address| host_address(right) == Some(address))
}

/// RFC 3261 §19.1.4: a parameter that both have must match; `user`, `ttl`, `method`, `maddr` and `transport` must
/// match even when only one has it; any other that only one has is ignored.
pub(super) fn parameters_agree(left: Parameters<'_>, right: Parameters<'_>) -> bool {
    const DECISIVE: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];
    left.iter().all(|parameter| match right.find(parameter.name) {
        Some(found) => decoded(parameter.value.unwrap_or_default())
            .map(|octet| octet.to_ascii_lowercase())
            .eq(decoded(found.value.unwrap_or_default()).map(|octet| octet.to_ascii_lowercase())),
        None => !DECISIVE.iter().any(|name| name.eq_ignore_ascii_case(parameter.name)),
    })
}

/// RFC 3261 §19.1.4: header components are never ignored; their order does not matter.
pub(super) fn headers_agree(left: UriRef<'_>, right: UriRef<'_>) -> bool {
    left.headers().all(|(name, value)| {
        right.headers().any(|(other, found)| {
            unescape(name).eq_ignore_ascii_case(&unescape(other)) && decoded(value).eq(decoded(found))
        })
    })
}

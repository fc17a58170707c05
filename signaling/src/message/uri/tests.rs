//! URIs, read, compared and written.

use super::*;

fn uri(text: &str) -> UriRef<'_> {
    UriRef::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn parts_are_slices_of_the_text() {
    let read = uri("sips:alice;day=tue:pw%20x@Atlanta.com:5071;transport=tcp;lr?subject=a%20b&priority=urgent");
    assert_eq!(read.scheme(), Scheme::Sips);
    assert_eq!(read.user(), Some("alice;day=tue"));
    assert_eq!(read.password(), Some("pw%20x"));
    assert_eq!((read.host(), read.port()), ("Atlanta.com", Some(5071)));
    assert_eq!(read.transport(), Some("tcp"));
    assert!(read.is_loose_router());
    assert_eq!(read.header("Subject").as_deref(), Some("a b"));
    assert_eq!(read.headers().count(), 2);
    let bare = uri("sip:example.com?x=y");
    assert_eq!((bare.user(), bare.host(), bare.headers_text()), (None, "example.com", "x=y"));
    assert!(bare.parameters().is_empty());
}

#[test]
fn ipv6_hosts_are_bracketed() {
    let read = uri("sip:[2001:db8::10]:5070;maddr=x");
    assert_eq!((read.host(), read.port()), ("[2001:db8::10]", Some(5070)));
    assert_eq!(read.address(), "2001:db8::10".parse().ok());
    assert_eq!(uri("sip:[2001:db8::10:5070]").port(), None);
    for bad in ["sip:2001:db8::10", "sip:[2001:db8::10", "sip:[host]", "sip:u@[::1]x"] {
        assert_eq!(UriRef::parse(bad.as_bytes()), None, "{bad}");
    }
}

#[test]
fn tel_and_other_schemes() {
    let read = uri("tel:+1-201-555-0123;phone-context=example.com");
    assert_eq!((read.scheme(), read.user()), (Scheme::Tel, Some("+1-201-555-0123")));
    assert_eq!(read.parameter("phone-context"), Some("example.com"));
    assert_eq!(uri("soap.beep://192.0.2.103:3002").scheme_text(), "soap.beep");
    assert!(uri("tel:+1-201-555-0123").equivalent(uri("TEL:+12015550123")));
    assert!(!uri("tel:+12015550123").equivalent(uri("tel:12015550123")));
}

#[test]
fn nonsense_is_no_uri() {
    for bad in [
        "",
        "sip:",
        ":x",
        "sip",
        "sip:@host",
        "sip:user@",
        "sip:u@h:",
        "sip:u@h:65536",
        "sip:u@h;;x",
        "sip:u@h;=x",
        "sip:u%4@h",
        "sip:u@h x",
        "<sip:u@h>",
        "sip:u@h>",
        "1sip:u",
        "tel:abc-xyz",
        "sip:u@.h",
    ] {
        assert_eq!(UriRef::parse(bad.as_bytes()), None, "{bad}");
    }
    let long = format!("sip:{}@h", "a".repeat(limits::URI_OCTETS_MAX));
    assert_eq!(UriRef::parse(long.as_bytes()), None);
}

/// The lists of RFC 3261 §19.1.4.
#[test]
fn equivalence_is_that_of_the_rfc() {
    for (left, right) in [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("sip:u@[2001:DB8::1]", "sip:u@[2001:db8:0:0::1]"),
    ] {
        assert!(uri(left).equivalent(uri(right)), "{left} {right}");
        assert!(uri(right).equivalent(uri(left)), "{right} {left}");
    }
    for (left, right) in [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=off", "sip:carol@chicago.com;security=on"),
        ("sip:carol@chicago.com", "sips:carol@chicago.com"),
    ] {
        assert!(!uri(left).equivalent(uri(right)), "{left} {right}");
        assert!(!uri(right).equivalent(uri(left)), "{right} {left}");
    }
}

#[test]
fn a_user_is_escaped_once() {
    let read = uri("sip:a%20b%25c@h");
    assert_eq!(read.to_uri().as_str(), "sip:a%20b%25c@h");
    assert_eq!(read.user_decoded().as_deref(), Some("a b%c"));
    let built = Uri::sip(Scheme::Sip, Some("a b%c"), "::1", Some(5070)).unwrap();
    assert_eq!(built.as_str(), "sip:a%20b%25c@[::1]:5070");
    assert_eq!(built.borrow().user_decoded().as_deref(), Some("a b%c"));
    assert_eq!(Uri::sip(Scheme::Sip, None, "bad host", None), None);
    // RFC 3261 §19.1.6: behind a number it divides; in a name it is the name's own.
    for (user, written) in
        [("+4930;npdi", "+4930;npdi"), ("030;cpc=x", "030;cpc=x"), ("front;desk", "front%3Bdesk"), (";x", "%3Bx")]
    {
        assert_eq!(Uri::sip(Scheme::Sip, Some(user), "h", None).unwrap().as_str(), format!("sip:{written}@h"));
    }
}

#[test]
fn parameters_are_added_and_removed() {
    let base = Uri::parse("sip:u@h;method=INVITE;x=1?a=b").unwrap();
    assert_eq!(base.with_parameter("ob", None).unwrap().as_str(), "sip:u@h;method=INVITE;x=1;ob?a=b");
    assert_eq!(base.without(&["method"]).as_str(), "sip:u@h;x=1");
}

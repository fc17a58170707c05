//! `a=` lines: kept as they came, typed when asked.

use std::net::IpAddr;

use router::parameter::Direction;

use super::text::{Text, decimal, words};

/// One `a=` line (RFC 8866 §5.13): a property, or a name with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// What stands before the first colon.
    pub name: Text,
    /// What stands behind it, if there is one.
    pub value: Option<Text>,
}

impl Attribute {
    /// A property attribute, `a=name`.
    pub fn property(name: Text) -> Attribute {
        Attribute { name, value: None }
    }

    /// A value attribute, `a=name:value`.
    pub fn value(name: Text, value: Text) -> Attribute {
        Attribute { name, value: Some(value) }
    }

    /// Whether this is its name. Names are compared with case (RFC 8866 §5.13), but phones that write `a=SendOnly` mean
    /// it: no two registered names differ in case alone.
    pub fn is(&self, name: &str) -> bool {
        self.name.is(name)
    }
}

/// The attributes of one level, in order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Attributes(Vec<Attribute>);

impl Attributes {
    /// Makes room for so many more.
    pub(super) fn reserve(&mut self, attributes: usize) {
        self.0.reserve(attributes);
    }

    /// Adds one at the end.
    pub fn push(&mut self, attribute: Attribute) {
        self.0.push(attribute);
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Attribute> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of this name is there.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|attribute| attribute.is(name))
    }

    /// The values of all of this name, in order.
    pub fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Text> {
        self.0.iter().filter(move |attribute| attribute.is(name)).filter_map(|attribute| attribute.value.as_ref())
    }

    /// The direction of this level (RFC 8866 §6.7). The last one counts where a broken phone sends several: such phones
    /// append theirs on hold.
    pub fn direction(&self) -> Option<Direction> {
        self.0
            .iter()
            .rev()
            .filter(|attribute| attribute.value.is_none())
            .find_map(|attribute| DIRECTIONS.into_iter().find(|direction| attribute.is(direction_name(*direction))))
    }
}

impl FromIterator<Attribute> for Attributes {
    fn from_iter<I: IntoIterator<Item = Attribute>>(attributes: I) -> Self {
        Attributes(attributes.into_iter().collect())
    }
}

/// A direction's attribute (RFC 8866 §6.7).
pub const fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::SendReceive => "sendrecv",
        Direction::SendOnly => "sendonly",
        Direction::ReceiveOnly => "recvonly",
        Direction::Inactive => "inactive",
    }
}

/// All four directions.
const DIRECTIONS: [Direction; 4] =
    [Direction::SendReceive, Direction::SendOnly, Direction::ReceiveOnly, Direction::Inactive];

/// `a=rtcp` (RFC 3605 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RtcpAddress {
    /// The port that receives RTCP.
    pub port: u16,
    /// The address, where it differs from the connection's.
    pub address: Option<IpAddr>,
}

impl RtcpAddress {
    /// Reads `port [IN IP4|IP6 address]`; `None` if it is malformed, or port 0.
    pub fn parse(value: &Text) -> Option<RtcpAddress> {
        let mut words = words(value.as_bytes());
        let port = decimal::<u16>(words.next()?).filter(|port| *port != 0)?;
        let Some(_net_type) = words.next() else { return Some(RtcpAddress { port, address: None }) };
        let _address_type = words.next()?;
        let address = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
        words.next().is_none().then_some(RtcpAddress { port, address: Some(address) })
    }
}

/// A time of `a=ptime` or `a=maxptime` (RFC 8866 §6.4, §6.5): more than nothing, whole or decimal milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketTime {
    microseconds: u32,
}

impl PacketTime {
    /// The longest that is believed: a minute. Real ones stay below 200 ms.
    const LONGEST_MS: u32 = 60_000;

    /// Of whole milliseconds; `None` if 0 or over a minute.
    pub fn of_ms(milliseconds: u32) -> Option<PacketTime> {
        (1..=Self::LONGEST_MS).contains(&milliseconds).then(|| PacketTime { microseconds: milliseconds * 1_000 })
    }

    /// Reads whole or decimal milliseconds (`20`, `2.5`); `None` if malformed, nothing, or over a minute.
    pub fn parse(value: &Text) -> Option<PacketTime> {
        let bytes = value.as_bytes().trim_ascii();
        let (whole, fraction) = match bytes.iter().position(|byte| *byte == b'.') {
            Some(point) => (&bytes[..point], &bytes[point + 1..]),
            None => (bytes, &b""[..]),
        };
        if !fraction.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let milliseconds = decimal::<u32>(whole).filter(|whole| *whole <= Self::LONGEST_MS)?;
        let mut microseconds = milliseconds * 1_000;
        for (digit, unit) in fraction.iter().zip([100, 10, 1]) {
            microseconds += u32::from(digit - b'0') * unit;
        }
        (1..=Self::LONGEST_MS * 1_000).contains(&microseconds).then_some(PacketTime { microseconds })
    }

    /// In microseconds.
    pub fn microseconds(self) -> u32 {
        self.microseconds
    }

    /// In whole milliseconds, at least 1.
    pub fn milliseconds(self) -> u32 {
        (self.microseconds / 1_000).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Text {
        Text::new(text.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn the_last_direction_counts_and_a_value_makes_none() {
        let mut attributes = Attributes::default();
        assert_eq!(attributes.direction(), None);
        attributes.push(Attribute::property(text("SendRecv")));
        attributes.push(Attribute::property(text("sendonly")));
        attributes.push(Attribute::value(text("inactive"), text("1")));
        assert_eq!(attributes.direction(), Some(Direction::SendOnly));
    }

    #[test]
    fn rtcp_addresses_of_rfc_3605() {
        assert_eq!(RtcpAddress::parse(&text("53020")), Some(RtcpAddress { port: 53_020, address: None }));
        let full = RtcpAddress::parse(&text("53020 IN IP6 2001:2345:6789:ABCD:EF01:2345:6789:ABCD")).unwrap();
        assert_eq!(full.address.unwrap().to_string(), "2001:2345:6789:abcd:ef01:2345:6789:abcd");
        for bad in ["", "0", "70000", "53020 IN", "53020 IN IP4 phone", "53020 IN IP4 1.2.3.4 more", "x"] {
            assert_eq!(RtcpAddress::parse(&text(bad)), None, "{bad}");
        }
    }

    #[test]
    fn packet_times() {
        let microseconds = |value: &str| PacketTime::parse(&text(value)).map(PacketTime::microseconds);
        assert_eq!(microseconds("20"), Some(20_000));
        assert_eq!(microseconds("2.5"), Some(2_500));
        assert_eq!(microseconds("20.0001"), Some(20_000));
        assert_eq!(microseconds("0.5"), Some(500));
        for bad in ["0", "", "-20", "20ms", "4294967295", "60001", ".", "2.x", "0.0001"] {
            assert_eq!(microseconds(bad), None, "{bad}");
        }
        assert_eq!(PacketTime::parse(&text("0.5")).unwrap().milliseconds(), 1);
    }
}

//! Values that are written as text.

use router::Private;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use signaling::transport::Transport;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Makes serde read and write a type by its text.
macro_rules! as_text {
    ($type:ty) => {
        impl TryFrom<String> for $type {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    };
}

/// Where SIP is listened for: `udp:127.0.0.1:5060`, `tcp:[::1]:5060`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Listen {
    /// Over which transport.
    pub transport: Transport,
    /// At which address.
    pub address: SocketAddr,
}

impl Listen {
    /// UDP at `address`.
    pub const fn udp(address: SocketAddr) -> Self {
        Self { transport: Transport::Udp, address }
    }

    /// TCP at `address`.
    pub const fn tcp(address: SocketAddr) -> Self {
        Self { transport: Transport::Tcp, address }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let forms: Vec<_> = Transport::ALL.iter().map(|it| format!("{}:ADDRESS:PORT", it.parameter())).collect();
            format!("`{text}` is no listener: write {}", forms.join(" or "))
        };
        let (transport, address) = text.split_once(':').ok_or_else(wrong)?;
        let address = address.parse().map_err(|_| wrong())?;
        let transport = Transport::ALL.iter().copied().find(|it| it.parameter() == transport).ok_or_else(wrong)?;
        Ok(Self { transport, address })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport.parameter(), self.address)
    }
}

as_text!(Listen);

/// Where a platform, or a TURN server, is reached: `192.0.2.7:5065`, `[2001:db8::7]:5065`, `east.example.net:5065`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPort {
    /// An address, IPv6 without brackets, or a name.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl HostPort {
    /// The host, where it is an address.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no place: write ADDRESS:PORT or NAME:PORT");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().ok().filter(|&port| port != 0).ok_or_else(wrong)?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(six) => six.parse::<Ipv6Addr>().map_err(|_| wrong())?.to_string(),
            None if is_host_name(host) => host.to_owned(),
            None => return Err(wrong()),
        };
        Ok(Self { host, port })
    }
}

/// Letters, digits, hyphens and dots (RFC 1123 §2.1); an IPv4 address is one too.
pub(super) fn is_host_name(host: &str) -> bool {
    host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

as_text!(HostPort);

/// A range of ports: `16384-32767`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortRange {
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

impl FromStr for PortRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split_once('-')
            .and_then(|(first, last)| Some(Self { first: first.parse().ok()?, last: last.parse().ok()? }))
            .filter(|range| range.first != 0 && range.first <= range.last)
            .ok_or_else(|| format!("`{text}` is no range of ports: write FIRST-LAST, such as 16384-32767"))
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

as_text!(PortRange);

/// On which cores media workers run: `"auto"`, or a list of core numbers.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(try_from = "WorkersText", into = "WorkersText")]
pub enum MediaWorkers {
    /// One per core of the inherited affinity mask, but one for everything else.
    Auto,
    /// One on each of these cores.
    Cores(Vec<u16>),
}

/// The two written forms.
#[derive(Deserialize, Serialize)]
#[serde(untagged, expecting = "write \"auto\" or a list of cores, such as [1, 2]")]
enum WorkersText {
    Word(String),
    Cores(Vec<u16>),
}

impl TryFrom<WorkersText> for MediaWorkers {
    type Error = String;

    fn try_from(text: WorkersText) -> Result<Self, String> {
        match text {
            WorkersText::Word(word) if word == "auto" => Ok(Self::Auto),
            WorkersText::Word(word) => Err(format!("`{word}`: write \"auto\" or a list of cores, such as [1, 2]")),
            WorkersText::Cores(cores) => Ok(Self::Cores(cores)),
        }
    }
}

impl From<MediaWorkers> for WorkersText {
    fn from(workers: MediaWorkers) -> Self {
        match workers {
            MediaWorkers::Auto => Self::Word("auto".to_owned()),
            MediaWorkers::Cores(cores) => Self::Cores(cores),
        }
    }
}

/// How many SIP shards there are: `"auto"`, or a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(try_from = "ShardsText", into = "ShardsText")]
pub enum SipShards {
    /// As many as there are cores for.
    Auto,
    /// So many.
    Count(u8),
}

/// The two written forms.
#[derive(Deserialize, Serialize)]
#[serde(untagged, expecting = "write \"auto\" or a number from 1 to 32")]
enum ShardsText {
    Word(String),
    Count(u8),
}

impl TryFrom<ShardsText> for SipShards {
    type Error = String;

    fn try_from(text: ShardsText) -> Result<Self, String> {
        match text {
            ShardsText::Word(word) if word == "auto" => Ok(Self::Auto),
            ShardsText::Word(word) => Err(format!("`{word}`: write \"auto\" or a number, such as 2")),
            ShardsText::Count(count) => Ok(Self::Count(count)),
        }
    }
}

impl From<SipShards> for ShardsText {
    fn from(shards: SipShards) -> Self {
        match shards {
            SipShards::Auto => Self::Word("auto".to_owned()),
            SipShards::Count(count) => Self::Count(count),
        }
    }
}

/// Whether who opens a connection of TLS shows a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    /// It is not asked for one.
    #[default]
    Never,
    /// It is asked, and served without one too.
    Offered,
    /// It is not served without one.
    Required,
}

/// In what order a group's members ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// All at once.
    #[default]
    All,
    /// One after another.
    Sequence,
}

/// How somebody writes numbers of the public network.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NumberForm {
    /// They are left as they are.
    #[default]
    #[serde(rename = "as-is")]
    AsIs,
    /// `+49301234`.
    E164,
    /// `49301234`.
    Plain,
    /// `0301234`, and `0033142` abroad.
    National,
    /// `0049301234`.
    International,
}

/// How who sent a call on is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiversionForm {
    /// Not at all.
    #[default]
    None,
    /// In Diversion.
    Diversion,
    /// In History-Info.
    HistoryInfo,
    /// In both.
    Both,
}

/// What is done with the signatures of calls from a trunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verify {
    /// They are not looked at.
    #[default]
    Never,
    /// What is found is told.
    Told,
    /// One that does not hold refuses the call.
    Valid,
    /// So does none.
    Required,
}

/// How far a caller's number is answered for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
pub enum Attestation {
    /// The caller may use it.
    A,
    /// The caller is known.
    B,
    /// It came from another network.
    C,
}

/// That of trunks, where nothing is said.
impl Default for Attestation {
    fn default() -> Self {
        Self::C
    }
}

/// What is done when a callee sends a call elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Redirects {
    /// The new number is looked for by the plan.
    Follow,
    /// The callee counts as unreachable.
    #[default]
    Refuse,
    /// The caller is told where to call.
    Pass,
}

/// What a caller hears when a callee rings after its early media.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EarlyRinging {
    /// The callee still.
    #[default]
    Keep,
    /// A ringing tone of ours.
    Local,
}

/// When a peer is offered codecs beside what the other leg can.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CodecsOffered {
    /// Once it has refused what the other leg can.
    #[default]
    Refused,
    /// At once.
    Always,
}

/// How a peer has the keys that are pressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtmf {
    /// As events where they are agreed on, and else as tones in the sound.
    #[default]
    Auto,
    /// As events (RFC 4733).
    Rfc4733,
    /// In INFO.
    Info,
    /// As tones in the sound.
    Inband,
}

/// What is done about provisional responses that are acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reliable {
    /// Neither offered nor taken.
    Never,
    /// Used where the peer knows them.
    #[default]
    Supported,
    /// No calls without them.
    Required,
}

/// Whether media is protected (SRTP).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Srtp {
    /// A secure offer is refused.
    Never,
    /// Where the peer asks for it.
    #[default]
    May,
    /// No calls without.
    Must,
}

/// Where the keys of protected media come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SrtpKeying {
    /// From SDP.
    #[default]
    Sdes,
    /// From a handshake in the media.
    Dtls,
}

/// Whether ways to media are looked for (ICE).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ice {
    /// What a peer says of them is passed over.
    Never,
    /// Where the peer offers it.
    #[default]
    May,
    /// It is offered, too.
    Offer,
    /// No calls without.
    Must,
}

/// How the log is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A password of the configuration: read, and never written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Secret(pub Private<String>);

/// What is written in its place. It is none: who takes what `tandem config` has printed for a configuration is to be told what
/// is missing, instead of logging in with that.
const UNTOLD: &str = "(private)";

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Private::new(text))
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(UNTOLD)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == UNTOLD {
            return Err(D::Error::custom(
                "`(private)` stands for a password that is not shown: write the password itself here",
            ));
        }
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read_back() {
        for text in
            ["udp:127.0.0.1:5060", "tcp:[2001:db8::1]:5060", "tls:0.0.0.0:5061", "ws:0.0.0.0:80", "wss:[::]:443"]
        {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        for text in ["", "127.0.0.1:5060", "sctp:127.0.0.1:5060", "udp:host:5060", "udp:127.0.0.1"] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
        for text in ["192.0.2.7:5065", "[2001:db8::7]:5065", "east-1.example.net:1", "localhost:5065"] {
            assert_eq!(text.parse::<HostPort>().unwrap().to_string(), text);
        }
        for text in
            ["", "a", ":1", "a:", "a:0", "a:70000", "2001:db8::7:5065", "[a]:1", "a b:1", "a..b:1", "a/b:1", "[::1:5"]
        {
            assert!(text.parse::<HostPort>().is_err(), "{text}");
        }
        assert_eq!("1-2".parse::<PortRange>().unwrap().to_string(), "1-2");
        for text in ["", "2-1", "0-5", "1", "1-70000"] {
            assert!(text.parse::<PortRange>().is_err(), "{text}");
        }
    }
}

//! Values that are written as text.

use router::Private;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::net::SocketAddr;
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

/// The transport of a listener.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
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
        let wrong = || format!("`{text}` is no listener: write udp:ADDRESS:PORT or tcp:ADDRESS:PORT");
        let (transport, address) = text.split_once(':').ok_or_else(wrong)?;
        let address = address.parse().map_err(|_| wrong())?;
        match transport {
            "udp" => Ok(Self::udp(address)),
            "tcp" => Ok(Self::tcp(address)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        };
        write!(f, "{transport}:{}", self.address)
    }
}

as_text!(Listen);

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
#[serde(untagged)]
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
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(from = "String")]
pub struct Secret(pub Private<String>);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Private::new(text))
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(private)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read_back() {
        for text in ["udp:127.0.0.1:5060", "tcp:[2001:db8::1]:5060"] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        for text in ["", "127.0.0.1:5060", "sctp:127.0.0.1:5060", "udp:host:5060", "udp:127.0.0.1"] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
        assert_eq!("1-2".parse::<PortRange>().unwrap().to_string(), "1-2");
        for text in ["", "2-1", "0-5", "1", "1-70000"] {
            assert!(text.parse::<PortRange>().is_err(), "{text}");
        }
    }
}

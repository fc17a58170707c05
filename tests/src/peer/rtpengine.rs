//! rtpengine, a media proxy, driven by its control protocol: bencoded dictionaries in datagrams, a cookie before each.

use super::namespace::Network;
use super::process::Process;
use super::site::Site;
use super::wait::{self, PATIENCE};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

/// How long it may run: it ends by itself should nobody end it.
const BOUND_S: &str = "180";

/// How long an answer is waited for before the same is asked again: the cookie tells it from another question.
const AGAIN: Duration = Duration::from_secs(1);

/// A value of the protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// A string.
    Text(String),
    /// A number.
    Number(i64),
    /// A list.
    List(Vec<Value>),
    /// A dictionary.
    Dictionary(BTreeMap<String, Value>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&[&str]> for Value {
    fn from(texts: &[&str]) -> Self {
        Self::List(texts.iter().map(|text| Self::from(*text)).collect())
    }
}

impl Value {
    /// Its octets.
    fn write(&self, out: &mut String) {
        match self {
            Self::Text(text) => write_text(text, out),
            Self::Number(number) => out.push_str(&format!("i{number}e")),
            Self::List(values) => {
                out.push('l');
                values.iter().for_each(|value| value.write(out));
                out.push('e');
            }
            Self::Dictionary(values) => {
                out.push('d');
                for (key, value) in values {
                    write_text(key, out);
                    value.write(out);
                }
                out.push('e');
            }
        }
    }

    /// The first of `text`, and what stands behind it.
    fn read(text: &str) -> Option<(Self, &str)> {
        match text.as_bytes().first()? {
            b'i' => {
                let (number, rest) = text[1..].split_once('e')?;
                Some((Self::Number(number.parse().ok()?), rest))
            }
            b'l' => {
                let (mut rest, mut values) = (&text[1..], Vec::new());
                while !rest.starts_with('e') {
                    let (value, behind) = Self::read(rest)?;
                    values.push(value);
                    rest = behind;
                }
                Some((Self::List(values), &rest[1..]))
            }
            b'd' => {
                let (mut rest, mut values) = (&text[1..], BTreeMap::new());
                while !rest.starts_with('e') {
                    let (key, behind) = read_text(rest)?;
                    let (value, behind) = Self::read(behind)?;
                    values.insert(key.to_owned(), value);
                    rest = behind;
                }
                Some((Self::Dictionary(values), &rest[1..]))
            }
            _ => read_text(text).map(|(text, rest)| (Self::from(text), rest)),
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push_str(&format!("{}:{text}", text.len()));
}

fn read_text(text: &str) -> Option<(&str, &str)> {
    let (length, rest) = text.split_once(':')?;
    rest.split_at_checked(length.parse().ok()?)
}

/// A running rtpengine.
#[derive(Debug)]
pub struct Rtpengine {
    process: Process,
    control: UdpSocket,
    cookies: u32,
}

impl Rtpengine {
    /// At a host of a network: in user space, with no configuration but this.
    pub fn start(site: &Site, (network, host): (&Network, u8)) -> Self {
        let address = network.address(host);
        let listens = SocketAddr::new(address, 2_223);
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &network.host(host), "timeout", BOUND_S, "rtpengine"]);
        for option in ["config-file=none", "table=-1", "foreground", "log-stderr", "log-level=6", "num-threads=1"] {
            command.arg(format!("--{option}"));
        }
        for (option, value) in [
            ("interface", address.to_string()),
            ("listen-ng", listens.to_string()),
            ("port-min", "30000".to_owned()),
            ("port-max", "30999".to_owned()),
        ] {
            command.arg(format!("--{option}={value}"));
        }
        let mut process = Process::start(site, &format!("rtpengine-{host}"), command);
        wait::until("rtpengine listens", || {
            process.must_run();
            network.at(host, || UdpSocket::bind(listens).is_err().then_some(()))
        });
        let control = network.at(host, || UdpSocket::bind((address, 0)).expect("a socket"));
        control.connect(listens).expect("a datagram socket can be connected");
        control.set_read_timeout(Some(AGAIN)).expect("a time is set");
        Self { process, control, cookies: 0 }
    }

    /// Sends a command, and gives the description in its answer; none where there is none.
    fn ask(&mut self, command: &str, call: &str, parameters: &[(&str, Value)]) -> Option<String> {
        self.cookies += 1;
        let cookie = format!("{}_{}", std::process::id(), self.cookies);
        let own = [("command", Value::from(command)), ("call-id", Value::from(call))];
        let all = own.iter().chain(parameters).map(|(key, value)| ((*key).to_owned(), value.clone()));
        let mut text = format!("{cookie} ");
        Value::Dictionary(all.collect()).write(&mut text);
        let end = wait::now() + PATIENCE;
        let mut buffer = vec![0; 65_535];
        let answer = loop {
            assert!(wait::now() < end, "rtpengine does not answer {command}");
            self.control.send(text.as_bytes()).expect("a datagram can be sent");
            let Ok(length) = self.control.recv(&mut buffer) else { continue };
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            match text.split_once(' ') {
                Some((its, answer)) if its == cookie => break answer.to_owned(),
                _ => continue,
            }
        };
        let Some((Value::Dictionary(mut said), "")) = Value::read(&answer) else {
            panic!("rtpengine answers {command} with {answer}")
        };
        assert_eq!(said.get("result"), Some(&Value::from("ok")), "{command}: {answer}");
        match said.remove("sdp") {
            Some(Value::Text(sdp)) => Some(sdp),
            _ => None,
        }
    }

    /// Passes an offer on: what the other side is to be offered. `parameters` are those of the protocol.
    pub fn offer(&mut self, call: &str, sdp: &str, parameters: &[(&str, Value)]) -> String {
        let own = [("from-tag", Value::from("offers")), ("sdp", Value::from(sdp))];
        let all: Vec<_> = own.into_iter().chain(parameters.iter().cloned()).collect();
        self.ask("offer", call, &all).expect("an offer is passed on")
    }

    /// Passes its answer back.
    pub fn answer(&mut self, call: &str, sdp: &str, parameters: &[(&str, Value)]) -> String {
        let own = [("from-tag", Value::from("offers")), ("to-tag", Value::from("answers")), ("sdp", Value::from(sdp))];
        let all: Vec<_> = own.into_iter().chain(parameters.iter().cloned()).collect();
        self.ask("answer", call, &all).expect("an answer is passed back")
    }

    /// Forgets a call.
    pub fn delete(&mut self, call: &str) {
        self.ask("delete", call, &[("from-tag", Value::from("offers"))]);
    }
}

impl Drop for Rtpengine {
    /// What `timeout` runs ends with it.
    fn drop(&mut self) {
        if self.process.ended().is_none() {
            self.process.signal(Signal::TERM);
            self.process.ends_within(Duration::from_secs(20));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_are_written() {
        let inner = Value::Dictionary([("n".to_owned(), Value::Number(-3))].into());
        let value =
            Value::Dictionary([("flags".to_owned(), Value::from(&["a", "bc"][..])), ("more".to_owned(), inner)].into());
        let mut text = String::new();
        value.write(&mut text);
        assert_eq!(text, "d5:flagsl1:a2:bce4:mored1:ni-3eee");
        assert_eq!(Value::read(&text), Some((value, "")));
        for broken in ["", "d", "l1:a", "5:abc", "i7", "x", "d1:ai1e"] {
            assert_eq!(Value::read(broken), None, "{broken}");
        }
    }
}

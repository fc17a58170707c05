//! At least two values of every parameter: one with everything, one with nothing that may be left out; and every variant
//! of every enumeration in one of them. One file a noun, as in `src/parameter`.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]

mod account;
mod ban;
mod call;
mod conference;
mod connected;
mod dialog;
mod event;
mod extension;
mod failure;
mod identity;
mod leg;
mod media;
mod message;
mod number;
mod platform;
mod port;
mod record;
mod registration;
mod status;
mod summary;
mod trace;
mod trunk;

use router::parameter::Party;
use router::time::WallTime;
use router::{Address, Command, Instance, ModuleKind, Packet, Parameter, Parameters, PlatformId, Private, Transaction};
use std::net::{IpAddr, SocketAddr};

const AT: WallTime = WallTime(1_795_232_645_123_456);

fn private(text: &str) -> Private<String> {
    Private::new(text.to_owned())
}

fn socket(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn party() -> Party {
    Party { display_name: Some(Private::new("Alice Ü.".into())), ..Party::new("alice", "example.org") }
}

/// Values of parameters, as they were published.
#[derive(Default)]
struct Published(Vec<Parameter>);

impl Published {
    fn add<P: Into<Parameter>>(&mut self, values: impl IntoIterator<Item = P>) {
        self.0.extend(values.into_iter().map(Into::into));
    }
}

/// Several values of every parameter.
pub fn samples() -> Vec<Parameter> {
    let mut samples = published();
    samples.extend(additions().into_iter().map(|(_, sample)| sample));
    samples
}

/// What has come to a parameter since its encoding was published, under the name of its own golden file: those of before stay as they are.
pub fn additions() -> Vec<(&'static str, Parameter)> {
    let of_each = [
        call::additions,
        dialog::additions,
        event::additions,
        failure::additions,
        identity::additions,
        leg::additions,
        platform::additions,
        port::additions,
        registration::additions,
        summary::additions,
    ];
    of_each.into_iter().flat_map(|additions| additions()).collect()
}

/// The parameters as they were published.
pub fn published() -> Vec<Parameter> {
    let of_each = [
        account::published,
        ban::published,
        call::published,
        conference::published,
        connected::published,
        dialog::published,
        event::published,
        extension::published,
        failure::published,
        leg::published,
        message::published,
        number::published,
        platform::published,
        port::published,
        record::published,
        registration::published,
        status::published,
        summary::published,
        trace::published,
        trunk::published,
    ];
    let mut samples = Published::default();
    of_each.into_iter().for_each(|published| published(&mut samples));
    samples.0
}

/// A packet with these parameters.
pub fn packet(parameters: impl Into<Parameters>) -> Packet {
    Packet {
        source: Address::local(ModuleKind::Switch, 0).at(Instance(0x0123_4567_89ab_cdef)),
        destination: Address { platform: PlatformId(7), ..Address::any(ModuleKind::Signaling) },
        transaction: Transaction(42),
        command: Command::Start,
        parameters: parameters.into(),
    }
}

/// Bytes in hexadecimal, sixteen a line.
pub fn to_hex(bytes: &[u8]) -> String {
    let line = |line: &[u8]| line.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    bytes.chunks(16).map(line).collect::<Vec<_>>().join("\n") + "\n"
}

/// The bytes of a text as [`to_hex`] writes it; what follows `#` in a line is a remark.
pub fn from_hex(text: &str) -> Vec<u8> {
    let digits = text.lines().flat_map(|line| line.split('#').next().unwrap_or("").split_whitespace());
    digits.map(|byte| u8::from_str_radix(byte, 16).expect("a byte in hexadecimal")).collect()
}

//! Peers that are of the cluster and mean ill, or are broken: what one of them says costs the others little.

use crate::node::on;
use crate::raw::{Raw, hello, query};
use router::bridge::message::{
    Announced, Hello, LinkMessage, Order, read_message, write_hello, write_packet, write_platforms,
};
use router::bridge::{LinkId, Output};
use router::limits::{ADDRESSES, LINKS_DIALLED, PLATFORMS, TELL_AFTER_MS};
use router::parameter::{PlatformState, Reason};
use router::time::Duration;
use router::{Address, Command, ModuleKind, Packet, PlatformId, Service};

fn announced(platform: u32, addresses: Vec<String>) -> Announced {
    Announced {
        platform: PlatformId(platform),
        name: String::new(),
        epoch: 1,
        software: None,
        addresses,
        modules: Vec::new(),
        distance: 1,
        via: PlatformId(platform),
    }
}

/// One that has a second neighbour, platform 5.
struct Between {
    raw: Raw,
    second: LinkId,
}

impl Between {
    fn new() -> Self {
        let mut raw = Raw::up();
        let second = raw.bridge.handle_accepted(raw.now, "192.0.2.5:1".to_owned(), None).unwrap();
        let mut octets = Vec::new();
        write_hello(&Hello { platform: PlatformId(5), epoch: 5, ..hello() }, &mut octets);
        raw.bridge.handle_bytes(raw.now, second, &octets);
        let mut between = Self { raw, second };
        between.heard();
        between
    }

    /// What the first neighbour says, as often as that.
    fn says(&mut self, times: usize, mut write: impl FnMut(usize, &mut Vec<u8>)) {
        let mut octets = Vec::new();
        (0..times).for_each(|time| write(time, &mut octets));
        self.raw.bridge.handle_bytes(self.raw.now, self.raw.link, &octets);
    }

    fn later(&mut self, millis: u64) {
        self.raw.now = self.raw.now.later(Duration::from_millis(millis));
        self.raw.bridge.handle_timeout(self.raw.now);
    }

    /// Contents of the frames that the second neighbour got.
    fn heard(&mut self) -> Vec<Vec<u8>> {
        let mut heard = Vec::new();
        while let Some(output) = self.raw.bridge.poll_output() {
            let Output::Write(link, octets) = output else { continue };
            self.raw.bridge.handle_written(self.raw.now, link, octets.len());
            let mut octets = &octets[..];
            while let Some((length, rest)) = octets.split_first_chunk::<4>() {
                let (content, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
                heard.extend((link == self.second).then(|| content.to_vec()));
                octets = rest;
            }
        }
        heard
    }
}

/// The lists among messages: which platforms each names.
fn lists(messages: &[Vec<u8>]) -> Vec<Vec<u32>> {
    let list = |content: &Vec<u8>| match read_message(content) {
        Ok(LinkMessage::Platforms(list)) => Some(list.iter().map(|announced| announced.platform.0).collect()),
        _ => None,
    };
    messages.iter().filter_map(list).collect()
}

#[test]
fn a_platform_that_comes_and_goes_a_thousand_times_is_told_of_now_and_then() {
    let mut between = Between::new();
    between.later(TELL_AFTER_MS);
    between.heard();
    between.says(10_001, |time, buffer| {
        let list = if time % 2 == 0 { vec![announced(9, Vec::new())] } else { vec![] };
        write_platforms(&list, buffer);
    });
    let told = lists(&between.heard());
    assert!(told.len() <= 2, "{told:?}");
    between.later(TELL_AFTER_MS);
    between.later(TELL_AFTER_MS);
    let told = lists(&between.heard());
    assert!((1..=2).contains(&told.len()) && told.last() == Some(&vec![2, 9]), "{told:?}");
    let nine = between.raw.bridge.platforms().into_iter().find(|platform| platform.id == PlatformId(9)).unwrap();
    assert_eq!(nine.state, PlatformState::Via, "the last list counts");
}

#[test]
fn nothing_is_passed_on_in_the_name_of_who_was_not_announced() {
    let mut between = Between::new();
    let request = Packet { destination: on(5, Address::local(ModuleKind::Store, 0)), ..query(9) };
    // Its list was told just now, so 9 is not told of yet: the packet's sender hears that there is no way.
    between.says(1, |_, buffer| {
        write_platforms(&[announced(8, Vec::new())], buffer);
        write_platforms(&[announced(8, Vec::new()), announced(9, Vec::new())], buffer);
        write_packet(4, Order::default(), &request, buffer);
    });
    let mut known: Vec<u32> = vec![2];
    let mut check = |messages: Vec<Vec<u8>>| {
        let mut packets = 0;
        for content in &messages {
            match read_message(content).unwrap() {
                LinkMessage::Platforms(list) => known.extend(list.iter().map(|announced| announced.platform.0)),
                LinkMessage::Packet(packet) => {
                    packets += 1;
                    assert!(known.contains(&packet.header.source.platform.0), "{:?}", packet.header);
                }
                _ => {}
            }
        }
        packets
    };
    assert_eq!(check(between.heard()), 0);
    between.later(TELL_AFTER_MS);
    between.later(TELL_AFTER_MS);
    assert_eq!(check(between.heard()), 0);
    // Now it is.
    between.says(1, |_, buffer| write_packet(4, Order::default(), &request, buffer));
    assert_eq!(check(between.heard()), 1);
}

#[test]
fn addresses_that_nobody_answers_at_take_few_links() {
    let mut between = Between::new();
    let all: Vec<_> = (0..PLATFORMS as u32)
        .map(|number| {
            let address = |index: usize| format!("192.0.2.{}:{}", number % 200, 1_000 + number as usize * 8 + index);
            announced(10 + number, (0..ADDRESSES).map(address).collect())
        })
        .collect();
    between.says(1, |_, buffer| write_platforms(&all, buffer));
    let mut dialled = 0;
    for _ in 0..100 {
        between.later(10);
        while let Some(output) = between.raw.bridge.poll_output() {
            dialled += usize::from(matches!(output, Output::Connect(..)));
        }
    }
    assert_eq!(dialled, LINKS_DIALLED);
    let due = between.raw.bridge.poll_timeout().expect("heartbeats are due");
    assert!(due > between.raw.now.instant, "it does not run in circles meanwhile");
    assert!(between.raw.bridge.handle_accepted(between.raw.now, "192.0.2.7:1".to_owned(), None).is_some());
}

#[test]
fn any_of_a_kind_that_nobody_has_is_answered_in_the_own_name() {
    let mut raw = Raw::up();
    let request = Packet { destination: Address::anywhere(ModuleKind::Voice), ..query(2) };
    raw.say(|buffer| write_packet(4, Order::default(), &request, buffer));
    let [answer] = &raw.packets()[..] else { panic!("an answer") };
    assert_eq!((answer.command, answer.failure().reason), (Command::Failed, Reason::UnknownDestination));
    assert_eq!(answer.source.platform, PlatformId(1));
}

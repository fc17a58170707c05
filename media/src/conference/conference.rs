//! The seats of a conference, and its clock.

use super::coders::Coders;
use super::coding::{Coding, FRAME_OCTETS};
use super::mix::{Mix, Sound};
use super::playout::Playout;
use super::{FRAME_MS, FRAME_SAMPLES};
use crate::limits::{ALONE, CODED_IN_A_ROW, FRAMES_LATE, SEATS};
use crate::rtp::Header;
use crate::wire::PairIndex;
use codecs::Codec;
use router::parameter::{self, ConferenceName};
use router::time::{Duration, Instant, Now, TimerKey, WallTime};

/// One member's place.
#[derive(Debug)]
pub struct Seat {
    /// Its port.
    pub pair: PairIndex,
    /// What it sends and is sent; `None`: it has agreed on nothing that can be mixed.
    coding: Option<Coding>,
    /// What that takes besides tables.
    coders: Option<Box<Coders>>,
    playout: Playout,
    sound: Sound,
}

/// A frame for a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame {
    /// In which seat.
    pub seat: usize,
    /// At which port.
    pub pair: PairIndex,
    /// Its number in the stream of the seat.
    pub sequence: u16,
    /// Its time there.
    pub timestamp: u32,
    /// The clock of that.
    pub clock_rate_hz: u32,
    /// As what it is sent.
    pub payload_type: u8,
    /// The sound.
    pub payload: [u8; FRAME_OCTETS],
    /// Octets of it; 0: its time goes by, nothing is to be sent.
    pub length: usize,
}

impl Frame {
    /// The sound.
    pub fn sound(&self) -> &[u8] {
        &self.payload[..self.length]
    }
}

/// A conference.
#[derive(Debug)]
pub struct Conference {
    name: ConferenceName,
    since: WallTime,
    seats: Vec<Option<Box<Seat>>>,
    /// When the next frame is made.
    due: Instant,
    /// The timer for that.
    pub timer: Option<TimerKey>,
    /// Of the next frame.
    sequence: u16,
    timestamp: u32,
    frames: u64,
    /// Late packets of those who have left.
    late: u64,
    /// From when on there is one member alone, and whether that one was told.
    alone: Option<(Instant, bool)>,
    /// The frame of this tick, and whose part of it is taken next; `None`: all have theirs.
    mix: Mix,
    served: Option<usize>,
    /// How many of them went through a coder since the last look.
    coded: usize,
}

impl Conference {
    /// One without members; its first frame is due at the next whole millisecond, the resolution of the timers.
    pub fn new(name: ConferenceName, now: Now) -> Self {
        Self {
            name,
            since: now.wall,
            seats: Vec::new(),
            due: Instant::from_millis(now.instant.as_nanos().div_ceil(1_000_000)),
            timer: None,
            sequence: 0,
            timestamp: 0,
            frames: 0,
            late: 0,
            alone: None,
            mix: Mix::default(),
            served: None,
            coded: 0,
        }
    }

    /// Its name.
    pub const fn name(&self) -> ConferenceName {
        self.name
    }

    /// When its next frame is due.
    pub const fn due(&self) -> Instant {
        self.due
    }

    /// How many have a seat.
    pub fn members(&self) -> usize {
        self.seats.iter().flatten().count()
    }

    /// Whether another one has room.
    pub fn has_room(&self) -> bool {
        self.members() < SEATS
    }

    /// Takes a member in; its seat.
    pub fn seat(&mut self, pair: PairIndex, coding: Option<Coding>) -> usize {
        let coders = coding.as_ref().and_then(Coders::of);
        let seat = Seat { pair, coding, coders, playout: Playout::default(), sound: Sound::default() };
        let free = self.seats.iter().position(Option::is_none).unwrap_or_else(|| {
            self.seats.push(None);
            self.seats.len() - 1
        });
        self.seats[free] = Some(Box::new(seat));
        free
    }

    /// A member leaves. True: it was the last one.
    pub fn leave(&mut self, seat: usize) -> bool {
        if let Some(left) = self.seats.get_mut(seat).and_then(Option::take) {
            self.late += left.playout.late();
        }
        self.members() == 0
    }

    /// A member's seat.
    pub fn seat_mut(&mut self, seat: usize) -> Option<&mut Seat> {
        self.seats.get_mut(seat)?.as_deref_mut()
    }

    /// The ports of all members.
    pub fn pairs(&self) -> Vec<PairIndex> {
        self.seats.iter().flatten().map(|seat| seat.pair).collect()
    }

    /// As it is told to who asks.
    pub fn told(&self) -> parameter::Conference {
        parameter::Conference {
            name: self.name,
            members: self.members() as u16,
            since: self.since,
            packets_late: self.late + self.seats.iter().flatten().map(|seat| seat.playout.late()).sum::<u64>(),
            frames: self.frames,
        }
    }

    /// The port of who has been alone for so long that it is told, once.
    pub fn poll_alone(&mut self, now: Instant) -> Option<PairIndex> {
        let (from, told) = self.alone.as_mut()?;
        if *told || now.since(*from) < ALONE {
            return None;
        }
        *told = true;
        self.seats.iter().flatten().map(|seat| seat.pair).next()
    }

    /// Adds up the frame that is due and sets the next deadline. What each hears of it is taken by [`poll_frame`](Self::poll_frame).
    /// Frames that are long past are left out: their time goes by, their numbers are not used.
    pub fn begin_frame(&mut self, now: Instant) {
        let period = Duration::from_millis(FRAME_MS);
        let late = (now.since(self.due).as_nanos() / period.as_nanos()) as u64;
        if late > FRAMES_LATE {
            self.due = self.due + period * u32::try_from(late).unwrap_or(u32::MAX);
            let samples = (FRAME_SAMPLES as u32).wrapping_mul(late as u32);
            self.timestamp = self.timestamp.wrapping_add(samples);
            self.seats.iter_mut().flatten().for_each(|seat| seat.playout.skip(samples));
        }
        self.due = self.due + period;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES as u32);
        self.frames += 1;
        self.alone = (self.members() == 1).then(|| self.alone.unwrap_or((now, false)));
        (self.mix, self.served, self.coded) = (Mix::default(), Some(0), 0);
        for seat in self.seats.iter_mut().flatten() {
            if let Some(coders) = &mut seat.coders {
                coders.catch_up(&mut seat.playout);
            }
            seat.sound.speaks = seat.playout.play(&mut seat.sound.samples);
            self.mix.add(&seat.sound);
        }
    }

    /// Whether some have not had their part of the frame yet: so much is coded for the others that they get it a moment later, each time the same one.
    pub const fn is_serving(&self) -> bool {
        self.served.is_some()
    }

    /// The next member's part of the frame; `None`: that was all, or enough at once.
    pub fn poll_frame(&mut self) -> Option<Frame> {
        loop {
            if self.coded >= CODED_IN_A_ROW {
                self.coded = 0;
                return None;
            }
            let Self { seats, served, mix, coded, .. } = self;
            let place = (*served)?;
            *served = (place < seats.len()).then_some(place + 1);
            let seat = seats.get_mut(place)?;
            let Some(Seat { pair, coding: Some(coding), coders, sound, .. }) = seat.as_deref_mut() else { continue };
            let mut payload = [0; FRAME_OCTETS];
            let length = match (coding.speaks(), coders) {
                (Codec::G711(law), _) => {
                    mix.heard_by(sound, *law, &mut payload);
                    FRAME_OCTETS
                }
                (_, Some(coders)) => {
                    *coded += 1;
                    coders.speak(&mix.samples_for(sound), &mut payload)
                }
                (_, None) => 0,
            };
            return Some(Frame {
                seat: place,
                pair: *pair,
                sequence: self.sequence,
                timestamp: self.timestamp.wrapping_mul(coding.ticks()),
                clock_rate_hz: coding.speaks().clock_rate_hz(),
                payload_type: coding.payload_type(),
                payload,
                length,
            });
        }
    }
}

impl Seat {
    /// Its member speaks something else from now on. False: it is what it was.
    pub fn settle(&mut self, coding: Option<Coding>) -> bool {
        if self.coding == coding {
            return false;
        }
        self.coders = coding.as_ref().and_then(Coders::of);
        self.coding = coding;
        true
    }

    /// Takes a packet of the member's.
    #[inline]
    pub fn take(&mut self, header: &Header, payload: &[u8]) {
        let Self { coding: Some(coding), coders, playout, .. } = self else { return };
        match (coding.heard(header.payload_type), coders) {
            (Some(Codec::G711(law)), _) => {
                playout.take(header.ssrc, header.sequence, header.timestamp, *law, payload);
            }
            (Some(_), Some(coders)) => coders.listen(header, payload, playout),
            _ => {}
        }
    }
}

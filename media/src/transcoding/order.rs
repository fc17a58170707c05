//! Packets in the order in which they were sent, each once; what is missing, and for how long it is waited for.
//!
//! ```text
//!                   next                       what comes next is due at once
//!   ··· 41  42  43 │ 44  ·  46  47             45 is missing: 46 and 47 are held until 45 comes, or would be later
//!       given away │                           than nearly all packets of this line are; then 45 is a gap before 46
//! ```
//! While packets come nothing here has a clock: the time that goes by is the sender's. Only where nothing is held, and nothing comes for longer
//! than the line explains, is time filled: with what conceals a loss for [`FILL_MS_MAX`], and with noise for as long as a sender that has described its
//! silence says nothing.

use super::Lateness;
use crate::limits::{FILL_MS_MAX, GAP_MS_MAX, HELD, LATE_IN_A_ROW, ORDER_REACH, SOUND_PER_SECOND};
use router::time::{Duration, Instant};

/// What a packet carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Sound.
    Sound,
    /// A description of silence (RFC 3389).
    Noise,
    /// Something that takes a number of the stream and is seen to elsewhere: a key press.
    Aside,
}

/// What is to be done next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step<'a> {
    /// This sound. How long it was is to be said by [`Order::played`].
    Sound(&'a [u8]),
    /// This description of silence.
    Noise(&'a [u8]),
    /// For so many ticks there is nothing; what lies behind them, if that is there.
    Gap {
        /// Of the sender's clock.
        ticks: u32,
        /// The sound behind it.
        next: Option<&'a [u8]>,
    },
    /// More time has gone by than is filled: what follows begins anew.
    Pause,
}

/// A packet that is held.
#[derive(Clone, Copy, Debug)]
struct Held {
    sequence: u16,
    timestamp: u32,
    kind: Kind,
    octets: u16,
}

/// What was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counted {
    /// Packets for which a gap was bridged.
    pub concealed: u64,
    /// Packets that came when their time was over.
    pub late: u64,
    /// Packets that had come before.
    pub repeated: u64,
}

/// One stream's order.
#[derive(Debug)]
pub struct Order {
    held: [Option<Held>; HELD],
    octets: Box<[u8]>,
    /// Of each held packet, at most.
    octets_each: usize,
    /// What was given away last, and is free again.
    given: Option<usize>,
    begun: bool,
    next_sequence: u16,
    next_timestamp: u32,
    clock_rate_hz: u32,
    /// Ticks of the latest packet of sound.
    packet_ticks: u32,
    /// Ticks that were filled since then, and whether that is noise.
    filled: u32,
    silent: bool,
    /// Something else is sent in place of sound, so that none is missing.
    aside: bool,
    late_in_a_row: u8,
    /// The stream goes on elsewhere in its own numbers.
    paused: bool,
    /// The newest number, and which of those before it have come: bit 0 is that one.
    newest: u16,
    come: u64,
    /// The second that runs, and ticks of sound that were decoded in it.
    second: Instant,
    decoded: u32,
    lateness: Lateness,
    counted: Counted,
}

impl Order {
    /// Of a stream of that clock whose payloads have so many octets at most; larger ones are not taken.
    pub fn new(clock_rate_hz: u32, octets_each: usize) -> Self {
        let octets_each = octets_each.min(usize::from(u16::MAX));
        Self {
            held: [None; HELD],
            octets: vec![0; octets_each * HELD].into(),
            octets_each,
            given: None,
            begun: false,
            next_sequence: 0,
            next_timestamp: 0,
            clock_rate_hz,
            packet_ticks: clock_rate_hz / 50,
            filled: 0,
            silent: false,
            aside: false,
            late_in_a_row: 0,
            paused: false,
            newest: 0,
            come: 0,
            second: Instant::default(),
            decoded: 0,
            lateness: Lateness::new(clock_rate_hz),
            counted: Counted::default(),
        }
    }

    /// Another stream follows, or the same one after an interruption, in a format of that clock.
    pub fn restart(&mut self, clock_rate_hz: u32) {
        self.held = [None; HELD];
        (self.given, self.begun) = (None, false);
        self.clock_rate_hz = clock_rate_hz;
        self.packet_ticks = clock_rate_hz / 50;
        self.lateness.restart(clock_rate_hz);
    }

    /// What was counted.
    pub const fn counted(&self) -> &Counted {
        &self.counted
    }

    /// Takes a packet. False: it is none that is waited for, too large, or more than anybody says in the time.
    pub fn take(&mut self, now: Instant, sequence: u16, timestamp: u32, kind: Kind, payload: &[u8]) -> bool {
        if payload.len() > self.octets_each || self.says_too_much(now) {
            return false;
        }
        self.free();
        if !self.begun {
            self.begin(sequence, timestamp);
        }
        if self.has_come(sequence) {
            self.counted.repeated += 1;
            return false;
        }
        if kind == Kind::Sound {
            self.lateness.note(now, timestamp);
        }
        let ahead = sequence.wrapping_sub(self.next_sequence) as i16;
        if (-ORDER_REACH..0).contains(&ahead) {
            self.lateness.note_found();
            if !self.is_another_line(now, timestamp, kind) {
                return false;
            }
        }
        if !(0..ORDER_REACH).contains(&ahead) {
            self.held = [None; HELD];
            self.begin(sequence, timestamp);
            self.paused = true;
        }
        let Some(place) = self.held.iter().position(Option::is_none) else { return false };
        let octets = payload.len() as u16;
        self.held[place] = Some(Held { sequence, timestamp, kind, octets });
        self.octets[place * self.octets_each..][..payload.len()].copy_from_slice(payload);
        true
    }

    /// What is due. To be asked until there is nothing more, after each packet and when it is [due](Self::due).
    pub fn poll(&mut self, now: Instant) -> Option<Step<'_>> {
        self.free();
        if std::mem::take(&mut self.paused) {
            return Some(Step::Pause);
        }
        loop {
            let Some((place, first)) = self.first() else { return self.fill(now) };
            let ahead = first.sequence.wrapping_sub(self.next_sequence);
            if ahead > 0 {
                let full = self.held.iter().all(Option::is_some);
                if !full && self.lateness.due(self.next_timestamp).is_some_and(|due| now < due) {
                    return None;
                }
                self.next_sequence = first.sequence;
                self.lateness.note_missing(ahead);
                let step = first.timestamp.wrapping_sub(self.next_timestamp);
                if first.kind == Kind::Sound && step > 0 && step <= self.ticks(GAP_MS_MAX) {
                    self.counted.concealed += u64::from(ahead);
                    self.next_timestamp = first.timestamp;
                    return Some(Step::Gap { ticks: step, next: Some(self.payload(place, first)) });
                }
                continue;
            }
            match first.kind {
                Kind::Aside => {
                    self.held[place] = None;
                    self.next_sequence = first.sequence.wrapping_add(1);
                    self.aside = true;
                }
                Kind::Noise => {
                    self.give(place, first);
                    (self.silent, self.aside) = (true, false);
                    return Some(Step::Noise(self.payload(place, first)));
                }
                Kind::Sound => {
                    let step = first.timestamp.wrapping_sub(self.next_timestamp) as i32;
                    if step > 0 {
                        // No number is missing: it was silent, or something else was sent in its place.
                        self.next_timestamp = first.timestamp;
                        if std::mem::take(&mut self.aside) || step.unsigned_abs() > self.ticks(GAP_MS_MAX) {
                            return Some(Step::Pause);
                        }
                        return Some(Step::Gap { ticks: step.unsigned_abs(), next: None });
                    }
                    // Its time was filled, or it tells another time than before.
                    let over = -(i64::from(step));
                    let is_over = over > i64::from(self.packet_ticks / 2) && over <= i64::from(self.filled);
                    if is_over && !self.silent && !self.is_another_line(now, first.timestamp, first.kind) {
                        self.held[place] = None;
                        self.next_sequence = first.sequence.wrapping_add(1);
                        continue;
                    }
                    self.give(place, first);
                    self.next_timestamp = first.timestamp;
                    (self.filled, self.silent, self.aside, self.late_in_a_row) = (0, false, false, 0);
                    return Some(Step::Sound(self.payload(place, first)));
                }
            }
        }
    }

    /// The sound that was given away last was so many ticks long; 0: it was none.
    pub fn played(&mut self, ticks: u32) {
        if ticks > 0 {
            self.packet_ticks = ticks;
            self.decoded = self.decoded.saturating_add(ticks);
        }
        self.next_timestamp = self.next_timestamp.wrapping_add(if ticks > 0 { ticks } else { self.packet_ticks });
    }

    fn says_too_much(&mut self, now: Instant) -> bool {
        if now.since(self.second) >= Duration::from_secs(1) {
            (self.second, self.decoded) = (now, 0);
        }
        self.decoded > SOUND_PER_SECOND * self.clock_rate_hz
    }

    /// Ticks of the latest sound.
    pub const fn packet_ticks(&self) -> u32 {
        self.packet_ticks
    }

    /// When [`Self::poll`] may have something without a packet; `None`: not before one comes.
    pub fn due(&self) -> Option<Instant> {
        match self.first() {
            Some(_) => self.lateness.due(self.next_timestamp),
            None => self.fill_due(),
        }
    }

    /// Nothing is held: is the time of what comes next over?
    fn fill(&mut self, now: Instant) -> Option<Step<'_>> {
        if self.fill_due().is_none_or(|due| now < due) {
            return None;
        }
        let ticks = self.packet_ticks;
        self.next_timestamp = self.next_timestamp.wrapping_add(ticks);
        self.filled = self.filled.saturating_add(ticks);
        Some(Step::Gap { ticks, next: None })
    }

    /// A packet that has not come is less certain to be lost than one that others have overtaken: it is given two packets' time more.
    fn fill_due(&self) -> Option<Instant> {
        let ends = !self.silent && self.filled >= self.ticks(FILL_MS_MAX);
        if !self.begun || self.aside || ends {
            return None;
        }
        let more_us = u64::from(self.packet_ticks) * 2_000_000 / u64::from(self.clock_rate_hz.max(1));
        Some(self.lateness.due(self.next_timestamp)? + Duration::from_micros(more_us))
    }

    /// A packet comes when its time is over. True: several did so in a row, so the line has become slower, or the sender has set its clock.
    fn is_another_line(&mut self, now: Instant, timestamp: u32, kind: Kind) -> bool {
        if kind != Kind::Sound {
            return false;
        }
        self.counted.late += 1;
        self.late_in_a_row += 1;
        let is_another = self.late_in_a_row >= LATE_IN_A_ROW;
        if is_another {
            self.late_in_a_row = 0;
            self.lateness.restart(self.clock_rate_hz);
            self.lateness.note(now, timestamp);
        }
        is_another
    }

    fn begin(&mut self, sequence: u16, timestamp: u32) {
        (self.begun, self.next_sequence, self.next_timestamp) = (true, sequence, timestamp);
        (self.filled, self.silent, self.aside, self.late_in_a_row) = (0, false, false, 0);
        (self.newest, self.come) = (sequence.wrapping_sub(1), 0);
        // It is the one that is taken now.
        let _ = self.has_come(sequence);
        self.come = 0;
    }

    /// The held packet that comes first.
    fn first(&self) -> Option<(usize, Held)> {
        let held = self.held.iter().enumerate().filter_map(|(place, held)| Some((place, (*held)?)));
        held.filter(|(place, _)| self.given != Some(*place))
            .min_by_key(|(_, held)| held.sequence.wrapping_sub(self.next_sequence))
    }

    fn give(&mut self, place: usize, held: Held) {
        self.given = Some(place);
        self.next_sequence = held.sequence.wrapping_add(1);
    }

    fn free(&mut self) {
        if let Some(place) = self.given.take() {
            self.held[place] = None;
        }
    }

    fn payload(&self, place: usize, held: Held) -> &[u8] {
        &self.octets[place * self.octets_each..][..usize::from(held.octets)]
    }

    fn ticks(&self, ms: u32) -> u32 {
        (u64::from(self.clock_rate_hz) * u64::from(ms) / 1_000) as u32
    }

    /// Notes a number; true: it has come before.
    fn has_come(&mut self, sequence: u16) -> bool {
        let step = sequence.wrapping_sub(self.newest) as i16;
        if step > 0 {
            self.come = self.come.checked_shl(step.unsigned_abs().into()).unwrap_or(0);
            self.newest = sequence;
        }
        // What lies further back is late in any case.
        let bit = 1_u64.checked_shl(if step > 0 { 0 } else { step.unsigned_abs().into() }).unwrap_or(0);
        let before = self.come & bit != 0;
        self.come |= bit;
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use line::Line;

    /// A line of the sender's: number n is sent at n × 20 ms, and says so.
    mod line {
        use super::*;

        pub(super) struct Line {
            pub(super) order: Order,
            /// What was heard: numbers, and 20 ms for each that was not.
            pub(super) heard: Vec<Option<u16>>,
        }

        impl Line {
            pub(super) fn new() -> Self {
                Self { order: Order::new(8_000, 200), heard: Vec::new() }
            }

            pub(super) fn at(number: u32, late_ms: u64) -> Instant {
                Instant::from_millis(1_000 + u64::from(number) * 20 + late_ms)
            }

            pub(super) fn come(&mut self, number: u32, late_ms: u64) {
                self.come_as(number, late_ms, Kind::Sound);
            }

            pub(super) fn come_as(&mut self, number: u32, late_ms: u64, kind: Kind) {
                let now = Self::at(number, late_ms);
                self.wait(now);
                let payload = [&(number as u16).to_be_bytes()[..], &[0; 158]].concat();
                let timestamp = number.wrapping_mul(160).wrapping_sub(7_000);
                self.order.take(now, (number as u16).wrapping_sub(5), timestamp, kind, &payload);
                self.drain(now);
            }

            pub(super) fn wait(&mut self, until: Instant) {
                while let Some(due) = self.order.due().filter(|due| *due <= until) {
                    self.drain(due);
                    if self.order.due() == Some(due) {
                        return;
                    }
                }
            }

            fn drain(&mut self, now: Instant) {
                loop {
                    match self.order.poll(now) {
                        Some(Step::Sound(payload)) => {
                            self.heard.push(Some(u16::from_be_bytes([payload[0], payload[1]])));
                            self.order.played(160);
                        }
                        Some(Step::Gap { ticks, .. }) => {
                            (0..ticks.div_ceil(160)).for_each(|_| self.heard.push(None));
                        }
                        Some(Step::Noise(_) | Step::Pause) => {}
                        None => return,
                    }
                }
            }
        }
    }

    fn numbers(range: std::ops::Range<u16>) -> Vec<Option<u16>> {
        range.map(Some).collect()
    }

    #[test]
    fn what_is_in_order_is_due_when_it_comes() {
        let mut line = Line::new();
        for number in 0..70_000u32 {
            line.come(number, u64::from(number % 3));
            assert_eq!(line.heard.len(), number as usize + 1);
        }
        assert!(line.heard.iter().enumerate().all(|(index, heard)| *heard == Some(index as u16)));
        assert_eq!(*line.order.counted(), Counted::default());
    }

    #[test]
    fn what_was_overtaken_is_waited_for_as_long_as_the_line_is_rough() {
        let mut line = Line::new();
        // At first a packet that is overtaken is taken for lost after 40 ms; each tenth comes 45 ms late.
        for number in 0..2_000u32 {
            let later = |number: u32| number % 10 == 9;
            if number >= 2 && later(number - 2) {
                line.come(number - 2, 45);
            }
            if !later(number) {
                line.come(number, 0);
            }
        }
        let heard = &line.heard[1_000..];
        assert!(heard.iter().all(Option::is_some), "by now all are waited for");
        assert!(heard.is_sorted());
        let counted = *line.order.counted();
        assert!((1..60).contains(&counted.late), "{counted:?}");
        assert_eq!(line.heard.len(), 1_999, "no time was lost or gained");
    }

    #[test]
    fn what_is_lost_is_a_gap_in_its_place_and_what_comes_twice_is_heard_once() {
        let mut line = Line::new();
        for number in (0..20).filter(|number| ![5, 6, 12].contains(number)) {
            line.come(number, 0);
            line.come(number, 3);
        }
        line.wait(Line::at(19, 15));
        let mut expected = numbers(0..20);
        for lost in [5, 6, 12] {
            expected[lost] = None;
        }
        assert_eq!(line.heard, expected);
        assert_eq!(*line.order.counted(), Counted { concealed: 3, late: 0, repeated: 17 });
        // Long after it was given up.
        line.come(5, 300);
        assert_eq!((line.heard.len(), line.order.counted().late), (20, 1));
    }

    #[test]
    fn where_nothing_comes_time_is_filled_for_a_while_and_behind_a_pause_it_begins_anew() {
        let mut line = Line::new();
        (0..10).for_each(|number| line.come(number, 0));
        line.wait(Line::at(12, 0));
        assert_eq!(line.heard.len(), 10, "it is not certain yet");
        line.wait(Line::at(400, 0));
        assert_eq!(line.heard.len(), 10 + FILL_MS_MAX as usize / 20);
        assert_eq!(line.order.due(), None);
        line.come(500, 0);
        assert_eq!(line.heard.last(), Some(&Some(500)));
        assert_eq!(line.heard.len(), 11 + FILL_MS_MAX as usize / 20);
    }

    #[test]
    fn silence_that_was_described_goes_on_and_sound_behind_it_has_its_own_time() {
        let mut line = Line::new();
        (0..10).for_each(|number| line.come(number, 0));
        line.come_as(10, 0, Kind::Noise);
        line.wait(Line::at(1_000, 0));
        let filled = line.heard.len() - 10;
        assert!((980..=990).contains(&filled), "{filled}");
        // A little before our clock says so, in its next number.
        let sound = [0; 160];
        let sequence = 11u16.wrapping_sub(5);
        let timestamp = 999u32.wrapping_mul(160).wrapping_sub(7_040);
        assert!(line.order.take(Line::at(1_000, 1), sequence, timestamp, Kind::Sound, &sound));
        assert!(matches!(line.order.poll(Line::at(1_000, 1)), Some(Step::Gap { .. } | Step::Sound(_))));
    }

    #[test]
    fn a_line_that_becomes_slower_is_followed() {
        let mut line = Line::new();
        (0..100).for_each(|number| line.come(number, 0));
        (100..200).for_each(|number| line.come(number, 300));
        assert_eq!(line.heard.last(), Some(&Some(199)));
        assert!(line.heard.iter().flatten().count() >= 200 - 16, "{:?}", line.order.counted());
        // And one that becomes quicker.
        (200..300).for_each(|number| line.come(number, 20 + 20 * u64::from(215u32.saturating_sub(number))));
        assert_eq!(line.heard.iter().flatten().filter(|number| **number >= 200).count(), 100);
    }

    /// A thousand packets a second are taken (`PACKETS_PER_SECOND`), and each may hold 120 ms.
    #[test]
    fn who_says_more_than_time_has_is_not_decoded() {
        let mut order = Order::new(8_000, 200);
        let mut decoded = 0;
        for number in 0..3_000u32 {
            let now = Line::at(0, 1_000 + u64::from(number));
            order.take(now, number as u16, number * 960, Kind::Sound, &[0; 33]);
            while let Some(step) = order.poll(now) {
                let is_sound = matches!(step, Step::Sound(_));
                decoded += u32::from(is_sound);
                order.played(if is_sound { 960 } else { 0 });
            }
        }
        let seconds = decoded * 120 / 1_000;
        assert!((3..=8).contains(&seconds), "{seconds} seconds of sound in three");
    }

    #[test]
    fn keys_take_numbers_and_no_sound_is_missed_while_they_last() {
        let mut line = Line::new();
        (0..10).for_each(|number| line.come(number, 0));
        (10..60).for_each(|number| line.come_as(number, 0, Kind::Aside));
        assert_eq!(line.heard.len(), 10);
        line.come(60, 0);
        assert_eq!(line.heard.last(), Some(&Some(60)));
        assert_eq!(line.order.counted().concealed, 0);
    }

    #[test]
    fn other_numbers_begin_anew_and_nothing_is_read_beyond_its_end() {
        let mut line = Line::new();
        (0..10).for_each(|number| line.come(number, 0));
        (40_000..40_010).for_each(|number| line.come(number, 0));
        assert_eq!(line.heard.iter().flatten().count(), 20);
        assert!(!line.order.take(Line::at(40_010, 0), 1, 1, Kind::Sound, &[0; 201]));
        // Everything at once, and never what comes next.
        for number in (40_020..40_020 + HELD as u32 * 3).step_by(2) {
            line.come(number, 0);
        }
        assert!(line.heard.iter().flatten().count() > 20);
    }
}

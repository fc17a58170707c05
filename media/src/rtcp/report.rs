//! Reports of our own, and what the peer's reports say of us.

use super::extended::{self, Echo, VoipMetrics};
use super::packet::Block;
use super::summary::{self, StatisticsSummary};
use router::time::{Instant, WallTime};

/// A moment in NTP format: seconds since 1900 and their 2^32nds (RFC 3550 §4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// Seconds from 1900 to 1970.
    const EPOCH: i64 = 2_208_988_800;

    /// Of a moment on the wall clock.
    pub const fn of(wall: WallTime) -> Self {
        let seconds = wall.as_secs().wrapping_add(Self::EPOCH) as u64;
        let microseconds = wall.0.rem_euclid(1_000_000) as u64;
        Self((seconds << 32) | ((microseconds << 32) / 1_000_000))
    }

    /// The middle 32 bits.
    pub const fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// What we say of ourselves when we send media.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    /// Now.
    pub ntp: NtpTime,
    /// Now, in RTP time.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u64,
    /// Octets of payload sent.
    pub octets: u64,
}

/// What a compound packet is to carry.
#[derive(Clone, Copy, Debug)]
pub struct Compound<'a> {
    /// Our SSRC on this leg.
    pub ssrc: u32,
    /// Our canonical name (RFC 3550 §6.5.1, RFC 7022): the same for the life of the port.
    pub cname: &'a str,
    /// If we sent media since the report before the last one.
    pub source: Option<Source>,
    /// About the source that we hear, if we do.
    pub block: Option<Block>,
    /// How we hear it, where the peer is to be told (RFC 3611 §4.7).
    pub metrics: Option<VoipMetrics>,
    /// What was counted of it since the last report, where the peer is to be told (RFC 3611 §4.6).
    pub summary: Option<StatisticsSummary>,
    /// What answers its reference time, where it has told one (RFC 3611 §4.5).
    pub echo: Option<Echo>,
    /// Whether we leave.
    pub goodbye: bool,
}

/// Octets of the longest compound packet that is written: a sender report with a block, a name of 255 octets, an extended report, BYE.
const COMPOUND_BYTES: usize = 52 + 268 + 8 + extended::BLOCK_BYTES + summary::BLOCK_BYTES + extended::ECHO_BYTES + 8;

/// A compound packet, written.
#[derive(Clone, Debug)]
pub struct Written {
    octets: [u8; COMPOUND_BYTES],
    length: usize,
}

impl Written {
    fn push(&mut self, octets: &[u8]) {
        self.octets[self.length..self.length + octets.len()].copy_from_slice(octets);
        self.length += octets.len();
    }

    fn push_words(&mut self, words: &[u32]) {
        for word in words {
            self.push(&word.to_be_bytes());
        }
    }

    /// A header (RFC 3550 §6.4.1) before a body of so many words.
    fn push_header(&mut self, count: usize, packet_type: u8, words: usize) {
        self.push(&[2 << 6 | count as u8, packet_type, (words >> 8) as u8, words as u8]);
    }
}

impl std::ops::Deref for Written {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

/// Writes a compound packet: a sender or receiver report, a source description with our CNAME, an extended report where there is something in it, and BYE if
/// we leave (RFC 3550 §6.1). Of the name at most 255 octets are written.
pub fn write(compound: &Compound<'_>) -> Written {
    let Compound { ssrc, cname, source, block, metrics, summary, echo, goodbye } = *compound;
    let mut written = Written { octets: [0; COMPOUND_BYTES], length: 0 };
    let count = usize::from(block.is_some());
    match source {
        Some(source) => {
            written.push_header(count, 200, 6 + 6 * count);
            let ntp = source.ntp.0;
            let (packets, octets) = (source.packets as u32, source.octets as u32);
            written.push_words(&[ssrc, (ntp >> 32) as u32, ntp as u32, source.timestamp, packets, octets]);
        }
        None => {
            written.push_header(count, 201, 1 + 6 * count);
            written.push_words(&[ssrc]);
        }
    }
    if let Some(block) = block {
        let lost = u32::from(block.fraction_lost) << 24 | block.cumulative_lost as u32 & 0xff_ffff;
        written.push_words(&[block.ssrc, lost, block.highest, block.jitter, block.last_report, block.delay]);
    }
    // RFC 3550 §6.5: one chunk; its items end with a null octet and are filled up to a word.
    let name = &cname.as_bytes()[..cname.len().min(255)];
    let words = (2 + name.len()) / 4 + 1;
    written.push_header(1, 202, 1 + words);
    written.push_words(&[ssrc]);
    written.push(&[1, name.len() as u8]);
    written.push(name);
    written.push(&[0; 4][..4 * words - 2 - name.len()]);
    if metrics.is_some() || summary.is_some() || echo.is_some() {
        let of_metrics = if metrics.is_some() { extended::BLOCK_BYTES / 4 } else { 0 };
        let of_echo = if echo.is_some() { extended::ECHO_BYTES / 4 } else { 0 };
        let of_summary = if summary.is_some() { summary::BLOCK_BYTES / 4 } else { 0 };
        written.push_header(0, extended::PACKET_TYPE, 1 + of_metrics + of_summary + of_echo);
        written.push_words(&[ssrc]);
    }
    if let Some(metrics) = metrics {
        written.push(&metrics.written());
    }
    if let Some(summary) = summary {
        written.push(&summary.written());
    }
    if let Some(echo) = echo {
        written.push(&echo.written());
    }
    if goodbye {
        written.push_header(1, 203, 1);
        written.push_words(&[ssrc]);
    }
    written
}

/// What we sent in reports, kept to recognise the peer's echo of it: the last two sender reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sent([Report; 2]);

/// One of them: the middle of its NTP time, and when it was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Report {
    at: Instant,
    middle: u32,
    is_there: bool,
}

impl Default for Report {
    fn default() -> Self {
        Self { at: Instant::ZERO, middle: 0, is_there: false }
    }
}

impl Sent {
    /// A sender report goes out.
    pub fn note(&mut self, ntp: NtpTime, now: Instant) {
        self.0 = [Report { at: now, middle: ntp.middle(), is_there: true }, self.0[0]];
    }

    /// The round trip by a block about us (RFC 3550 §6.4.1): arrival, less the peer's delay, less when we sent the report
    /// that it names. The moments are ours, not those in the packet, so neither a step of the wall clock nor a report
    /// that we never sent gives a figure.
    pub fn round_trip_us(&self, block: &Block, now: Instant) -> Option<u32> {
        let Report { at, .. } = self.0.iter().find(|sent| sent.is_there && sent.middle == block.last_report)?;
        let since_us = now.since(*at).as_micros() as u64;
        let delay_us = u64::from(block.delay) * 1_000_000 / 65_536;
        // The peer's clock may run a little ahead; a delay that is longer than all the time there was is a lie.
        let round_trip = since_us.saturating_sub(delay_us);
        (delay_us <= since_us + 1_000).then(|| u32::try_from(round_trip).unwrap_or(u32::MAX))
    }
}

/// What the peer reports of what we send.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Feedback {
    /// Packets that never reached it.
    pub lost: Option<u64>,
    /// Jitter that it sees, microseconds.
    pub jitter_us: Option<u32>,
    /// Round trip, microseconds.
    pub round_trip_us: Option<u32>,
    /// What it says itself (RFC 3611): of a conversation in tenths of an opinion, and what it adds at its end, milliseconds.
    pub opinion: Option<u8>,
    /// See `opinion`.
    pub end_system_ms: Option<u16>,
    /// What it has summed up (RFC 3611 §4.6): few do.
    summed: Option<Box<Summed>>,
}

/// What a peer has summed up of what we send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Summed {
    repeated: Option<u64>,
    jitter_max_us: Option<u32>,
    /// The last numbers that it has said something of.
    numbers: Option<(u16, u16)>,
}

impl Feedback {
    /// Takes metrics about our SSRC.
    pub fn handle_metrics(&mut self, metrics: &VoipMetrics) {
        self.opinion = metrics.opinion_conversing.or(metrics.opinion_listening);
        self.end_system_ms = Some(metrics.end_system_ms);
    }

    /// Takes a summary about our SSRC; one that comes again is counted once. `clock_rate_hz` is the clock of what we send.
    pub fn handle_summary(&mut self, summary: &StatisticsSummary, clock_rate_hz: u32) {
        let summed = self.summed.get_or_insert_default();
        let numbers = Some((summary.begin, summary.end));
        if std::mem::replace(&mut summed.numbers, numbers) == numbers {
            return;
        }
        if let Some(duplicates) = summary.duplicates {
            summed.repeated = Some(summed.repeated.unwrap_or(0).saturating_add(duplicates.into()));
        }
        if let Some(jitter) = summary.jitter {
            let microseconds = u64::from(jitter.max) * 1_000_000 / u64::from(clock_rate_hz.max(1));
            summed.jitter_max_us = summed.jitter_max_us.max(Some(u32::try_from(microseconds).unwrap_or(u32::MAX)));
        }
    }

    /// Packets that came to it twice, as it counts them.
    pub fn repeated(&self) -> Option<u64> {
        self.summed.as_ref()?.repeated
    }

    /// The greatest difference of transit that it has seen, microseconds.
    pub fn jitter_max_us(&self) -> Option<u32> {
        self.summed.as_ref()?.jitter_max_us
    }

    /// Takes a block about our SSRC; `clock_rate_hz` is the clock of what we send.
    pub fn handle_block(&mut self, block: &Block, sent: &Sent, clock_rate_hz: u32, now: Instant) {
        self.lost = Some(u64::try_from(block.cumulative_lost).unwrap_or(0));
        let jitter_us = u64::from(block.jitter) * 1_000_000 / u64::from(clock_rate_hz.max(1));
        self.jitter_us = Some(u32::try_from(jitter_us).unwrap_or(u32::MAX));
        if let Some(round_trip_us) = sent.round_trip_us(block, now) {
            self.round_trip_us = Some(round_trip_us);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::packet::{Item, SenderInfo, check};
    use super::*;

    #[test]
    fn ntp_time_of_a_known_moment() {
        // 1970-01-01T00:00:00.5Z: 2,208,988,800 seconds, half of 2^32.
        assert_eq!(NtpTime::of(WallTime(500_000)).0, 0x83aa_7e80_8000_0000);
        assert_eq!(NtpTime::of(WallTime(500_000)).middle(), 0x7e80_8000);
    }

    const BLOCK: Block =
        Block { ssrc: 9, fraction_lost: 3, cumulative_lost: -1, highest: 70_000, jitter: 5, last_report: 6, delay: 7 };

    const METRICS: VoipMetrics = VoipMetrics {
        ssrc: 9,
        loss_rate: 3,
        discard_rate: 4,
        burst_density: 5,
        gap_density: 6,
        burst_ms: 700,
        gap_ms: 8_000,
        round_trip_ms: 90,
        end_system_ms: 40,
        rating: Some(80),
        opinion_listening: Some(41),
        opinion_conversing: Some(40),
    };

    #[test]
    fn a_compound_packet_is_complete_and_reads_back() {
        let source = Some(Source { ntp: NtpTime(0x1_0000_0002), timestamp: 3, packets: 4, octets: 5 });
        let metrics = Some(METRICS);
        let compound = Compound {
            ssrc: 1,
            cname: "abc@tandem",
            source,
            block: Some(BLOCK),
            metrics,
            summary: None,
            echo: None,
            goodbye: true,
        };
        let data = write(&compound);
        let items: Vec<Item> = check(&data).unwrap().collect();
        let info = SenderInfo { ntp: 0x1_0000_0002, timestamp: 3, packets: 4, octets: 5 };
        let (other, extended) = (Item::Other(202), Item::Metrics(METRICS));
        assert_eq!(items, [Item::Sender(1, info), Item::Block(BLOCK), other, extended, Item::Goodbye(1)]);
        assert_eq!(data.len() % 4, 0);
    }

    #[test]
    fn who_sends_nothing_writes_a_receiver_report() {
        let data = write(&Compound {
            ssrc: 1,
            cname: "x",
            source: None,
            block: None,
            metrics: None,
            summary: None,
            echo: None,
            goodbye: false,
        });
        let items: Vec<Item> = check(&data).unwrap().collect();
        assert_eq!(items, [Item::Receiver(1), Item::Other(202)]);
    }

    #[test]
    fn names_of_every_length_end_with_a_null_octet() {
        for length in 0..=300 {
            let cname = "n".repeat(length);
            let source = Some(Source { ntp: NtpTime(0), timestamp: 0, packets: 0, octets: 0 });
            let (block, metrics) = (Some(BLOCK), Some(METRICS));
            let data = write(&Compound {
                ssrc: 1,
                cname: &cname,
                source,
                block,
                metrics,
                summary: None,
                echo: None,
                goodbye: true,
            });
            assert_eq!(check(&data).unwrap().count(), 5);
            let description = &data[52..data.len() - 8 - 44];
            assert_eq!(usize::from(description[9]), length.min(255));
            assert_eq!(description.last(), Some(&0));
        }
    }

    #[test]
    fn a_second_opinion_reads_what_is_written() {
        use rtcp::extended_report::{ExtendedReport, VoIPMetricsReportBlock};
        use rtcp::goodbye::Goodbye;
        use rtcp::sender_report::SenderReport;
        use rtcp::source_description::SourceDescription;
        let source = Source { ntp: NtpTime(0x1_0000_0002), timestamp: 3, packets: 4, octets: 5 };
        let (cname, metrics) = ("0123456789abcdef01234567", Some(METRICS));
        let compound = Compound {
            ssrc: 1,
            cname,
            source: Some(source),
            block: Some(BLOCK),
            metrics,
            summary: None,
            echo: None,
            goodbye: true,
        };
        let data = write(&compound);
        let packets = rtcp::packet::unmarshal(&mut &*data).unwrap();
        let report = packets[0].as_any().downcast_ref::<SenderReport>().unwrap();
        assert_eq!((report.ssrc, report.ntp_time, report.rtp_time), (1, 0x1_0000_0002, 3));
        assert_eq!((report.packet_count, report.octet_count), (4, 5));
        let block = &report.reports[0];
        assert_eq!((block.ssrc, block.total_lost, block.last_sequence_number), (9, 0xff_ffff, 70_000));
        assert_eq!((block.fraction_lost, block.jitter, block.last_sender_report, block.delay), (3, 5, 6, 7));
        let description = packets[1].as_any().downcast_ref::<SourceDescription>().unwrap();
        assert_eq!(description.chunks[0].items[0].text, cname.as_bytes());
        let extended = packets[2].as_any().downcast_ref::<ExtendedReport>().unwrap();
        let block = extended.reports[0].as_any().downcast_ref::<VoIPMetricsReportBlock>().unwrap();
        assert_eq!((extended.sender_ssrc, block.ssrc), (1, 9));
        assert_eq!((block.loss_rate, block.discard_rate, block.burst_density, block.gap_density), (3, 4, 5, 6));
        assert_eq!((block.burst_duration, block.gap_duration), (700, 8_000));
        assert_eq!((block.round_trip_delay, block.end_system_delay), (90, 40));
        assert_eq!((block.signal_level, block.noise_level, block.rerl, block.gmin), (127, 127, 127, 16));
        assert_eq!((block.rfactor, block.ext_rfactor, block.mos_lq, block.mos_cq), (80, 127, 41, 40));
        assert_eq!(packets[3].as_any().downcast_ref::<Goodbye>().unwrap().sources, [1]);
    }

    #[test]
    fn the_round_trip_is_what_remains_of_the_peer_s_delay() {
        let mut sent = Sent::default();
        sent.note(NtpTime(0x1111_2222_3333_4444), Instant::from_millis(1_000));
        let block = |last_report, delay| Block {
            ssrc: 1,
            fraction_lost: 0,
            cumulative_lost: -3,
            highest: 0,
            jitter: 80,
            last_report,
            delay,
        };
        let mut feedback = Feedback::default();
        // The peer held the report for 2 s; the answer came 2.05 s after it was sent.
        feedback.handle_block(&block(0x2222_3333, 131_072), &sent, 8_000, Instant::from_millis(3_050));
        assert_eq!(feedback.round_trip_us, Some(50_000));
        assert_eq!((feedback.jitter_us, feedback.lost), (Some(10_000), Some(0)));
        assert_eq!(sent.round_trip_us(&block(0x2222_3333, 1 << 20), Instant::from_millis(3_050)), None, "a lie");
        assert_eq!(sent.round_trip_us(&block(0, 0), Instant::from_millis(3_050)), None, "no report was heard");
        sent.note(NtpTime(0), Instant::from_millis(6_000));
        sent.note(NtpTime(1 << 16), Instant::from_millis(11_000));
        assert_eq!(sent.round_trip_us(&block(0x2222_3333, 0), Instant::from_millis(11_050)), None, "too old");
    }
}

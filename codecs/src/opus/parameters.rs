//! What a receiver of Opus asks for: the `fmtp` of RFC 7587 §6.1.

use std::fmt;

/// Rates that the codec knows (RFC 7587 §3.1.1, §4.1).
const RATE_HZ_MAX: u32 = 48_000;
/// RFC 7587 §6.1: sensible values of `maxaveragebitrate` begin and end here.
const BIT_RATE_MIN: u32 = 6_000;
/// See [`BIT_RATE_MIN`].
const BIT_RATE_MAX: u32 = 510_000;

/// The parameters that change how it is sent to who wrote them, and how it is read from there. All have defaults, and none is
/// negotiated: each end declares its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parameters {
    /// `maxplaybackrate`: what the receiver plays, at most; more is wasted. A hint.
    pub max_playback_rate_hz: u32,
    /// `sprop-maxcapturerate`: what it sends, at most.
    pub max_capture_rate_hz: u32,
    /// `maxaveragebitrate`, bits a second.
    pub max_average_bit_rate: Option<u32>,
    /// `stereo`: it likes to receive two channels.
    pub stereo: bool,
    /// `sprop-stereo`: it may send two channels.
    pub sends_stereo: bool,
    /// `cbr`: every frame is to have the same size.
    pub cbr: bool,
    /// `useinbandfec`: it makes use of redundancy.
    pub inband_fec: bool,
    /// `usedtx`: it likes silence not to be sent.
    pub dtx: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            max_playback_rate_hz: RATE_HZ_MAX,
            max_capture_rate_hz: RATE_HZ_MAX,
            max_average_bit_rate: None,
            stereo: false,
            sends_stereo: false,
            cbr: false,
            inband_fec: false,
            dtx: false,
        }
    }
}

impl Parameters {
    /// Of the text behind the payload type in `a=fmtp`. What is unknown or makes no sense is passed over (RFC 7587 §7.1);
    /// of one that is there twice the last counts.
    pub fn parse(text: &str) -> Self {
        let mut parameters = Self::default();
        for part in text.split(';') {
            let Some((name, value)) = part.split_once('=') else { continue };
            let Ok(value) = value.trim().parse::<u32>() else { continue };
            let name = name.trim();
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            let rate = value.clamp(8_000, RATE_HZ_MAX);
            let flag = value == 1;
            match () {
                () if is("maxplaybackrate") => parameters.max_playback_rate_hz = rate,
                () if is("sprop-maxcapturerate") => parameters.max_capture_rate_hz = rate,
                () if is("maxaveragebitrate") => {
                    parameters.max_average_bit_rate = Some(value.clamp(BIT_RATE_MIN, BIT_RATE_MAX));
                }
                () if is("stereo") => parameters.stereo = flag,
                () if is("sprop-stereo") => parameters.sends_stereo = flag,
                () if is("cbr") => parameters.cbr = flag,
                () if is("useinbandfec") => parameters.inband_fec = flag,
                () if is("usedtx") => parameters.dtx = flag,
                () => {}
            }
        }
        parameters
    }
}

/// As in `a=fmtp`: what differs from the defaults; nothing where nothing does.
impl fmt::Display for Parameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |hz: u32| (hz != RATE_HZ_MAX).then_some(hz);
        let flag = |set: bool| set.then_some(1);
        let parts = [
            ("maxplaybackrate", rate(self.max_playback_rate_hz)),
            ("sprop-maxcapturerate", rate(self.max_capture_rate_hz)),
            ("maxaveragebitrate", self.max_average_bit_rate),
            ("stereo", flag(self.stereo)),
            ("sprop-stereo", flag(self.sends_stereo)),
            ("cbr", flag(self.cbr)),
            ("useinbandfec", flag(self.inband_fec)),
            ("usedtx", flag(self.dtx)),
        ];
        let mut separator = "";
        for (name, value) in parts {
            if let Some(value) = value {
                write!(formatter, "{separator}{name}={value}")?;
                separator = ";";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7587_section_7_is_read() {
        let parameters = Parameters::parse(
            "maxplaybackrate=16000; sprop-maxcapturerate=16000; maxaveragebitrate=20000; stereo=1; useinbandfec=1; usedtx=0",
        );
        let expected = Parameters {
            max_playback_rate_hz: 16_000,
            max_capture_rate_hz: 16_000,
            max_average_bit_rate: Some(20_000),
            stereo: true,
            inband_fec: true,
            ..Parameters::default()
        };
        assert_eq!(parameters, expected);
        assert_eq!(
            parameters.to_string(),
            "maxplaybackrate=16000;sprop-maxcapturerate=16000;maxaveragebitrate=20000;stereo=1;useinbandfec=1"
        );
    }

    #[test]
    fn what_is_written_is_read_as_the_same_and_nonsense_is_passed_over() {
        for text in ["", "cbr=1;usedtx=1", "minptime=10;useinbandfec=1", "sprop-stereo=1"] {
            let parameters = Parameters::parse(text);
            assert_eq!(Parameters::parse(&parameters.to_string()), parameters);
        }
        for text in ["cbr", "cbr=yes", "=1", ";;;", "cbr=2", "maxplaybackrate=", "usedtx=99999999999"] {
            assert_eq!(Parameters::parse(text), Parameters::default(), "{text}");
        }
        assert_eq!(Parameters::parse("MaxAverageBitrate=1").max_average_bit_rate, Some(6_000));
        assert_eq!(Parameters::parse("maxplaybackrate=1").max_playback_rate_hz, 8_000);
    }
}

//! The E-model (ITU-T G.107, G.107.1): what people would say of a call, from what it loses and how long it takes.
//!
//! Every parameter that nobody tells us has the default of table 2 of G.107; what is left is
//! `R = Ro − Is − Id − Ie,eff` of delay, codec and loss.

/// Ro − Is with all of G.107's defaults (equations 7-3 and 7-8): what a call is rated that nothing is done to, but for echo and delay.
const SIGNAL_TO_NOISE: f64 = 94.77 - 1.41;
/// Roe and Ro where room and circuit noise have their defaults (No = −61.18 dBm0p, RLR = 2, SLR = 8): 7-19, 7-3.
const ECHO_REFERENCE: f64 = 94.77;
/// TELR, dB: the talker's own echo.
const TALKER_ECHO_LOSS_DB: f64 = 65.0;
/// WEPL, dB: what goes round more than once.
const LISTENER_ECHO_LOSS_DB: f64 = 110.0;

/// The same for speech of 50 to 7,000 Hz and more (ITU-T G.107.1): its scale is that of telephone speech, and goes on above it.
const WIDEBAND: f64 = 129.0;

/// What a codec does to a call (ITU-T G.113).
///
/// | codec | rated on | Ie | Bpl | from |
/// |---|---|---|---|---|
/// | G.711, L16 | G.107 | 0 | 25.1 | G.113 appendix I, with the concealment of G.711 appendix I |
/// | G.729 | G.107 | 11 | 19.0 | G.113 appendix I (annex A with voice activity detection) |
/// | G.723.1 | G.107 | 15 | 16.1 | G.113 appendix I (6.3 kbit/s with voice activity detection) |
/// | GSM | G.107 | 26 | 10.0 | G.113 appendix I: Ie of the full rate, Bpl of the enhanced one |
/// | G.726-32, iLBC | G.107 | 7; 11 | 10.0; 32.0 | Ie of G.113 appendix I, published measurements of Bpl |
/// | G.722 | G.107.1 | 13 | 25.1 | Ie,WB of G.113 appendix IV (64 kbit/s); Bpl as of G.711, since the same concealment stands in for what is lost |
/// | Opus | G.107.1 | 14.8 | 10.1 | M. Alahmadi, P. Pocta, H. Melvin: An Adaptive Bitrate Switching Algorithm for Speech Applications in Context of WebRTC, ACM TOMM 17 (4) 133, 2021: 34 kbit/s, VBR, losses at random |
/// | others | G.107 | 5 | 10.0 | as the vocoders of mobile telephony |
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Impairment {
    /// Ro − Is: what a call is rated that nothing is done to.
    pub best: f64,
    /// Ie, where nothing is lost.
    pub equipment: f64,
    /// Bpl: the higher, the less a loss is heard.
    pub robustness: f64,
}

impl Impairment {
    /// Of a codec by its name in SDP, with concealment as receivers have.
    pub fn of(codec: &str) -> Self {
        let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(codec));
        let (best, equipment, robustness) = match () {
            () if is(&["PCMU", "PCMA", "L16"]) => (SIGNAL_TO_NOISE, 0.0, 25.1),
            () if is(&["G722"]) => (WIDEBAND, 13.0, 25.1),
            () if is(&["opus"]) => (WIDEBAND, 14.8, 10.1),
            () if is(&["G729"]) => (SIGNAL_TO_NOISE, 11.0, 19.0),
            () if is(&["G723"]) => (SIGNAL_TO_NOISE, 15.0, 16.1),
            () if is(&["G726-32", "AAL2-G726-32"]) => (SIGNAL_TO_NOISE, 7.0, 10.0),
            () if is(&["GSM"]) => (SIGNAL_TO_NOISE, 26.0, 10.0),
            () if is(&["iLBC"]) => (SIGNAL_TO_NOISE, 11.0, 32.0),
            () => (SIGNAL_TO_NOISE, 5.0, 10.0),
        };
        Self { best, equipment, robustness }
    }
}

/// What is known of one direction of a call.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Facts {
    /// From mouth to ear, milliseconds.
    pub delay_ms: f64,
    /// Of the packets, lost on the way or come too late, in percent.
    pub loss_percent: f64,
    /// How long bursts of loss are, against those of the same loss at random: 1 or more (BurstR).
    pub burst_ratio: f64,
    /// By the codec.
    pub impairment: Impairment,
}

/// The transmission rating factor: 0 to 100. What is better than the best telephone speech has the rest of the scale (93.2 to 100), above which opinions are no
/// better (annex B).
pub fn rating(facts: &Facts) -> f64 {
    let Facts { delay_ms, loss_percent, burst_ratio, impairment } = *facts;
    let loss = loss_percent.clamp(0.0, 100.0);
    let Impairment { best, equipment, robustness } = impairment;
    // 7-29.
    let of_loss = (95.0 - equipment) * loss / (loss / burst_ratio.max(1.0) + robustness);
    (best - delay_impairment(delay_ms.max(0.0)) - equipment - of_loss).clamp(0.0, 100.0)
}

/// Id: echo of the talker and of the listener, and delay itself (7-17 to 7-28), where the way back is as long as the way there.
fn delay_impairment(one_way_ms: f64) -> f64 {
    let (mean, round) = (one_way_ms, 2.0 * one_way_ms);
    let echo_rating = TALKER_ECHO_LOSS_DB - 40.0 * ((1.0 + mean / 10.0) / (1.0 + mean / 150.0)).log10()
        + 6.0 * (-0.3 * mean * mean).exp();
    let talker = 80.0 + 2.5 * (echo_rating - 14.0);
    let half = (ECHO_REFERENCE - talker) / 2.0;
    let talker_echo = (half + (half * half + 100.0).sqrt() - 1.0) * (1.0 - (-mean).exp());
    let listener = 10.5 * (LISTENER_ECHO_LOSS_DB + 7.0) * (round + 1.0).powf(-0.25);
    let half = (ECHO_REFERENCE - listener) / 2.0;
    let listener_echo = half + (half * half + 169.0).sqrt();
    let too_long = if one_way_ms <= 100.0 {
        0.0
    } else {
        let octaves = (one_way_ms / 100.0).log2();
        25.0 * ((1.0 + octaves.powi(6)).powf(1.0 / 6.0) - 3.0 * (1.0 + (octaves / 3.0).powi(6)).powf(1.0 / 6.0) + 2.0)
    };
    talker_echo + listener_echo + too_long
}

/// The mean opinion score that belongs to a rating, 1 to 4.5 (annex B of G.107).
pub fn opinion(rating: f64) -> f64 {
    match rating {
        _ if rating <= 0.0 => 1.0,
        _ if rating >= 100.0 => 4.5,
        _ => (1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6).max(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(delay_ms: f64, loss_percent: f64, codec: &str) -> f64 {
        rating(&Facts { delay_ms, loss_percent, burst_ratio: 1.0, impairment: Impairment::of(codec) })
    }

    #[test]
    fn the_defaults_have_the_rating_that_g_107_gives_them() {
        assert!((of(0.0, 0.0, "PCMU") - 93.2).abs() < 0.1, "{}", of(0.0, 0.0, "PCMU"));
        assert!((opinion(93.2) - 4.41).abs() < 0.01);
        // The rating falls slowly to some 150 ms, and quickly behind 200.
        let by_delay = [0.0, 50.0, 100.0, 150.0, 200.0, 300.0, 400.0].map(|delay| of(delay, 0.0, "PCMA"));
        assert!(by_delay.is_sorted_by(|one, other| one > other), "{by_delay:?}");
        assert!((89.0..91.5).contains(&by_delay[3]), "{by_delay:?}");
        assert!((60.0..72.0).contains(&by_delay[6]), "{by_delay:?}");
    }

    #[test]
    fn codecs_and_loss_cost_what_g_113_says() {
        // 7-29 by hand: 95 × 2 / (2 + 25.1).
        assert!((of(0.0, 0.0, "PCMU") - of(0.0, 2.0, "PCMU") - 7.01).abs() < 0.01);
        assert!((of(0.0, 0.0, "PCMU") - of(0.0, 0.0, "G729") - 11.0).abs() < 0.01);
        assert!((of(0.0, 0.0, "GSM") - (93.2 - 26.0)).abs() < 0.1);
        // Bursts are worse.
        let facts =
            |burst_ratio| Facts { delay_ms: 20.0, loss_percent: 5.0, burst_ratio, impairment: Impairment::of("PCMU") };
        assert!(rating(&facts(2.0)) < rating(&facts(1.0)) - 1.0);
        assert_eq!(rating(&facts(0.1)), rating(&facts(1.0)), "less than at random is not believed");
        assert!(rating(&Facts { loss_percent: 100.0, ..facts(1.0) }) < 20.0);
    }

    /// Wider speech is better than any telephone's where nothing is lost, and what is lost of it is heard all the same.
    #[test]
    fn wider_speech_has_the_rest_of_the_scale() {
        for codec in ["G722", "opus", "OPUS"] {
            assert_eq!(of(20.0, 0.0, codec), 100.0);
            assert!(of(20.0, 3.0, codec) > of(20.0, 3.0, "PCMU") && of(20.0, 30.0, codec) < 75.0);
            assert!(of(400.0, 2.0, codec) < of(100.0, 2.0, codec));
        }
        // By hand: 129 − 14.8 − 80.2 × 5 / (5 + 10.1).
        assert!((of(0.0, 5.0, "opus") - 87.65).abs() < 0.2, "{}", of(0.0, 5.0, "opus"));
    }

    #[test]
    fn opinions_lie_within_their_scale() {
        for rating in -20..=140 {
            let opinion = opinion(f64::from(rating));
            assert!((1.0..=4.5).contains(&opinion), "{rating}: {opinion}");
        }
        for (rating, wanted) in [(50.0, 2.58), (60.0, 3.1), (70.0, 3.6), (80.0, 4.03), (90.0, 4.34)] {
            assert!((opinion(rating) - wanted).abs() < 0.01, "{rating}: {}", opinion(rating));
        }
        // A delay beyond all bounds, and nonsense.
        assert!(of(1e9, 0.0, "PCMU") >= 0.0 && of(-5.0, -5.0, "x") <= 100.0);
    }
}

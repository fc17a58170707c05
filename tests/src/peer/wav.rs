//! Wave files: 16 bits, one channel.

use std::path::Path;

/// Samples a second of telephony.
pub const RATE: u32 = 8_000;

/// Writes samples at [`RATE`].
pub fn write(path: &Path, samples: &[i16]) {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(path, spec).expect("a wave file can be made");
    for &sample in samples {
        writer.write_sample(sample).expect("a wave file takes samples");
    }
    writer.finalize().expect("a wave file can be ended");
}

/// The samples of a file at [`RATE`], also of one that is still being written: its header's length is not believed. Of a higher
/// rate, a multiple of it, and of several channels, as wideband codecs have them, some samples are passed over.
pub fn read(path: &Path) -> Vec<i16> {
    let bytes = std::fs::read(path).unwrap_or_default();
    let Some(data) = bytes.windows(4).position(|four| four == b"data").map(|at| at + 8) else { return Vec::new() };
    let channels = bytes.get(22..24).map_or(1, |two| usize::from(u16::from_le_bytes([two[0], two[1]])));
    let rate = bytes.get(24..28).and_then(|four| four.try_into().ok()).map_or(RATE, u32::from_le_bytes);
    let apart = channels.max(1) * (rate / RATE).max(1) as usize;
    let samples = bytes.get(data..).unwrap_or_default();
    samples.chunks_exact(2).step_by(apart).map(|two| i16::from_le_bytes([two[0], two[1]])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        write(&path, &[1, -2, i16::MAX]);
        assert_eq!(read(&path), [1, -2, i16::MAX]);
        assert!(read(&folder.path().join("none.wav")).is_empty());
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 2 * RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        (0..8).for_each(|sample: i16| writer.write_sample(sample).unwrap());
        writer.finalize().unwrap();
        assert_eq!(read(&path), [0, 4]);
    }
}

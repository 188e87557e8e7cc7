//! Whether AAC is more than its core: HE-AAC adds the upper half of the spectrum (SBR) and stereo (PS) in ways that
//! symphonia does not decode.

/// What an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) says about spectral band replication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sbr {
    /// Signalled: HE-AAC, for certain.
    Explicit,
    /// Not signalled, but the core's rate is so low that there may be some.
    Possible,
    Absent,
}

const AOT_SBR: u32 = 5;
const AOT_PS: u32 = 29;
const AOT_ESCAPE: u32 = 31;
const SYNC_EXTENSION: u32 = 0x2B7;

/// Cores up to this rate, in Hz, usually carry half of a 48 kHz track.
const CORE_RATE_MAX: u32 = 24_000;

const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// Reads bits, most significant first; past the end there are none.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// `config` is the AudioSpecificConfig when the container has one; `rate` what the container or ADTS says.
pub(crate) fn sbr(config: Option<&[u8]>, rate: Option<u32>) -> Sbr {
    let by_rate = |rate: Option<u32>| match rate {
        Some(rate) if rate <= CORE_RATE_MAX => Sbr::Possible,
        _ => Sbr::Absent,
    };
    match config.and_then(parse) {
        Some((true, _)) => Sbr::Explicit,
        // Signalled as absent: believed.
        Some((false, None)) => Sbr::Absent,
        Some((false, Some(core_rate))) => by_rate(Some(core_rate)),
        None => by_rate(rate),
    }
}

/// (whether SBR is signalled, the core's rate unless its absence is signalled too).
fn parse(config: &[u8]) -> Option<(bool, Option<u32>)> {
    let mut bits = Bits { bytes: config, at: 0 };
    let object_type = bits.object_type()?;
    let rate = bits.rate()?;
    let _channels = bits.take(4)?;
    if object_type == AOT_SBR || object_type == AOT_PS {
        return Some((true, Some(rate)));
    }
    // GASpecificConfig: frame length flag, depends on core coder (then 14 bits of delay), extension flag.
    let _frame_length = bits.take(1)?;
    if bits.take(1)? == 1 {
        bits.take(14)?;
    }
    let _extension = bits.take(1)?;
    if bits.take(11) == Some(SYNC_EXTENSION) && bits.object_type() == Some(AOT_SBR) {
        let is_present = bits.take(1)? == 1;
        return Some((is_present, is_present.then_some(rate)));
    }
    Some((false, Some(rate)))
}

// === impl Bits ===

impl Bits<'_> {
    fn take(&mut self, n: usize) -> Option<u32> {
        let mut value = 0;
        for at in self.at..self.at + n {
            let byte = *self.bytes.get(at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - at % 8) & 1);
        }
        self.at += n;
        Some(value)
    }

    fn object_type(&mut self) -> Option<u32> {
        match self.take(5)? {
            AOT_ESCAPE => Some(32 + self.take(6)?),
            object_type => Some(object_type),
        }
    }

    fn rate(&mut self) -> Option<u32> {
        match self.take(4)? as usize {
            15 => self.take(24),
            index => RATES.get(index).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn he_aac_is_told_from_its_config() {
        let check = |config: &[u8], expected: Sbr| {
            assert_eq!(sbr(Some(config), Some(44_100)), expected, "{config:02X?}")
        };
        // AAC-LC 44.1 kHz stereo.
        check(&[0x12, 0x10], Sbr::Absent);
        // AAC-LC with the sync extension that ffmpeg writes: SBR absent.
        check(&[0x12, 0x10, 0x56, 0xE5, 0x00], Sbr::Absent);
        // Object type 5: core 22.05 kHz, extended to 44.1 kHz.
        check(&[0x2B, 0x92, 0x08, 0x00], Sbr::Explicit);
        // Object type 29: parametric stereo.
        check(&[0xEB, 0x8A, 0x08, 0x00], Sbr::Explicit);
        // AAC-LC 22.05 kHz, sync extension 0x2B7, object type 5, SBR present.
        check(&[0x13, 0x90, 0x56, 0xE5, 0xA0], Sbr::Explicit);
        // The same core with the extension saying that there is none.
        check(&[0x13, 0x90, 0x56, 0xE5, 0x00], Sbr::Absent);
        // The same core without a word about it.
        check(&[0x13, 0x90], Sbr::Possible);
        // Broken configs fall back on the rate.
        check(&[0x12], Sbr::Absent);
        check(&[], Sbr::Absent);
    }

    #[test]
    fn adts_has_only_its_rate_to_tell() {
        assert_eq!(sbr(None, Some(24_000)), Sbr::Possible);
        assert_eq!(sbr(None, Some(44_100)), Sbr::Absent);
        assert_eq!(sbr(None, None), Sbr::Absent);
    }
}

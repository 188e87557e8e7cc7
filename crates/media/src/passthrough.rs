//! Opus that is already as it should be sent: packets go from the container to the ring untouched.
//!
//! Only while every packet lasts 20 ms and nobody wants another loudness. The moment that ends, the rest of the track
//! is decoded and encoded again, and the seam is not heard: the new encoder starts from what was sent last.

use std::collections::VecDeque;
use std::time::Duration;

use symphonia::core::packet::Packet;

use crate::decoder::{Decoder, OpusHead};
use crate::decoding::{Cut, Decoding, PREROLL, note_damage, samples};
use crate::demuxer::{Demuxer, Next};
use crate::fault::Halt;
use crate::frame::{FRAME_SAMPLES, LEVEL_SILENCE, SAMPLE_RATE};
use crate::level::{is_audible, level};
use crate::outlet::Outlet;
use crate::pipeline::{Gain, Ready};
use crate::transcoder::Transcoder;

/// Packets that are remembered for a seam: more than the 80 ms that a decoder needs to be right.
const HISTORY: usize = 6;

/// After this many packets, a second of sound, a few are decoded to see how loud it is. Decoding is by far the most
/// expensive part of passing a packet through.
const METER_EVERY: u32 = 50;

/// A decoder that missed packets is wrong about loudness at first: the error halves with every packet (RFC 6716, section
/// 4.3.2.1). It is right when two packets in a row are this close (dB), or after so many.
const METER_AGREE: u8 = 3;
const METER_PACKETS_MAX: u32 = 8;

/// Packets that tell of another loudness are decoded sooner, but not more often than this.
const METER_EVERY_MIN: u32 = 10;

/// A packet this short holds no sound: discontinued transmission (RFC 6716, section 3.1 and RFC 7587).
const DTX_MAX: usize = 2;

struct Passthrough<'a> {
    demuxer: &'a mut Demuxer,
    outlet: &'a mut Outlet,
    gain: Gain,
    head: OpusHead,
    /// Where the next packet begins in the track, in samples at 48 kHz; negative before the music.
    pos: i64,
    history: VecDeque<Box<[u8]>>,
    meter: Meter,
    damaged: u32,
}

/// Measures now and then.
struct Meter {
    decoder: Decoder,
    /// Packets since the last measurement.
    age: u32,
    /// The size of what was measured last, and how loud it was.
    size: usize,
    level: u8,
}

/// Plays an Opus track from `from`. `ready` is told as it is, except for whether it is passed through.
pub(crate) fn play_opus(
    demuxer: &mut Demuxer,
    outlet: &mut Outlet,
    gain: Gain,
    from: Duration,
    ready: Ready,
) -> Result<(), Halt> {
    let head = OpusHead::of(&demuxer.track)?;
    let may_pass = head.is_plain() && gain.get() == 1.0;
    // Also when nothing is decoded: a container may otherwise go to the packet behind the wanted one.
    let has_sought = !from.is_zero() && demuxer.seek(from.saturating_sub(PREROLL));
    let mut pos = -i64::from(demuxer.track.delay);
    let wanted = samples(from, SAMPLE_RATE) as i64;
    let mut is_first = true;
    let mut damaged = 0;
    loop {
        if outlet.is_stopped() {
            return Err(Halt::Stopped);
        }
        let packet = match demuxer.next()? {
            Next::Packet(packet) => packet,
            Next::Damaged => {
                note_damage(outlet.effort(), &mut damaged)?;
                continue;
            }
            Next::Track => continue,
            Next::End => return Ok(()),
        };
        if std::mem::take(&mut is_first) && has_sought {
            pos = demuxer.track.samples(packet.pts, SAMPLE_RATE);
        }
        let length = duration(&packet);
        if may_pass && !from.is_zero() && pos + length <= wanted {
            pos += length;
            continue;
        }
        if !may_pass || length != i64::from(FRAME_SAMPLES) {
            return decode_all(demuxer, outlet, gain, from, (packet, pos), ready);
        }
        outlet.announce(Ready { is_passthrough: true, ..ready }, u64::try_from(pos).unwrap_or(0));
        let history = VecDeque::with_capacity(HISTORY);
        let meter = Meter::new(Decoder::for_opus(&head)?);
        let path = Passthrough { demuxer, outlet, gain, head, pos, history, meter, damaged: 0 };
        return path.run(packet);
    }
}

/// Not to be passed through at all: the whole track is decoded.
fn decode_all(
    demuxer: &mut Demuxer,
    outlet: &mut Outlet,
    gain: Gain,
    from: Duration,
    (first, pos): (Packet, i64),
    ready: Ready,
) -> Result<(), Halt> {
    let decoder = Decoder::new(&demuxer.track)?;
    let transcoder = Transcoder::new(gain, outlet.effort().clone())?;
    let wanted = samples(from, SAMPLE_RATE) as i64;
    outlet.announce(ready, u64::try_from(pos.max(wanted)).unwrap_or(0));
    let cut = Cut::Samples(u64::try_from(wanted - pos).unwrap_or(0));
    let mut decoding = Decoding::new(demuxer, decoder, transcoder, outlet, cut);
    decoding.pending.push_back(Next::Packet(first));
    decoding.run()
}

// === impl Passthrough ===

impl Passthrough<'_> {
    fn run(mut self, first: Packet) -> Result<(), Halt> {
        let mut packet = first;
        loop {
            if self.outlet.is_stopped() {
                return Err(Halt::Stopped);
            }
            let next = self.next()?;
            let length = duration(&packet);
            let is_short_end =
                matches!(next, Next::End) && length > 0 && length < i64::from(FRAME_SAMPLES);
            let is_regular = length == i64::from(FRAME_SAMPLES) || is_short_end;
            if !is_regular || self.gain.get() != 1.0 {
                return self.fall_over(packet, next);
            }
            self.send(packet, length)?;
            packet = match next {
                Next::Packet(packet) => packet,
                Next::End => return Ok(()),
                Next::Track | Next::Damaged => match self.begin_again()? {
                    Some(packet) => packet,
                    None => return Ok(()),
                },
            };
        }
    }

    /// The next packet, past damaged places.
    fn next(&mut self) -> Result<Next, Halt> {
        loop {
            match self.demuxer.next()? {
                Next::Damaged => note_damage(self.outlet.effort(), &mut self.damaged)?,
                next => {
                    self.damaged = 0;
                    return Ok(next);
                }
            }
        }
    }

    /// Another track of a chained stream began. The first packet of it that can go on; `None` when the rest was played
    /// some other way.
    fn begin_again(&mut self) -> Result<Option<Packet>, Halt> {
        let head = if self.demuxer.track.codec == "opus" {
            OpusHead::of(&self.demuxer.track).ok()
        } else {
            None
        };
        match head.filter(OpusHead::is_plain) {
            Some(head) => {
                self.head = head;
                self.pos = -(self.demuxer.track.lead_in(SAMPLE_RATE) as i64);
                match self.next()? {
                    Next::Packet(packet) => Ok(Some(packet)),
                    Next::Track => self.begin_again(),
                    Next::Damaged | Next::End => Ok(None),
                }
            }
            None => {
                let decoder = Decoder::new(&self.demuxer.track)?;
                let cut = Cut::Samples(self.demuxer.track.lead_in(SAMPLE_RATE));
                let transcoder = Transcoder::new(self.gain.clone(), self.outlet.effort().clone())?;
                Decoding::new(self.demuxer, decoder, transcoder, self.outlet, cut).run()?;
                Ok(None)
            }
        }
    }

    fn send(&mut self, packet: Packet, length: i64) -> Result<(), Halt> {
        let trimmed =
            self.demuxer.track.ticks_to_samples(packet.trim_end.get(), SAMPLE_RATE) as i64;
        let begins = self.pos.max(0);
        let ends = self.pos + (length - trimmed).max(0);
        let played = u32::try_from(ends - begins).unwrap_or(0);
        let level = self.meter.measure(&packet.data);
        let samples = u32::try_from(length).unwrap_or(FRAME_SAMPLES);
        self.outlet.send(&packet.data, samples, played, level)?;
        self.pos += length;
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(packet.data);
        Ok(())
    }

    /// Decodes and encodes the rest of the track, beginning with `packet`, without a seam.
    fn fall_over(self, packet: Packet, next: Next) -> Result<(), Halt> {
        tracing::debug!("passthrough ends, the rest of the track is encoded anew");
        let mut decoder = Decoder::for_opus(&self.head)?;
        let mut before = Vec::new();
        for data in &self.history {
            if let Ok(pcm) = decoder.decode_opus(data) {
                before.extend_from_slice(pcm.interleaved);
            }
        }
        let effort = self.outlet.effort().clone();
        let transcoder = if self.history.is_empty() {
            Transcoder::new(self.gain, effort)?
        } else {
            Transcoder::continuing(self.gain, effort, &before)?
        };
        let cut = Cut::Samples(u64::try_from(-self.pos).unwrap_or(0));
        let mut decoding = Decoding::new(self.demuxer, decoder, transcoder, self.outlet, cut);
        decoding.pending.extend([Next::Packet(packet), next]);
        decoding.run()
    }
}

// === impl Meter ===

impl Meter {
    fn new(decoder: Decoder) -> Meter {
        // The first packets are due at once.
        Meter { decoder, age: METER_EVERY - 1, size: 0, level: LEVEL_SILENCE }
    }

    fn measure(&mut self, data: &[u8]) -> u8 {
        if data.len() <= DTX_MAX {
            return LEVEL_SILENCE;
        }
        self.age += 1;
        if self.age >= METER_EVERY_MIN && self.age < METER_EVERY && self.tells_of_change(data.len())
        {
            self.age = METER_EVERY;
        }
        if self.age >= METER_EVERY {
            let before = self.level;
            if let Ok(pcm) = self.decoder.decode_opus(data) {
                self.level = level(pcm.interleaved);
            }
            self.size = data.len();
            let is_second = self.age > METER_EVERY;
            if is_second && self.level.abs_diff(before) <= METER_AGREE
                || self.age >= METER_EVERY + METER_PACKETS_MAX
            {
                self.age = 0;
            }
        }
        self.level
    }

    /// With a variable bit rate the size follows the sound. Where it does not, the end of silence must not be missed:
    /// media servers forward nobody who is silent.
    fn tells_of_change(&self, size: usize) -> bool {
        !is_audible(self.level) || size > self.size * 2 || size * 2 < self.size
    }
}

/// How long a packet sounds, in samples at 48 kHz; 0 when it is no Opus packet.
fn duration(packet: &Packet) -> i64 {
    opus::packet::get_nb_samples(&packet.data, SAMPLE_RATE).map_or(0, |n| n as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::support::containers::{encode, opus_packets};

    fn tone(amplitude: f32, samples: usize) -> Vec<f32> {
        let at = |i: usize| amplitude * (i as f32 * 997.0 * std::f32::consts::TAU / 48_000.0).sin();
        (0..samples).flat_map(|i| [at(i); 2]).collect()
    }

    fn meter() -> Meter {
        let head = OpusHead { channels: 2, gain: 0, mapping: None };
        Meter::new(Decoder::for_opus(&head).unwrap())
    }

    #[test]
    fn the_end_of_silence_is_noticed_in_less_than_half_a_second() {
        let sound = [tone(0.0, 120_000), tone(0.1, 48_000)].concat();
        // Whether the packets grow with the sound or not.
        for is_vbr in [true, false] {
            let (channels, purpose) = (opus::Channels::Stereo, opus::Application::Audio);
            let mut encoder = opus::Encoder::new(48_000, channels, purpose).unwrap();
            encoder.set_bitrate(opus::Bitrate::Bits(128_000)).unwrap();
            encoder.set_vbr(is_vbr).unwrap();
            let packets = encode(&mut encoder, &sound, 960);
            let mut meter = meter();
            let levels: Vec<u8> = packets.iter().map(|packet| meter.measure(packet)).collect();
            assert!(levels[..124].iter().all(|level| !is_audible(*level)), "{levels:?}");
            assert!(levels[145..].iter().all(|level| level.abs_diff(23) <= 2), "{levels:?}");
        }
    }

    #[test]
    fn of_steady_sound_two_packets_a_second_are_decoded() {
        let mut meter = meter();
        let packets = opus_packets(&tone(0.1, 48_000 * 4), 960);
        let mut measured = 0;
        for packet in &packets {
            meter.measure(packet);
            measured += u32::from(meter.age == 0 || meter.age >= METER_EVERY);
        }
        assert!((6..=10).contains(&measured), "{measured} of {}", packets.len());
    }
}

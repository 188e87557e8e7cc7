//! Packets to PCM: symphonia's decoders, and libopus for Opus.

use domain::{Fault, Reason};
use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions, well_known as codec};
use symphonia::core::errors::Error;
use symphonia::core::packet::Packet;

use crate::demuxer::AudioTrack;
use crate::fault;
use crate::frame::SAMPLE_RATE;

/// The longest Opus packet: 120 ms (RFC 6716), in samples at 48 kHz.
const OPUS_PACKET_MAX: usize = 5760;

/// Channels that a track may have. More is no music.
const CHANNELS_MAX: usize = 64;

pub(crate) struct Decoder {
    kind: Kind,
    pcm: Vec<f32>,
    rate: u32,
    channels: Channels,
    /// Whether packets still carry the samples that are to be cut at either end.
    trims_itself: bool,
}

enum Kind {
    Symphonia(Box<dyn AudioDecoder>),
    Opus(opus::Decoder),
    OpusMultistream(opus::MSDecoder),
}

/// What the Opus identification header says (RFC 7845, section 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpusHead {
    pub(crate) channels: u8,
    /// To be applied by the decoder, in 1/256 dB.
    pub(crate) gain: i16,
    /// Streams, coupled streams, mapping: only when there are more channels than two, or oddly mapped ones.
    pub(crate) mapping: Option<(u8, u8, Vec<u8>)>,
}

/// Decoded samples of one packet.
#[derive(Debug)]
pub(crate) struct Pcm<'a> {
    pub(crate) interleaved: &'a [f32],
    pub(crate) rate: u32,
    pub(crate) channels: &'a Channels,
}

// === impl Decoder ===

impl Decoder {
    pub(crate) fn new(track: &AudioTrack) -> Result<Decoder, Fault> {
        if track.codec == "opus" {
            return Decoder::for_opus(&OpusHead::of(track)?);
        }
        let options = AudioDecoderOptions::default();
        let made = symphonia::default::get_codecs().make_audio_decoder(&track.params, &options);
        let decoder = made.map_err(|error| fault::of_symphonia(&error))?;
        let params = decoder.codec_params();
        let channels =
            params.channels.clone().or_else(|| track.params.channels.clone()).unwrap_or_default();
        if channels.count() > CHANNELS_MAX {
            return Err(Fault::refused(
                Reason::Corrupt,
                format!("absurd: {} channels", channels.count()),
            ));
        }
        let rate = params.sample_rate.or(track.params.sample_rate).unwrap_or(SAMPLE_RATE);
        let id = track.params.codec;
        let trims_itself =
            [codec::CODEC_ID_MP1, codec::CODEC_ID_MP2, codec::CODEC_ID_MP3, codec::CODEC_ID_VORBIS];
        let trims_itself = trims_itself.contains(&id);
        Ok(Decoder {
            kind: Kind::Symphonia(decoder),
            pcm: Vec::new(),
            rate,
            channels,
            trims_itself,
        })
    }

    /// Any Opus stream as 48 kHz; mono comes out as stereo.
    pub(crate) fn for_opus(head: &OpusHead) -> Result<Decoder, Fault> {
        let gain = i32::from(head.gain);
        let (kind, channels) = match &head.mapping {
            None => {
                let made = opus::Decoder::new(SAMPLE_RATE, opus::Channels::Stereo);
                let mut decoder = made.map_err(|e| fault::of_opus(&e))?;
                decoder.set_gain(gain).map_err(|e| fault::of_opus(&e))?;
                (Kind::Opus(decoder), stereo())
            }
            Some((streams, coupled, mapping)) => {
                let made = opus::MSDecoder::new(SAMPLE_RATE, *streams, *coupled, mapping);
                let invalid =
                    |_| Fault::refused(Reason::Corrupt, "an invalid opus channel mapping");
                let mut decoder = made.map_err(invalid)?;
                decoder.set_gain(gain).map_err(|e| fault::of_opus(&e))?;
                (Kind::OpusMultistream(decoder), vorbis_order(mapping.len()))
            }
        };
        Ok(Decoder { kind, pcm: Vec::new(), rate: SAMPLE_RATE, channels, trims_itself: false })
    }

    pub(crate) fn rate(&self) -> u32 {
        self.rate
    }

    pub(crate) fn channels(&self) -> usize {
        self.channels.count()
    }

    pub(crate) fn layout(&self) -> &Channels {
        &self.channels
    }

    /// After a seek.
    pub(crate) fn reset(&mut self) {
        let reset = match &mut self.kind {
            Kind::Symphonia(decoder) => {
                decoder.reset();
                Ok(())
            }
            Kind::Opus(decoder) => decoder.reset_state(),
            Kind::OpusMultistream(decoder) => decoder.reset_state(),
        };
        if let Err(error) = reset {
            tracing::error!(%error, "an opus decoder cannot be reset");
        }
    }

    /// Decodes one packet, cut to what is to be heard of it. A damaged packet is a `Corrupt` fault and can be skipped.
    pub(crate) fn decode(&mut self, packet: &Packet, track: &AudioTrack) -> Result<Pcm<'_>, Fault> {
        self.decode_data(packet)?;
        if !self.trims_itself {
            let channels = self.channels.count().max(1);
            let start = track.ticks_to_samples(packet.trim_start.get(), self.rate) * channels;
            let end = track.ticks_to_samples(packet.trim_end.get(), self.rate) * channels;
            self.pcm.truncate(self.pcm.len().saturating_sub(end));
            self.pcm.drain(..start.min(self.pcm.len()));
        }
        Ok(Pcm { interleaved: &self.pcm, rate: self.rate, channels: &self.channels })
    }

    /// Decodes the bytes of one Opus packet, whole.
    pub(crate) fn decode_opus(&mut self, data: &[u8]) -> Result<Pcm<'_>, Fault> {
        self.pcm.resize(OPUS_PACKET_MAX * self.channels.count(), 0.0);
        let frames = match &mut self.kind {
            Kind::Opus(decoder) => decoder.decode_float(data, &mut self.pcm, false),
            Kind::OpusMultistream(decoder) => decoder.decode_float(data, &mut self.pcm, false),
            Kind::Symphonia(_) => {
                return Err(Fault::refused(Reason::Internal, "not an opus decoder"));
            }
        };
        let frames = match frames {
            Ok(frames) if !data.is_empty() => frames,
            Ok(_) => 0,
            Err(error) => {
                self.pcm.clear();
                return Err(fault::of_opus(&error));
            }
        };
        self.pcm.truncate(frames * self.channels.count());
        Ok(Pcm { interleaved: &self.pcm, rate: self.rate, channels: &self.channels })
    }

    fn decode_data(&mut self, packet: &Packet) -> Result<(), Fault> {
        let Kind::Symphonia(decoder) = &mut self.kind else {
            return self.decode_opus(&packet.data).map(drop);
        };
        let decoded = match decoder.decode(packet) {
            Ok(decoded) => decoded,
            // A packet that ends too early is as damaged as one that makes no sense.
            Err(Error::IoError(_)) => {
                return Err(Fault::refused(Reason::Corrupt, "a packet ends too early"));
            }
            Err(error) => return Err(fault::of_symphonia(&error)),
        };
        if decoded.spec().rate() != self.rate || decoded.spec().channels() != &self.channels {
            self.rate = decoded.spec().rate();
            self.channels = decoded.spec().channels().clone();
        }
        decoded.copy_to_vec_interleaved(&mut self.pcm);
        Ok(())
    }
}

// === impl OpusHead ===

impl OpusHead {
    /// From the track's extra data; plain stereo when there is none.
    pub(crate) fn of(track: &AudioTrack) -> Result<OpusHead, Fault> {
        match track.params.extra_data.as_deref() {
            Some(head) => OpusHead::parse(head)
                .ok_or_else(|| Fault::refused(Reason::Corrupt, "a broken opus header")),
            None => Ok(OpusHead { channels: 2, gain: 0, mapping: None }),
        }
    }

    fn parse(head: &[u8]) -> Option<OpusHead> {
        let rest = head.strip_prefix(b"OpusHead")?;
        let channels = *rest.get(1)?;
        let gain = i16::from_le_bytes([*rest.get(8)?, *rest.get(9)?]);
        let mapping = match *rest.get(10)? {
            0 if channels == 1 || channels == 2 => None,
            0 => return None,
            _ => {
                let mapping = rest.get(13..13 + usize::from(channels))?;
                Some((*rest.get(11)?, *rest.get(12)?, mapping.to_vec()))
            }
        };
        (channels > 0).then_some(OpusHead { channels, gain, mapping })
    }

    /// Whether its packets mean the same to any Opus decoder.
    pub(crate) fn is_plain(&self) -> bool {
        self.mapping.is_none() && self.gain == 0
    }
}

fn stereo() -> Channels {
    symphonia::core::audio::layouts::CHANNEL_LAYOUT_STEREO
}

/// The speakers of the Vorbis channel order (RFC 7845, section 5.1.1.2), in that order.
fn vorbis_order(channels: usize) -> Channels {
    use symphonia::core::audio::{ChannelLabel, Position as P};
    let order: &[P] = match channels {
        1 => &[P::FRONT_CENTER],
        2 => &[P::FRONT_LEFT, P::FRONT_RIGHT],
        3 => &[P::FRONT_LEFT, P::FRONT_CENTER, P::FRONT_RIGHT],
        4 => &[P::FRONT_LEFT, P::FRONT_RIGHT, P::REAR_LEFT, P::REAR_RIGHT],
        5 => &[P::FRONT_LEFT, P::FRONT_CENTER, P::FRONT_RIGHT, P::REAR_LEFT, P::REAR_RIGHT],
        6 => {
            &[P::FRONT_LEFT, P::FRONT_CENTER, P::FRONT_RIGHT, P::REAR_LEFT, P::REAR_RIGHT, P::LFE1]
        }
        _ => return Channels::Discrete(u16::try_from(channels).unwrap_or(u16::MAX)),
    };
    Channels::from(order.iter().map(|p| ChannelLabel::Positioned(*p)).collect::<Vec<_>>())
}

//! Containers: finds the audio track, hands out its packets, seeks.

use std::time::Duration;

use domain::{Fault, Reason};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{
    AudioCodecParameters, CODEC_ID_NULL_AUDIO, well_known as codec,
};
use symphonia::core::common::Limit;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, SeekMode, SeekTo, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::{MetadataOptions, StandardTag};
use symphonia::core::packet::Packet;
use symphonia::core::units::{TimeBase, Timestamp};

use crate::fault;
use crate::sniff::Kind;
use crate::source::Source;

/// Failures to find the next packet, one after another, that end the track.
const FAILURES_MAX: u32 = 64;

/// Bytes of tags and of a cover that are kept; a longer cover is skipped.
const TAG_BYTES_MAX: usize = 1 << 20;
const COVER_BYTES_MAX: usize = 4 << 20;

pub(crate) struct Demuxer {
    format: Box<dyn FormatReader>,
    source: Source,
    pub(crate) track: AudioTrack,
    failures: u32,
}

/// The track that is played.
#[derive(Debug, Clone)]
pub(crate) struct AudioTrack {
    id: u32,
    pub(crate) params: AudioCodecParameters,
    pub(crate) codec: &'static str,
    time_base: Option<TimeBase>,
    /// The timestamp that is the start of the music.
    zero: i64,
    pub(crate) delay: u32,
    /// Ticks before the music begins that the demuxer does not cut itself.
    lead: u64,
    pub(crate) duration: Option<Duration>,
    /// MP4 cuts the end of a track by giving its last packet less time than it holds.
    pub(crate) is_cut_by_duration: bool,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Next {
    Packet(Packet),
    /// Another track began in the same stream (chained Ogg): `track` changed, decoders must be made anew.
    Track,
    /// The container lost its way and found it again.
    Damaged,
    End,
}

// === impl Demuxer ===

impl Demuxer {
    /// Finds out the container and the track. `from_start` tells that nobody will seek.
    pub(crate) fn open(source: &Source, kind: Kind, from_start: bool) -> Result<Demuxer, Fault> {
        let opened = Demuxer::open_as(source, kind, from_start, false);
        match opened {
            // A Matroska file that was cut off is refused when its length is known, and played when it is not.
            Err(fault) if kind == Kind::Matroska && source.fault().is_none() => {
                Demuxer::open_as(source, kind, from_start, true).map_err(|_| fault)
            }
            opened => opened,
        }
    }

    fn open_as(
        source: &Source,
        kind: Kind,
        from_start: bool,
        is_cut_off: bool,
    ) -> Result<Demuxer, Fault> {
        let tap = source.tap(kind, from_start, is_cut_off);
        let stream = MediaSourceStream::new(Box::new(tap), MediaSourceStreamOptions::default());
        let tags = MetadataOptions::default()
            .limit_tag_bytes(Limit::Maximum(TAG_BYTES_MAX))
            .limit_visual_bytes(Limit::Maximum(COVER_BYTES_MAX));
        let opened = symphonia::default::get_probe().probe(
            &Hint::new(),
            stream,
            FormatOptions::default(),
            tags,
        );
        let format = opened
            .map_err(|error| source.fault().unwrap_or_else(|| fault::of_symphonia(&error)))?;
        let track = choose(format.as_ref(), source)?;
        Ok(Demuxer { format, source: source.clone(), track, failures: 0 })
    }

    pub(crate) fn next(&mut self) -> Result<Next, Fault> {
        loop {
            let error = match self.format.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track.id => {
                    self.failures = 0;
                    return Ok(Next::Packet(packet));
                }
                Ok(Some(_)) => continue,
                Ok(None) => return self.at_end(),
                Err(Error::ResetRequired) => {
                    self.track = choose(self.format.as_ref(), &self.source)?;
                    return Ok(Next::Track);
                }
                Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return self.at_end();
                }
                Err(Error::IoError(error)) => {
                    return Err(self.source.fault().unwrap_or_else(|| fault::of_io(&error)));
                }
                Err(error) => error,
            };
            self.failures += 1;
            if self.failures > FAILURES_MAX {
                return Err(fault::of_symphonia(&error));
            }
            tracing::debug!(%error, "skipped a damaged part of a container");
            return Ok(Next::Damaged);
        }
    }

    /// An end, unless reading failed and the container took that for its end.
    fn at_end(&self) -> Result<Next, Fault> {
        self.source.fault().map_or(Ok(Next::End), Err)
    }

    /// Goes to a packet at or before `to`. False when this container or its origin cannot.
    pub(crate) fn seek(&mut self, to: Duration) -> bool {
        let Some(time_base) = self.track.time_base else { return false };
        let (numer, denom) = (i128::from(time_base.numer.get()), i128::from(time_base.denom.get()));
        let nanos = i128::try_from(to.as_nanos()).unwrap_or(i128::MAX / 2);
        let ticks = nanos.saturating_mul(denom) / (numer * 1_000_000_000);
        let ts = i64::try_from(ticks).unwrap_or(i64::MAX).saturating_add(self.track.zero);
        let target = SeekTo::Timestamp { ts: Timestamp::new(ts), track_id: self.track.id };
        match self.format.seek(SeekMode::Accurate, target) {
            Ok(_) => true,
            Err(error) => {
                tracing::debug!(%error, "a container cannot seek");
                false
            }
        }
    }

    /// The first title and the first artist among the tags.
    pub(crate) fn tags(&mut self) -> (Option<String>, Option<String>) {
        let (mut title, mut artist) = (None, None);
        let mut log = self.format.metadata();
        loop {
            if let Some(revision) = log.current() {
                let of_tracks = revision.per_track.iter().flat_map(|track| &track.metadata.tags);
                for tag in revision.media.tags.iter().chain(of_tracks) {
                    match &tag.std {
                        Some(StandardTag::TrackTitle(text)) if title.is_none() => {
                            title = Some(text.to_string())
                        }
                        Some(StandardTag::Artist(text)) if artist.is_none() => {
                            artist = Some(text.to_string())
                        }
                        _ => {}
                    }
                }
            }
            if log.pop().is_none() {
                return (title, artist);
            }
        }
    }
}

/// The default audio track of those whose codec is known.
fn choose(format: &dyn FormatReader, source: &Source) -> Result<AudioTrack, Fault> {
    let track =
        format.default_track(TrackType::Audio).or_else(|| format.first_track(TrackType::Audio));
    let Some(track) = track else {
        // A track without parameters may be audio of a kind that symphonia has never heard of.
        let is_unknown = format.tracks().iter().any(|track| track.codec_params.is_none());
        return Err(if is_unknown {
            Fault::refused(Reason::Unsupported, "no track of a known kind")
        } else {
            Fault::refused(Reason::NotAudio, "no audio track")
        });
    };
    let Some(CodecParameters::Audio(params)) = &track.codec_params else {
        return Err(Fault::refused(Reason::Unsupported, "an audio track without parameters"));
    };
    if params.codec == CODEC_ID_NULL_AUDIO {
        return Err(Fault::refused(Reason::Unsupported, "an unknown audio codec"));
    }
    let codec = name(params);
    let mut delay = track.delay.unwrap_or(0);
    if codec == "opus" {
        delay = opus_pre_skip(params).unwrap_or(delay);
    }
    // Matroska gives the timestamps that are heard; the granules of Ogg and the times of MP4 count from the pre-skip.
    let zero = track.start_ts.get().max(0) + if codec == "opus" { i64::from(delay) } else { 0 };
    let is_matroska = format.format_info().short_name == "matroska";
    let zero = if is_matroska { track.start_ts.get().max(0) } else { zero };
    let is_cut_by_duration = format.format_info().short_name == "isomp4";
    // The pre-skip of Opus is in the edit list too; once is enough.
    let lead = (is_cut_by_duration && codec != "opus").then(|| source.begins_at(track.id));
    let is_within = |ticks: &u64| track.duration.is_none_or(|whole| *ticks < whole.get());
    let lead = lead.flatten().filter(is_within).unwrap_or(0);
    let zero = zero.saturating_add_unsigned(lead);
    let duration = duration(format, track, if is_matroska { 0 } else { zero });
    let (id, time_base) = (track.id, track.time_base);
    Ok(AudioTrack {
        id,
        params: params.clone(),
        codec,
        time_base,
        zero,
        delay,
        lead,
        duration,
        is_cut_by_duration,
    })
}

fn duration(format: &dyn FormatReader, track: &Track, zero: i64) -> Option<Duration> {
    let ticks = |ticks: u64, base: TimeBase| {
        let nanos = u128::from(ticks) * 1_000_000_000 * u128::from(base.numer.get())
            / u128::from(base.denom.get());
        Some(Duration::from_nanos(u64::try_from(nanos).ok()?)).filter(|d| !d.is_zero())
    };
    let zero = u64::try_from(zero).unwrap_or(0);
    let of_track = track
        .duration
        .zip(track.time_base)
        .and_then(|(d, base)| ticks(d.get().saturating_sub(zero), base));
    let media = format.media_info();
    of_track
        .or_else(|| media.duration.zip(media.time_base).and_then(|(d, base)| ticks(d.get(), base)))
}

fn opus_pre_skip(params: &AudioCodecParameters) -> Option<u32> {
    let head = params.extra_data.as_deref().filter(|head| head.starts_with(b"OpusHead"))?;
    Some(u32::from(u16::from_le_bytes([*head.get(10)?, *head.get(11)?])))
}

/// A short name for the operator and the user.
fn name(params: &AudioCodecParameters) -> &'static str {
    match params.codec {
        codec::CODEC_ID_OPUS => "opus",
        codec::CODEC_ID_AC3 => "ac3",
        codec::CODEC_ID_EAC3 => "eac3",
        codec::CODEC_ID_SPEEX => "speex",
        codec::CODEC_ID_WMA => "wma",
        id => {
            let registered = symphonia::default::get_codecs().get_audio_decoder(id);
            registered.map_or("unknown", |decoder| decoder.codec.info.short_name)
        }
    }
}

// === impl AudioTrack ===

impl AudioTrack {
    /// Where a timestamp lies from the start of the music, in samples at `rate`; negative before it.
    pub(crate) fn samples(&self, ts: Timestamp, rate: u32) -> i64 {
        self.scale(i128::from(ts.get()) - i128::from(self.zero), rate)
    }

    /// Samples at `rate` before the music begins that the demuxer does not cut itself.
    pub(crate) fn lead_in(&self, rate: u32) -> u64 {
        let ticks = self.ticks_to_samples(self.lead, rate) as u64;
        if self.codec == "opus" { u64::from(self.delay) } else { ticks }
    }

    /// How many samples at `rate` a number of ticks is.
    pub(crate) fn ticks_to_samples(&self, ticks: u64, rate: u32) -> usize {
        usize::try_from(self.scale(i128::from(ticks), rate)).unwrap_or(0)
    }

    fn scale(&self, ticks: i128, rate: u32) -> i64 {
        let Some(base) = self.time_base else { return 0 };
        let scaled = ticks * i128::from(base.numer.get()) * i128::from(rate);
        let denom = i128::from(base.denom.get());
        i64::try_from((scaled + denom / 2).div_euclid(denom)).unwrap_or(i64::MAX)
    }
}

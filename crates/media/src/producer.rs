//! A producer: the thread that turns one input into packets, from the first byte to the last frame.

use std::path::PathBuf;
use std::time::Duration;

use domain::{Fault, Reason};

use crate::aac::{Sbr, sbr};
use crate::decoder::{Decoder, OpusHead};
use crate::decoding::{Cut, Decoding, PREROLL, samples};
use crate::demuxer::Demuxer;
use crate::fault::Halt;
use crate::ffmpeg;
use crate::frame::SAMPLE_RATE;
use crate::outlet::Outlet;
use crate::passthrough::play_opus;
use crate::pipeline::{Gain, Ready};
use crate::sniff::Kind;
use crate::source::{Input, Source};
use crate::transcoder::Transcoder;

/// Everything that one producer needs.
pub(crate) struct Job {
    pub(crate) input: Input,
    pub(crate) from: Duration,
    pub(crate) gain: Gain,
    pub(crate) ffmpeg: Option<PathBuf>,
    pub(crate) stall: Duration,
}

/// Who reads the track.
pub(crate) enum Route {
    Opus(Demuxer),
    Symphonia(Demuxer, Decoder),
    Ffmpeg(&'static str),
}

/// To the end of the track. Whether the outlet has to be told of an end is the caller's business.
pub(crate) fn produce(job: Job, outlet: &mut Outlet) -> Result<(), Halt> {
    let Job { input, from, gain, ffmpeg, stall } = job;
    let source = Source::open(input, outlet.shared())?;
    let route = route(&source, ffmpeg.is_some(), from.is_zero())?;
    let ready = route.ready();
    if ready.duration.is_some_and(|duration| from >= duration) && !from.is_zero() {
        // Nothing is left to play there: that is an end, not a failure.
        outlet.announce_empty(ready, samples(from, SAMPLE_RATE));
        return Ok(());
    }
    let damaged_before = outlet.effort().gauge.packets_corrupt();
    match route {
        Route::Opus(mut demuxer) => {
            source.settle();
            play_opus(&mut demuxer, outlet, gain, from, ready.clone())?;
        }
        Route::Symphonia(mut demuxer, decoder) => {
            source.settle();
            play_decoded(&mut demuxer, decoder, outlet, gain, from, ready.clone())?;
        }
        Route::Ffmpeg(_) => {
            let program = ffmpeg.ok_or_else(unsupported)?;
            let transcoder = Transcoder::new(gain, outlet.effort().clone())?;
            outlet.announce(ready.clone(), samples(from, SAMPLE_RATE));
            ffmpeg::play(&program, &source, from, stall, transcoder, outlet)?;
        }
    }
    if outlet.has_sent() {
        return Ok(());
    }
    if !from.is_zero() {
        outlet.announce_empty(ready, samples(from, SAMPLE_RATE));
        return Ok(());
    }
    let is_damaged = outlet.effort().gauge.packets_corrupt() > damaged_before;
    Err(Halt::Failed(if is_damaged {
        Fault::refused(Reason::Corrupt, "not one packet could be decoded")
    } else {
        Fault::refused(Reason::Empty, "no sound in it")
    }))
}

/// Finds out who reads `source`.
pub(crate) fn route(source: &Source, has_ffmpeg: bool, from_start: bool) -> Result<Route, Fault> {
    let kind = source.sniff()?;
    let foreign = |name: &'static str| {
        if has_ffmpeg { Ok(Route::Ffmpeg(name)) } else { Err(unsupported_kind(name)) }
    };
    match kind {
        Kind::NotAudio(what) => return Err(Fault::refused(Reason::NotAudio, what)),
        Kind::Playlist => {
            return Err(Fault::refused(Reason::Unsupported, "a playlist of other addresses"));
        }
        Kind::Foreign(name) => return foreign(name),
        Kind::Mp4 | Kind::Ogg | Kind::Matroska | Kind::Adts | Kind::Other => {}
    }
    let demuxer = match Demuxer::open(source, kind, from_start) {
        Ok(demuxer) => demuxer,
        Err(fault) if fault.reason != Reason::Unsupported => return Err(fault),
        Err(fault) if kind == Kind::Mp4 && !source.is_seekable() => {
            // ffmpeg could not go back either.
            let detail =
                format!("its index is at its end, and its origin cannot seek ({})", fault.detail);
            return Err(Fault::refused(Reason::Unsupported, detail));
        }
        Err(fault) if kind == Kind::Mp4 && fault.detail.contains("missing moov") => {
            return Err(Fault::refused(
                Reason::Corrupt,
                "its index is missing: cut off while it was written",
            ));
        }
        Err(_) if has_ffmpeg => return Ok(Route::Ffmpeg("unknown")),
        Err(_) if kind == Kind::Other => {
            return Err(Fault::refused(Reason::NotAudio, "of no known kind"));
        }
        Err(fault) => return Err(fault),
    };
    if demuxer.track.codec == "opus" {
        OpusHead::of(&demuxer.track)?;
        return Ok(Route::Opus(demuxer));
    }
    if demuxer.track.codec == "aac" {
        match sbr(demuxer.track.params.extra_data.as_deref(), demuxer.track.params.sample_rate) {
            Sbr::Explicit => return foreign("he-aac"),
            // The core alone plays, at half the bandwidth, when nobody can do better.
            Sbr::Possible if has_ffmpeg => return foreign("aac"),
            Sbr::Possible | Sbr::Absent => {}
        }
    }
    match Decoder::new(&demuxer.track) {
        Ok(decoder) => Ok(Route::Symphonia(demuxer, decoder)),
        Err(fault) if fault.reason == Reason::Unsupported => foreign(demuxer.track.codec),
        Err(fault) => Err(fault),
    }
}

fn play_decoded(
    demuxer: &mut Demuxer,
    mut decoder: Decoder,
    outlet: &mut Outlet,
    gain: Gain,
    from: Duration,
    ready: Ready,
) -> Result<(), Halt> {
    let transcoder = Transcoder::new(gain, outlet.effort().clone())?;
    let cut = if !from.is_zero() && demuxer.seek(from.saturating_sub(PREROLL)) {
        decoder.reset();
        Cut::Before(from, ready)
    } else {
        outlet.announce(ready, samples(from, SAMPLE_RATE));
        Cut::Samples(demuxer.track.lead_in(decoder.rate()) + samples(from, decoder.rate()))
    };
    Decoding::new(demuxer, decoder, transcoder, outlet, cut).run()
}

fn unsupported() -> Fault {
    Fault::refused(Reason::Unsupported, "ffmpeg would be needed")
}

fn unsupported_kind(name: &str) -> Fault {
    Fault::refused(Reason::Unsupported, format!("{name}: ffmpeg would be needed"))
}

// === impl Route ===

impl Route {
    pub(crate) fn ready(&self) -> Ready {
        match self {
            Route::Opus(demuxer) => {
                let channels = OpusHead::of(&demuxer.track).map_or(2, |head| head.channels);
                Ready { sample_rate: SAMPLE_RATE, channels, ..of(demuxer) }
            }
            Route::Symphonia(demuxer, decoder) => {
                let channels = u8::try_from(decoder.channels()).unwrap_or(u8::MAX);
                Ready { sample_rate: decoder.rate(), channels, ..of(demuxer) }
            }
            Route::Ffmpeg(codec) => Ready {
                duration: None,
                codec,
                is_passthrough: false,
                is_ffmpeg: true,
                sample_rate: SAMPLE_RATE,
                channels: 2,
            },
        }
    }
}

fn of(demuxer: &Demuxer) -> Ready {
    let (duration, codec) = (demuxer.track.duration, demuxer.track.codec);
    Ready { duration, codec, is_passthrough: false, is_ffmpeg: false, sample_rate: 0, channels: 0 }
}

//! Looks into a track without playing it.

use std::time::Duration;

use domain::Fault;

use crate::producer::{Route, route};
use crate::ring::Shared;
use crate::source::{Hint, Input, Source};

/// What a container tells about its track.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    pub duration: Option<Duration>,
    pub codec: &'static str,
    pub sample_rate: u32,
    pub channels: u8,
    pub title: Option<String>,
    pub artist: Option<String>,
}

/// Opens `input`, reads its headers and tags. Blocking: call it on a thread that may wait. What only ffmpeg could read
/// is `Unsupported` here.
pub fn probe(input: Input, hint: &Hint) -> Result<Probe, Fault> {
    let source = Source::open(input, &Shared::default())?;
    let route = route(&source, false, false).inspect_err(|fault| {
        tracing::debug!(%fault, extension = hint.extension.as_deref(), "a track cannot be probed");
    })?;
    let ready = route.ready();
    let (title, artist) = match route {
        Route::Opus(mut demuxer) | Route::Symphonia(mut demuxer, _) => demuxer.tags(),
        Route::Ffmpeg(_) => (None, None),
    };
    let (duration, codec) = (ready.duration, ready.codec);
    Ok(Probe {
        duration,
        codec,
        sample_rate: ready.sample_rate,
        channels: ready.channels,
        title,
        artist,
    })
}

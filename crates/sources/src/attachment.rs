//! Attachment — a file on a Telegram message, judged by what the message says about it.
//!
//! Nothing is fetched here: only the account that saw the message can do that. The names come from strangers.

use domain::track::{Attachment, Location, Track, clean_title};
use domain::{Fault, Reason};

use crate::direct::stem;

/// The name of this source in [`Track::source`].
pub const NAME: &str = "telegram";

/// The longest title or name, in characters.
const TEXT_MAX: usize = 200;

/// What a file of no stated kind may be called.
const EXTENSIONS: [&str; 17] = [
    "aac", "aif", "aiff", "flac", "m4a", "m4b", "mka", "mkv", "mov", "mp3", "mp4", "oga", "ogg",
    "opus", "ts", "wav", "webm",
];

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
    if !may_sound(attachment) {
        let mime = clean_title(attachment.mime.as_deref().unwrap_or_default(), 60, "no type");
        return Err(Fault::refused(Reason::NotAudio, format!("attachment of type {mime}")));
    }
    if attachment.size_bytes == 0 {
        return Err(Fault::refused(Reason::Empty, "attachment without a byte"));
    }
    if attachment.size_bytes > settings.bytes_max {
        let detail = format!(
            "attachment of {} bytes, at most {}",
            attachment.size_bytes, settings.bytes_max
        );
        return Err(Fault::refused(Reason::TooLarge, detail));
    }
    let clean = |text: &Option<String>| {
        text.as_deref().map(|text| clean_title(text, TEXT_MAX, "")).filter(|text| !text.is_empty())
    };
    let file_name = clean(&attachment.file_name).map(|name| stem(&name).to_owned());
    Ok(Track {
        title: clean(&attachment.title).or(file_name).unwrap_or_else(|| "untitled".to_owned()),
        artist: clean(&attachment.performer),
        duration: attachment.duration.filter(|duration| !duration.is_zero()),
        location: Location::Telegram(attachment.clone()),
        source: NAME,
        link: None,
        is_live: false,
    })
}

/// Whether there may be sound in it, as far as its type and name tell.
fn may_sound(attachment: &Attachment) -> bool {
    let mime = attachment.mime.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
    let mime = mime.split(';').next().unwrap_or_default().trim_end();
    let extension =
        attachment.file_name.as_deref().and_then(|name| name.rsplit_once('.')).map(|(_, it)| it);
    let extension = extension.unwrap_or_default().to_ascii_lowercase();
    // animated stickers are WebM videos too, and are called so
    let is_sticker = matches!(extension.as_str(), "webp" | "tgs")
        || (mime == "video/webm" && attachment.file_name.as_deref() == Some("sticker.webm"));
    match mime {
        _ if is_sticker => false,
        "audio/x-mpegurl" | "audio/mpegurl" | "audio/x-scpls" | "audio/midi" => false,
        "application/ogg" => true,
        "" | "application/octet-stream" | "binary/octet-stream" => {
            EXTENSIONS.contains(&extension.as_str())
        }
        mime => mime.starts_with("audio/") || mime.starts_with("video/"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::{ChatId, MessageId};

    use super::*;

    fn attachment(mime: Option<&str>, file_name: Option<&str>) -> Attachment {
        Attachment {
            chat: ChatId(-1001),
            message: MessageId(7),
            title: None,
            performer: None,
            file_name: file_name.map(str::to_owned),
            mime: mime.map(str::to_owned),
            size_bytes: 1000,
            duration: None,
        }
    }

    const LIMIT: Settings = Settings { bytes_max: 1000 };

    #[test]
    fn sound_is_taken_and_everything_else_refused() {
        for (mime, name, is_taken) in [
            (Some("audio/mpeg"), None, true),
            (Some("audio/ogg; codecs=opus"), None, true),
            (Some("Audio/FLAC"), Some("a.flac"), true),
            (Some("application/ogg"), None, true),
            (Some("video/mp4"), Some("clip.mp4"), true),
            (Some("application/octet-stream"), Some("song.MP3"), true),
            (None, Some("song.opus"), true),
            (None, None, false),
            (None, Some("song"), false),
            (Some("application/octet-stream"), Some("song.exe"), false),
            (Some("application/octet-stream"), None, false),
            (Some("image/jpeg"), Some("a.mp3"), false),
            (Some("image/webp"), Some("sticker.webp"), false),
            (Some("application/x-tgsticker"), Some("AnimatedSticker.tgs"), false),
            (Some("video/webm"), Some("sticker.webm"), false),
            (Some("application/pdf"), Some("a.pdf"), false),
            (Some("text/html"), Some("a.mp3"), false),
            (Some("audio/x-mpegurl"), Some("a.m3u8"), false),
            (Some("audio/midi"), Some("a.mid"), false),
        ] {
            match track(&LIMIT, &attachment(mime, name)) {
                Ok(_) => assert!(is_taken, "{mime:?} {name:?}"),
                Err(fault) => assert!(
                    !is_taken && fault.reason == Reason::NotAudio,
                    "{mime:?} {name:?} {fault}"
                ),
            }
        }
    }

    #[test]
    fn titles_come_from_the_tags_or_the_file_name_and_are_clean() {
        let mut song = attachment(Some("audio/mpeg"), Some("07 Песня.v2.mp3"));
        assert_eq!(track(&LIMIT, &song).unwrap().title, "07 Песня.v2");
        song.title = Some("\u{202E} Ночь\n ".to_owned());
        song.performer = Some("  ".to_owned());
        song.duration = Some(Duration::from_secs(61));
        let found = track(&LIMIT, &song).unwrap();
        assert_eq!((found.title.as_str(), found.artist.as_deref()), ("Ночь", None));
        assert_eq!((found.duration, found.source), (Some(Duration::from_secs(61)), "telegram"));
        assert_eq!(found.location, Location::Telegram(song.clone()));
        song.title = Some("a".repeat(5000));
        assert_eq!(track(&LIMIT, &song).unwrap().title.chars().count(), TEXT_MAX);
        assert_eq!(track(&LIMIT, &attachment(Some("audio/ogg"), None)).unwrap().title, "untitled");
    }

    #[test]
    fn sizes_are_checked() {
        let reason = |size_bytes| {
            let sized = Attachment { size_bytes, ..attachment(Some("audio/ogg"), None) };
            track(&LIMIT, &sized).map(|_| ()).map_err(|fault| fault.reason)
        };
        assert_eq!(reason(1000), Ok(()));
        assert_eq!(reason(1001), Err(Reason::TooLarge));
        assert_eq!(reason(0), Err(Reason::Empty));
    }
}

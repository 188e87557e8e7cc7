//! Playable files on messages.

#[cfg(test)]
mod tests;

use std::time::Duration;

use domain::track::Attachment;
use domain::{ChatId, MessageId};
use grammers_client::tl;

/// What a message holds, fetched by [`Account::message`](crate::Account::message).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageContent {
    pub chat: ChatId,
    pub id: MessageId,
    /// The text or the caption.
    pub text: String,
    pub attachment: Option<Attachment>,
}

/// Extensions of files that some people send without a media type.
const EXTENSIONS: &[&str] = &[
    "aac", "aif", "aiff", "alac", "ape", "flac", "m4a", "m4b", "mka", "mkv", "mov", "mp2", "mp3",
    "mp4", "oga", "ogg", "opus", "wav", "weba", "webm", "wma", "wv",
];

/// The playable file on a message, if there is one: music, voice, video, or a document that says it is one of them.
pub(crate) fn attachment_of(chat: ChatId, message: &tl::types::Message) -> Option<Attachment> {
    let document = document_of(message)?;
    let mut attachment = Attachment {
        chat,
        message: MessageId(message.id),
        title: None,
        performer: None,
        file_name: None,
        mime: Some(document.mime_type.clone()).filter(|mime| !mime.is_empty()),
        size_bytes: u64::try_from(document.size).unwrap_or(0),
        duration: None,
    };
    let mut is_playable = has_playable_type(&document.mime_type);
    for attribute in &document.attributes {
        match attribute {
            tl::enums::DocumentAttribute::Audio(audio) => {
                is_playable = true;
                attachment.title = audio.title.clone().filter(|title| !title.is_empty());
                attachment.performer =
                    audio.performer.clone().filter(|performer| !performer.is_empty());
                attachment.duration = seconds(f64::from(audio.duration));
            }
            tl::enums::DocumentAttribute::Video(video) => {
                is_playable |= !video.nosound;
                attachment.duration = attachment.duration.or(seconds(video.duration));
            }
            tl::enums::DocumentAttribute::Filename(name) => {
                is_playable |= has_playable_name(&name.file_name);
                attachment.file_name = Some(name.file_name.clone()).filter(|name| !name.is_empty());
            }
            // A moving picture or a sticker has no sound.
            tl::enums::DocumentAttribute::Animated
            | tl::enums::DocumentAttribute::Sticker(_)
            | tl::enums::DocumentAttribute::CustomEmoji(_) => return None,
            _ => {}
        }
    }
    is_playable.then_some(attachment)
}

pub(crate) fn document_of(message: &tl::types::Message) -> Option<&tl::types::Document> {
    match &message.media {
        Some(tl::enums::MessageMedia::Document(media)) => match &media.document {
            Some(tl::enums::Document::Document(document)) => Some(document),
            _ => None,
        },
        _ => None,
    }
}

fn has_playable_type(mime: &str) -> bool {
    mime.starts_with("audio/") || mime.starts_with("video/") || mime == "application/ogg"
}

fn has_playable_name(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero())
}

use grammers_client::tl::{Deserializable as _, Serializable as _};

use super::*;

const CHAT: ChatId = ChatId(-1_000_000_000_055);

/// A message of which only what matters is set.
fn message(media: Option<tl::enums::MessageMedia>) -> tl::types::Message {
    let mut bytes = Vec::new();
    0_u32.serialize(&mut bytes);
    0_u32.serialize(&mut bytes);
    77_i32.serialize(&mut bytes);
    tl::enums::Peer::from(tl::types::PeerChannel { channel_id: 55 }).serialize(&mut bytes);
    1_700_000_000_i32.serialize(&mut bytes);
    "caption".to_owned().serialize(&mut bytes);
    tl::types::Message { media, ..tl::types::Message::from_bytes(&bytes).unwrap() }
}

fn document(mime: &str, attributes: Vec<tl::enums::DocumentAttribute>) -> tl::types::Message {
    let document = tl::types::Document {
        id: 1,
        access_hash: 2,
        file_reference: vec![3],
        date: 0,
        mime_type: mime.to_owned(),
        size: 4_000_000,
        thumbs: None,
        video_thumbs: None,
        dc_id: 4,
        attributes,
    };
    let media = tl::types::MessageMediaDocument {
        nopremium: false,
        spoiler: false,
        video: false,
        round: false,
        voice: false,
        document: Some(document.into()),
        alt_documents: None,
        video_cover: None,
        video_timestamp: None,
        ttl_seconds: None,
    };
    message(Some(media.into()))
}

fn audio(
    voice: bool,
    title: Option<&str>,
    performer: Option<&str>,
) -> tl::enums::DocumentAttribute {
    let (title, performer) = (title.map(str::to_owned), performer.map(str::to_owned));
    tl::types::DocumentAttributeAudio { voice, duration: 185, title, performer, waveform: None }
        .into()
}

fn video(nosound: bool) -> tl::enums::DocumentAttribute {
    tl::types::DocumentAttributeVideo {
        round_message: false,
        supports_streaming: true,
        nosound,
        duration: 12.5,
        w: 1,
        h: 1,
        preload_prefix_size: None,
        video_start_ts: None,
        video_codec: None,
    }
    .into()
}

fn name(file_name: &str) -> tl::enums::DocumentAttribute {
    tl::types::DocumentAttributeFilename { file_name: file_name.to_owned() }.into()
}

#[test]
fn music_is_described_as_the_message_describes_it() {
    let attributes = vec![audio(false, Some("Song"), Some("Band")), name("song.mp3")];
    let found = attachment_of(CHAT, &document("audio/mpeg", attributes)).unwrap();
    let expected = Attachment {
        chat: CHAT,
        message: MessageId(77),
        title: Some("Song".to_owned()),
        performer: Some("Band".to_owned()),
        file_name: Some("song.mp3".to_owned()),
        mime: Some("audio/mpeg".to_owned()),
        size_bytes: 4_000_000,
        duration: Some(Duration::from_secs(185)),
    };
    assert_eq!(found, expected);
}

#[test]
fn what_sounds_is_playable_and_nothing_else() {
    let check = |mime: &str, attributes: Vec<tl::enums::DocumentAttribute>, is_playable: bool| {
        let found = attachment_of(CHAT, &document(mime, attributes.clone()));
        assert_eq!(found.is_some(), is_playable, "{mime} {attributes:?}");
    };
    check("audio/ogg", vec![audio(true, None, None)], true);
    check("audio/flac", vec![name("a.flac")], true);
    check("application/octet-stream", vec![name("A SONG.FLAC")], true);
    check("application/octet-stream", vec![name("notes.txt")], false);
    check("application/pdf", vec![], false);
    check("video/mp4", vec![video(false)], true);
    check("video/mp4", vec![video(true), tl::enums::DocumentAttribute::Animated], false);
    check("", vec![], false);
}

#[test]
fn empty_descriptions_are_none() {
    let found =
        attachment_of(CHAT, &document("audio/ogg", vec![audio(true, Some(""), Some(""))])).unwrap();
    assert_eq!((found.title, found.performer, found.file_name), (None, None, None));
}

#[test]
fn a_message_without_a_file_has_no_attachment() {
    assert_eq!(attachment_of(CHAT, &message(None)), None);
    assert_eq!(attachment_of(CHAT, &message(Some(tl::enums::MessageMedia::Empty))), None);
}

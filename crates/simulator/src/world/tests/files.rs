use std::time::Duration;

use super::*;
use crate::world::Audio;

fn audio(bytes: Vec<u8>) -> Audio {
    Audio {
        bytes,
        file_name: "song.mp3".to_owned(),
        mime: "audio/mpeg".to_owned(),
        title: Some("Song".to_owned()),
        performer: Some("Singer".to_owned()),
        duration: Duration::from_secs(90),
    }
}

async fn document(town: &Town, user: i64, id: i32) -> types::Document {
    let request = tl::functions::channels::GetMessages {
        channel: town.channel(user, jam()),
        id: vec![types::InputMessageId { id }.into()],
    };
    let enums::messages::Messages::ChannelMessages(answer) =
        town.ask(user, &request).await.unwrap()
    else {
        panic!("no channel messages")
    };
    let enums::Message::Message(message) = &answer.messages[0] else { panic!("no message") };
    let Some(enums::MessageMedia::Document(media)) = &message.media else { panic!("no document") };
    let Some(enums::Document::Document(document)) = &media.document else {
        panic!("empty document")
    };
    document.clone()
}

fn get(document: &types::Document, offset: i64, limit: i32) -> tl::functions::upload::GetFile {
    tl::functions::upload::GetFile {
        precise: false,
        cdn_supported: false,
        location: types::InputDocumentFileLocation {
            id: document.id,
            access_hash: document.access_hash,
            file_reference: document.file_reference.clone(),
            thumb_size: String::new(),
        }
        .into(),
        offset,
        limit,
    }
}

/// An mp3 that was uploaded, as clients describe it.
fn recording(
    file: types::InputFile,
    audio: types::DocumentAttributeAudio,
) -> types::InputMediaUploadedDocument {
    types::InputMediaUploadedDocument {
        nosound_video: false,
        force_file: false,
        spoiler: false,
        file: file.into(),
        thumb: None,
        mime_type: "audio/mpeg".to_owned(),
        attributes: vec![audio.into()],
        stickers: None,
        video_cover: None,
        video_timestamp: None,
        ttl_seconds: None,
    }
}

#[tokio::test]
async fn what_goes_up_in_parts_comes_down_in_chunks() {
    let town = town();
    let bytes: Vec<u8> = (0..1_400_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    for (file_part, part) in bytes.chunks(512 * 1024).enumerate() {
        let request = tl::functions::upload::SaveFilePart {
            file_id: 5,
            file_part: file_part as i32,
            bytes: part.to_vec(),
        };
        assert!(town.ask(BORIS, &request).await.unwrap());
    }
    let file = types::InputFile {
        id: 5,
        parts: 3,
        name: "song.mp3".to_owned(),
        md5_checksum: String::new(),
    };
    let attribute = types::DocumentAttributeAudio {
        voice: false,
        duration: 90,
        title: Some("Song".to_owned()),
        performer: None,
        waveform: None,
    };
    let media = recording(file, attribute);
    let request = tl::functions::messages::SendMedia {
        silent: false,
        background: false,
        clear_draft: false,
        noforwards: false,
        update_stickersets_order: false,
        invert_media: false,
        allow_paid_floodskip: false,
        peer: town.peer(BORIS, jam()),
        reply_to: None,
        media: media.into(),
        message: "listen".to_owned(),
        random_id: 9,
        reply_markup: None,
        entities: None,
        schedule_date: None,
        schedule_repeat_period: None,
        send_as: None,
        quick_reply_shortcut: None,
        effect: None,
        allow_paid_stars: None,
        suggested_post: None,
    };
    let sent = opened(town.ask(BORIS, &request).await.unwrap());
    let document = document(&town, BOT, texts(&sent.updates)[0].0).await;
    assert_eq!((document.size, document.mime_type.as_str()), (1_400_000, "audio/mpeg"));
    let mut down = Vec::new();
    loop {
        let enums::upload::File::File(chunk) =
            town.ask(BOT, &get(&document, down.len() as i64, 512 * 1024)).await.unwrap()
        else {
            panic!("no file")
        };
        let is_last = chunk.bytes.len() < 512 * 1024;
        down.extend(chunk.bytes);
        if is_last {
            break;
        }
    }
    assert!(down == bytes);
}

#[tokio::test]
async fn offsets_and_limits_follow_the_rules() {
    let town = town();
    let id = town.world.send_audio(BORIS, jam(), audio(vec![1; 10_000])).unwrap();
    let document = document(&town, BOT, id).await;
    assert_eq!(town.refused(BOT, &get(&document, 1, 4_096)).await, "OFFSET_INVALID");
    assert_eq!(town.refused(BOT, &get(&document, 0, 4_097)).await, "LIMIT_INVALID");
    assert_eq!(town.refused(BOT, &get(&document, 0, 12_288)).await, "LIMIT_INVALID");
    assert_eq!(town.refused(BOT, &get(&document, 0, 2 << 20)).await, "LIMIT_INVALID");
    assert!(town.ask(BOT, &get(&document, 8_192, 4_096)).await.is_ok());
}

#[tokio::test]
async fn an_expired_reference_is_renewed_by_fetching_the_message_again() {
    let town = town();
    let id = town.world.send_audio(BORIS, jam(), audio(vec![1; 10_000])).unwrap();
    let old = document(&town, BOT, id).await;
    town.world.expire_file_references();
    assert_eq!(town.refused(BOT, &get(&old, 0, 4_096)).await, "FILE_REFERENCE_EXPIRED");
    let new = document(&town, BOT, id).await;
    assert!(town.ask(BOT, &get(&new, 0, 4_096)).await.is_ok());
}

#[tokio::test]
async fn a_missing_part_is_named() {
    let town = town();
    let request =
        tl::functions::upload::SaveFilePart { file_id: 6, file_part: 1, bytes: vec![1; 1024] };
    town.ask(BORIS, &request).await.unwrap();
    let file = types::InputFileBig { id: 6, parts: 2, name: String::new() };
    let media = types::InputMediaUploadedPhoto {
        spoiler: false,
        live_photo: false,
        file: file.into(),
        stickers: None,
        ttl_seconds: None,
        video: None,
    };
    let request = tl::functions::messages::UploadMedia {
        business_connection_id: None,
        peer: town.peer(BORIS, jam()),
        media: media.into(),
    };
    assert_eq!(town.refused(BORIS, &request).await, "FILE_PART_0_MISSING");
}

#[tokio::test]
async fn a_recording_has_no_file_name_and_no_name_has_a_path() {
    let town = town();
    for (voice, expected) in [(true, None), (false, Some("song.mp3".to_owned()))] {
        let bytes = vec![1; 1024];
        let part = tl::functions::upload::SaveFilePart { file_id: 8, file_part: 0, bytes };
        town.ask(BORIS, &part).await.unwrap();
        let (name, md5_checksum) = ("/home/boris/song.mp3".to_owned(), String::new());
        let file = types::InputFile { id: 8, parts: 1, name, md5_checksum };
        let (title, performer, waveform) = (None, None, None);
        let audio =
            types::DocumentAttributeAudio { voice, duration: 9, title, performer, waveform };
        let media = recording(file, audio);
        let request = tl::functions::messages::UploadMedia {
            business_connection_id: None,
            peer: town.peer(BORIS, jam()),
            media: media.into(),
        };
        let enums::MessageMedia::Document(media) = town.ask(BORIS, &request).await.unwrap() else {
            panic!("no document")
        };
        let Some(enums::Document::Document(document)) = media.document else { panic!("empty") };
        let name = document.attributes.into_iter().find_map(|attribute| match attribute {
            enums::DocumentAttribute::Filename(name) => Some(name.file_name),
            _ => None,
        });
        assert_eq!(name, expected);
    }
}

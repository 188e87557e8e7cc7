//! What a message may hold: entities, keyboards and media, checked as they come in.

use grammers_tl_types::{enums, types};

use super::Desk;
use crate::world::html;
use crate::world::letter::Media;
use crate::world::refusal::{Answered, bad};

impl Desk<'_> {
    pub(super) fn entities(
        &self,
        text: &str,
        given: Option<Vec<enums::MessageEntity>>,
    ) -> Answered<Vec<enums::MessageEntity>> {
        let mut entities = Vec::new();
        let length = text.encode_utf16().count() as i32;
        for entity in given.unwrap_or_default() {
            let end = entity.offset().saturating_add(entity.length());
            if entity.offset() < 0 || entity.length() <= 0 || end > length {
                return Err(bad("ENTITY_BOUNDS_INVALID"));
            }
            entities.push(match entity {
                enums::MessageEntity::InputMessageEntityMentionName(mention) => {
                    let user_id = self.state.user_named(self.user, &mention.user_id)?;
                    types::MessageEntityMentionName {
                        offset: mention.offset,
                        length: mention.length,
                        user_id,
                    }
                    .into()
                }
                other => other,
            });
        }
        Ok(html::detect(text, entities))
    }

    pub(super) fn markup(
        &self,
        given: Option<enums::ReplyMarkup>,
    ) -> Answered<Option<enums::ReplyMarkup>> {
        if given.is_some() && !self.state.is_bot(self.user) {
            return Ok(None);
        }
        if let Some(enums::ReplyMarkup::ReplyInlineMarkup(markup)) = &given {
            for row in &markup.rows {
                let enums::KeyboardInlineButtonRow::Row(row) = row;
                for button in &row.buttons {
                    let enums::KeyboardInlineButton::Button(button) = button;
                    check_button(&button.text, &button.r#type)?;
                }
            }
        }
        Ok(given)
    }

    /// What an input medium becomes once it is here.
    pub(super) fn media(&mut self, media: enums::InputMedia) -> Answered<Media> {
        let (date, home) = (self.state.now(), self.state.home(self.user));
        let files = &mut self.state.files;
        match media {
            enums::InputMedia::UploadedDocument(m) => {
                let (bytes, name) = files.finish(self.user, &m.file)?;
                let mut attributes = m.attributes;
                // clients name what they record after the file it lies in, with its whole path; nobody is shown that
                let has_name = attributes.iter().any(is_name_or_recording);
                let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
                if !has_name && !name.is_empty() {
                    let file_name = name.to_owned();
                    attributes.push(types::DocumentAttributeFilename { file_name }.into());
                }
                Ok(Media::Document(files.store(bytes, m.mime_type, attributes, date, home)))
            }
            enums::InputMedia::UploadedPhoto(m) => {
                let (bytes, _) = files.finish(self.user, &m.file)?;
                let mime = "image/jpeg".to_owned();
                Ok(Media::Photo(files.store(bytes, mime, Vec::new(), date, home)))
            }
            enums::InputMedia::Document(m) => match m.id {
                enums::InputDocument::Document(d) => {
                    files.known(d.id, d.access_hash, &d.file_reference).map(Media::Document)
                }
                enums::InputDocument::Empty => Err(bad("DOCUMENT_INVALID")),
            },
            enums::InputMedia::Photo(m) => match m.id {
                enums::InputPhoto::Photo(p) => {
                    files.known(p.id, p.access_hash, &p.file_reference).map(Media::Photo)
                }
                enums::InputPhoto::Empty => Err(bad("PHOTO_INVALID")),
            },
            enums::InputMedia::PhotoExternal(_) | enums::InputMedia::DocumentExternal(_) => {
                Err(bad("WEBPAGE_CURL_FAILED"))
            }
            enums::InputMedia::Dice(dice) => Ok(Media::Other(Box::new(
                types::MessageMediaDice { value: 4, emoticon: dice.emoticon, game_outcome: None }
                    .into(),
            ))),
            _ => Err(bad("MEDIA_INVALID")),
        }
    }
}

fn is_name_or_recording(attribute: &enums::DocumentAttribute) -> bool {
    match attribute {
        enums::DocumentAttribute::Filename(_) => true,
        enums::DocumentAttribute::Audio(audio) => audio.voice,
        enums::DocumentAttribute::Video(video) => video.round_message,
        _ => false,
    }
}

fn check_button(text: &str, kind: &enums::InlineButtonType) -> Answered<()> {
    match kind {
        _ if text.is_empty() => Err(bad("BUTTON_TEXT_INVALID")),
        enums::InlineButtonType::Callback(c) if c.data.is_empty() || c.data.len() > 64 => {
            Err(bad("BUTTON_DATA_INVALID"))
        }
        enums::InlineButtonType::Url(u) if !u.url.contains('.') && !u.url.starts_with("tg://") => {
            Err(bad("BUTTON_URL_INVALID"))
        }
        _ => Ok(()),
    }
}

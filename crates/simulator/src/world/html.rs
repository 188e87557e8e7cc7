//! Text with entities: shown as HTML, and the entities that the server itself finds in what people type.

use grammers_tl_types as tl;
use tl::enums::MessageEntity as Entity;

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Opening and closing tag, when the entity is shown at all.
fn tags(entity: &Entity) -> Option<(String, &'static str)> {
    Some(match entity {
        Entity::Bold(_) => ("<b>".into(), "</b>"),
        Entity::Italic(_) => ("<i>".into(), "</i>"),
        Entity::Underline(_) => ("<u>".into(), "</u>"),
        Entity::Strike(_) => ("<s>".into(), "</s>"),
        Entity::Code(_) => ("<code>".into(), "</code>"),
        Entity::Pre(_) => ("<pre>".into(), "</pre>"),
        Entity::Spoiler(_) => ("<tg-spoiler>".into(), "</tg-spoiler>"),
        Entity::Blockquote(_) => ("<blockquote>".into(), "</blockquote>"),
        Entity::TextUrl(e) => (format!("<a href=\"{}\">", escape(&e.url)), "</a>"),
        Entity::MentionName(e) => (format!("<a href=\"tg://user?id={}\">", e.user_id), "</a>"),
        _ => return None,
    })
}

/// The text as HTML; offsets of entities count UTF-16 units, as Telegram's do.
pub(crate) fn render(text: &str, entities: &[Entity]) -> String {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut marks: Vec<(usize, bool, String)> = Vec::new();
    for entity in entities {
        let Some((open, close)) = tags(entity) else { continue };
        let (from, to) =
            (entity.offset().max(0) as usize, (entity.offset() + entity.length()).max(0) as usize);
        marks.push((from.min(units.len()), true, open));
        marks.push((to.min(units.len()), false, close.to_owned()));
    }
    let mut html = String::new();
    let mut at = 0;
    // At one place what ends is closed, last opened first, before anything is opened.
    let mut places: Vec<usize> = marks.iter().map(|mark| mark.0).collect();
    places.sort_unstable();
    places.dedup();
    for place in places {
        html.push_str(&escape(&String::from_utf16_lossy(&units[at..place])));
        let closing = marks.iter().rev().filter(|mark| mark.0 == place && !mark.1);
        closing.for_each(|mark| html.push_str(&mark.2));
        marks
            .iter()
            .filter(|mark| mark.0 == place && mark.1)
            .for_each(|mark| html.push_str(&mark.2));
        at = place;
    }
    html.push_str(&escape(&String::from_utf16_lossy(&units[at..])));
    html
}

/// Commands, mentions and links, which the server marks in every message by itself.
pub(crate) fn detect(text: &str, given: Vec<Entity>) -> Vec<Entity> {
    let mut entities = given;
    let mut offset = 0_i32;
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        let length = bare.encode_utf16().count() as i32;
        let is_name =
            |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let is_covered =
            entities.iter().any(|e| e.offset() <= offset && offset < e.offset() + e.length());
        let command =
            bare.strip_prefix('/').filter(|c| is_name(c.split('@').next().unwrap_or_default()));
        if is_covered || length == 0 {
            // What the sender marked stays as it is.
        } else if command.is_some() {
            entities.push(tl::types::MessageEntityBotCommand { offset, length }.into());
        } else if bare.strip_prefix('@').is_some_and(is_name) {
            entities.push(tl::types::MessageEntityMention { offset, length }.into());
        } else if bare.starts_with("http://") || bare.starts_with("https://") {
            entities.push(tl::types::MessageEntityUrl { offset, length }.into());
        }
        offset += word.encode_utf16().count() as i32;
    }
    entities.sort_by_key(|e| (e.offset(), -e.length()));
    entities
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_become_tags_at_utf16_places() {
        let bold = tl::types::MessageEntityBold { offset: 3, length: 4 }.into();
        assert_eq!(render("🎵 loud <3", &[bold]), "🎵 <b>loud</b> &lt;3");
    }

    #[test]
    fn the_server_finds_commands_mentions_and_links() {
        let found = detect("/play@bot https://x.example @ada hi", vec![]);
        let kinds: Vec<bool> = found.iter().map(|e| matches!(e, Entity::BotCommand(_))).collect();
        assert_eq!(kinds, [true, false, false]);
        assert!(matches!(found[1], Entity::Url(_)));
        assert!(matches!(found[2], Entity::Mention(_)));
        assert_eq!(found[2].offset(), 28);
    }
}

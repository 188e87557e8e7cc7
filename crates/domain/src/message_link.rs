//! Links to Telegram messages (core.telegram.org/api/links, "Message links").

use crate::ids::{ChatId, MessageId};

/// What such a link names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageLink {
    pub place: Place,
    pub message: MessageId,
    /// A comment on the message, in the discussion group of its channel: that is what is meant.
    pub comment: Option<MessageId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A public name: whoever has the link may read.
    Public(String),
    /// A chat of members only.
    Private(ChatId),
}

/// Names that Telegram's links have had.
const HOSTS: [&str; 3] = ["t.me", "telegram.me", "telegram.dog"];

/// First parts of paths that are no names (core.telegram.org/api/links lists what they are instead).
const NO_NAMES: [&str; 16] = [
    "addemoji",
    "addlist",
    "addstickers",
    "addtheme",
    "bg",
    "boost",
    "confirmphone",
    "contact",
    "giftcode",
    "invoice",
    "iv",
    "joinchat",
    "login",
    "proxy",
    "setlanguage",
    "share",
];

// === impl MessageLink ===

impl MessageLink {
    /// Reads a link as people copy it, with or without its scheme; `None` for everything that names no message.
    pub fn parse(link: &str) -> Option<MessageLink> {
        let link = link.split('#').next()?;
        let (head, query) = link.split_once('?').unwrap_or((link, ""));
        let query = Query(query);
        match head.split_once("://") {
            Some((scheme, action)) if scheme.eq_ignore_ascii_case("tg") => in_app(action, &query),
            Some((scheme, rest))
                if ["http", "https"].iter().any(|it| scheme.eq_ignore_ascii_case(it)) =>
            {
                on_the_web(rest, &query)
            }
            Some(_) => None,
            None => on_the_web(head, &query),
        }
    }
}

/// `tg://resolve?domain=name&post=5`, `tg://privatepost?channel=1&post=5`
fn in_app(action: &str, query: &Query<'_>) -> Option<MessageLink> {
    let place = match action.trim_end_matches('/').to_ascii_lowercase().as_str() {
        "resolve" => public(query.get("domain")?)?,
        "privatepost" => private(query.get("channel")?)?,
        _ => return None,
    };
    Some(MessageLink { place, message: number(query.get("post")?)?, comment: query.comment() })
}

/// `t.me/name/5`, `t.me/name/2/5` in the topic 2, `t.me/s/name/5` as the web shows it, `t.me/c/1/5`, `name.t.me/5`
fn on_the_web(rest: &str, query: &Query<'_>) -> Option<MessageLink> {
    let (host, path) = rest.split_once('/')?;
    let host = host.to_ascii_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let place = match HOSTS.contains(&host) {
        true => match parts.first()?.to_ascii_lowercase().as_str() {
            "c" => {
                let place = private(parts.get(1)?)?;
                parts.drain(..2);
                place
            }
            "s" => {
                let place = public(parts.get(1)?)?;
                parts.drain(..2);
                place
            }
            _ => public(parts.remove(0))?,
        },
        false => public(HOSTS.iter().find_map(|own| host.strip_suffix(own)?.strip_suffix('.'))?)?,
    };
    // a topic may stand before the message
    let message = match parts[..] {
        [message] => number(message)?,
        [topic, message] => number(topic).and(number(message))?,
        _ => return None,
    };
    Some(MessageLink { place, message, comment: query.comment() })
}

/// A name as Telegram allows it: letters, digits and underscores, a letter first.
fn public(name: &str) -> Option<Place> {
    let is_name = (4..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_taken = NO_NAMES.iter().any(|other| other.eq_ignore_ascii_case(name));
    (is_name && !is_taken).then(|| Place::Public(name.to_owned()))
}

fn private(channel: &str) -> Option<Place> {
    let is_number = !channel.is_empty() && channel.bytes().all(|byte| byte.is_ascii_digit());
    // ids of channels that can be written as bot APIs write them
    let channel: i64 = channel.parse().ok().filter(|_| is_number)?;
    (1..1_000_000_000_000).contains(&channel).then(|| Place::Private(ChatId::channel(channel)))
}

fn number(text: &str) -> Option<MessageId> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_number && *number > 0).map(MessageId)
}

/// What follows the question mark.
struct Query<'a>(&'a str);

// === impl Query ===

impl Query<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let pairs = self.0.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    fn comment(&self) -> Option<MessageId> {
        self.get("comment").and_then(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(link: &str, place: &Place, message: i32, comment: Option<i32>) {
        let (message, comment) = (MessageId(message), comment.map(MessageId));
        let expected = MessageLink { place: place.clone(), message, comment };
        assert_eq!(MessageLink::parse(link), Some(expected), "{link}");
    }

    #[test]
    fn links_to_messages_are_read_in_all_their_forms() {
        let name = Place::Public("some_channel".to_owned());
        for link in [
            "https://t.me/some_channel/5",
            "http://t.me/some_channel/5/",
            "HTTPS://T.ME/some_channel/5",
            "t.me/some_channel/5",
            "https://www.t.me/some_channel/5",
            "https://telegram.me/some_channel/5",
            "https://telegram.dog/some_channel/5",
            "https://some_channel.t.me/5",
            "https://t.me/s/some_channel/5",
            "https://t.me/some_channel/5?single",
            "https://t.me/some_channel/5?single&t=10#x",
            // in a topic of a forum, and in a thread
            "https://t.me/some_channel/2/5",
            "https://t.me/some_channel/5?thread=2",
            "tg://resolve?domain=some_channel&post=5",
            "tg://resolve?domain=some_channel&post=5&single&thread=2",
            "TG://resolve/?domain=some_channel&post=5",
        ] {
            check(link, &name, 5, None);
        }
        let members = Place::Private(ChatId::channel(1_234_567_890));
        for link in [
            "https://t.me/c/1234567890/5",
            "https://t.me/c/1234567890/2/5",
            "https://t.me/c/1234567890/5?thread=2&single",
            "tg://privatepost?channel=1234567890&post=5",
        ] {
            check(link, &members, 5, None);
        }
        check("https://t.me/some_channel/5?comment=77", &name, 5, Some(77));
        check("tg://privatepost?channel=1234567890&post=5&comment=77", &members, 5, Some(77));
    }

    #[test]
    fn what_names_no_message_is_no_such_link() {
        for link in [
            "",
            "t.me",
            "https://t.me/",
            "https://t.me/some_channel",
            "https://t.me/some_channel/",
            "https://t.me/some_channel/five",
            "https://t.me/some_channel/0",
            "https://t.me/some_channel/-5",
            "https://t.me/some_channel/+5",
            "https://t.me/some_channel/99999999999",
            "https://t.me/some_channel/1/2/3",
            "https://t.me/c/5",
            "https://t.me/c/abc/5",
            "https://t.me/c/-100123/5",
            "https://t.me/c/9999999999999999999/5",
            "https://t.me/c/1000000000000/5",
            "https://t.me/joinchat/5",
            "https://t.me/+abcdef/5",
            "https://t.me/addstickers/5",
            "https://t.me/5some/5",
            "https://t.me/some-channel/5",
            "https://t.me/so/5",
            "https://nott.me/some_channel/5",
            "https://t.me.example.org/some_channel/5",
            "https://example.org/t.me/some_channel/5",
            "https://some_channel.t.me/",
            "tg://resolve?domain=some_channel",
            "tg://resolve?post=5",
            "tg://user?id=5",
            "ftp://t.me/some_channel/5",
            "some words/5",
        ] {
            assert_eq!(MessageLink::parse(link), None, "{link}");
        }
    }
}

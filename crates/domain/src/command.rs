//! What people type: `/play@bot some song`, in any case, script and direction.

use crate::message_link::MessageLink;

/// What a message asks of this bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    Command(Command),
    /// A command, but not one of ours; groups have other bots, so this is silence there and help in private.
    Unknown,
    /// `/play@otherbot`
    ForAnotherBot,
    /// Ordinary talk.
    NotACommand,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Start,
    Help,
    /// Without words, the reply or the attachment says what to play.
    Play(Option<Asked>),
    Pause,
    Resume,
    Skip,
    Stop,
    Queue,
    Ping,
    Stats,
    /// The last failure of this chat, in plain words.
    Why,
    /// What to choose from, for these words.
    Search(Option<String>),
}

/// The words after `/play`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    Query(String),
    Url(String),
}

/// Every name a command answers to; the first is the one shown in menus.
const NAMES: &[(&str, Name)] = &[
    ("play", Name::Play),
    ("p", Name::Play),
    ("pause", Name::Pause),
    ("resume", Name::Resume),
    ("skip", Name::Skip),
    ("next", Name::Skip),
    ("stop", Name::Stop),
    ("end", Name::Stop),
    ("queue", Name::Queue),
    ("q", Name::Queue),
    ("ping", Name::Ping),
    ("stats", Name::Stats),
    ("why", Name::Why),
    ("search", Name::Search),
    ("find", Name::Search),
    ("start", Name::Start),
    ("help", Name::Help),
];

#[derive(Clone, Copy)]
enum Name {
    Start,
    Help,
    Play,
    Pause,
    Resume,
    Skip,
    Stop,
    Queue,
    Ping,
    Stats,
    Why,
    Search,
}

/// Telegram's own limit on a message's text, in characters; anything longer was not typed by a person.
pub const TEXT_MAX: usize = 4_096;

/// Reads one message. `username` is this bot's, without `@`.
pub fn parse(text: &str, username: &str) -> Parsed {
    let text = text.trim_start_matches(is_invisible).trim();
    let Some(rest) = text.strip_prefix('/') else { return Parsed::NotACommand };
    let (head, arguments) = match rest.find(char::is_whitespace) {
        Some(at) => (&rest[..at], rest[at..].trim()),
        None => (rest, ""),
    };
    let (name, addressee) = match head.split_once('@') {
        Some((name, addressee)) => (name, Some(addressee)),
        None => (head, None),
    };
    if addressee.is_some_and(|to| !to.eq_ignore_ascii_case(username)) {
        return Parsed::ForAnotherBot;
    }
    let known = NAMES
        .iter()
        .find(|(spelled, _)| spelled.eq_ignore_ascii_case(name.trim_end_matches(is_invisible)));
    let Some((_, name)) = known else {
        // "/ hello" and "//" are talk, "/other" is some bot's command
        return if name.chars().next().is_some_and(char::is_alphanumeric) {
            Parsed::Unknown
        } else {
            Parsed::NotACommand
        };
    };
    Parsed::Command(match name {
        Name::Start => Command::Start,
        Name::Help => Command::Help,
        Name::Play => Command::Play(asked(arguments)),
        Name::Pause => Command::Pause,
        Name::Resume => Command::Resume,
        Name::Skip => Command::Skip,
        Name::Stop => Command::Stop,
        Name::Queue => Command::Queue,
        Name::Ping => Command::Ping,
        Name::Stats => Command::Stats,
        Name::Why => Command::Why,
        Name::Search => match asked(arguments) {
            Some(Asked::Query(words)) => Command::Search(Some(words)),
            // a link leaves nothing to choose
            Some(link) => Command::Play(Some(link)),
            None => Command::Search(None),
        },
    })
}

/// A link anywhere in the words wins over the words around it; quotes around a query are not part of it.
fn asked(arguments: &str) -> Option<Asked> {
    let plain: String = arguments.chars().filter(|c| !is_invisible(*c)).take(TEXT_MAX).collect();
    if let Some(url) = plain.split_whitespace().map(bare_link).find(|word| is_link(word)) {
        return Some(Asked::Url(url.to_owned()));
    }
    let folded = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let query = unquote(&folded).trim();
    query.chars().any(char::is_alphanumeric).then(|| Asked::Query(query.to_owned()))
}

/// `scheme://…`, whatever the scheme: the guard says which may be opened, and why the others may not. Links to Telegram
/// messages are copied without a scheme too.
fn is_link(word: &str) -> bool {
    match word.split_once("://") {
        None => MessageLink::parse(word).is_some(),
        Some((scheme, rest)) => {
            !rest.is_empty()
                && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        }
    }
}

/// Without the brackets around it and what ends the sentence, as Telegram marks links. A bracket that the link opened
/// itself is its own.
fn bare_link(word: &str) -> &str {
    const PAIRS: [(char, char); 3] = [('(', ')'), ('[', ']'), ('{', '}')];
    let opens = |c: char| is_bracket(c) || PAIRS.iter().any(|(open, _)| *open == c);
    let mut link = word.trim_start_matches(opens);
    while let Some(last) = link.chars().next_back() {
        let count = |wanted: char| link.chars().filter(|c| *c == wanted).count();
        let is_own = |(open, close): &(char, char)| *close == last && count(*open) >= count(*close);
        let is_end = matches!(last, '.' | ',' | ';' | ':' | '!' | '?' | '…')
            || is_bracket(last)
            || PAIRS.iter().any(|(_, close)| *close == last) && !PAIRS.iter().any(is_own);
        if !is_end {
            break;
        }
        link = &link[..link.len() - last.len_utf8()];
    }
    link
}

fn unquote(query: &str) -> &str {
    const PAIRS: &[(char, char)] =
        &[('"', '"'), ('\'', '\''), ('«', '»'), ('“', '”'), ('„', '“'), ('‘', '’'), ('`', '`')];
    for (open, close) in PAIRS {
        let inner = query.strip_prefix(*open).and_then(|rest| rest.strip_suffix(*close));
        if let Some(inner) = inner.filter(|inner| !inner.contains(*open) && !inner.contains(*close))
        {
            return inner;
        }
    }
    query
}

fn is_bracket(c: char) -> bool {
    matches!(c, '<' | '>' | '"' | '\'' | '«' | '»' | '“' | '”')
}

/// Direction marks and zero-width characters that keyboards of right-to-left languages put around a slash.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{FEFF}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(words: &str) -> Parsed {
        Parsed::Command(Command::Play(Some(Asked::Query(words.into()))))
    }

    fn url(link: &str) -> Parsed {
        Parsed::Command(Command::Play(Some(Asked::Url(link.into()))))
    }

    fn check(text: &str, expected: Parsed) {
        assert_eq!(parse(text, "ArmedBot"), expected, "{text:?}");
    }

    #[test]
    fn commands_are_found_in_any_case_and_address() {
        check("/pause", Parsed::Command(Command::Pause));
        check("/PAUSE", Parsed::Command(Command::Pause));
        check("/pause@armedbot", Parsed::Command(Command::Pause));
        check("/Pause@ArmedBot now please", Parsed::Command(Command::Pause));
        check("/pause@otherbot", Parsed::ForAnotherBot);
        check("/end", Parsed::Command(Command::Stop));
        check("/next", Parsed::Command(Command::Skip));
        check("/q", Parsed::Command(Command::Queue));
        check("  /ping  ", Parsed::Command(Command::Ping));
        check("/stats@armedbot", Parsed::Command(Command::Stats));
        check("/start deep-link", Parsed::Command(Command::Start));
        check("/WHY@armedbot", Parsed::Command(Command::Why));
        check("/search some  song", Parsed::Command(Command::Search(Some("some song".into()))));
        check("/find", Parsed::Command(Command::Search(None)));
        check("/search https://example.org/a", url("https://example.org/a"));
    }

    #[test]
    fn talk_is_not_a_command() {
        check("pause", Parsed::NotACommand);
        check("", Parsed::NotACommand);
        check("/", Parsed::NotACommand);
        check("//", Parsed::NotACommand);
        check("/ play x", Parsed::NotACommand);
        check("look: /play x", Parsed::NotACommand);
        check("/playlist x", Parsed::Unknown);
        check("/играй x", Parsed::Unknown);
    }

    #[test]
    fn a_query_keeps_its_words_and_loses_its_quotes() {
        check("/play some  song", query("some song"));
        check("/play\nsome\tsong", query("some song"));
        check("/play \"some song\"", query("some song"));
        check("/play «Группа крови»", query("Группа крови"));
        check("/play „Nena“", query("Nena"));
        check("/play 'n Sync", query("'n Sync"));
        check("/play \"one\" and \"two\"", query("\"one\" and \"two\""));
        check("/play שיר ישראלי", query("שיר ישראלי"));
        check("/play 🎵 песня", query("🎵 песня"));
        check("/play <b>bold</b>", query("<b>bold</b>"));
    }

    #[test]
    fn right_to_left_marks_do_not_hide_a_command() {
        check("\u{200F}/play\u{200F} שיר", query("שיר"));
        check("\u{202B}/pause\u{202C}", Parsed::Command(Command::Pause));
    }

    #[test]
    fn a_link_wins_over_the_words_around_it() {
        check("/play https://example.org/a.mp3", url("https://example.org/a.mp3"));
        check("/play HTTP://EXAMPLE.ORG/a", url("HTTP://EXAMPLE.ORG/a"));
        check("/play listen <https://example.org/a?b=c#d> now", url("https://example.org/a?b=c#d"));
        check("/play file:///etc/passwd", url("file:///etc/passwd"));
        check("/play concat://x", url("concat://x"));
        check("/play (https://example.org/a.mp3)", url("https://example.org/a.mp3"));
        check("/play https://example.org/a.mp3, please", url("https://example.org/a.mp3"));
        check("/play this: https://example.org/a.mp3!", url("https://example.org/a.mp3"));
        check("/play https://example.org/A_(song)", url("https://example.org/A_(song)"));
        check("/play (https://example.org/A_(song)).", url("https://example.org/A_(song)"));
        check("/play https://example.org/?q=1", url("https://example.org/?q=1"));
        check("/play what://", query("what://"));
        check("/play :// x", query(":// x"));
    }

    #[test]
    fn play_without_words_asks_for_nothing() {
        for text in
            ["/play", "/play   ", "/play \"\"", "/play \u{200B}", "/play !?", "/play@ArmedBot"]
        {
            check(text, Parsed::Command(Command::Play(None)));
        }
    }

    #[test]
    fn the_longest_message_is_read_whole_and_nothing_beyond() {
        let words = "я".repeat(TEXT_MAX - 6);
        check(&format!("/play {words}"), query(&words));
        let Parsed::Command(Command::Play(Some(Asked::Query(read)))) =
            parse(&format!("/play {}", "я".repeat(9_000)), "b")
        else {
            panic!("a long query is still a query")
        };
        assert_eq!(read.chars().count(), TEXT_MAX);
    }
}

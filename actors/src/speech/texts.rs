//! The texts of every language, from Fluent files that are part of the program.
//!
//! Arguments that are words are escaped here and nowhere else, so a title or a name can never become HTML.

use std::fmt::Write as _;

use domain::Reason;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use serde::{Deserialize, Serialize};
use telegram::Html;
use unic_langid::{LanguageIdentifier, langid};

/// The languages the bot speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    En,
    Ru,
}

/// One value put into a text.
#[derive(Debug, Clone)]
pub enum Arg<'a> {
    /// Escaped when it is put in.
    Text(&'a str),
    /// A text of ours, marked up already.
    Html(&'a str),
    /// Chosen by plural rules.
    Number(usize),
}

pub struct Texts {
    en: FluentBundle<FluentResource>,
    ru: FluentBundle<FluentResource>,
}

// === impl Language ===

impl Language {
    pub const ALL: [Language; 2] = [Language::En, Language::Ru];

    /// From an IETF tag as Telegram reports it (`ru`, `en-GB`); anything that is not Russian reads English.
    pub fn from_tag(tag: &str) -> Language {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("ru") { Language::Ru } else { Language::En }
    }

    pub fn tag(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::Ru => "ru",
        }
    }
}

// === impl Texts ===

impl Texts {
    /// Reads the embedded files. They are part of the build and checked by its tests, so this cannot fail at run time.
    pub fn embedded() -> Texts {
        Texts {
            en: bundle(langid!("en"), include_str!("../../locales/en.ftl")),
            ru: bundle(langid!("ru"), include_str!("../../locales/ru.ftl")),
        }
    }

    /// The text `id` as HTML for Telegram. An id without a text is shown as itself: visible, harmless, and a test's prey.
    pub fn say(&self, language: Language, id: &str, args: &[(&'static str, Arg<'_>)]) -> String {
        let bundle = self.bundle(language);
        let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else {
            return id.to_owned();
        };
        let mut values = FluentArgs::new();
        for (name, arg) in args {
            match arg {
                Arg::Text(text) => values.set(*name, FluentValue::from(Html::escape(text))),
                Arg::Html(html) => values.set(*name, FluentValue::from(*html)),
                Arg::Number(number) => values.set(*name, FluentValue::from(*number)),
            }
        }
        let mut errors = Vec::new();
        bundle.format_pattern(pattern, Some(&values), &mut errors).into_owned()
    }

    /// Why something failed, with a way out.
    pub fn reason(&self, language: Language, reason: Reason) -> String {
        self.say(language, &reason_id(reason), &[])
    }

    fn bundle(&self, language: Language) -> &FluentBundle<FluentResource> {
        match language {
            Language::En => &self.en,
            Language::Ru => &self.ru,
        }
    }
}

fn bundle(language: LanguageIdentifier, source: &str) -> FluentBundle<FluentResource> {
    let resource = match FluentResource::try_new(source.to_owned()) {
        Ok(resource) | Err((resource, _)) => resource,
    };
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    // Telegram lays out each line by its first strong character; isolation marks would only litter copied text
    bundle.set_use_isolating(false);
    bundle.add_resource_overriding(resource);
    bundle
}

/// `NotFound` → `reason-not-found`.
fn reason_id(reason: Reason) -> String {
    let mut id = String::from("reason");
    for c in format!("{reason:?}").chars() {
        if c.is_ascii_uppercase() {
            id.push('-');
        }
        id.push(c.to_ascii_lowercase());
    }
    id
}

/// `3:07`, `1:02:03`.
pub fn clock(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = String::new();
    let written = match hours {
        0 => write!(text, "{minutes}:{seconds:02}"),
        _ => write!(text, "{hours}:{minutes:02}:{seconds:02}"),
    };
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;

    const REASONS: &[Reason] = &[
        Reason::NotFound,
        Reason::NothingAsked,
        Reason::NotAudio,
        Reason::Unsupported,
        Reason::Corrupt,
        Reason::Empty,
        Reason::Preview,
        Reason::TooLarge,
        Reason::TooLong,
        Reason::LiveOff,
        Reason::ExplicitOff,
        Reason::MessageHidden,
        Reason::BadUrl,
        Reason::PrivateAddress,
        Reason::Unreachable,
        Reason::Timeout,
        Reason::ServiceRefused,
        Reason::QueueFull,
        Reason::NoVoiceChat,
        Reason::CallEnded,
        Reason::ForceMuted,
        Reason::BroadcastOnly,
        Reason::Conference,
        Reason::JoinedElsewhere,
        Reason::CallUnreachable,
        Reason::NotAllowed,
        Reason::NoAssistant,
        Reason::AssistantNotIn,
        Reason::AssistantBanned,
        Reason::AssistantAwaitsApproval,
        Reason::TooManyChannels,
        Reason::AccountLost,
        Reason::Flood,
        Reason::TelegramUnreachable,
        Reason::Unreadable,
        Reason::Stopping,
        Reason::Internal,
    ];

    fn ids(source: &str) -> BTreeSet<String> {
        let is_id = |line: &&str| {
            line.chars().next().is_some_and(|c| c.is_ascii_lowercase()) && line.contains('=')
        };
        source
            .lines()
            .filter(is_id)
            .filter_map(|line| Some(line.split_once('=')?.0.trim().to_owned()))
            .collect()
    }

    #[test]
    fn both_languages_have_the_same_texts_and_parse_whole() {
        let (en, ru) = (include_str!("../../locales/en.ftl"), include_str!("../../locales/ru.ftl"));
        for source in [en, ru] {
            assert!(FluentResource::try_new(source.to_owned()).is_ok());
        }
        assert_eq!(ids(en), ids(ru));
        assert!(ids(en).len() > 60);
    }

    #[test]
    fn every_reason_has_words_in_every_language() {
        let texts = Texts::embedded();
        for language in Language::ALL {
            for reason in REASONS {
                let said = texts.reason(language, *reason);
                assert!(!said.starts_with("reason-"), "{reason:?} in {language:?}");
                assert!(said.ends_with('.'), "{said}");
            }
        }
        let n_known = ids(include_str!("../../locales/en.ftl"))
            .iter()
            .filter(|id| id.starts_with("reason-"))
            .count();
        assert_eq!(
            n_known,
            REASONS.len(),
            "a reason without a row here, or a text without a reason"
        );
    }

    #[test]
    fn words_put_into_a_text_never_become_html() {
        let texts = Texts::embedded();
        let evil = "<b>\"x\" & <a href=\"tg://user?id=abc\">y</a>";
        let said = texts.say(
            Language::En,
            "skipped",
            &[("name", Arg::Text("Ann")), ("title", Arg::Text(evil))],
        );
        assert_eq!(
            said,
            "⏭ Ann skipped <b>&lt;b&gt;&quot;x&quot; &amp; &lt;a href=&quot;tg://user?id=abc&quot;&gt;y&lt;/a&gt;</b>."
        );
    }

    #[test]
    fn plurals_follow_the_language() {
        let texts = Texts::embedded();
        let say = |language, n| texts.say(language, "waiting", &[("tracks", Arg::Number(n))]);
        assert_eq!(say(Language::En, 1), "📜 1 track waits");
        assert_eq!(say(Language::En, 5), "📜 5 tracks wait");
        assert_eq!(say(Language::Ru, 1), "📜 Ждёт 1 трек");
        assert_eq!(say(Language::Ru, 3), "📜 Ждут 3 трека");
        assert_eq!(say(Language::Ru, 11), "📜 Ждут 11 треков");
    }

    #[test]
    fn languages_are_read_from_telegrams_tags() {
        let rows = [
            ("ru", Language::Ru),
            ("ru-RU", Language::Ru),
            ("RU_ru", Language::Ru),
            ("en", Language::En),
            ("", Language::En),
            ("hy", Language::En),
        ];
        for (tag, expected) in rows {
            assert_eq!(Language::from_tag(tag), expected, "{tag}");
        }
    }

    #[test]
    fn times_read_as_on_a_player() {
        let rows =
            [(0, "0:00"), (7, "0:07"), (187, "3:07"), (3_600, "1:00:00"), (3_723, "1:02:03")];
        for (seconds, expected) in rows {
            assert_eq!(clock(Duration::from_secs(seconds)), expected);
        }
    }
}

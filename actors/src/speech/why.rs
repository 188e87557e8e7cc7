//! /why and /search in words. Pure.

use std::time::Duration;

use domain::callback::{Action, Generation, Pressed};
use domain::timeline::{Came, Hindrance, Row, Step, Then, Timeline};
use domain::track::{Track, clean_title};
use domain::{Attempt, Fault, Reason};

use super::Arg;
use super::panel::{Button, Pen, Saying, plain};
use super::texts::clock;

/// Of a title, in characters.
const TITLE_MAX: usize = 90;
/// Rows that are told before the rest is counted.
const ROWS_MAX: usize = 20;
const DIGITS: [&str; 5] = ["1️⃣", "2️⃣", "3️⃣", "4️⃣", "5️⃣"];

// === impl Pen ===

impl Pen<'_> {
    /// What went wrong last, and what was tried.
    pub fn why(&self, asked: &str, fault: &Fault, timeline: &Timeline, ago: Duration) -> Saying {
        let reason = self.texts.reason(self.language, fault.reason);
        let (asked, ago) = (clean_title(asked, TITLE_MAX, "…"), clock(ago));
        let args = [
            ("asked", Arg::Text(&asked)),
            ("ago", Arg::Text(&ago)),
            ("reason", Arg::Html(&reason)),
        ];
        let mut lines = vec![self.say("why-head", &args)];
        if !timeline.is_empty() {
            lines.push(String::new());
        }
        lines.extend(timeline.0.iter().take(ROWS_MAX).map(|row| self.row(row)));
        let n_more = timeline.0.len().saturating_sub(ROWS_MAX);
        if n_more > 0 {
            lines.push(self.say("why-more", &[("rows", Arg::Number(n_more))]));
        }
        plain(lines.join("\n"))
    }

    fn row(&self, row: &Row) -> String {
        let step = match row.step {
            Step::Search => "search",
            Step::Describe => "describe",
            Step::Open => "open",
            Step::List => "list",
        };
        let then = match row.then {
            Then::Taken => "taken",
            Then::NextAsked => "next",
            Then::AskedAgain => "again",
            Then::GivenUp => "given-up",
            Then::CalledOff => "called-off",
        };
        let (came, at, took) = (self.came(&row.came), tenths(row.at_ms), tenths(row.took_ms));
        let who = clean_title(&row.who, TITLE_MAX, "?");
        let slow = if row.is_slow { "slow" } else { "usual" };
        self.say(
            "why-row",
            &[
                ("at", Arg::Text(&at)),
                ("who", Arg::Text(&who)),
                ("step", Arg::Text(step)),
                ("came", Arg::Html(&came)),
                ("took", Arg::Text(&took)),
                ("slow", Arg::Text(slow)),
                ("then", Arg::Text(then)),
            ],
        )
    }

    fn came(&self, came: &Came) -> String {
        let wait = |for_s: u64| clock(Duration::from_secs(for_s));
        match came {
            Came::Answer => self.say("why-answer", &[]),
            Came::Nothing => self.say("why-nothing", &[]),
            Came::Silence => self.say("why-silence", &[]),
            Came::NotAsked(Hindrance::Failing { for_s }) => {
                self.say("why-failing", &[("wait", Arg::Text(&wait(*for_s)))])
            }
            Came::NotAsked(Hindrance::AskedToWait { for_s }) => {
                self.say("why-asked-to-wait", &[("wait", Arg::Text(&wait(*for_s)))])
            }
            Came::NotAsked(Hindrance::Busy) => self.say("why-busy", &[]),
            Came::Fault { reason, .. } => {
                self.say("why-fault", &[("reason", Arg::Text(word(*reason)))])
            }
        }
    }

    /// What a search found, a button for each.
    pub fn hits(&self, words: &str, tracks: &[Track], search: Generation) -> Saying {
        let words = clean_title(words, TITLE_MAX, "?");
        let mut lines = vec![self.say("search-head", &[("words", Arg::Text(&words))])];
        let mut buttons = Vec::new();
        for (at, (track, digit)) in tracks.iter().zip(DIGITS).enumerate() {
            let title = clean_title(&track.display(), TITLE_MAX, "?");
            let duration = match track.duration {
                Some(duration) => clock(duration),
                None if track.is_live => self.say("live", &[]),
                None => "…".to_owned(),
            };
            let args = [
                ("title", Arg::Text(&title)),
                ("duration", Arg::Text(&duration)),
                ("source", Arg::Text(track.source)),
            ];
            lines.push(format!("{digit} {}", self.say("search-hit", &args)));
            let (action, attempt) = (Action::Pick, Attempt(at as u64));
            let data = self.seal.sign(self.chat, Pressed { action, generation: search, attempt });
            buttons.push(Button { label: digit, data });
        }
        Saying { html: lines.join("\n"), buttons }
    }
}

/// The kinds of faults of a service that people can tell apart.
fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::Unreachable => "unreachable",
        Reason::Timeout => "timeout",
        Reason::ServiceRefused => "refused",
        Reason::Flood => "flood",
        Reason::NotFound => "not-found",
        Reason::Preview => "preview",
        Reason::TooLong => "too-long",
        Reason::TooLarge => "too-large",
        Reason::LiveOff => "live",
        Reason::ExplicitOff => "explicit",
        Reason::NotAudio | Reason::Unsupported | Reason::Corrupt | Reason::Empty => "unreadable",
        _ => "other",
    }
}

fn tenths(ms: u64) -> String {
    format!("{}.{}", ms / 1_000, ms % 1_000 / 100)
}

#[cfg(test)]
mod tests {
    use domain::ChatId;
    use domain::callback::Seal;

    use super::*;
    use crate::speech::{Language, Texts};

    fn row(came: Came, then: Then) -> Row {
        let (who, step) = ("piped at <one>".to_owned(), Step::Search);
        Row { who, step, at_ms: 1_250, took_ms: 980, came, is_slow: true, then }
    }

    #[test]
    fn every_way_of_failing_has_words_in_every_language() {
        let fault = |reason| Came::Fault { reason, detail: "secret-detail".to_owned() };
        let came = [
            Came::Answer,
            Came::Nothing,
            Came::Silence,
            Came::NotAsked(Hindrance::Failing { for_s: 20 }),
            Came::NotAsked(Hindrance::AskedToWait { for_s: 20 }),
            Came::NotAsked(Hindrance::Busy),
            fault(Reason::Unreachable),
            fault(Reason::Preview),
            fault(Reason::Internal),
        ];
        let thens =
            [Then::Taken, Then::NextAsked, Then::AskedAgain, Then::GivenUp, Then::CalledOff];
        let rows = came.iter().flat_map(|came| thens.map(|then| row(came.clone(), then)));
        let (texts, seal) = (Texts::embedded(), Seal::new(&[1; 32]));
        let failed = Fault::refused(Reason::NotFound, "secret-detail");
        for language in Language::ALL {
            let (chat, generation) = (ChatId(-100), Generation(0));
            let pen = Pen { texts: &texts, language, seal: &seal, chat, generation };
            for row in rows.clone() {
                let timeline = Timeline(vec![row]);
                let said = pen.why("a <song>", &failed, &timeline, Duration::from_secs(65)).html;
                assert!(said.contains("a &lt;song&gt;") && said.contains("1:05"), "{said}");
                assert!(said.contains("piped at &lt;one&gt;") && said.contains("1.2"), "{said}");
                assert!(!said.contains("why-") && !said.contains('{'), "{said}");
                assert!(!said.contains("secret-detail"), "details are for the log: {said}");
            }
            let many = Timeline(vec![row(Came::Nothing, Then::NextAsked); 100]);
            let said = pen.why("x", &failed, &many, Duration::ZERO).html;
            assert!(said.chars().count() < 4_096 && said.contains("80"), "{said}");
        }
    }
}

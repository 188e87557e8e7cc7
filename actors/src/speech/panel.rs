//! The messages that show something: the now-playing panel, a queued track, the queue.

use std::time::Duration;

use domain::callback::{Action, Generation, Pressed, Seal};
use domain::event::{Listing, Sounding, Waiting};
use domain::track::{Track, clean_title};
use domain::{Attempt, ChatId};

use super::texts::clock;
use super::{Arg, Language, Texts};

/// Longest title shown, in characters; long enough for any real one, short enough for one screen.
const TITLE_MAX: usize = 120;
const NAME_MAX: usize = 40;
/// Places on the now-playing line.
const BAR_CELLS: u32 = 12;
/// Waiting tracks that `/queue` lists before it counts.
const LISTED_MAX: usize = 10;

/// A message as it is to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saying {
    pub html: String,
    pub buttons: Vec<Button>,
}

/// One row of buttons is enough for a player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    pub label: &'static str,
    pub data: Vec<u8>,
}

/// What a panel is about, kept by whoever edits it.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    pub attempt: Attempt,
    pub track: Track,
    /// What a station says is on.
    pub song: Option<String>,
    pub requested_by: String,
    pub duration: Option<Duration>,
    pub n_waiting: usize,
    pub position: Duration,
    pub state: PanelState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PanelState {
    Playing,
    Paused,
    /// It sounded to its end; the panel keeps no buttons.
    Ended,
    Skipped,
    Stopped,
}

/// Who draws: the words, and what binds the buttons to chat and player.
#[derive(Clone, Copy)]
pub struct Pen<'a> {
    pub texts: &'a Texts,
    pub language: Language,
    pub seal: &'a Seal,
    pub chat: ChatId,
    pub generation: Generation,
}

// === impl Pen ===

impl Pen<'_> {
    pub fn panel(&self, panel: &Panel) -> Saying {
        let head = match panel.state {
            PanelState::Playing => "now-playing",
            PanelState::Paused => "now-paused",
            PanelState::Ended => "ended-line",
            PanelState::Skipped => "skipped-line",
            PanelState::Stopped => "stopped-line",
        };
        let mut lines = vec![self.say(head, &[]), format!("<b>{}</b>", self.title(&panel.track))];
        lines.extend(panel.song.as_deref().map(|song| {
            format!("🎵 {}", telegram::Html::escape(&clean_title(song, TITLE_MAX, "")))
        }));
        let is_on = matches!(panel.state, PanelState::Playing | PanelState::Paused);
        if is_on {
            lines.push(self.line(panel.position, panel.duration, panel.track.is_live));
        }
        lines.push(self.say("requested-by", &[("name", Arg::Text(&name(&panel.requested_by)))]));
        if is_on && panel.n_waiting > 0 {
            lines.push(self.say("waiting", &[("tracks", Arg::Number(panel.n_waiting))]));
        }
        Saying { html: lines.join("\n"), buttons: self.buttons(panel) }
    }

    /// `0:12 ▬▬▬●▬▬▬▬▬▬▬▬ 3:20`; a live stream, and a file that does not say how long it is, show how long they have
    /// been on.
    fn line(&self, position: Duration, duration: Option<Duration>, is_live: bool) -> String {
        let Some(duration) = duration.filter(|duration| !duration.is_zero()) else {
            return match is_live {
                true => format!("{} · {}", clock(position), self.say("live", &[])),
                false => clock(position),
            };
        };
        let position = position.min(duration);
        let share = position.as_secs_f64() / duration.as_secs_f64();
        let cell = ((share * f64::from(BAR_CELLS)) as u32).min(BAR_CELLS - 1);
        let bar: String = (0..BAR_CELLS).map(|at| if at == cell { '●' } else { '▬' }).collect();
        format!("{} {bar} {}", clock(position), clock(duration))
    }

    fn buttons(&self, panel: &Panel) -> Vec<Button> {
        let first = match panel.state {
            PanelState::Playing => ("⏸", Action::Pause),
            PanelState::Paused => ("▶️", Action::Resume),
            _ => return Vec::new(),
        };
        let sign = |action| {
            self.seal.sign(
                self.chat,
                Pressed { action, generation: self.generation, attempt: panel.attempt },
            )
        };
        [first, ("⏭", Action::Skip), ("⏹", Action::Stop)]
            .into_iter()
            .map(|(label, action)| Button { label, data: sign(action) })
            .collect()
    }

    /// Whether it is kept is said only when it is not.
    pub fn queued(&self, track: &Track, place: usize, requested_by: &str, is_kept: bool) -> Saying {
        let title = clean_title(&track.display(), TITLE_MAX, "?");
        let duration = track.duration.map_or_else(|| "none".to_owned(), clock);
        let mut html = self.say(
            "queued",
            &[
                ("title", Arg::Text(&title)),
                ("duration", Arg::Text(&duration)),
                ("place", Arg::Number(place)),
                ("name", Arg::Text(&name(requested_by))),
            ],
        );
        if !is_kept {
            html = format!("{html}\n{}", self.say("not-kept", &[]));
        }
        plain(html)
    }

    pub fn listing(&self, listing: &Listing) -> Saying {
        if listing.now.is_none() && listing.waiting.is_empty() {
            return plain(self.say("queue-empty", &[]));
        }
        let mut lines: Vec<String> = listing.now.iter().map(|now| self.sounding(now)).collect();
        let listed = listing.waiting.iter().take(LISTED_MAX).enumerate();
        lines.extend(listed.map(|(index, waiting)| self.waiting(index + 1, waiting)));
        let n_more = listing.waiting.len().saturating_sub(LISTED_MAX);
        if n_more > 0 {
            lines.push(self.say("queue-more", &[("tracks", Arg::Number(n_more))]));
        }
        plain(lines.join("\n"))
    }

    fn sounding(&self, now: &Sounding) -> String {
        let title = clean_title(&now.track.display(), TITLE_MAX, "?");
        let unknown = || if now.track.is_live { self.say("live", &[]) } else { "?".to_owned() };
        let duration = now.duration.map_or_else(unknown, clock);
        let id = if now.is_paused { "queue-now-paused" } else { "queue-now" };
        self.say(
            id,
            &[
                ("title", Arg::Text(&title)),
                ("position", Arg::Text(&clock(now.position))),
                ("duration", Arg::Text(&duration)),
                ("name", Arg::Text(&name(&now.requester.name))),
            ],
        )
    }

    fn waiting(&self, place: usize, waiting: &Waiting) -> String {
        let title = match &waiting.track {
            Some(track) => clean_title(&track.display(), TITLE_MAX, "?"),
            None => self.say("queue-looking", &[]),
        };
        let by = name(&waiting.requester.name);
        let args =
            [("place", Arg::Number(place)), ("title", Arg::Text(&title)), ("name", Arg::Text(&by))];
        self.say("queue-next", &args)
    }

    fn title(&self, track: &Track) -> String {
        telegram::Html::escape(&clean_title(&track.display(), TITLE_MAX, "?"))
    }

    pub fn say(&self, id: &str, args: &[(&'static str, Arg<'_>)]) -> String {
        self.texts.say(self.language, id, args)
    }
}

/// A message without buttons.
pub fn plain(html: String) -> Saying {
    Saying { html, buttons: Vec::new() }
}

/// A person's name, fit for a line.
pub fn name(raw: &str) -> String {
    clean_title(raw, NAME_MAX, "?")
}

#[cfg(test)]
mod tests {
    use domain::UserId;
    use domain::track::{Location, Requester};

    use super::*;

    fn track(title: &str, seconds: Option<u64>) -> Track {
        Track {
            title: title.into(),
            artist: Some("Kino".into()),
            duration: seconds.map(Duration::from_secs),
            location: Location::File("/x".into()),
            source: "files",
            link: None,
            is_live: false,
        }
    }

    fn draw(panel: impl FnOnce(Pen<'_>) -> Saying) -> Saying {
        let (texts, seal) = (Texts::embedded(), Seal::new(&[1; 32]));
        let pen = Pen {
            texts: &texts,
            language: Language::En,
            seal: &seal,
            chat: ChatId(-100),
            generation: Generation(3),
        };
        panel(pen)
    }

    fn panel(position: u64, state: PanelState) -> Panel {
        Panel {
            attempt: Attempt(4),
            track: track("<Star> & \"Sun\"", Some(200)),
            song: None,
            requested_by: "Ann <3".into(),
            duration: Some(Duration::from_secs(200)),
            n_waiting: 2,
            position: Duration::from_secs(position),
            state,
        }
    }

    #[test]
    fn the_now_playing_line_moves_from_start_to_end() {
        for (position, line) in [
            (0, "0:00 ●▬▬▬▬▬▬▬▬▬▬▬ 3:20"),
            (100, "1:40 ▬▬▬▬▬▬●▬▬▬▬▬ 3:20"),
            (200, "3:20 ▬▬▬▬▬▬▬▬▬▬▬● 3:20"),
            (999, "3:20 ▬▬▬▬▬▬▬▬▬▬▬● 3:20"),
        ] {
            let said = draw(|pen| pen.panel(&panel(position, PanelState::Playing)));
            assert!(said.html.contains(line), "{}", said.html);
        }
    }

    #[test]
    fn only_what_has_no_end_is_called_live() {
        let unknown = Panel { duration: None, ..panel(65, PanelState::Playing) };
        let station = Track { is_live: true, ..unknown.track.clone() };
        let said = draw(|pen| pen.panel(&unknown));
        assert_eq!(said.html.lines().nth(2), Some("1:05"), "{}", said.html);
        let said = draw(|pen| pen.panel(&Panel { track: station, ..unknown.clone() }));
        assert_eq!(said.html.lines().nth(2), Some("1:05 · live"), "{}", said.html);
    }

    #[test]
    fn a_station_shows_the_song_that_is_on() {
        let song = Some("Kino — <Group>".to_owned());
        let panel = Panel { song, duration: None, ..panel(1, PanelState::Playing) };
        let said = draw(|pen| pen.panel(&panel));
        let line = said.html.lines().nth(2).unwrap();
        assert_eq!(line, "🎵 Kino — &lt;Group&gt;", "{}", said.html);
    }

    #[test]
    fn a_panel_escapes_what_people_wrote_and_carries_signed_buttons() {
        let said = draw(|pen| pen.panel(&panel(1, PanelState::Paused)));
        assert!(
            said.html.contains("<b>Kino — &lt;Star&gt; &amp; &quot;Sun&quot;</b>"),
            "{}",
            said.html
        );
        assert!(said.html.contains("Ann &lt;3"));
        assert_eq!(
            said.buttons.iter().map(|button| button.label).collect::<Vec<_>>(),
            ["▶️", "⏭", "⏹"]
        );
        let seal = Seal::new(&[1; 32]);
        let pressed = seal.check(ChatId(-100), &said.buttons[1].data).unwrap();
        assert_eq!(
            pressed,
            Pressed { action: Action::Skip, generation: Generation(3), attempt: Attempt(4) }
        );
        let ended = draw(|pen| pen.panel(&panel(1, PanelState::Ended)));
        assert_eq!(ended.buttons, []);
    }

    #[test]
    fn a_title_of_4_000_characters_still_fits_a_message() {
        let mut long = panel(1, PanelState::Playing);
        long.track.title = "<&🎵".repeat(1_000);
        let said = draw(|pen| pen.panel(&long));
        assert!(said.html.chars().count() < 1_500, "{}", said.html.chars().count());
    }

    #[test]
    fn the_queue_lists_ten_and_counts_the_rest() {
        let requester = Requester { id: UserId(1), name: "Ann".into() };
        let waiting = |n: usize| Waiting {
            track: Some(track(&format!("t{n}"), None)),
            requester: requester.clone(),
        };
        let listing = Listing { now: None, waiting: (0..13).map(waiting).collect() };
        let said = draw(|pen| pen.listing(&listing));
        assert!(said.html.contains("10. Kino — t9 · Ann"), "{}", said.html);
        assert!(said.html.ends_with("… and 3 more"));
        let empty = draw(|pen| pen.listing(&Listing { now: None, waiting: vec![] }));
        assert!(empty.html.contains("/play"));
    }
}

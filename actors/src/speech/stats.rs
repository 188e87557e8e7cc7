//! /stats in words: the whole picture in pages for operators, one player in plain words for everybody else. Pure.

use std::time::Duration;

use domain::Attempt;
use domain::callback::{Action, Pressed};
use domain::league::{Health, Line};
use supervisor::{ChildSnapshot, State};

use super::Arg;
use super::panel::{Button, Pen, Saying, plain};
use super::texts::clock;
use crate::stats::{Activity, CacheStats, ChatStats, Quality, Stats, StoreStats};

/// Telegram takes 4,096 characters after its markup is read; the page's number and a margin are left free.
const PAGE_MAX: usize = 3_600;
/// Of an error's text; the log has all of it.
const ERROR_MAX: usize = 160;
/// Those who are named before the tree; the tree marks them all.
const UNWELL_MAX: usize = 20;

// === impl Pen: operators ===

impl Pen<'_> {
    /// One page of everything; the last one when there are fewer.
    pub fn stats(&self, stats: &Stats, page: usize) -> Saying {
        let pages = paginate(self.lines(stats));
        let last = pages.len() - 1;
        let page = page.min(last);
        let mut html = pages[page].clone();
        if last > 0 {
            let args = [("page", Arg::Number(page + 1)), ("pages", Arg::Number(last + 1))];
            html.push_str(&format!("\n\n{}", self.say("stats-page", &args)));
        }
        let turns = [
            (page > 0).then_some(("⏮", 0)),
            page.checked_sub(1).map(|before| ("◀️", before)),
            Some(("🔄", page)),
            (page < last).then_some(("▶️", page + 1)),
            (page < last).then_some(("⏭", last)),
        ];
        let button = |(label, page)| Button { label, data: self.turn_to(page) };
        Saying { html, buttons: turns.into_iter().flatten().map(button).collect() }
    }

    fn turn_to(&self, page: usize) -> Vec<u8> {
        let (generation, attempt) = (self.generation, Attempt(page as u64));
        self.seal.sign(self.chat, Pressed { action: Action::Stats, generation, attempt })
    }

    /// Totals, who is not well, and the tree.
    fn lines(&self, stats: &Stats) -> Vec<String> {
        let mut lines = self.totals(stats);
        let unwell = stats.unwell();
        lines.push(String::new());
        match unwell.len() {
            0 => lines.push(self.say("stats-well", &[])),
            n => lines.push(self.say("stats-unwell", &[("actors", Arg::Number(n))])),
        }
        lines.extend(unwell.into_iter().take(UNWELL_MAX).map(|child| self.unwell(child)));
        if !stats.services.is_empty() {
            lines.push(String::new());
            lines.push(self.say("stats-services", &[]));
            lines.extend(stats.services.iter().map(|line| self.service(line)));
        }
        lines.push(String::new());
        lines.push(self.say("stats-tree", &[]));
        for child in &stats.tree.children {
            lines.push(self.actor(child));
            let chat =
                child.path.strip_prefix("root/chats/").and_then(|rest| rest.strip_suffix("/call"));
            let chat = chat.and_then(|chat| chat.parse::<i64>().ok());
            let at =
                chat.and_then(|chat| stats.chats.binary_search_by_key(&chat, |one| one.chat).ok());
            lines.extend(at.map(|at| self.audio(&stats.chats[at])));
        }
        lines
    }

    fn totals(&self, stats: &Stats) -> Vec<String> {
        let (totals, engine) = (&stats.totals, &stats.engine);
        let uptime = clock(Duration::from_millis(stats.uptime_ms));
        let memory = stats.memory_bytes.map_or("?".to_owned(), |bytes| (bytes >> 20).to_string());
        let late = (engine.lateness_max_us / 1_000).to_string();
        let restarts = usize::try_from(totals.restarts).unwrap_or(usize::MAX);
        let mut lines = vec![
            self.say(
                "stats-head",
                &[("version", Arg::Text(&stats.version)), ("uptime", Arg::Text(&uptime))],
            ),
            self.say(
                "stats-chats",
                &[
                    ("playing", Arg::Number(totals.playing)),
                    ("paused", Arg::Number(totals.paused)),
                    ("chats", Arg::Number(totals.chats)),
                ],
            ),
            self.say(
                "stats-sessions",
                &[
                    ("ready", Arg::Number(totals.sessions_ready)),
                    ("sessions", Arg::Number(totals.sessions)),
                ],
            ),
            self.say(
                "stats-process",
                &[("memory", Arg::Text(&memory)), ("restarts", Arg::Number(restarts))],
            ),
            self.say(
                "stats-engine",
                &[("clocks", Arg::Number(engine.clocks)), ("late", Arg::Text(&late))],
            ),
        ];
        lines.extend(stats.cache.map(|cache| self.cache(cache)));
        lines.extend(stats.store.as_ref().map(|store| self.store(store)));
        lines
    }

    fn cache(&self, cache: CacheStats) -> String {
        let mib = |bytes: u64| (bytes >> 20).to_string();
        let (bytes, bytes_max) = (mib(cache.bytes), mib(cache.bytes_max));
        let number = |n: u64| Arg::Number(usize::try_from(n).unwrap_or(usize::MAX));
        let args = [
            ("entries", number(cache.entries)),
            ("mib", Arg::Text(&bytes)),
            ("mib_max", Arg::Text(&bytes_max)),
            ("hits", number(cache.hits)),
            ("misses", number(cache.misses)),
            ("given_up", number(cache.given_up)),
            ("damaged", number(cache.damaged)),
        ];
        self.say("stats-cache", &args)
    }

    fn store(&self, store: &StoreStats) -> String {
        let ms = |us: u64| format!("{:.1}", us as f64 / 1_000.0);
        let (p50, p99) = (ms(store.commit_p50_us), ms(store.commit_p99_us));
        let mib = format!("{:.1}", store.file_bytes as f64 / f64::from(1 << 20));
        let number = |n: u64| Arg::Number(usize::try_from(n).unwrap_or(usize::MAX));
        let args = [
            ("engine", Arg::Text(&store.engine)),
            ("commits", number(store.commits)),
            ("p50", Arg::Text(&p50)),
            ("p99", Arg::Text(&p99)),
            ("failed", number(store.failed)),
            ("outbox", number(store.outbox)),
            ("mib", Arg::Text(&mib)),
            ("quarantined", number(store.quarantined)),
        ];
        let line = self.say("stats-store", &args);
        match &store.why {
            Some(why) => {
                let why = domain::track::clean_title(why, 200, "?");
                format!("{line}\n{}", self.say("stats-store-unwell", &[("why", Arg::Text(&why))]))
            }
            None => line,
        }
    }

    fn unwell(&self, child: &ChildSnapshot) -> String {
        let (mark, state) = self.state(child);
        let mut line = format!("{mark} <code>{}</code> {state}", escape(&child.path));
        self.trouble(child, &mut line);
        line
    }

    /// `🟢 player ready · 1/0 · ✉ 0/3`, indented as it hangs in the tree.
    fn actor(&self, child: &ChildSnapshot) -> String {
        let (mark, state) = self.state(child);
        let depth = child.path.matches('/').count();
        let name = child.path.rsplit('/').next().unwrap_or(&child.path);
        let mut line = format!(
            "{mark} <code>{}{}</code> {state} · {}/{} · ✉ {}/{}",
            "  ".repeat(depth),
            escape(name),
            child.incarnation,
            child.restarts,
            child.mailbox.depth,
            child.mailbox.peak,
        );
        self.trouble(child, &mut line);
        line
    }

    fn state(&self, child: &ChildSnapshot) -> (&'static str, String) {
        let (mark, id) = match &child.state {
            State::Ready => ("🟢", "stats-ready"),
            State::Waiting => ("🟡", "stats-waiting"),
            State::Starting => ("🟡", "stats-starting"),
            State::Draining => ("🟡", "stats-draining"),
            State::Degraded(_) => ("🟠", "stats-degraded"),
            State::Backoff => ("🟠", "stats-backoff"),
            State::Parked => ("🔴", "stats-parked"),
            State::Ended => ("⚪", "stats-ended"),
        };
        (mark, self.say(id, &[]))
    }

    /// One instance of an outside service: success, usual times, wins.
    fn service(&self, line: &Line) -> String {
        let (mark, wait) = match line.health {
            Health::Good => ("✅", None),
            Health::Probed => ("❔", None),
            Health::LeftAlone { for_s } => ("⛔", Some(clock(Duration::from_secs(for_s)))),
        };
        let ms = |ms: Option<u64>| ms.map_or("?".to_owned(), |ms| ms.to_string());
        let (p50, p95) = (ms(line.p50_ms), ms(line.p95_ms));
        let share = (line.n_answered * 100).checked_div(line.n_asked);
        let share = share.map_or("?".to_owned(), |share| share.to_string());
        let name = cut(&format!("{} {}", line.service, line.instance));
        let args = [
            ("name", Arg::Text(&name)),
            ("share", Arg::Text(&share)),
            ("p50", Arg::Text(&p50)),
            ("p95", Arg::Text(&p95)),
            ("wins", Arg::Number(usize::try_from(line.n_wins).unwrap_or(usize::MAX))),
        ];
        let mut said = format!("{mark} {}", self.say("stats-service", &args));
        if let Some(wait) = wait {
            said.push_str(&format!(
                " · {}",
                self.say("stats-retry", &[("wait", Arg::Text(&wait))])
            ));
        }
        said
    }

    /// What went wrong last, and when it is tried again.
    fn trouble(&self, child: &ChildSnapshot, line: &mut String) {
        if let State::Degraded(why) = &child.state {
            line.push_str(&format!(": {}", escape(&cut(why))));
        }
        if let Some(error) = &child.last_error {
            let (ago, text) = (clock(Duration::from_millis(error.ago_ms)), cut(&error.text));
            let args = [("ago", Arg::Text(&ago)), ("error", Arg::Text(&text))];
            line.push_str(&format!(" · {}", self.say("stats-error", &args)));
        }
        if let Some(ms) = child.next_retry_in_ms {
            let wait = clock(Duration::from_millis(ms));
            line.push_str(&format!(
                " · {}",
                self.say("stats-retry", &[("wait", Arg::Text(&wait))])
            ));
        }
    }

    /// The figures of one call's audio.
    fn audio(&self, chat: &ChatStats) -> String {
        let audio = chat.audio;
        let mut line = format!("🔊 {}+{}−{}", audio.sent, audio.nulled, audio.deficit);
        if let Some(call) = &chat.line {
            let ms = |ms: Option<u64>| ms.map_or("?".to_owned(), |ms| ms.to_string());
            let (round_trip, silent) = (ms(call.round_trip_ms), ms(call.silent_for_ms));
            let dropped = usize::try_from(call.packets_dropped).unwrap_or(usize::MAX);
            let args = [
                ("dropped", Arg::Number(dropped)),
                ("round_trip", Arg::Text(&round_trip)),
                ("silent", Arg::Text(&silent)),
            ];
            line.push_str(&format!(" · {}", self.say("stats-line", &args)));
            if let Some(reception) = call.reception {
                let share = |permille: u32| format!("{}.{}", permille / 10, permille % 10);
                let (lost, lately) =
                    (share(reception.lost_permille), share(reception.lost_lately_permille));
                let jitter = (reception.jitter_us / 1_000).to_string();
                let args = [
                    ("lost", Arg::Text(&lost)),
                    ("lately", Arg::Text(&lately)),
                    ("jitter", Arg::Text(&jitter)),
                ];
                line.push_str(&format!(" · {}", self.say("stats-reception", &args)));
            }
        }
        line
    }
}

// === impl Pen: everybody ===

impl Pen<'_> {
    /// What the chat's own player is doing.
    pub fn chat_stats(&self, stats: Option<&ChatStats>) -> Saying {
        let Some(stats) = stats.filter(|stats| stats.activity != Activity::Idle) else {
            return plain(self.say("nothing-playing", &[]));
        };
        let id = match stats.activity {
            Activity::Idle | Activity::Playing => "now-playing",
            Activity::Paused => "now-paused",
            Activity::Searching | Activity::Loading => "searching",
        };
        let mut lines = vec![self.say(id, &[])];
        if let Some(track) = &stats.track {
            let position = clock(Duration::from_millis(stats.position_ms.unwrap_or(0)));
            let duration = track.duration_ms.map(Duration::from_millis);
            let duration = duration.map_or_else(|| self.say("live", &[]), clock);
            lines.push(format!("<b>{}</b> · {position} / {duration}", escape(&track.title)));
        }
        let quality = match stats.quality() {
            None => "none",
            Some(Quality::Good) => "good",
            Some(Quality::Fair) => "fair",
            Some(Quality::Poor) => "poor",
        };
        lines.push(self.say("stats-sound", &[("quality", Arg::Text(quality))]));
        if stats.n_waiting > 0 {
            lines.push(self.say("waiting", &[("tracks", Arg::Number(stats.n_waiting))]));
        }
        plain(lines.join("\n"))
    }
}

/// Lines into pages, none longer than a message may be. There is always a page.
fn paginate(lines: Vec<String>) -> Vec<String> {
    let mut pages = vec![String::new()];
    let mut length = 0;
    for line in lines {
        let more = line.chars().count() + 1;
        if length > 0 && length + more > PAGE_MAX {
            pages.push(String::new());
            length = 0;
        }
        if let Some(page) = pages.last_mut()
            && !(page.is_empty() && line.is_empty())
        {
            if !page.is_empty() {
                page.push('\n');
            }
            page.push_str(&line);
            length += more;
        }
    }
    pages
}

fn cut(text: &str) -> String {
    domain::track::clean_title(text, ERROR_MAX, "?")
}

fn escape(text: &str) -> String {
    telegram::Html::escape(text)
}

#[cfg(test)]
mod tests;

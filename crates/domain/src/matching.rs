//! Which of the things that a service found is the one that was asked for. Pure and deterministic: the same hits give
//! the same choice, and of two that are equally good the earlier one wins, because services sort by their own merit.

use std::time::Duration;

use crate::candidate::Candidate;
use crate::words::{likeness, words};
use crate::{Fault, Reason};

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// What somebody typed.
    Words(String),
    /// What a catalogue says of a track.
    Track { title: String, artist: Option<String>, duration: Option<Duration> },
}

/// What may be chosen at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    pub is_live_allowed: bool,
    pub is_explicit_allowed: bool,
    pub duration_max: Option<Duration>,
}

/// Thousandths; nothing below it is taken for what was asked for.
pub const SCORE_MIN: u32 = 500;
/// What is longer than this is a mix, a loop or a book, which people ask for by name.
const LONG: Duration = Duration::from_secs(20 * 60);
/// Nobody means this by a song's name.
const ENDLESS: Duration = Duration::from_secs(3 * 3_600);
/// What is shorter is a ringtone or a sample.
const SHORT: Duration = Duration::from_secs(45);
/// For every version that was not asked for.
const VERSION_PENALTY: u32 = 250;

/// Words that name another version of a track, folded; each is wanted only by who types it.
const VERSIONS: &[&str] = &[
    "live",
    "remix",
    "cover",
    "sped",
    "nightcore",
    "slowed",
    "reverb",
    "8d",
    "karaoke",
    "instrumental",
    "acoustic",
    "mashup",
    "parody",
    "reaction",
    "tutorial",
    "lesson",
    "loop",
    "boosted",
    "demo",
    "ringtone",
    "trailer",
    // Russian, folded
    "remiks",
    "kaver",
    "karaoke",
    "minusovka",
    "kontsert",
    "repetitsiya",
    "parodiya",
];
/// Words that ask for something long.
const LONG_WORDS: &[&str] = &[
    "hour",
    "hours",
    "mix",
    "megamix",
    "set",
    "loop",
    "album",
    "full",
    "concert",
    "live",
    "podcast",
    "audiobook",
    "compilation",
    "playlist",
    "radio",
    "symphony",
    "opera",
    "chas",
    "chasa",
    "chasov",
    "kontsert",
    "albom",
    "sbornik",
    "audiokniga",
    "podkast",
    "simfoniya",
];
/// Words that say nothing about which track it is, folded.
const NOISE: &[&str] = &[
    "official",
    "video",
    "audio",
    "lyrics",
    "lyric",
    "hd",
    "hq",
    "4k",
    "remaster",
    "remastered",
    "feat",
    "ft",
    "featuring",
    "music",
    "mv",
    "clip",
    "visualizer",
    "explicit",
    "version",
    "vevo",
    "topic",
    "klip",
    "premera",
    "tekst",
];

/// Why a candidate may not be chosen, however well it fits.
pub fn hindrance(candidate: &Candidate, rules: Rules) -> Option<Fault> {
    let refused = |reason, detail: &str| Some(Fault::refused(reason, detail));
    let is_long = rules.duration_max.zip(candidate.duration).is_some_and(|(max, is)| is > max);
    if candidate.is_preview {
        refused(Reason::Preview, "only a sample is offered there")
    } else if candidate.is_live && !rules.is_live_allowed {
        refused(Reason::LiveOff, "live streams are not allowed here")
    } else if candidate.is_explicit == Some(true) && !rules.is_explicit_allowed {
        refused(Reason::ExplicitOff, "explicit tracks are not allowed here")
    } else if is_long {
        refused(Reason::TooLong, "over the length limit")
    } else {
        None
    }
}

/// How well a candidate fits, in thousandths; `None` when it is something else for certain.
pub fn score(wanted: &Wanted, candidate: &Candidate, rules: Rules) -> Option<u32> {
    if hindrance(candidate, rules).is_some() {
        return None;
    }
    let title = significant(&candidate.title);
    let artist = significant(candidate.artist.as_deref().unwrap_or_default());
    match wanted {
        Wanted::Words(typed) => score_words(&significant(typed), &title, &artist, candidate),
        Wanted::Track { title: name, artist: by, duration } => {
            let by = by.as_deref().map(significant).filter(|by| !by.is_empty());
            score_track(&significant(name), by.as_deref(), *duration, &title, &artist, candidate)
        }
    }
}

/// The best of them and its score, if any is good enough.
pub fn best(wanted: &Wanted, candidates: &[Candidate], rules: Rules) -> Option<(usize, u32)> {
    ranked(wanted, candidates, rules).into_iter().find(|(_, score)| *score >= SCORE_MIN)
}

/// All that are not something else for certain, the best first.
pub fn ranked(wanted: &Wanted, candidates: &[Candidate], rules: Rules) -> Vec<(usize, u32)> {
    let scored = candidates.iter().enumerate();
    let mut scored: Vec<(usize, u32)> =
        scored.filter_map(|(at, one)| Some((at, score(wanted, one, rules)?))).collect();
    // the sort is stable: of equals the earlier one stays first
    scored.sort_by_key(|(_, score)| std::cmp::Reverse(*score));
    scored
}

/// Why none of them could be chosen, when that is worth telling: all that would fit are hindered by the same thing.
pub fn why_none(wanted: &Wanted, candidates: &[Candidate], rules: Rules) -> Fault {
    let free = Rules { is_live_allowed: true, is_explicit_allowed: true, duration_max: None };
    let fits = |one: &&Candidate| {
        let whole = Candidate { is_preview: false, ..(*one).clone() };
        score(wanted, &whole, free).is_some_and(|score| score >= SCORE_MIN)
    };
    let hindered = candidates.iter().filter(fits).find_map(|one| hindrance(one, rules));
    hindered.unwrap_or_else(|| Fault::refused(Reason::NotFound, "nothing that fits was found"))
}

fn score_words(
    wanted: &[String],
    title: &[String],
    artist: &[String],
    candidate: &Candidate,
) -> Option<u32> {
    let is_long_wanted = wanted.iter().any(|word| LONG_WORDS.contains(&word.as_str()));
    let duration = candidate.duration;
    if !is_long_wanted && duration.is_some_and(|is| is > ENDLESS) {
        return None;
    }
    let all = [title, artist].concat();
    let mut score = covered(wanted, &all) * 7 / 10 + covered(title, wanted) * 3 / 10;
    if !is_long_wanted && duration.is_some_and(|is| is > LONG) {
        score = score.saturating_sub(300);
    }
    if duration.is_some_and(|is| is < SHORT) {
        score = score.saturating_sub(150);
    }
    Some(score.saturating_sub(versions(wanted, &all)))
}

fn score_track(
    name: &[String],
    by: Option<&[String]>,
    wanted: Option<Duration>,
    title: &[String],
    artist: &[String],
    candidate: &Candidate,
) -> Option<u32> {
    if candidate.is_live {
        return None;
    }
    let time = match (wanted, candidate.duration) {
        (Some(wanted), Some(is)) => time_score(wanted, is)?,
        (None, Some(is)) if is > ENDLESS => return None,
        _ => 75,
    };
    let all = [title, artist].concat();
    let asked: Vec<String> = name.iter().chain(by.unwrap_or_default()).cloned().collect();
    let (name_worth, by_worth) = if by.is_some() { (500, 250) } else { (750, 0) };
    let score = covered(name, &all) * name_worth / 1_000
        + by.map_or(0, |by| covered(by, &all)) * by_worth / 1_000
        + covered(title, &asked) / 10
        + time;
    // the same name by somebody else is another song
    let is_foreign = by.is_some_and(|by| !artist.is_empty() && covered(by, &all) == 0);
    let score = score.saturating_sub(if is_foreign { 300 } else { 0 });
    Some(score.saturating_sub(versions(&asked, &all)))
}

/// Up to 150 for the same length; `None` when it cannot be the same recording.
fn time_score(wanted: Duration, is: Duration) -> Option<u32> {
    let apart = wanted.abs_diff(is);
    let tolerance = (wanted / 4).max(Duration::from_secs(15));
    match apart.as_secs() {
        _ if apart > tolerance => None,
        0..=3 => Some(150),
        4..=10 => Some(100),
        _ => Some(25),
    }
}

/// What the versions cost that the candidate names and nobody asked for.
fn versions(wanted: &[String], all: &[String]) -> u32 {
    let is_unasked = |version: &&&str| has(all, version) && !has(wanted, version);
    let mut unasked: Vec<&&str> = VERSIONS.iter().filter(is_unasked).collect();
    unasked.sort_unstable();
    unasked.dedup();
    VERSION_PENALTY * unasked.len() as u32
}

fn has(words: &[String], word: &str) -> bool {
    words.iter().any(|one| one == word)
}

/// How much of `wanted` stands in `there`, in thousandths; nothing wanted is wholly there.
fn covered(wanted: &[String], there: &[String]) -> u32 {
    if wanted.is_empty() {
        return 1_000;
    }
    let best = |word: &String| there.iter().map(|one| likeness(word, one)).max().unwrap_or(0);
    wanted.iter().map(best).sum::<u32>() / wanted.len() as u32
}

/// The folded words that say which track it is; all of them when none does.
fn significant(text: &str) -> Vec<String> {
    let all = words(text);
    let kept: Vec<String> =
        all.iter().filter(|word| !NOISE.contains(&word.as_str())).cloned().collect();
    if kept.is_empty() { all } else { kept }
}

#[cfg(test)]
mod tests;

//! Which track plays when: a window at a time, following the last place while it fits and searching when it does not.

use std::time::Duration;

use super::reference::{COARSE, Place, References, references};
use super::{
    HOP, RECOGNISED, SAMPLE_RATE, SILENCE_RMS, STEADY, Segment, Sound, WINDOW, correlation,
};

/// How many windows pass between two searches that find nothing: a search costs as much as a hundred comparisons.
const PATIENCE: usize = 3;

/// Below this coarse correlation no track is worth a closer look.
const PROMISING: f32 = RECOGNISED / 2.0;

/// What a window is.
#[derive(Debug, Clone, Copy)]
enum Guess {
    Silence,
    Unknown,
    Found { place: Place, correlation: f32 },
}

/// A run of windows that agree.
struct Run {
    first: usize,
    guess: Guess,
    correlations: Vec<f32>,
    count: usize,
}

pub(super) fn segments(pcm: &[f32]) -> Vec<Segment> {
    let pairs = pcm.len() / 2;
    if pairs == 0 {
        return Vec::new();
    }
    let references = references();
    let runs = runs(&guesses(pcm, references));
    let mut segments: Vec<Segment> = Vec::new();
    let ends: Vec<usize> =
        runs.iter().skip(1).map(|run| middle(run.first)).chain([pairs]).collect();
    let mut at = 0;
    for (run, end) in runs.iter().zip(ends) {
        segments.push(segment(run, at, end.min(pairs), references));
        at = end.min(pairs);
    }
    segments
}

/// Where the responsibility of a window begins: its middle, half a hop early.
fn middle(window: usize) -> usize {
    window * HOP + (WINDOW - HOP) / 2
}

fn guesses(pcm: &[f32], references: &References) -> Vec<Guess> {
    let mut guesses = Vec::new();
    let mut last: Option<(usize, Place)> = None;
    let mut wait = 0;
    let starts =
        (0..).step_by(HOP).take_while(|start| *start == 0 || start + WINDOW <= pcm.len() / 2);
    for start in starts {
        let window = &pcm[start * 2..pcm.len().min((start + WINDOW) * 2)];
        if rms(window) < SILENCE_RMS {
            guesses.push(Guess::Silence);
            continue;
        }
        let followed = last.and_then(|(then, place)| {
            let place = Place { position: place.position + (start - then) as i64, ..place };
            judged(window, place, references)
        });
        let found = match followed {
            Some(found) if found.1 >= RECOGNISED => Some(found),
            _ if wait > 0 => {
                wait -= 1;
                None
            }
            _ => {
                let found = searched(window, references);
                wait = if found.is_none() { PATIENCE } else { 0 };
                found
            }
        };
        guesses.push(match found {
            Some((place, correlation)) => {
                last = Some((start, place));
                Guess::Found { place, correlation }
            }
            None => Guess::Unknown,
        });
    }
    guesses
}

fn searched(window: &[f32], references: &References) -> Option<(Place, f32)> {
    let best = references
        .places(window)
        .into_iter()
        .filter(|(_, coarse)| *coarse >= PROMISING)
        .filter_map(|(place, _)| refined(window, place, references))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    (best.1 >= RECOGNISED).then_some(best)
}

/// The best place within a coarse sample of another, to the sample.
fn refined(window: &[f32], place: Place, references: &References) -> Option<(Place, f32)> {
    let pairs = window.len() / 2;
    let thin_window = thinned(window);
    let around = |centre: i64, reach: i64, step: usize, is_thin: bool| {
        (centre - reach..=centre + reach)
            .step_by(step)
            .filter_map(|position| {
                let reference = references.tracks[place.index].stretch(position, pairs)?;
                let score = match is_thin {
                    true => correlation(&thin_window, &thinned(reference)),
                    false => correlation(window, reference),
                };
                Some((Place { position, ..place }, score))
            })
            .max_by(|a, b| a.1.total_cmp(&b.1))
    };
    let (near, score) = around(place.position, COARSE as i64 + 6, 3, true)?;
    if score < PROMISING {
        return Some((near, score));
    }
    around(near.position, 2, 1, false)
}

fn judged(window: &[f32], place: Place, references: &References) -> Option<(Place, f32)> {
    let reference = references.tracks[place.index].stretch(place.position, window.len() / 2)?;
    Some((place, correlation(window, reference)))
}

/// Every eighth sample pair: nothing in the tracks lies above 2 kHz.
fn thinned(pcm: &[f32]) -> Vec<f32> {
    let mut thin = Vec::with_capacity(pcm.len() / 8 + 2);
    for at in (0..pcm.len() / 2).step_by(8) {
        thin.extend_from_slice(&pcm[at * 2..at * 2 + 2]);
    }
    thin
}

fn rms(pcm: &[f32]) -> f32 {
    (pcm.iter().map(|sample| sample * sample).sum::<f32>() / pcm.len().max(1) as f32).sqrt()
}

fn runs(guesses: &[Guess]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (number, guess) in guesses.iter().enumerate() {
        let score = match guess {
            Guess::Found { correlation, .. } => Some(*correlation),
            _ => None,
        };
        match runs.last_mut() {
            Some(run) if agree(run.first, &run.guess, number, guess) => {
                run.count += 1;
                run.correlations.extend(score);
            }
            _ => {
                let correlations = score.into_iter().collect();
                runs.push(Run { first: number, guess: *guess, correlations, count: 1 });
            }
        }
    }
    absorb(runs)
}

/// Windows that lie across a border are neither here nor there: a short unknown run between others is theirs.
fn absorb(runs: Vec<Run>) -> Vec<Run> {
    let across = WINDOW / HOP + 1;
    let last = runs.len().saturating_sub(1);
    let mut kept: Vec<Run> = Vec::new();
    let mut begins = None;
    for (number, mut run) in runs.into_iter().enumerate() {
        let is_short = run.count <= across && matches!(run.guess, Guess::Unknown);
        if is_short && number > 0 && number < last {
            begins = Some(run.first + run.count / 2);
            continue;
        }
        if let Some(begins) = begins.take() {
            // the position belongs to the first window, so it moves along
            if let Guess::Found { place, .. } = &mut run.guess {
                place.position -= ((run.first - begins) * HOP) as i64;
            }
            run.first = begins;
        }
        match kept.last_mut() {
            Some(before) if agree(before.first, &before.guess, run.first, &run.guess) => {
                before.count += run.count;
                before.correlations.append(&mut run.correlations);
            }
            _ => kept.push(run),
        }
    }
    kept
}

/// Whether two windows belong to one stretch.
fn agree(first: usize, a: &Guess, second: usize, b: &Guess) -> bool {
    match (a, b) {
        (Guess::Silence, Guess::Silence) | (Guess::Unknown, Guess::Unknown) => true,
        (Guess::Found { place: a, .. }, Guess::Found { place: b, .. }) => {
            let passed = ((second - first) * HOP) as i64;
            a.index == b.index && (b.position - a.position - passed).abs() <= STEADY
        }
        _ => false,
    }
}

fn segment(run: &Run, at: usize, end: usize, references: &References) -> Segment {
    let time =
        |samples: i64| Duration::from_secs_f64(samples.max(0) as f64 / f64::from(SAMPLE_RATE));
    let (sound, from_in_track) = match run.guess {
        Guess::Silence => (Sound::Silence, Duration::ZERO),
        Guess::Unknown => (Sound::Unknown, Duration::ZERO),
        Guess::Found { place, .. } => {
            let position = place.position + at as i64 - (run.first * HOP) as i64;
            (Sound::Track(references.tracks[place.index].track), time(position))
        }
    };
    // windows at both ends of a stretch hang over into the next
    let edge = (WINDOW / HOP / 2 + 1).min(run.correlations.len().saturating_sub(1) / 2);
    let inner = &run.correlations[edge..run.correlations.len() - edge];
    let mut sorted = inner.to_vec();
    sorted.sort_by(f32::total_cmp);
    Segment {
        sound,
        at: time(at as i64),
        from_in_track,
        heard: time(end as i64 - at as i64),
        correlation: sorted.get(sorted.len() / 2).copied().unwrap_or_default(),
        correlation_min: sorted.first().copied().unwrap_or_default(),
    }
}

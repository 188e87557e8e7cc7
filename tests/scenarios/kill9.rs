//! Kill -9 of the real program at random instants under load: what it acknowledged is in effect afterwards, nothing is
//! done twice, and the music goes on where it was.
//!
//! In `cargo test` a few times; `tests/kill9 --kills 1000` does it as often as one likes.

mod model;
mod witness;

use std::path::Path;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use simulator::listener::{Listener, Style};
use simulator::world::{ADA, BORIS, CLARA, DMITRI, EVE, Population};

use crate::process::{Process, Setup};
use crate::world::{PATIENCE, room};
use model::{Chat, Kind, Listing, N_TITLES, Tally};
use witness::{Ear, SOUND, Witness};

/// How often the music of a title begins anew: nothing ends by itself while we look.
const ROUNDS: usize = 18;
/// A track that sounds for longer is skipped.
const SOUNDS_MAX: Duration = Duration::from_secs(150);
/// Every so many lives one is long enough to compare everything.
const COMPARED_EVERY: usize = 3;
/// The longest of the other lives.
const LIFE_MAX: Duration = Duration::from_millis(2_500);
/// Until then everything that was asked for must be in effect.
const SETTLED_MAX: Duration = Duration::from_secs(60);
/// Whoever is heard later has a reason, and the log may have it.
const SLOW: Duration = Duration::from_secs(5);
/// Whoever goes on so far beside where it was has a reason too.
const FAR_OFF: Duration = Duration::from_secs(2);
/// So much waits and no more; a listing names ten.
const QUEUE: std::ops::RangeInclusive<usize> = 4..=9;
/// Each of them listens in one chat.
const LISTENERS: [i64; 4] = [DMITRI, BORIS, CLARA, EVE];

struct Options {
    n_kills: usize,
    n_chats: usize,
    seed: u64,
}

/// When the next kill comes.
enum End {
    /// Whatever happens then; the process may not even have signed in.
    After(Duration),
    /// So long after a command was sent, in the middle of its commit.
    Asked(Duration),
    /// So long after people were told that a request was taken.
    Answered(Duration),
}

struct Trial {
    process: Process,
    witness: Witness,
    rng: StdRng,
    chats: Vec<State>,
    tally: Tally,
    /// Of the present life.
    born: Instant,
    position_errors: Vec<Duration>,
    audible: Vec<Duration>,
    n_silent: usize,
}

struct State {
    chat: Chat,
    ear: Option<Ear>,
    /// Questions for the queue that were not answered yet.
    listings: Vec<i32>,
    last_listing: Option<Listing>,
    /// When the head of the queue changed last.
    turned: Instant,
    /// Nobody skips for a while, so that the position can be followed from life to life.
    is_calm: bool,
    n_settled: usize,
    n_skips: usize,
    /// At the end of the life before, and at the beginning of this one.
    n_skips_then: usize,
    n_skips_at_birth: usize,
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn chats(n: usize) -> impl Iterator<Item = i64> {
    (0..n).map(|n| -1_000_000_006_000 - n as i64)
}

fn rooms(population: &mut Population, n: usize) {
    population.places.extend(chats(n).map(|id| room(id, &LISTENERS)));
}

/// The same long piece of music under many names.
fn tunes(folder: &Path) {
    let piece = SOUND.pcm(0..SOUND.len_samples());
    let piece: Vec<u8> =
        piece.iter().flat_map(|sample| ((sample * 32_767.0) as i16).to_le_bytes()).collect();
    let n_bytes = (piece.len() * ROUNDS) as u32;
    let mut wav = Vec::with_capacity(44 + n_bytes as usize);
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + n_bytes).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    wav.extend_from_slice(&48_000u32.to_le_bytes());
    wav.extend_from_slice(&192_000u32.to_le_bytes());
    wav.extend_from_slice(b"\x04\0\x10\0data");
    wav.extend_from_slice(&n_bytes.to_le_bytes());
    (0..ROUNDS).for_each(|_| wav.extend_from_slice(&piece));
    let at = |title| folder.join(format!("{}.wav", model::name(title)));
    std::fs::write(at(0), wav).expect("the directory is ours");
    for title in 1..N_TITLES {
        std::fs::hard_link(at(0), at(title)).expect("the directory is ours");
    }
}

// === impl State ===

impl State {
    /// What is wrong with the answers that came to questions for the queue; whether the newest says that all is settled.
    fn judge(&mut self, witness: &Witness, tally: &mut Tally) -> bool {
        let Self { chat, listings, last_listing, .. } = self;
        let (id, mut is_settled) = (chat.id, false);
        let answers = |message| witness.answer(id, message);
        listings.retain(|asked| {
            let Some(text) = witness.reply(id, *asked) else { return true };
            let listing = Listing::read(&text);
            is_settled = chat.judge(&listing, *asked, &answers, tally);
            *last_listing = Some(listing);
            false
        });
        is_settled
    }

    /// Everything that was asked for is in effect, or it never will be.
    fn settle(&mut self, witness: &Witness, tally: &mut Tally) {
        let Some(listing) = self.last_listing.take() else { return };
        self.n_settled += 1;
        self.is_calm = !self.n_settled.is_multiple_of(3);
        let id = self.chat.id;
        let asked: Vec<i32> = self.chat.unsettled().collect();
        let twice = asked.iter().filter(|message| witness.is_told_twice(id, **message)).count();
        if twice > 0 {
            tally.duplicated += twice;
            tally.words.push(format!("{id}: {twice} of {asked:?} told twice"));
        }
        self.chat.settle(&listing, &|message| witness.answer(id, message), tally);
        witness.forget(id, asked.into_iter().max().unwrap_or_default());
        self.listings.clear();
    }

    fn next_kind(&mut self, rng: &mut StdRng) -> Kind {
        let length = self.chat.len();
        let is_long = self.turned.elapsed() > SOUNDS_MAX;
        if length < *QUEUE.start() {
            return Kind::Play(self.chat.next_title());
        }
        if is_long || length >= *QUEUE.end() && !self.is_calm {
            return Kind::Skip;
        }
        match rng.random_range(0..20) {
            0..=8 if length < *QUEUE.end() => Kind::Play(self.chat.next_title()),
            9..=12 if !self.is_calm => Kind::Skip,
            _ if self.chat.may_be_paused() => Kind::Resume,
            13..=15 => Kind::Pause,
            _ => Kind::Resume,
        }
    }
}

// === impl Trial ===

impl Trial {
    async fn begin(options: &Options) -> Trial {
        let n = options.n_chats;
        let setup = Setup::new().population(|population| rooms(population, n)).music(tunes);
        let process = setup.settings("chat.controls = \"everyone\"").start().await;
        let born = Instant::now();
        let witness = Witness::of(process.telegram.world());
        let mut trial = Trial {
            process,
            witness,
            rng: StdRng::seed_from_u64(options.seed),
            chats: Vec::new(),
            tally: Tally::default(),
            born,
            position_errors: Vec::new(),
            audible: Vec::new(),
            n_silent: 0,
        };
        for (at, id) in chats(n).enumerate() {
            let mut ear = None;
            if let Some(user) = LISTENERS.get(at) {
                let calls = trial.process.telegram.calls();
                let listener = Listener::join(calls, *user, id, Style::Native).await;
                ear = Some(Ear::new(listener.expect("a member may listen")));
            }
            trial.chats.push(State {
                chat: Chat::new(id),
                ear,
                listings: Vec::new(),
                last_listing: None,
                turned: Instant::now(),
                is_calm: false,
                n_settled: 0,
                n_skips: 0,
                n_skips_then: 0,
                n_skips_at_birth: 0,
            });
            for _ in 0..*QUEUE.start() {
                let title = trial.chats[at].chat.next_title();
                trial.ask(at, Kind::Play(title));
            }
        }
        trial.compare().await;
        trial
    }

    fn ask(&mut self, at: usize, kind: Kind) -> i32 {
        let text = match kind {
            Kind::Play(title) => format!("/play {}", model::name(title)),
            Kind::Pause => "/pause".to_owned(),
            Kind::Resume => "/resume".to_owned(),
            Kind::Skip => "/skip".to_owned(),
        };
        let state = &mut self.chats[at];
        let said = self.process.telegram.world().say(ADA, state.chat.id, &text);
        let message = said.expect("people may write in their group");
        state.chat.asked(message, kind);
        if kind == Kind::Skip {
            state.n_skips += 1;
            state.turned = Instant::now();
        }
        message
    }

    fn ask_anything(&mut self, at: usize) -> i32 {
        let kind = self.chats[at].next_kind(&mut self.rng);
        self.ask(at, kind)
    }

    fn ask_for_queue(&mut self, at: usize) {
        let state = &mut self.chats[at];
        let said = self.process.telegram.world().say(ADA, state.chat.id, "/queue");
        state.listings.push(said.expect("people may write in their group"));
    }

    /// People use the bot until the instant of the kill.
    async fn live(&mut self) {
        let ms = |ms| Duration::from_millis(ms);
        let end = match self.rng.random_range(0..10) {
            0..=1 => End::After(ms(self.rng.random_range(0..400))),
            2..=5 => End::After(self.rng.random_range(Duration::ZERO..LIFE_MAX)),
            6..=7 => End::Asked(ms(self.rng.random_range(0..25))),
            _ => End::Answered(ms(self.rng.random_range(0..25))),
        };
        let length = match end {
            End::After(length) => length,
            _ => self.rng.random_range(ms(0)..ms(1_500)),
        };
        let mut acts: Vec<(Duration, usize, bool)> = Vec::new();
        for at in 0..self.chats.len() {
            let n_commands = self.rng.random_range(0..=2);
            let n_questions = self.rng.random_range(0..=1);
            let mut act = |is_command| {
                acts.push((self.rng.random_range(ms(0)..=length), at, is_command));
            };
            (0..n_commands).for_each(|_| act(true));
            (0..n_questions).for_each(|_| act(false));
        }
        acts.sort_unstable();
        let began = tokio::time::Instant::now();
        for (when, at, is_command) in acts {
            tokio::time::sleep_until(began + when).await;
            match is_command {
                true => drop(self.ask_anything(at)),
                false => self.ask_for_queue(at),
            }
        }
        tokio::time::sleep_until(began + length).await;
        let at = self.rng.random_range(0..self.chats.len());
        let message = match end {
            End::After(_) => return,
            // a listing of a longer queue leaves the rest out
            End::Answered(_) if self.chats[at].chat.len() < *QUEUE.end() => {
                let title = self.chats[at].chat.next_title();
                self.ask(at, Kind::Play(title))
            }
            End::Asked(_) | End::Answered(_) => self.ask_anything(at),
        };
        let (End::After(rest) | End::Asked(rest) | End::Answered(rest)) = end;
        if matches!(end, End::Answered(_)) {
            let (witness, id) = (&self.witness, self.chats[at].chat.id);
            let answered = || witness.answer(id, message).is_some();
            self.process.until("a request is answered", answered).await;
        }
        tokio::time::sleep(rest).await;
    }

    /// The kill, and what it left.
    fn kill(&mut self) {
        let is_dead = self.process.is_dead();
        self.process.kill_9();
        let is_bad = |line: &&String| {
            let words = ["ERROR", "panicked", "aside", "damaged", "cannot be read"];
            words.iter().any(|word| line.contains(word))
        };
        let log = self.process.log();
        let bad: Vec<&String> = log.iter().filter(is_bad).collect();
        if is_dead || !bad.is_empty() {
            self.tally.torn += 1;
            let what = format!("ended by itself: {is_dead}, {bad:#?}");
            self.tally.words.push(what);
        }
        for state in &mut self.chats {
            state.judge(&self.witness, &mut self.tally);
            let Some(ear) = &mut state.ear else { continue };
            let answers = |message| self.witness.answer(state.chat.id, message);
            let is_same = state.n_skips == state.n_skips_then;
            let is_certain =
                state.n_skips == state.n_skips_at_birth && state.chat.is_head_certain(&answers);
            let error = ear.life_ends(is_same, is_certain);
            if let Some(error) = error.filter(|error| *error > FAR_OFF) {
                let (id, lived) = (state.chat.id, self.born.elapsed());
                let words = format!("{id}: {error:?} beside, in a life of {lived:?}: {log:#?}");
                self.tally.words.push(words);
            }
            self.position_errors.extend(error);
            state.n_skips_then = state.n_skips;
        }
    }

    /// Some of it is asked for while nobody is there.
    fn start(&mut self) {
        for at in 0..self.chats.len() {
            if self.rng.random_bool(0.4) {
                self.ask_anything(at);
            }
        }
        for state in &mut self.chats {
            state.n_skips_at_birth = state.n_skips;
        }
        self.born = Instant::now();
        self.process.start_again();
    }

    /// Waits until everything that was asked for is in effect in every chat, and heard.
    async fn compare(&mut self) {
        let since = Instant::now();
        let mut open: Vec<usize> = (0..self.chats.len()).collect();
        let mut asked = Instant::now();
        open.iter().for_each(|at| self.ask_for_queue(*at));
        while !open.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let is_late = since.elapsed() > SETTLED_MAX;
            let (witness, tally) = (&self.witness, &mut self.tally);
            open.retain(|at| {
                let state = &mut self.chats[*at];
                let is_settled = state.judge(witness, tally);
                if is_late && !is_settled {
                    let id = state.chat.id;
                    let answers = |message| witness.answer(id, message);
                    state.chat.give_up(state.last_listing.as_ref(), &answers, tally);
                }
                if is_settled || is_late || state.chat.is_disputed() && since.elapsed() > PATIENCE {
                    state.settle(witness, tally);
                    return false;
                }
                true
            });
            if asked.elapsed() > Duration::from_millis(400) {
                asked = Instant::now();
                open.iter().for_each(|at| self.ask_for_queue(*at));
            }
        }
        let sounding: Vec<&State> =
            self.chats.iter().filter(|state| !state.chat.may_be_paused()).collect();
        let since = Instant::now();
        for ear in sounding.iter().filter_map(|state| state.ear.as_ref()) {
            loop {
                if let Some(audible) = ear.audible(self.born) {
                    if audible > SLOW {
                        let log = self.process.log().join("\n");
                        self.tally.words.push(format!("heard after {audible:?}:\n{log}"));
                    }
                    self.audible.push(audible);
                    break;
                }
                if since.elapsed() > PATIENCE {
                    self.n_silent += 1;
                    self.tally.words.push(format!("silent: {}", self.process.log().join("\n")));
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn part(of: &mut [Duration], percent: usize) -> u64 {
    of.sort_unstable();
    let at = (of.len() * percent).div_ceil(100).max(1) - 1;
    of.get(at).map_or(0, |one| one.as_millis() as u64)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_acknowledged_is_lost_by_kill_9_at_any_instant() {
    let options = Options {
        n_kills: number("ARMEDMUSIC_KILL9", 6),
        n_chats: number("ARMEDMUSIC_KILL9_CHATS", 1).clamp(1, 50),
        seed: number("ARMEDMUSIC_KILL9_SEED", 1) as u64,
    };
    let since = Instant::now();
    let mut trial = Trial::begin(&options).await;
    trial.audible.clear();
    for kill in 1..=options.n_kills {
        trial.live().await;
        trial.kill();
        trial.start();
        if kill % COMPARED_EVERY == 0 || kill == options.n_kills {
            trial.compare().await;
        }
        if kill % 50 == 0 {
            let seconds = since.elapsed().as_secs();
            for words in trial.tally.words.drain(..) {
                eprintln!("{words}");
            }
            eprintln!("{kill} kills in {seconds} s: {}", serde_json::json!(trial.tally));
        }
    }
    // so that the last life is judged too
    trial.kill();
    trial.tally.torn += usize::from(trial.witness.n_missed() > 0);
    let mut report = serde_json::json!({
        "kills": options.n_kills,
        "position_error_ms_max": part(&mut trial.position_errors, 100),
        "positions": trial.position_errors.len(),
        "audible_ms_p50": part(&mut trial.audible, 50),
        "audible_ms_p95": part(&mut trial.audible, 95),
        "audible": trial.audible.len(),
        "silent": trial.n_silent,
        "chats": options.n_chats,
        "seed": options.seed,
        "seconds": since.elapsed().as_secs(),
    });
    let tally = serde_json::json!(trial.tally);
    let counts = tally.as_object().expect("it is one").clone();
    report.as_object_mut().expect("it is one").extend(counts);
    if let Some(path) = std::env::var_os("ARMEDMUSIC_KILL9_REPORT") {
        std::fs::write(path, format!("{report}\n")).expect("the report can be written");
    }
    eprintln!("{report}\n{}", trial.tally.words.join("\n"));
    assert!(trial.tally.is_good() && trial.n_silent == 0, "{report}");
}

//! What must be so in one chat: everything that was asked there, in its order. Pure.

use serde::Serialize;

/// So many titles there are; a chat uses one again only when it has long been forgotten.
pub(super) const N_TITLES: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Play(usize),
    Pause,
    Resume,
    Skip,
}

/// What the bot replied to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is done, or will be.
    Took,
    /// It is so already.
    Already,
    /// There is nothing to do it with.
    Nothing,
    /// It cannot be done.
    Refused,
}

#[derive(Debug, Clone, Copy)]
struct Command {
    message: i32,
    kind: Kind,
}

/// What the bot says about its queue: the titles in their order, unless they are being looked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listing {
    slots: Vec<Option<usize>>,
    /// Of the track that is at the head, once it is known.
    is_paused: Option<bool>,
}

/// What is wrong, all chats together.
#[derive(Debug, Default, Serialize)]
pub(super) struct Tally {
    /// Commands that the bot answered and that are not in effect.
    pub(super) acked_lost: usize,
    /// Commands that it did not answer and never obeyed.
    pub(super) unanswered_lost: usize,
    /// Commands that were obeyed or answered twice.
    pub(super) duplicated: usize,
    /// States that no order of obeying leads to, starts that failed, records put aside.
    pub(super) torn: usize,
    /// Commands that were turned down: what was to be paused was not found yet.
    pub(super) refused: usize,
    /// For whoever looks for the cause.
    #[serde(skip)]
    pub(super) words: Vec<String>,
}

/// One chat as it ought to be.
pub(super) struct Chat {
    pub(super) id: i64,
    n_titles: usize,
    /// The queue when everything was settled last, the current track first, and whether it was paused.
    settled: Vec<usize>,
    is_paused: Option<bool>,
    /// What was asked for since.
    commands: Vec<Command>,
    /// Something was wrong, and told; what follows from it is not told again.
    is_disputed: bool,
}

/// A request that should be in the queue, unless it was skipped.
struct Wanted {
    title: usize,
    is_acked: bool,
}

pub(super) fn name(title: usize) -> String {
    format!("tune{title:02}")
}

// === impl Listing ===

impl Listing {
    pub(super) fn read(text: &str) -> Listing {
        if text.contains("Nothing plays and nothing waits") {
            return Listing { slots: Vec::new(), is_paused: None };
        }
        let title = |line: &str| line.split_once("tune")?.1.get(..2)?.parse().ok();
        let head = text.lines().next().unwrap_or_default();
        let is_paused = match head.chars().next() {
            Some('⏸') => Some(true),
            Some('▶') => Some(false),
            _ => None,
        };
        Listing { slots: text.lines().map(title).collect(), is_paused }
    }
}

// === impl Tally ===

impl Tally {
    pub(super) fn is_good(&self) -> bool {
        (self.acked_lost, self.unanswered_lost, self.duplicated, self.torn) == (0, 0, 0, 0)
    }
}

// === impl Chat ===

impl Chat {
    pub(super) fn new(id: i64) -> Chat {
        Chat {
            id,
            n_titles: 0,
            settled: Vec::new(),
            is_paused: Some(false),
            commands: Vec::new(),
            is_disputed: false,
        }
    }

    pub(super) fn next_title(&mut self) -> usize {
        self.n_titles += 1;
        self.n_titles % N_TITLES
    }

    pub(super) fn asked(&mut self, message: i32, kind: Kind) {
        self.commands.push(Command { message, kind });
    }

    /// The length of the queue, the current track among it, once everything is obeyed.
    pub(super) fn len(&self) -> usize {
        let of = |wanted: fn(&Kind) -> bool| {
            self.commands.iter().filter(|command| wanted(&command.kind)).count()
        };
        let plays = of(|kind| matches!(kind, Kind::Play(_)));
        (self.settled.len() + plays).saturating_sub(of(|kind| *kind == Kind::Skip))
    }

    /// Whether the last that was said about it was to pause.
    pub(super) fn may_be_paused(&self) -> bool {
        let last = self.commands.iter().rev().find(|one| !matches!(one.kind, Kind::Play(_)));
        last.map_or(self.is_paused != Some(false), |last| last.kind == Kind::Pause)
    }

    /// Whether it is certain which track is the current one.
    pub(super) fn is_head_certain(&self, answers: &dyn Fn(i32) -> Option<Answer>) -> bool {
        let mut skips = self.commands.iter().filter(|one| one.kind == Kind::Skip);
        skips.all(|skip| answers(skip.message).is_some())
    }

    pub(super) fn unsettled(&self) -> impl Iterator<Item = i32> {
        self.commands.iter().map(|command| command.message)
    }

    /// Looks at what the bot said its queue was, to the question in message `asked`. Whether that is how everything ends
    /// that was asked for, so that it can be forgotten.
    pub(super) fn judge(
        &mut self,
        listing: &Listing,
        asked: i32,
        answers: &dyn Fn(i32) -> Option<Answer>,
        tally: &mut Tally,
    ) -> bool {
        let wanted = self.wanted(asked, answers);
        let count = |is_meant: &dyn Fn(&Command) -> bool| {
            let skips = self.commands.iter().filter(|one| one.kind == Kind::Skip);
            skips.filter(|one| is_meant(one)).count()
        };
        let answered =
            count(&|one| one.message < asked && answers(one.message) == Some(Answer::Took));
        let all = count(&|one| answers(one.message) != Some(Answer::Nothing));
        let place = place(&listing.slots, &wanted);
        if !self.is_disputed {
            let before = (tally.acked_lost, tally.duplicated, tally.torn);
            match place {
                // something always plays here
                _ if listing.slots.is_empty() => tally.torn += 1,
                Some(gone) => {
                    tally.acked_lost += answered.saturating_sub(gone);
                    tally.duplicated += gone.saturating_sub(all);
                    let rest = wanted.iter().skip(gone + listing.slots.len());
                    tally.acked_lost += rest.filter(|one| one.is_acked).count();
                }
                None => blame(&listing.slots, &wanted, tally),
            }
            self.judge_pause(listing, asked, answers, tally);
            if before != (tally.acked_lost, tally.duplicated, tally.torn) {
                self.dispute(listing, &format!("asked in {asked}"), answers, tally);
            }
        }
        let is_whole = listing.slots.iter().all(Option::is_some);
        let is_newest = self.commands.iter().all(|one| one.message < asked);
        is_newest && is_whole && place == Some(all) && all + listing.slots.len() == wanted.len()
    }

    /// It did not come to what it ought to in any reasonable time.
    pub(super) fn give_up(
        &mut self,
        listing: Option<&Listing>,
        answers: &dyn Fn(i32) -> Option<Answer>,
        tally: &mut Tally,
    ) {
        if !self.is_disputed {
            tally.unanswered_lost += 1;
            let none = Listing { slots: Vec::new(), is_paused: None };
            self.dispute(listing.unwrap_or(&none), "never settled", answers, tally);
        }
    }

    /// From here on this is how it is.
    pub(super) fn settle(
        &mut self,
        listing: &Listing,
        answers: &dyn Fn(i32) -> Option<Answer>,
        tally: &mut Tally,
    ) {
        for one in &self.commands {
            match (one.kind, answers(one.message)) {
                // something always plays here
                (Kind::Skip, Some(Answer::Nothing)) => {
                    tally.torn += 1;
                    let words = format!("{}: nothing to skip, it says in {}", self.id, one.message);
                    tally.words.push(words);
                }
                (_, Some(Answer::Refused | Answer::Nothing)) => tally.refused += 1,
                _ => {}
            }
        }
        self.settled = listing.slots.iter().flatten().copied().collect();
        self.is_paused = listing.is_paused;
        self.commands.clear();
        self.is_disputed = false;
    }

    pub(super) fn is_disputed(&self) -> bool {
        self.is_disputed
    }

    /// Everything that was asked for, the oldest first, whether it waits still or was skipped.
    fn wanted(&self, asked: i32, answers: &dyn Fn(i32) -> Option<Answer>) -> Vec<Wanted> {
        let settled = self.settled.iter().map(|title| Wanted { title: *title, is_acked: true });
        let since = self.commands.iter().filter_map(|one| match (one.kind, answers(one.message)) {
            (Kind::Play(_), Some(Answer::Refused)) => None,
            (Kind::Play(title), answer) => {
                let is_acked = one.message < asked && answer.is_some();
                Some(Wanted { title, is_acked })
            }
            _ => None,
        });
        settled.chain(since).collect()
    }

    fn judge_pause(
        &self,
        listing: &Listing,
        asked: i32,
        answers: &dyn Fn(i32) -> Option<Answer>,
        tally: &mut Tally,
    ) {
        let is_control = |one: &&Command| !matches!(one.kind, Kind::Play(_));
        let mut is_paused = self.is_paused;
        for one in self.commands.iter().filter(is_control) {
            let (before, after) = match one.kind {
                Kind::Pause => (false, true),
                _ => (true, false),
            };
            is_paused = match answers(one.message) {
                // obeyed after the listing, perhaps
                _ if one.message > asked => None,
                Some(Answer::Took) if one.kind == Kind::Skip => Some(false),
                Some(answer @ (Answer::Took | Answer::Already)) => {
                    let then = if answer == Answer::Took { before } else { after };
                    tally.acked_lost += usize::from(is_paused == Some(!then));
                    Some(after)
                }
                Some(_) => is_paused,
                None => is_paused.filter(|is_paused| *is_paused == after),
            };
        }
        let is_wrong = is_paused.zip(listing.is_paused).is_some_and(|(ought, is)| ought != is);
        tally.acked_lost += usize::from(is_wrong);
    }

    fn dispute(
        &mut self,
        listing: &Listing,
        what: &str,
        answers: &dyn Fn(i32) -> Option<Answer>,
        tally: &mut Tally,
    ) {
        self.is_disputed = true;
        let asked: Vec<String> = self
            .commands
            .iter()
            .map(|one| format!("{} {:?} {:?}", one.message, one.kind, answers(one.message)))
            .collect();
        tally.words.push(format!(
            "{} {what}: the queue is {listing:?}; it was {:?}, paused {:?}, then {asked:#?}",
            self.id, self.settled, self.is_paused
        ));
    }
}

/// How many of what was wanted are gone, when the queue is an unbroken stretch of it.
fn place(slots: &[Option<usize>], wanted: &[Wanted]) -> Option<usize> {
    let Some((at, title)) = slots.iter().enumerate().find_map(|(at, slot)| Some((at, (*slot)?)))
    else {
        // nothing has a name yet, or there is nothing
        return wanted.len().checked_sub(slots.len());
    };
    let gone = wanted.iter().position(|one| one.title == title)?.checked_sub(at)?;
    let stretch = wanted.get(gone..gone + slots.len())?;
    let fits = slots.iter().zip(stretch).all(|(slot, one)| slot.is_none_or(|is| is == one.title));
    fits.then_some(gone)
}

/// What is wrong with a queue that is no stretch of what was wanted.
fn blame(slots: &[Option<usize>], wanted: &[Wanted], tally: &mut Tally) {
    let titles: Vec<usize> = slots.iter().flatten().copied().collect();
    let strangers = titles.iter().enumerate().filter(|(at, title)| {
        titles[..*at].contains(title) || !wanted.iter().any(|one| one.title == **title)
    });
    let n_duplicated = strangers.count();
    let from = wanted.iter().position(|one| titles.contains(&one.title)).unwrap_or(0);
    let missing = wanted[from..].iter().filter(|one| one.is_acked && !titles.contains(&one.title));
    let n_unnamed = slots.len() - titles.len();
    let n_lost = missing.count().saturating_sub(n_unnamed);
    tally.duplicated += n_duplicated;
    tally.acked_lost += n_lost;
    tally.torn += usize::from(n_duplicated + n_lost == 0);
}

//! One question, several who may answer it: a pure state machine.
//!
//! The first is asked at once. The next is asked as soon as one fails, or when the last one asked takes longer than it
//! mostly does; a good answer ends it and the others are called off. So a service that hangs costs one of its own
//! usual times, never its deadline.

use std::time::Duration;

use crate::timeline::{Came, Hindrance, Row, Step, Then, Timeline, ms};
use crate::{Class, Fault, Reason};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// For the whole.
    pub deadline: Duration,
    /// For one answer.
    pub answer_max: Duration,
    /// How long one is waited for alone: its own p95 within these two, or the third when that is unknown.
    pub patience_min: Duration,
    pub patience_max: Duration,
    pub patience_unknown: Duration,
    /// For one answer of somebody in doubt while others can be asked too, or twice its p95 if that is longer.
    pub doubtful_max: Duration,
    /// How often one may be asked; above 1 only for questions that change nothing.
    pub tries_max: u32,
    /// Before one is asked again.
    pub retry_pause: Duration,
}

/// Somebody who may be asked, in the order of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    pub who: String,
    /// 95 of 100 of its answers took less; `None` while too few are known.
    pub p95: Option<Duration>,
    /// It failed lately and has not answered since: asking it is a trial, for which nobody waits long.
    pub is_doubtful: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Begin,
    /// It answered, and the answer is what was wanted.
    Good(usize),
    /// It answered, and has nothing that fits; a fault tells why, when that is worth telling.
    Poor(usize, Option<Fault>),
    Failed(usize, Fault),
    /// It may not be asked now.
    Hindered(usize, Hindrance),
    /// The time that [`Inquiry::wakes_at`] named has come.
    Woke,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Ask(usize),
    /// Its answer is not wanted any more; true when it had its time and did not use it.
    CallOff(usize, bool),
    Done(Verdict),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Won(usize),
    Lost(Fault),
}

#[derive(Debug)]
pub struct Inquiry {
    settings: Settings,
    step: Step,
    seats: Vec<Sitting>,
    began: Duration,
    /// When somebody was asked last, and for how long that one is waited for.
    last: Option<(Duration, Duration)>,
    rows: Vec<Row>,
    faults: Vec<Fault>,
    n_poor: usize,
    is_over: bool,
}

#[derive(Debug)]
struct Sitting {
    seat: Seat,
    n_tries: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting {
        not_before: Duration,
    },
    /// Asked then; its row in the timeline.
    Asked {
        at: Duration,
        row: usize,
    },
    Over,
}

// === impl Settings ===

impl Settings {
    /// Ninety seconds for the whole, thirty for one answer.
    pub const STANDARD: Settings = Settings {
        deadline: Duration::from_secs(90),
        answer_max: Duration::from_secs(30),
        patience_min: Duration::from_millis(250),
        patience_max: Duration::from_secs(5),
        patience_unknown: Duration::from_secs(1),
        doubtful_max: Duration::from_secs(5),
        tries_max: 2,
        retry_pause: Duration::from_millis(500),
    };
}

// === impl Inquiry ===

impl Inquiry {
    pub fn new(settings: Settings, step: Step, seats: Vec<Seat>) -> Inquiry {
        let sit = |seat| {
            let state = State::Waiting { not_before: Duration::ZERO };
            Sitting { seat, n_tries: 0, state }
        };
        Inquiry {
            settings,
            step,
            seats: seats.into_iter().map(sit).collect(),
            began: Duration::ZERO,
            last: None,
            rows: Vec::new(),
            faults: Vec::new(),
            n_poor: 0,
            is_over: false,
        }
    }

    /// Takes one input; what is said about somebody who is not being asked is late and ignored.
    pub fn handle(&mut self, input: Input, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.is_over {
            return effects;
        }
        match input {
            Input::Begin => {
                self.began = now;
                self.go_on(now, &mut effects);
            }
            Input::Good(seat) => {
                if self.close(seat, Came::Answer, Then::Taken, now) {
                    self.call_off(now, &mut effects);
                    self.end(Verdict::Won(seat), &mut effects);
                }
            }
            Input::Poor(seat, fault) => {
                let came = fault.as_ref().map_or(Came::Nothing, Came::of);
                if self.close(seat, came, Then::NextAsked, now) {
                    self.n_poor += 1;
                    self.faults.extend(fault);
                    self.go_on(now, &mut effects);
                }
            }
            Input::Failed(seat, fault) => {
                if self.failed(seat, fault, now) {
                    self.go_on(now, &mut effects);
                }
            }
            Input::Hindered(seat, hindrance) => {
                if self.close(seat, Came::NotAsked(hindrance), Then::NextAsked, now) {
                    self.faults.push(hindrance.fault());
                    self.go_on(now, &mut effects);
                }
            }
            Input::Woke => self.woke(now, &mut effects),
        }
        effects
    }

    /// When something is to be done although nobody answers.
    pub fn wakes_at(&self) -> Option<Duration> {
        if self.is_over {
            return None;
        }
        let overdue = self.asked().map(|(seat, at, _)| at + self.answer_max(seat));
        let ends = [self.began + self.settings.deadline];
        overdue.chain(ends).chain(self.next_at()).min()
    }

    /// What happened so far; times count from the beginning.
    pub fn into_timeline(mut self) -> Timeline {
        if let Some(last) = self.rows.last_mut().filter(|row| row.then == Then::NextAsked) {
            last.then = Then::GivenUp;
        }
        Timeline(self.rows)
    }

    fn asked(&self) -> impl Iterator<Item = (usize, Duration, usize)> {
        self.seats.iter().enumerate().filter_map(|(seat, sitting)| match sitting.state {
            State::Asked { at, row } => Some((seat, at, row)),
            _ => None,
        })
    }

    /// How long its answer may take. Whoever alone can answer gets all the time there is.
    fn answer_max(&self, seat: usize) -> Duration {
        let Settings { answer_max, doubtful_max, .. } = self.settings;
        let seat = self.seats.get(seat).map(|sitting| &sitting.seat);
        match seat.filter(|seat| seat.is_doubtful && self.seats.len() > 1) {
            Some(seat) => doubtful_max.max(seat.p95.unwrap_or_default() * 2).min(answer_max),
            None => answer_max,
        }
    }

    /// Who is next, and not before when: everybody once, in order, before anybody twice.
    fn next(&self) -> Option<(usize, Duration)> {
        let waiting = self.seats.iter().enumerate().filter_map(|(seat, sitting)| {
            let State::Waiting { not_before } = sitting.state else { return None };
            Some((sitting.n_tries, seat, not_before))
        });
        waiting.min().map(|(_, seat, not_before)| (seat, not_before))
    }

    /// When the next one is asked, if nobody answers before. The more of them are silent, the shorter the patience.
    fn next_at(&self) -> Option<Duration> {
        let (_, not_before) = self.next()?;
        let n_asked = self.asked().count() as u32;
        let Some((at, patience)) = self.last.filter(|_| n_asked > 0) else {
            return Some(not_before);
        };
        let patience = (patience / n_asked).max(self.settings.patience_min);
        Some(not_before.max(at + patience))
    }

    /// Somebody failed or there is nobody yet: the next is asked at once, or it is over when there is none.
    fn go_on(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        match self.next() {
            Some((seat, not_before)) if not_before <= now => self.ask(seat, now, effects),
            Some(_) => {}
            None if self.asked().next().is_some() => {}
            None => {
                let fault = self.verdict();
                self.end(Verdict::Lost(fault), effects);
            }
        }
    }

    fn ask(&mut self, seat: usize, now: Duration, effects: &mut Vec<Effect>) {
        let settings = self.settings;
        let Some(sitting) = self.seats.get_mut(seat) else { return };
        let patience = match sitting.seat.p95 {
            Some(p95) => p95.clamp(settings.patience_min, settings.patience_max),
            None if sitting.seat.is_doubtful => settings.patience_min,
            None => settings.patience_unknown,
        };
        sitting.n_tries += 1;
        sitting.state = State::Asked { at: now, row: self.rows.len() };
        self.rows.push(Row {
            who: sitting.seat.who.clone(),
            step: self.step,
            at_ms: ms(now.saturating_sub(self.began)),
            took_ms: 0,
            came: Came::Silence,
            is_slow: false,
            then: Then::NextAsked,
        });
        self.last = Some((now, patience));
        effects.push(Effect::Ask(seat));
    }

    fn woke(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        if now >= self.began + self.settings.deadline {
            let overdue: Vec<usize> = self.asked().map(|(seat, ..)| seat).collect();
            for seat in overdue {
                self.close(seat, Came::Silence, Then::GivenUp, now);
                effects.push(Effect::CallOff(seat, true));
            }
            let fault = Fault::transient(Reason::Timeout, "nobody answered in time");
            return self.end(Verdict::Lost(fault), effects);
        }
        let is_overdue = |seat: usize, at: Duration| now >= at + self.answer_max(seat);
        let asked = self.asked().filter(|(seat, at, _)| is_overdue(*seat, *at));
        let overdue: Vec<usize> = asked.map(|(seat, ..)| seat).collect();
        for seat in &overdue {
            effects.push(Effect::CallOff(*seat, true));
            // whoever hung for so long would hang again
            self.close(*seat, Came::Silence, Then::NextAsked, now);
            self.faults.push(Fault::transient(Reason::Timeout, "no answer in time"));
        }
        if !overdue.is_empty() {
            return self.go_on(now, effects);
        }
        if self.next_at().is_some_and(|at| at <= now)
            && let Some((seat, _)) = self.next()
        {
            let slow: Vec<usize> = self.asked().map(|(.., row)| row).collect();
            for row in slow {
                self.rows[row].is_slow = true;
            }
            self.ask(seat, now, effects);
        }
    }

    fn failed(&mut self, seat: usize, fault: Fault, now: Duration) -> bool {
        let settings = self.settings;
        let n_tries = self.seats.get(seat).map_or(0, |sitting| sitting.n_tries);
        let is_worth = fault.class == Class::Transient
            && fault.reason != Reason::Timeout
            && n_tries < settings.tries_max;
        let then = if is_worth { Then::AskedAgain } else { Then::NextAsked };
        if !self.close(seat, Came::of(&fault), then, now) {
            return false;
        }
        if is_worth {
            self.seats[seat].state = State::Waiting { not_before: now + settings.retry_pause };
        }
        self.faults.push(fault);
        true
    }

    /// Writes down what came of somebody who was asked; false when nobody asked.
    fn close(&mut self, seat: usize, came: Came, then: Then, now: Duration) -> bool {
        let Some(State::Asked { at, row }) = self.seats.get(seat).map(|sitting| sitting.state)
        else {
            return false;
        };
        self.seats[seat].state = State::Over;
        let row = &mut self.rows[row];
        row.took_ms = ms(now.saturating_sub(at));
        row.came = came;
        row.then = then;
        true
    }

    fn call_off(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        let others: Vec<(usize, usize)> = self.asked().map(|(seat, _, row)| (seat, row)).collect();
        for (seat, row) in others {
            let is_slow = self.rows[row].is_slow;
            self.close(seat, Came::Silence, Then::CalledOff, now);
            effects.push(Effect::CallOff(seat, is_slow));
        }
    }

    fn end(&mut self, verdict: Verdict, effects: &mut Vec<Effect>) {
        self.is_over = true;
        effects.push(Effect::Done(verdict));
    }

    /// The most telling of all that went wrong: a refusal says more than "nothing", and that more than silence.
    fn verdict(&self) -> Fault {
        let telling =
            |fault: &&Fault| fault.class == Class::Refused && fault.reason != Reason::NotFound;
        if let Some(refusal) = self.faults.iter().find(telling) {
            return refusal.clone();
        }
        let has_nothing = self.n_poor > 0
            || self.seats.is_empty()
            || self.faults.iter().any(|fault| fault.class == Class::Refused);
        if has_nothing {
            return Fault::refused(Reason::NotFound, "nothing that fits was found");
        }
        let last = self.faults.last().cloned();
        last.unwrap_or_else(|| Fault::transient(Reason::Unreachable, "nobody could be asked"))
    }
}

#[cfg(test)]
mod tests;

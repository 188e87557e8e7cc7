//! Who serves the chat: an assistant is assigned, and another one takes over when it cannot serve any longer.

use std::time::Duration;

use super::{Effect, Machine, Seat, Step};
use crate::fault::{Class, Fault, Reason};
use crate::player::Line;

type Effects = Vec<Effect>;

/// A flood wait up to this is shorter than what another assistant's way in takes.
const FLOOD_WAIT_SHORT: Duration = Duration::from_secs(3);
/// Between two looks for an assistant while none is signed in.
const LOOK_EVERY: Duration = Duration::from_secs(1);

// === impl Machine ===

impl Machine {
    pub(super) fn assign(&mut self, effects: &mut Effects) {
        self.assign_none_of(self.tried.clone(), effects);
    }

    fn assign_none_of(&mut self, not: Vec<Seat>, effects: &mut Effects) {
        self.step = Step::Assigning;
        effects.push(Effect::Assign { attempt: self.attempt, not });
    }

    pub(super) fn assigned(&mut self, seat: Option<Seat>, now: Duration, effects: &mut Effects) {
        match (self.step, seat) {
            (Step::Assigning, Some(seat)) => self.take_over(seat, effects),
            (Step::Assigning, None) => self.nobody_is_free(now, effects),
            // the one that serves is silent, but the music goes on as long as nobody else could play it
            (Step::Up { .. }, Some(seat)) => {
                self.blame = Some(unanswered_fault());
                self.hang_up(effects);
                self.take_over(seat, effects);
            }
            _ => {}
        }
    }

    fn take_over(&mut self, seat: Seat, effects: &mut Effects) {
        let is_another = self.seat != Some(seat);
        self.seat = Some(seat);
        self.is_entered &= !is_another;
        effects.push(Effect::Switch);
        match self.blame.take() {
            Some(fault) if is_another => effects.push(Effect::Tell(Line::Switched(fault))),
            _ => {}
        }
        self.enter(effects);
    }

    fn nobody_is_free(&mut self, now: Duration, effects: &mut Effects) {
        let fault = self.blame.take().unwrap_or_else(unanswered_fault);
        match fault.class {
            // then the same one, when Telegram lets it
            Class::FloodWait(wait) => {
                self.tried.retain(|seat| Some(*seat) != self.seat);
                self.n_tries += 1;
                self.wait(wait + Duration::from_secs(1), fault, now, effects);
            }
            Class::Transient => {
                let since = *self.silent_since.get_or_insert(now);
                let is_over = now.saturating_sub(since) >= self.settings.assistant_wait;
                if is_over && !self.is_held(now) {
                    return self.give_up(fault, effects);
                }
                self.seat = None;
                self.wait(LOOK_EVERY, fault, now, effects);
            }
            Class::Refused | Class::Fatal => self.give_up(fault, effects),
        }
    }

    /// The login of the assistant is gone: another one, or nobody.
    pub(super) fn assistant_lost(&mut self, fault: Fault, effects: &mut Effects) {
        if !matches!(self.step, Step::Away | Step::Assigning) {
            self.give_up_or_change(fault, effects);
        }
    }

    pub(super) fn give_up_or_change(&mut self, fault: Fault, effects: &mut Effects) {
        if self.is_change_due(&fault) {
            self.change(fault, effects);
        } else {
            self.give_up(fault, effects);
        }
    }

    /// Whether another assistant may do better; a fault of the voice chat itself is the same for all of them.
    pub(super) fn is_change_due(&self, fault: &Fault) -> bool {
        match (fault.class, fault.reason) {
            (Class::FloodWait(wait), _) => wait > FLOOD_WAIT_SHORT,
            (Class::Fatal, _) => true,
            (_, reason) => matches!(
                reason,
                Reason::NoAssistant
                    | Reason::AssistantNotIn
                    | Reason::AssistantBanned
                    | Reason::AssistantAwaitsApproval
                    | Reason::TooManyChannels
                    | Reason::AccountLost
                    | Reason::JoinedElsewhere
            ),
        }
    }

    /// Looks for another assistant; without one, `fault` is what people read.
    pub(super) fn change(&mut self, fault: Fault, effects: &mut Effects) {
        self.hang_up(effects);
        let mut not = self.tried.clone();
        not.extend(self.seat);
        // one that is merely away may be back in a moment, but not in this one
        if fault.reason != Reason::NoAssistant {
            self.tried.clone_from(&not);
            self.silent_since = None;
        }
        // what is wrong with the first one is what people can mend
        self.blame.get_or_insert(fault);
        self.assign_none_of(not, effects);
    }

    /// A check was not answered; media may flow all the same.
    pub(super) fn unanswered(&mut self, now: Duration, effects: &mut Effects) {
        let since = *self.silent_since.get_or_insert(now);
        if matches!(self.step, Step::Up { .. })
            && now.saturating_sub(since) >= self.settings.assistant_wait
        {
            self.silent_since = None;
            let not = self.tried.iter().copied().chain(self.seat).collect();
            effects.push(Effect::Assign { attempt: self.attempt, not });
        }
    }
}

fn unanswered_fault() -> Fault {
    Fault::transient(Reason::NoAssistant, "no assistant answers")
}

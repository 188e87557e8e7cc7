//! Trouble: what is lost, tried again, given up, and how a place is left.

use std::time::Duration;

use super::{Effect, Machine, Refusal, Row, Step, Style};
use crate::fault::{Class, Fault, Reason};
use crate::ids::CallId;
use crate::player::Line;

type Effects = Vec<Effect>;

// === impl Machine ===

impl Machine {
    pub(super) fn lost(&mut self, fault: Fault, now: Duration, effects: &mut Effects) {
        match self.step {
            Step::Connecting { .. } if !fault.is_retryable() => self.give_up(fault, effects),
            Step::Connecting { .. } => {
                // a server that cannot be reached one way may be reachable the other way
                self.style = match self.style {
                    Style::Native => Style::Web,
                    Style::Web => Style::Native,
                };
                self.retry_or_give_up(fault, now, effects);
            }
            Step::Up { since } => {
                self.forgive(since, now);
                self.retry_or_give_up(fault, now, effects);
            }
            _ => {}
        }
    }

    pub(super) fn checked(
        &mut self,
        outcome: Result<bool, Refusal>,
        now: Duration,
        effects: &mut Effects,
    ) {
        let every = match self.step {
            Step::Connecting { .. } => self.settings.check_connecting_every,
            Step::Up { .. } => self.settings.check_joined_every,
            _ => return,
        };
        match outcome {
            Ok(true) => {
                self.silent_since = None;
                self.check_at(now + every, effects);
            }
            Ok(false) | Err(Refusal::NotJoined | Refusal::CallGone) => {
                if matches!(outcome, Err(Refusal::CallGone)) {
                    self.call = None;
                }
                self.lost_place("telegram no longer lists our ssrc", now, effects);
            }
            Err(Refusal::SsrcTaken | Refusal::Other(_)) => {
                self.check_at(now + self.settings.check_again, effects);
                self.unanswered(now, effects);
            }
        }
    }

    pub(super) fn row(&mut self, row: Row, now: Duration, effects: &mut Effects) {
        if !matches!(self.step, Step::Joining | Step::Connecting { .. } | Step::Up { .. }) {
            return;
        }
        let is_ours = self.ssrc == Some(row.ssrc);
        if !is_ours {
            // stale rows about our earlier ssrcs arrive when joins race; only a foreign one counts
            if !row.has_left && !self.past_ssrcs.contains(&row.ssrc) {
                let fault = Fault::refused(
                    Reason::JoinedElsewhere,
                    "the account joined from another session",
                );
                self.give_up_or_change(fault, effects);
            }
        } else if row.has_left {
            if self.step != Step::Joining {
                self.lost_place("telegram removed our row", now, effects);
            }
        } else {
            self.mute_changed(row, effects);
        }
    }

    pub(super) fn discarded(&mut self, call: CallId, now: Duration, effects: &mut Effects) {
        if self.call.is_none_or(|ours| ours.id != call.id) {
            return;
        }
        self.hang_up(effects);
        if !self.was_up {
            return self.give_up(call_ended(), effects);
        }
        self.wait_for_another(now, effects);
    }

    /// The voice chat is over; the queue waits for the next one.
    pub(super) fn wait_for_another(&mut self, now: Duration, effects: &mut Effects) {
        self.wait_until(now + self.settings.ended_wait, now, effects);
    }

    fn wait_until(&mut self, until: Duration, now: Duration, effects: &mut Effects) {
        self.step = Step::Ended { until };
        self.ended_until = Some(until);
        effects.push(Effect::Tell(Line::Ended { wait: until.saturating_sub(now) }));
        effects.push(Effect::WakeAt(until));
    }

    /// No voice chat can be started by us. One that people were promised to be waited for is waited for still, whoever
    /// asked for more music meanwhile.
    pub(super) fn not_created(&mut self, fault: Fault, now: Duration, effects: &mut Effects) {
        match self.ended_until.filter(|until| now < *until) {
            Some(until) => {
                self.hang_up(effects);
                self.wait_until(until, now, effects);
            }
            None => self.give_up(Fault { reason: Reason::NoVoiceChat, ..fault }, effects),
        }
    }

    pub(super) fn removed(&mut self, effects: &mut Effects) {
        if !matches!(self.step, Step::Away | Step::Assigning) {
            // neither the call nor the group listens to it any more
            self.call = None;
            let fault =
                Fault::refused(Reason::AssistantNotIn, "the assistant was removed from the group");
            self.give_up_or_change(fault, effects);
        }
    }

    pub(super) fn wake(&mut self, now: Duration, effects: &mut Effects) {
        match self.step {
            Step::Waiting { until } if now >= until => {
                self.attempt = self.attempt.next();
                self.go_on(effects);
            }
            Step::Ended { until } if now >= until => self.give_up(call_ended(), effects),
            Step::Connecting { until } if now >= until => {
                self.lost(
                    Fault::transient(
                        Reason::CallUnreachable,
                        "the media server did not answer in time",
                    ),
                    now,
                    effects,
                );
            }
            Step::Connecting { .. } | Step::Up { .. } => self.check(now, effects),
            _ => {}
        }
    }

    pub(super) fn leave(&mut self, effects: &mut Effects) {
        if self.step == Step::Away {
            return;
        }
        self.hang_up(effects);
        self.step = Step::Away;
        self.let_go();
    }

    /// The assistant is not bound to this chat any more.
    fn let_go(&mut self) {
        self.seat = None;
        self.is_entered = false;
        self.blame = None;
        self.ended_until = None;
    }

    /// Telegram says that we are out, while the media connection may still look well.
    pub(super) fn lost_place(&mut self, detail: &str, now: Duration, effects: &mut Effects) {
        let fault = Fault::transient(Reason::CallUnreachable, detail);
        if let Step::Up { since } = self.step {
            self.forgive(since, now);
        }
        self.retry_or_give_up(fault, now, effects);
    }

    pub(super) fn mute_changed(&mut self, row: Row, effects: &mut Effects) {
        let was_force_muted = self.is_force_muted;
        self.is_force_muted = row.is_muted && !row.can_self_unmute;
        if row.is_muted
            && row.can_self_unmute
            && let Some(call) = self.call
        {
            effects.push(Effect::Unmute { call });
        }
        if self.is_force_muted && !was_force_muted {
            effects.push(Effect::Flow(false));
            effects.push(Effect::Tell(Line::Held(force_muted())));
        } else if was_force_muted && !self.is_force_muted && matches!(self.step, Step::Up { .. }) {
            self.up(effects);
        }
    }

    pub(super) fn retry_or_give_up(&mut self, fault: Fault, now: Duration, effects: &mut Effects) {
        if self.is_change_due(&fault) {
            return self.change(fault, effects);
        }
        self.n_tries += 1;
        let is_over = self.n_tries >= self.settings.tries_max && !self.is_held(now);
        if !fault.is_retryable() || is_over {
            self.give_up(fault, effects);
            return;
        }
        let wait = match fault.class {
            Class::FloodWait(wait) => wait + Duration::from_secs(1),
            // the first try after a failure is immediate: most are races or a server that moved
            _ if self.n_tries == 1 => Duration::ZERO,
            _ => self.backoff(),
        };
        self.wait(wait, fault, now, effects);
    }

    /// A place that held for a while makes what was before it forgotten.
    fn forgive(&mut self, since: Duration, now: Duration) {
        if now.saturating_sub(since) >= self.settings.healthy_after {
            self.n_tries = 0;
            self.tried.clear();
        }
    }

    /// Whether people were hearing us and would still want to: then patience is long.
    pub(super) fn is_held(&mut self, now: Duration) -> bool {
        let since = *self.lost_since.get_or_insert(now);
        self.was_up && now.saturating_sub(since) < self.settings.hold_max
    }

    /// Tries again after `wait`, or gives up when nobody would want to wait that long.
    pub(super) fn wait(
        &mut self,
        wait: Duration,
        fault: Fault,
        now: Duration,
        effects: &mut Effects,
    ) {
        effects.push(Effect::Flow(false));
        effects.push(Effect::Close);
        if wait > self.settings.backoff_max {
            return self.give_up(fault, effects);
        }
        if self.was_up {
            effects.push(Effect::Tell(Line::Held(fault)));
        }
        self.is_force_muted = false;
        self.next_check = None;
        self.step = Step::Waiting { until: now + wait };
        if wait.is_zero() {
            self.wake(now, effects);
        } else {
            effects.push(Effect::WakeAt(now + wait));
        }
    }

    pub(super) fn backoff(&self) -> Duration {
        let doublings = self.n_tries.saturating_sub(2).min(16);
        (self.settings.backoff_initial * 2_u32.pow(doublings)).min(self.settings.backoff_max)
    }

    pub(super) fn give_up(&mut self, fault: Fault, effects: &mut Effects) {
        self.hang_up(effects);
        self.step = Step::Away;
        self.let_go();
        effects.push(Effect::Tell(Line::Failed(fault)));
    }

    /// Tells Telegram and the media server goodbye, as far as they know us.
    pub(super) fn hang_up(&mut self, effects: &mut Effects) {
        let is_listed =
            matches!(self.step, Step::Joining | Step::Connecting { .. } | Step::Up { .. });
        effects.push(Effect::Flow(false));
        effects.push(Effect::Close);
        if let (true, Some(call), Some(ssrc)) = (is_listed, self.call, self.ssrc) {
            effects.push(Effect::Quit { call, ssrc });
        }
        self.attempt = self.attempt.next();
        self.ssrc = None;
        self.call = None;
        self.is_force_muted = false;
        self.next_check = None;
    }

    pub(super) fn check_at(&mut self, at: Duration, effects: &mut Effects) {
        self.next_check = Some(at);
        effects.push(Effect::WakeAt(at));
    }

    pub(super) fn check(&mut self, now: Duration, effects: &mut Effects) {
        let is_due = self.next_check.is_some_and(|at| now >= at);
        if let (true, Some(call), Some(ssrc)) = (is_due, self.call, self.ssrc) {
            self.next_check = None;
            effects.push(Effect::Check { attempt: self.attempt, call, ssrc });
        }
    }
}

pub(super) fn force_muted() -> Fault {
    Fault::refused(Reason::ForceMuted, "an administrator muted the assistant")
}

fn call_ended() -> Fault {
    Fault::refused(Reason::CallEnded, "the voice chat ended")
}

//! Getting in: from the group to a working connection.

use std::time::Duration;

use super::trouble::force_muted;
use super::{Effect, Found, Machine, Refusal, Row, Step, Style};
use crate::fault::{Fault, Reason};
use crate::ids::CallId;
use crate::player::Line;

type Effects = Vec<Effect>;

/// How many own ssrcs are remembered; more tries than this within the life of a stale row are not made.
const PAST_SSRCS_MAX: usize = 16;

// === impl Machine ===

impl Machine {
    pub(super) fn join(&mut self, effects: &mut Effects) {
        match self.step {
            Step::Away => {
                self.n_tries = 0;
                self.style = Style::Native;
                self.was_up = false;
                self.is_return = false;
                self.tried.clear();
                self.silent_since = None;
                self.lost_since = None;
                self.attempt = self.attempt.next();
                self.assign(effects);
            }
            // whoever asks lives anew and has not heard
            Step::Up { .. } => effects.push(Effect::Tell(match self.is_force_muted {
                true => Line::Held(force_muted()),
                false => Line::Joined,
            })),
            Step::Ended { .. } => self.started(effects),
            _ => {}
        }
    }

    /// A new voice chat, after the old one ended.
    pub(super) fn started(&mut self, effects: &mut Effects) {
        if matches!(self.step, Step::Ended { .. }) {
            self.n_tries = 0;
            self.attempt = self.attempt.next();
            self.go_on(effects);
        }
    }

    /// As far as we had come: an assistant, in the group, and then the voice chat as it is now.
    pub(super) fn go_on(&mut self, effects: &mut Effects) {
        match self.seat {
            None => self.assign(effects),
            Some(_) if !self.is_entered => self.enter(effects),
            // the call may have ended or been replaced meanwhile
            Some(_) => self.find(effects),
        }
    }

    pub(super) fn enter(&mut self, effects: &mut Effects) {
        self.step = Step::Entering;
        effects.push(Effect::Enter { attempt: self.attempt });
    }

    pub(super) fn entered(
        &mut self,
        outcome: Result<(), Fault>,
        now: Duration,
        effects: &mut Effects,
    ) {
        match outcome {
            Ok(()) => {
                self.is_entered = true;
                self.silent_since = None;
                self.find(effects);
            }
            Err(fault) => self.retry_or_give_up(fault, now, effects),
        }
    }

    pub(super) fn found(
        &mut self,
        outcome: Result<Option<Found>, Fault>,
        now: Duration,
        effects: &mut Effects,
    ) {
        if outcome.is_ok() {
            self.silent_since = None;
        }
        match outcome {
            Ok(Some(found)) if found.is_conference => {
                self.give_up(
                    Fault::refused(Reason::Conference, "the call is an encrypted conference"),
                    effects,
                );
            }
            Ok(Some(found)) if found.is_rtmp => {
                self.give_up(
                    Fault::refused(Reason::BroadcastOnly, "the call is fed by rtmp"),
                    effects,
                );
            }
            Ok(Some(found)) if !found.is_scheduled => {
                self.is_return = false;
                self.call = Some(found.call);
                self.prepare(effects);
            }
            Ok(_) if std::mem::take(&mut self.is_return) => self.wait_for_another(now, effects),
            Ok(_) => {
                self.step = Step::Creating;
                effects.push(Effect::Create { attempt: self.attempt });
            }
            Err(fault) => self.retry_or_give_up(fault, now, effects),
        }
    }

    pub(super) fn created(
        &mut self,
        outcome: Result<CallId, Fault>,
        now: Duration,
        effects: &mut Effects,
    ) {
        match outcome {
            Ok(call) => {
                self.call = Some(call);
                self.prepare(effects);
            }
            Err(fault) if fault.is_retryable() => self.retry_or_give_up(fault, now, effects),
            Err(fault) => self.not_created(fault, now, effects),
        }
    }

    pub(super) fn prepared(
        &mut self,
        outcome: Result<u32, Fault>,
        now: Duration,
        effects: &mut Effects,
    ) {
        match (outcome, self.call) {
            (Ok(ssrc), Some(call)) => {
                self.remember_ssrc(ssrc);
                self.step = Step::Joining;
                effects.push(Effect::Join { attempt: self.attempt, call });
            }
            (Ok(_), None) => self.find(effects),
            (Err(fault), _) => self.retry_or_give_up(fault, now, effects),
        }
    }

    pub(super) fn answered(
        &mut self,
        outcome: Result<Option<Row>, Refusal>,
        now: Duration,
        effects: &mut Effects,
    ) {
        match outcome {
            Ok(row) => {
                self.step = Step::Connecting { until: now + self.settings.connect_max };
                effects.push(Effect::Apply { attempt: self.attempt });
                self.check_at(now + self.settings.check_connecting_every, effects);
                effects.push(Effect::WakeAt(now + self.settings.connect_max));
                if let Some(row) = row {
                    self.mute_changed(row, effects);
                }
            }
            Err(Refusal::Other(fault)) if !fault.is_retryable() => self.give_up(fault, effects),
            Err(Refusal::Other(fault)) => self.retry_or_give_up(fault, now, effects),
            Err(Refusal::CallGone | Refusal::NotJoined) => {
                self.call = None;
                let fault = Fault::transient(Reason::CallEnded, "the call we knew is gone");
                self.retry_or_give_up(fault, now, effects);
            }
            Err(Refusal::SsrcTaken) => {
                let fault = Fault::transient(Reason::CallUnreachable, "ssrc in use");
                self.retry_or_give_up(fault, now, effects);
            }
        }
    }

    pub(super) fn connected(&mut self, now: Duration, effects: &mut Effects) {
        if !matches!(self.step, Step::Connecting { .. }) {
            return;
        }
        self.step = Step::Up { since: now };
        self.ended_until = None;
        self.check_at(now + self.settings.check_joined_every, effects);
        if !self.is_force_muted {
            self.up(effects);
        }
    }

    pub(super) fn find(&mut self, effects: &mut Effects) {
        self.step = Step::Finding;
        effects.push(Effect::Find { attempt: self.attempt });
    }

    pub(super) fn prepare(&mut self, effects: &mut Effects) {
        self.step = Step::Preparing;
        effects.push(Effect::Prepare { attempt: self.attempt, style: self.style });
    }

    /// Frames flow, and whoever plays hears of it.
    pub(super) fn up(&mut self, effects: &mut Effects) {
        self.was_up = true;
        self.lost_since = None;
        effects.push(Effect::Flow(true));
        effects.push(Effect::Tell(Line::Joined));
    }

    pub(super) fn remember_ssrc(&mut self, ssrc: u32) {
        self.ssrc = Some(ssrc);
        if self.past_ssrcs.len() == PAST_SSRCS_MAX {
            self.past_ssrcs.pop_front();
        }
        self.past_ssrcs.push_back(ssrc);
    }
}

//! What the machine decides, done on ractor; nothing here waits.

use std::sync::Arc;

use ractor::ActorRef;
use tokio::time::Instant;

use crate::{
    child_spec::Kind,
    failure::Exit,
    launch::{Launch, Report, ReportTo},
    machine::Effect,
    node::Key,
    shutdown::Ending,
    supervisor::{Msg, State},
};

impl State {
    pub(super) fn perform(&mut self, effect: Effect, myself: &ActorRef<Msg>) {
        match effect {
            Effect::Start { key, incarnation } => self.start(key, incarnation, myself),
            Effect::Stop { key } => self.stop(key),
            Effect::Kill { key } => {
                if let Some(cell) = self.children.get(&key).and_then(|place| place.cell.as_ref()) {
                    cell.kill();
                }
            }
            Effect::Remove { key } => self.remove(key),
            Effect::Tell { key, incarnation, kind } => self.tell(key, incarnation, kind),
            Effect::Booted => {
                self.context.ready();
                (self.up)(Report::Started);
            }
            Effect::Exit { exit } => {
                self.context.seat().record(exit);
                myself.stop(None);
            }
        }
    }

    fn start(&mut self, key: Key, incarnation: u64, myself: &ActorRef<Msg>) {
        let Some(place) = self.children.get_mut(&key) else { return };
        let seat = self.context.seat().clone();
        let report: ReportTo = Arc::new(move |report| {
            // a supervisor that is gone needs no report: its own watcher awaits its children
            seat.deliver(Msg::Child { key, incarnation, report });
        });
        let launch = Launch {
            tree: self.context.tree().clone(),
            node: place.node.clone(),
            incarnation,
            parent: Some(myself.get_cell()),
            report: report.clone(),
            limits: place.spec.limits(),
        };
        match (place.spec.start)(launch) {
            Ok(cell) => place.cell = Some(cell),
            Err(failure) => {
                let exit = self.context.tree().redacted(Exit::NotStarted(failure));
                report(Report::Ended { exit, healthy_for: None });
            }
        }
    }

    fn stop(&self, key: Key) {
        let Some(place) = self.children.get(&key) else { return };
        let Some(cell) = &place.cell else { return };
        match (place.spec.kind, place.spec.ending) {
            // a supervisor that takes no more messages has ended already
            (Kind::Supervisor, _) => {
                ActorRef::<Msg>::from(cell.clone()).send_message(Msg::Shutdown).ok();
            }
            // ractor refuses to start an actor that drains, and would skip its post_stop
            (Kind::Worker, Ending::Drain) if cell.get_status() == ractor::ActorStatus::Running => {
                cell.drain().ok();
            }
            (Kind::Worker, _) => cell.stop(None),
        }
    }

    fn remove(&mut self, key: Key) {
        self.context.seat().node.remove(key);
        if let Some(place) = self.children.remove(&key) {
            place.spec.door.seal();
        }
        for (_, gone) in self.waiting_for_end.extract_if(.., |(waits_for, _)| *waits_for == key) {
            // whoever asked may have stopped waiting
            gone.send(()).ok();
        }
    }

    pub(super) fn write_board(&self, now: Instant) {
        for (key, place) in &self.children {
            if let Some((stage, failures)) = self.machine.view(*key, now) {
                place.node.set_stage(stage, failures);
            }
        }
    }

    pub(super) fn set_timer(&mut self, now: Instant) {
        let wakes_at = self.machine.wakes_at(now);
        if wakes_at == self.timer.as_ref().map(|(at, _)| *at) {
            return;
        }
        if let Some((_, timer)) = self.timer.take() {
            timer.abort();
        }
        if let Some(at) = wakes_at {
            let timer = self.context.tasks().spawn(async move {
                tokio::time::sleep_until(at).await;
                Msg::Tick
            });
            self.timer = Some((at, timer));
        }
    }
}

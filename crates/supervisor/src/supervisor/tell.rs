//! What a supervisor tells the world: one log line and one event each.

use crate::{
    event::EventKind,
    failure::Exit,
    node::{Key, Node},
    supervisor::State,
};

impl State {
    pub(super) fn tell(&self, key: Key, incarnation: u64, kind: EventKind) {
        let own = self.context.seat();
        let (node, incarnation) = match (&kind, self.children.get(&key)) {
            (EventKind::GaveUp, _) | (_, None) => (&own.node, own.incarnation),
            (_, Some(place)) => (&place.node, incarnation),
        };
        if let (EventKind::Parked { .. }, Some(place)) = (&kind, self.children.get(&key)) {
            place.spec.door.seal();
        }
        log(node, incarnation, &kind);
        self.context.tree().emit(node, incarnation, kind);
    }
}

/// One line for the log.
pub(crate) fn log(node: &Node, incarnation: u64, kind: &EventKind) {
    let path = &*node.path;
    match kind {
        EventKind::Started => tracing::debug!(path, "started"),
        EventKind::Restarted => tracing::info!(path, incarnation, "restarted"),
        EventKind::Stopping => tracing::debug!(path, incarnation, "stopping"),
        EventKind::Exited { exit: Exit::Normal } => tracing::debug!(path, incarnation, "ended"),
        EventKind::Exited { exit } => {
            let error = exit.failure().map_or_else(String::new, |failure| failure.text);
            tracing::warn!(path, incarnation, error, "failed");
        }
        EventKind::Backoff { delay, failures } => {
            let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(path, incarnation, failures, delay_ms, "will be restarted");
        }
        EventKind::Parked { text } => {
            tracing::error!(
                path,
                incarnation,
                error = text,
                "parked, not tried again; mend what its error says and restart the program"
            );
        }
        EventKind::Critical { failures } => {
            tracing::error!(
                path,
                incarnation,
                failures,
                critical = true,
                "keeps failing; a human should look at its error, it is still being tried"
            );
        }
        EventKind::Stuck => {
            tracing::error!(
                path,
                incarnation,
                "was killed but does not end, its thread is blocked"
            );
        }
        EventKind::GaveUp => {
            tracing::error!(path, incarnation, "gave up, children failed too often");
        }
    }
}

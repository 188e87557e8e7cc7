//! Links — which connections exist, and which sessions they carry.

use tokio::sync::{mpsc, watch};

use super::Caller;
use super::faults::Target;
use super::outbox::Out;
use super::state::{At, Cut, Link, State};

impl State {
    pub(super) fn add_link(
        &mut self,
        outbox: mpsc::Sender<Out>,
        cut: watch::Sender<Option<Cut>>,
    ) -> u64 {
        self.stats.connections_opened += 1;
        self.stats.connections_live += 1;
        let number = self.stats.connections_opened;
        let is_mute = self.knobs.is_born_mute;
        self.links
            .insert(number, Link { outbox, cut, ats: Default::default(), is_mute, deadline: None });
        number
    }

    /// Takes a closed connection off the books; gives the sessions which became unreachable.
    pub(super) fn remove_link(&mut self, number: u64) -> Vec<Caller> {
        let Some(link) = self.links.remove(&number) else { return Vec::new() };
        self.stats.connections_live -= 1;
        let mut keys: Vec<_> = link.ats.iter().map(|at| at.key).collect();
        keys.dedup();
        for key in keys {
            self.stats.keys.entry(key).or_default().live -= 1;
        }
        let mut gone = Vec::new();
        for at in link.ats {
            let caller = self.caller(at, number);
            let Some(session) = self.sessions.get_mut(&at) else { continue };
            session.links.retain(|link| *link != number);
            if session.links.is_empty() && std::mem::take(&mut session.was_reachable) {
                gone.push(caller);
            }
        }
        gone
    }

    /// The connection carried a message of the session.
    pub(super) fn attach(&mut self, number: u64, at: At) {
        let Some(link) = self.links.get_mut(&number) else { return };
        let is_new_key = link.ats.iter().all(|other| other.key != at.key);
        if link.ats.insert(at) && is_new_key {
            let of_key = self.stats.keys.entry(at.key).or_default();
            of_key.connections_opened += 1;
            of_key.live += 1;
            of_key.live_peak = of_key.live_peak.max(of_key.live);
        }
        let session = self.session(at);
        if !session.links.contains(&number) {
            session.links.push(number);
            // Connections are numbered in order of birth: the newest stays last.
            session.links.sort_unstable();
        }
    }

    pub(super) fn targeted(&self, target: Target) -> Vec<u64> {
        let strikes = |number: &u64, link: &Link| match target {
            Target::All => true,
            Target::Connection(wanted) => *number == wanted,
            _ => link.ats.iter().any(|at| self.matches(*at, target)),
        };
        let struck = self.links.iter().filter(|(number, link)| strikes(number, link));
        let mut struck: Vec<u64> = struck.map(|(number, _)| *number).collect();
        struck.sort_unstable();
        struck
    }

    pub(super) fn cut(&self, number: u64, cut: Cut) {
        if let Some(link) = self.links.get(&number) {
            link.cut.send_replace(Some(cut));
        }
    }

    pub(super) fn expel(&mut self, number: u64, reason: &'static str) {
        tracing::debug!(connection = number, reason, "connection expelled");
        *self.stats.connections_expelled.entry(reason).or_default() += 1;
        self.cut(number, Cut::Fin);
    }

    /// Hands something to the connection's writer; false when it is gone or too slow. What a mute one gets is lost, and
    /// the server does not know it.
    pub(super) fn put(&mut self, number: u64, out: Out) -> bool {
        let Some(link) = self.links.get(&number) else { return false };
        if link.is_mute {
            return true;
        }
        match link.outbox.try_send(out) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.expel(number, "slow reader");
                false
            }
        }
    }
}

//! What came of a rehearsal, for people and for machines.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::simulated::Simulated;

#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub seed: u64,
    pub chats: usize,
    pub seconds: u64,
    pub faults: BTreeMap<String, u64>,
    /// Children that were started again, by their place in the tree.
    pub restarts: BTreeMap<String, u64>,
    pub tracks_sounded: usize,
    pub tracks_lost: usize,
    pub complaints: Vec<String>,
    /// The longest time between two packets in chats to which nothing was done for a while.
    pub gap_untouched_ms: u64,
    /// Whether some chat did not come back.
    pub silent_at_the_end: usize,
    pub before: Leftover,
    pub after: Leftover,
}

/// What a process holds.
#[derive(Debug, Default, Serialize)]
pub struct Leftover {
    pub actors: usize,
    pub tasks: u64,
    pub descriptors: usize,
    pub rss_kib: u64,
}

// === impl Report ===

impl Report {
    pub fn is_good(&self) -> bool {
        self.tracks_lost == 0
            && self.silent_at_the_end == 0
            && self.after.actors <= self.before.actors
    }

    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |counts: &BTreeMap<String, u64>| {
            let words: Vec<String> = counts.iter().map(|(name, n)| format!("{name} {n}")).collect();
            words.join(", ")
        };
        writeln!(
            f,
            "Faults:    {} ({})",
            self.faults.values().sum::<u64>(),
            counted(&self.faults)
        )?;
        writeln!(f, "Restarts:  {}", counted(&self.restarts))?;
        writeln!(f, "Tracks:    {} sounded, {} lost", self.tracks_sounded, self.tracks_lost)?;
        for complaint in &self.complaints {
            writeln!(f, "           {}", complaint.lines().next().unwrap_or_default())?;
        }
        writeln!(f, "Elsewhere: longest gap between two packets {} ms", self.gap_untouched_ms)?;
        let (before, after) = (&self.before, &self.after);
        write!(
            f,
            "Left over: actors {} → {}, tasks {} → {}, descriptors {} → {}, memory {} → {} MiB",
            before.actors,
            after.actors,
            before.tasks,
            after.tasks,
            before.descriptors,
            after.descriptors,
            before.rss_kib / 1_024,
            after.rss_kib / 1_024
        )
    }
}

// === impl Leftover ===

impl Leftover {
    pub(super) fn now(simulated: &Simulated) -> Leftover {
        let snapshot = simulated.tree.root().snapshot();
        Leftover {
            actors: snapshot.children.len(),
            tasks: snapshot.children.iter().map(|child| child.tasks.running).sum(),
            descriptors: std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
            rss_kib: rss_kib(),
        }
    }
}

fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// `root/chats/-100123/player` is a `chats/*/player`.
pub(super) fn kind_of(path: &str) -> String {
    let parts = path.split('/').skip(1);
    let is_name = |part: &str| part.chars().all(|c| c.is_ascii_digit() || c == '-');
    parts.map(|part| if is_name(part) { "*" } else { part }).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_the_same_kind_are_counted_together() {
        assert_eq!(kind_of("root/chats/-1000000003000/player"), "chats/*/player");
        assert_eq!(kind_of("root/assistants/2"), "assistants/*");
        assert_eq!(kind_of("root/extractors/files"), "extractors/files");
    }
}

//! Strategies and restart rules — who falls with whom, and who comes back. Pure.

use crate::{child_spec::Restart, failure::Exit};

/// Which siblings fall with a child that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// None.
    OneForOne,
    /// All.
    OneForAll,
    /// Those that were started after it.
    RestForOne,
}

impl Strategy {
    /// Whether the failure of a child takes a sibling with it. Levels are in start order.
    pub(crate) fn takes_down(self, failed_level: u64, sibling_level: u64) -> bool {
        match self {
            Self::OneForOne => false,
            Self::OneForAll => true,
            Self::RestForOne => sibling_level > failed_level,
        }
    }

    /// Whether children depend on their elder siblings, so that they start only after them.
    pub(crate) fn is_ordered(self) -> bool {
        self != Self::OneForOne
    }
}

/// What an unasked exit means for the child itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Start it again; it counts against the intensity.
    Restart,
    /// It has done its work; it rests until its group is restarted.
    Rest,
    /// It is never started again, not even with its group.
    Forget,
}

pub(crate) fn verdict(restart: Restart, exit: &Exit) -> Verdict {
    match restart {
        Restart::Permanent => Verdict::Restart,
        Restart::Transient if exit.is_abnormal() => Verdict::Restart,
        Restart::Transient => Verdict::Rest,
        Restart::Temporary => Verdict::Forget,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    #[test]
    fn each_strategy_takes_down_its_own() {
        let taken = |strategy: Strategy| -> Vec<u64> {
            [0, 2, 3].into_iter().filter(|other| strategy.takes_down(1, *other)).collect()
        };
        assert!(taken(Strategy::OneForOne).is_empty());
        assert_eq!(taken(Strategy::OneForAll), [0, 2, 3]);
        assert_eq!(taken(Strategy::RestForOne), [2, 3]);
    }

    #[test]
    fn restart_rules_are_those_of_erlang() {
        use Restart::{Permanent, Temporary, Transient};
        use Verdict::{Forget, Rest, Restart as Again};
        let failed = Exit::Failed(Failure::transient("x"));
        let table = [
            (Permanent, &Exit::Normal, Again),
            (Permanent, &failed, Again),
            (Transient, &Exit::Normal, Rest),
            (Transient, &failed, Again),
            (Transient, &Exit::Killed, Again),
            (Transient, &Exit::GaveUp, Rest),
            (Permanent, &Exit::GaveUp, Again),
            (Temporary, &Exit::Normal, Forget),
            (Temporary, &failed, Forget),
            (Temporary, &Exit::Killed, Forget),
        ];
        for (restart, exit, expected) in table {
            assert_eq!(verdict(restart, exit), expected, "{restart:?} {exit:?}");
        }
    }
}

//! The troubles that a log may speak of: how they look, how loud they are, who acts and what an operator should do.
//!
//! One row, one test (`tests/scenarios/logs.rs`), one line of docs/logs.md. WARN recovers by itself; ERROR needs a
//! human and says for what.

use tracing::Level;

/// Who has to do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acts {
    /// Nobody: the program recovers.
    Program,
    /// An operator; the program goes on as well as it can.
    Operator,
}

/// One kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble {
    pub class: &'static str,
    pub example: &'static str,
    pub level: Level,
    /// What the line says, word for word.
    pub words: &'static str,
    pub acts: Acts,
    /// What the program does, and what an operator should do.
    pub then: &'static str,
}

pub const UNKNOWN_CONSTRUCTOR: Trouble = Trouble {
    class: "unknown constructor",
    example: "an update of a newer layer, 0x52d6806b",
    level: Level::WARN,
    words: "telegram sent something unreadable",
    acts: Acts::Program,
    then: "it is stepped over, the connection and all other updates live on; update the program when convenient",
};

pub const CONNECTION_LOST: Trouble = Trouble {
    class: "connection lost",
    example: "reset by a router, a server that went away",
    level: Level::WARN,
    words: "connection was lost",
    acts: Acts::Program,
    then: "the account connects anew by itself; what was missed is fetched",
};

pub const FLOOD_WAIT: Trouble = Trouble {
    class: "flood wait",
    example: "FLOOD_WAIT_15 for a message",
    level: Level::WARN,
    words: "telegram asks to slow down",
    acts: Acts::Program,
    then: "this method of this account waits exactly as long as it was told; raise chat.refresh_s if it comes often",
};

pub const SLOW_SOURCE: Trouble = Trouble {
    class: "extractor's timeout",
    example: "a web server that accepts and never answers",
    level: Level::WARN,
    words: "a place where music is did not answer",
    acts: Acts::Program,
    then: "whoever asked is told; nobody else waits",
};

pub const VOICE_LOST: Trouble = Trouble {
    class: "voice connection lost",
    example: "the media server fell silent or closed the connection",
    level: Level::WARN,
    words: "voice connection lost",
    acts: Acts::Program,
    then: "the assistant joins anew, and the music goes on where it was",
};

pub const CRASH: Trouble = Trouble {
    class: "an actor failed",
    example: "a bug in one chat's player, an account that could not connect",
    level: Level::WARN,
    words: "will be restarted",
    acts: Acts::Program,
    then: "its supervisor starts it again, later each time; a bug is worth a report with the lines before",
};

pub const KEEPS_FAILING: Trouble = Trouble {
    class: "reconnection limit",
    example: "the fifth failure in a row",
    level: Level::ERROR,
    words: "keeps failing; a human should look at its error, it is still being tried",
    acts: Acts::Operator,
    then: "look at the error in the lines before: network, firewall, Telegram's state; it is still tried every 5 min",
};

pub const PARKED: Trouble = Trouble {
    class: "parked session",
    example: "AUTH_KEY_UNREGISTERED, SESSION_REVOKED, USER_DEACTIVATED",
    level: Level::ERROR,
    words: "parked, not tried again; mend what its error says and restart the program",
    acts: Acts::Operator,
    then: "make a new session string for that account, or take it out of the settings, and restart",
};

pub const LOGGER_GROUP: Trouble = Trouble {
    class: "invalid logger group",
    example: "LOGGER_ID of a group where the bot is not",
    level: Level::ERROR,
    words: "the operators' group cannot be reached; correct LOGGER_ID or add the bot to that group",
    acts: Acts::Operator,
    then: "correct LOGGER_ID, or add the bot to that group; everything else works meanwhile",
};

pub const STORE: Trouble = Trouble {
    class: "state not kept",
    example: "the disk of the state directory is full",
    level: Level::ERROR,
    words: "state cannot be written, music goes on; what is queued now will not survive a restart",
    acts: Acts::Operator,
    then: "make room on the disk of state.directory, or give this user the right to write there; the next write that works heals it",
};

/// All of them, the harmless first.
pub const TROUBLES: [Trouble; 10] = [
    UNKNOWN_CONSTRUCTOR,
    CONNECTION_LOST,
    FLOOD_WAIT,
    SLOW_SOURCE,
    VOICE_LOST,
    CRASH,
    KEEPS_FAILING,
    PARKED,
    LOGGER_GROUP,
    STORE,
];

/// The table as docs/logs.md shows it.
pub fn table() -> String {
    let mut table = String::from(
        "| class | example | level | the line says | who acts | what then |\n|---|---|---|---|---|---|\n",
    );
    for Trouble { class, example, level, words, acts, then } in TROUBLES {
        let acts = match acts {
            Acts::Program => "the program",
            Acts::Operator => "you",
        };
        table.push_str(&format!("| {class} | {example} | {level} | {words} | {acts} | {then} |\n"));
    }
    table
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use ractor::{Actor, ActorProcessingErr, ActorRef};
    use supervisor::{
        ChildSpec, EventKind, Intensity, Options, Strategy, SupervisorSpec, start_root,
    };

    use super::*;

    #[test]
    fn what_recovers_by_itself_is_a_warning_and_what_needs_a_human_an_error() {
        for trouble in TROUBLES {
            let level = match trouble.acts {
                Acts::Program => Level::WARN,
                Acts::Operator => Level::ERROR,
            };
            assert_eq!(trouble.level, level, "{}", trouble.class);
        }
    }

    /// Somebody who never comes up.
    struct Doomed;

    impl Actor for Doomed {
        type Msg = ();
        type State = ();
        type Arguments = ();

        async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
            Err(supervisor::Failure::transient("no network").into())
        }
    }

    /// Lines as they would be printed.
    #[derive(Clone, Default)]
    struct Printed(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Printed {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Printed {
        fn lines(&self, words: &str) -> Vec<String> {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            text.lines().filter(|line| line.contains(words)).map(str::to_owned).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_fifth_failure_in_a_row_is_an_error_that_says_what_to_do() {
        let printed = Printed::default();
        let writer = printed.clone();
        let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
        let _guard = tracing::subscriber::set_default(lines.finish());
        let child = ChildSpec::worker("doomed", |_| (Doomed, ()));
        let intensity = Intensity { restarts_max: 1_000, within: Duration::from_secs(1) };
        let spec = SupervisorSpec::new(Strategy::OneForOne, intensity).child(child);
        let root = start_root(spec, Options::default());
        let mut events = root.events();
        let since = tokio::time::Instant::now();
        while let Some(event) = events.next().await {
            if let EventKind::Critical { failures } = event.kind {
                assert_eq!(failures, 5);
                break;
            }
        }
        assert!(since.elapsed() > Duration::from_secs(60), "5, 10, 20 and 40 s, give or take");
        let errors = printed.lines(KEEPS_FAILING.words);
        assert!(errors.len() == 1 && errors[0].contains("ERROR"), "{errors:#?}");
        assert!(errors[0].contains("root/doomed"), "{errors:#?}");
        root.shutdown().await;
    }

    #[test]
    fn every_class_has_its_own_words() {
        for (at, trouble) in TROUBLES.iter().enumerate() {
            assert!(TROUBLES[..at].iter().all(|other| other.words != trouble.words));
            assert!(TROUBLES[..at].iter().all(|other| other.class != trouble.class));
        }
    }
}

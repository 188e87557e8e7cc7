//! Builds the box and the bot: `World::new().start().await`, then people act and the bot answers.

use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use armedmusic::cli::SimulatorOptions;
use armedmusic::simulated::{Simulated, Wishes};
use simulator::group_calls::Participant;
use simulator::listener::{Listener, Packet, Style};
use simulator::sfu::SfuSettings;
use simulator::world::{
    ADA, ASSISTANT, BOT, DMITRI, Place, PlaceKind, Population, SECOND_ASSISTANT, Shown, Telegram,
    jam,
};

/// How long a scenario waits for anything: long, because a busy machine is not a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The wishes of one scenario.
pub(crate) struct World {
    music: Option<std::path::PathBuf>,
    allow_hosts: Vec<String>,
    settings: String,
    population: Population,
    sfu: SfuSettings,
    environment: Vec<(&'static str, String)>,
    assistants: Vec<i64>,
    dc: simulator::dc::Settings,
}

/// Ada's group with a voice chat, in which the bot may do everything, with both assistants and these people.
pub(crate) fn room(id: i64, people: &[i64]) -> Place {
    Place {
        id,
        kind: PlaceKind::Supergroup,
        title: "Room".into(),
        username: None,
        creator: ADA,
        admins: vec![BOT],
        anonymous: vec![],
        members: [people, &[ASSISTANT, SECOND_ASSISTANT]].concat(),
        voice_chat: true,
        linked: None,
    }
}

/// A running scenario. `end` must be called: a tree that is merely dropped was not drained.
pub(crate) struct Running {
    pub(crate) inside: Simulated,
    is_ended: bool,
}

// === impl World ===

impl World {
    /// What `main` does first; once for all scenarios of the process.
    pub(crate) fn install_provider() {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            rustls::crypto::ring::default_provider()
                .install_default()
                .expect("installed once per process");
            // for whoever looks for a fault: RUST_LOG=debug shows what the bot says
            if let Ok(level) = std::env::var("RUST_LOG") {
                let log = armedmusic::config::Log { level, is_json: false };
                armedmusic::telemetry::start(&log).expect("RUST_LOG is a filter");
            }
        });
    }

    pub(crate) fn new() -> World {
        Self::install_provider();
        World {
            music: None,
            allow_hosts: Vec::new(),
            settings: String::new(),
            population: Population::small(),
            sfu: SfuSettings::loopback(),
            environment: Vec::new(),
            assistants: Vec::new(),
            dc: simulator::dc::Settings::loopback(),
        }
    }

    /// More of the environment, as in `config/env.example`.
    pub(crate) fn environment(mut self, name: &'static str, value: impl ToString) -> World {
        self.environment.push((name, value.to_string()));
        self
    }

    /// One more assistant: this account.
    pub(crate) fn assistant(mut self, user: i64) -> World {
        self.assistants.push(user);
        self
    }

    /// The folder that the bot searches; without it, the demo's own music.
    pub(crate) fn music(mut self, folder: &Path) -> World {
        self.music = Some(folder.to_owned());
        self
    }

    /// A host that links may lead to although it is private.
    pub(crate) fn allow_host(mut self, host: &str) -> World {
        self.allow_hosts.push(host.to_owned());
        self
    }

    /// More settings, as in `config/armedmusic.toml`.
    pub(crate) fn settings(mut self, toml: &str) -> World {
        self.settings.push_str(toml);
        self.settings.push('\n');
        self
    }

    /// Other people and chats than the usual ones.
    pub(crate) fn population(mut self, change: impl FnOnce(&mut Population)) -> World {
        change(&mut self.population);
        self
    }

    /// Another media server than the usual one.
    pub(crate) fn sfu(mut self, change: impl FnOnce(&mut SfuSettings)) -> World {
        change(&mut self.sfu);
        self
    }

    /// Another data centre than the usual one.
    pub(crate) fn dc(mut self, change: impl FnOnce(&mut simulator::dc::Settings)) -> World {
        change(&mut self.dc);
        self
    }

    pub(crate) async fn start(mut self) -> Running {
        let options = SimulatorOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            quiet_ms: 0,
            record: None,
            home: Vec::new(),
        };
        let telegram = Telegram::assemble(self.population, self.dc, self.sfu);
        let telegram = telegram.await.expect("the box starts");
        const NAMES: [&str; 3] = ["STRING_SESSION3", "STRING_SESSION4", "STRING_SESSION5"];
        for (name, user) in NAMES.into_iter().zip(self.assistants) {
            self.environment.push((name, telegram.session_string(user)));
        }
        let wishes = Wishes {
            options: &options,
            music: self.music.as_deref(),
            allow_hosts: &self.allow_hosts,
            refresh: Duration::from_secs(1),
            settings: &self.settings,
            environment: &self.environment,
        };
        let inside = Simulated::beside(telegram, &wishes).await.expect("the bot starts");
        Running { inside, is_ended: false }
    }
}

// === impl Running ===

impl Running {
    pub(crate) fn telegram(&self) -> &simulator::world::Telegram {
        &self.inside.telegram
    }

    pub(crate) fn world(&self) -> &simulator::world::World {
        self.inside.telegram.world()
    }

    /// Whether this machine stood still for longer than a clock makes up for: then it left music out, as it should, and
    /// no listener can tell that from a fault.
    pub(crate) fn has_stalled(&self) -> bool {
        self.inside.tree.engine().stats().lateness_max > Duration::from_millis(50)
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let waiting = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("it did not come true that {what}; the group reads {:#?}", self.texts());
        }
    }

    /// `user` writes into the group.
    pub(crate) fn say(&self, user: i64, text: &str) -> i32 {
        self.world().say(user, jam(), text).expect("people may write in their group")
    }

    /// Waits for a message of the group whose text contains `words`.
    pub(crate) async fn sees(&self, words: &str) -> Shown {
        self.sees_in(jam(), words).await
    }

    /// The same in any group.
    pub(crate) async fn sees_in(&self, chat: i64, words: &str) -> Shown {
        let found =
            self.world().wait_for_message(chat, PATIENCE, |shown| shown.text.contains(words)).await;
        found.unwrap_or_else(|| {
            let texts: Vec<String> =
                self.world().messages(chat).into_iter().map(|shown| shown.text).collect();
            panic!("nobody said {words:?}; the group reads {texts:#?}")
        })
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.world().messages(jam()).into_iter().map(|shown| shown.text).collect()
    }

    /// Dmitri listens in the group's voice chat.
    pub(crate) async fn listener(&self) -> Listener {
        self.listener_as(DMITRI, jam(), Style::Native).await
    }

    /// Anybody listens in the voice chat of any group.
    pub(crate) async fn listener_as(&self, user: i64, chat: i64, style: Style) -> Listener {
        Listener::join(self.telegram().calls(), user, chat, style)
            .await
            .expect("a member may listen")
    }

    /// The assistant in the group's voice chat.
    pub(crate) fn assistant(&self) -> Option<Participant> {
        let participants = self.telegram().calls().participants(jam());
        participants.into_iter().find(|participant| participant.user == ASSISTANT)
    }

    /// Waits until the assistant has left the voice chat and the chat's actors are gone.
    pub(crate) async fn until_idle(&self) {
        let path = format!("root/chats/{}", jam());
        self.until("the chat ends", || self.inside.tree.root().snapshot().find(&path).is_none())
            .await;
    }

    /// Drains the bot and stops the box; nothing may be left.
    pub(crate) async fn end(mut self) {
        self.is_ended = true;
        self.inside.stop().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_ended && !std::thread::panicking() {
            panic!("did you call running.end().await?");
        }
    }
}

/// What arrived, for the ear.
pub(crate) fn heard(packets: &[Packet]) -> simulator::ear::Heard {
    let packets: Vec<simulator::ear::Packet> = packets
        .iter()
        .map(|packet| simulator::ear::Packet {
            sequence: packet.seq,
            timestamp: packet.timestamp,
            payload: packet.payload.to_vec(),
        })
        .collect();
    simulator::ear::decode(&packets)
}

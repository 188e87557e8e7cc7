//! Root — one_for_one over everything that lives.
//!
//! Started first to last, stopped last to first: who takes commands comes last and goes first.

pub(crate) mod store;
pub(crate) mod extractors;
pub(crate) mod assistants;
pub(crate) mod chats;
pub(crate) mod bot;

use std::sync::Arc;
use std::time::Duration;

use domain::Fault;
use sources::cache::Cache;
use supervisor::{
    Handle, Intensity, Options, RestartBudget, Root, State, Strategy, SupervisorSpec, door,
    start_root,
};
use tokio::time::Instant;

use crate::Settings;
use crate::courier::Courier;
use crate::desk::why::Failures;
use crate::keep::Keeps;
use crate::settings::Login;
use crate::shelf::Shelf;
use crate::speech::Texts;
use crate::stats::Board;
use crate::wire::Slot;
use assistants::Roster;

/// More than any child should ever need; beyond it something is wrong with the whole, and the process ends.
const INTENSITY: Intensity = Intensity { restarts_max: 30, within: Duration::from_secs(60) };
/// Restarts of the whole tree: a storm (an hour without network) must not become a flood of joins.
const RESTART_BUDGET: RestartBudget = RestartBudget { burst: 20, per_second: 20.0 };
/// A child that was killed ends at its next await; one that blocks its thread never does.
const KILL_MAX: Duration = Duration::from_millis(500);
/// Updates, answers and events that may wait for the bot.
const BOT_BOUND: usize = 4_096;

/// The store's own news; commits do not pass its mailbox.
const STORE_BOUND: usize = 64;

/// The running tree, and what it stands on.
pub struct Tree {
    root: Root,
    engine: Arc<media::Engine>,
    pub(crate) bot: Handle<bot::Msg>,
    pub(crate) assistants: Roster,
    pub(crate) board: Board,
}

/// Starts the tree. Nothing is connected yet when this returns: children come up by themselves and report.
pub fn start(settings: Settings) -> Result<Tree, Fault> {
    let engine = Arc::new(media::Engine::start(settings.media));
    let transport = Arc::new(group_call::Transport::new(settings.transport)?);
    let bot_account = Slot::new();
    let (bot_door, bot) = door(BOT_BOUND);

    let (shelf, keeps) = (Shelf::new(), Keeps::new());
    let (store_door, _) = door(STORE_BOUND);
    let store = store::child_spec(
        store_door,
        store::Parts { settings: settings.store, shelf: shelf.clone(), keeps: keeps.clone() },
    );
    let assistants = settings.assistants.iter();
    assistants.chain([&settings.bot.login]).for_each(|login| carry(login, &shelf));
    let search_max = settings.sources.lookups.inquiry.deadline;
    let cache = settings.cache.map_or_else(Cache::off, Cache::new);
    let (extractors, resolver, ledger) =
        extractors::child_spec(settings.sources.clone(), cache.clone())?;
    let (assistants, roster) = assistants::child_spec(
        settings.telegram.clone(),
        settings.assistants.into_iter().map(|login| login.session).collect(),
        bot_account.clone(),
        settings.reconnect,
    );
    let (chats_spec, chats) = chats::child_spec(chats::Parts {
        settings: settings.chat,
        call_settings: settings.call,
        sources: settings.sources,
        cache: cache.clone(),
        engine: engine.clone(),
        transport,
        resolver: resolver.clone(),
        roster: roster.clone(),
        bot: bot.clone(),
        bot_account: bot_account.clone(),
        shelf: shelf.clone(),
        keeps,
    })?;
    let board = Board {
        chats: chats.clone(),
        engine: engine.clone(),
        started: Instant::now(),
        memory: settings.memory,
        ledger,
        cache,
        shelf: shelf.clone(),
    };
    let bot_spec = bot::child_spec(
        bot_door,
        bot::Parts {
            telegram: settings.telegram,
            settings: settings.bot,
            controls: chats.controls(),
            chats,
            account: bot_account,
            texts: Arc::new(Texts::embedded()),
            board: board.clone(),
            resolver,
            search_max,
            failures: Failures::default(),
            is_refusal_told: Arc::default(),
        },
    )
    .backoff(settings.reconnect);
    let spec = SupervisorSpec::new(Strategy::OneForOne, INTENSITY)
        .child(store)
        .child(extractors)
        .child(assistants)
        .child(chats_spec)
        .child(bot_spec);
    let options = Options { restart_budget: RESTART_BUDGET, ..Options::default() };
    let root = start_root(spec, options);
    Ok(Tree { root, engine, bot, assistants: roster, board })
}

fn carry(login: &Login, shelf: &Shelf) {
    if let Some(name) = &login.kept_as {
        login.session.carry(Arc::new(Courier::new(shelf.clone(), name.clone())));
    }
}

// === impl Tree ===

impl Tree {
    pub fn root(&self) -> &Root {
        &self.root
    }

    pub fn engine(&self) -> &media::Engine {
        &self.engine
    }

    /// Stops everything in order, each child within its deadline. Whatever still lives after `grace` is killed, and
    /// what does not even end then is left to the end of the process.
    pub async fn shutdown(&self, grace: Duration, audio_deadline: Duration) {
        let ended = tokio::time::timeout(grace + KILL_MAX, self.root.shutdown_within(grace)).await;
        if ended.is_err() {
            let left = self.left().join(", ");
            tracing::error!(
                left,
                "killed, and still there: something blocks a thread; please report it"
            );
        }
        let engine = self.engine.clone();
        let joined = tokio::task::spawn_blocking(move || engine.shutdown(audio_deadline)).await;
        if !matches!(joined, Ok(true)) {
            tracing::warn!("audio threads did not end in time");
        }
    }

    /// The paths of those who have not ended.
    pub fn left(&self) -> Vec<String> {
        let children = self.root.snapshot().children.into_iter();
        children.filter(|child| child.state != State::Ended).map(|child| child.path).collect()
    }
}

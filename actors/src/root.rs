//! Root — one_for_one over everything that lives.
//!
//! Started first to last, stopped last to first: who takes commands comes last and goes first.

pub(crate) mod extractors;
pub(crate) mod assistants;
pub(crate) mod chats;
pub(crate) mod bot;

use std::sync::Arc;
use std::time::Duration;

use domain::Fault;
use supervisor::{
    Intensity, Options, RestartBudget, Root, Strategy, SupervisorSpec, door, start_root,
};

use crate::Settings;
use crate::speech::Texts;
use crate::wire::Slot;

/// More than any child should ever need; beyond it something is wrong with the whole, and the process ends.
const INTENSITY: Intensity = Intensity { restarts_max: 30, within: Duration::from_secs(60) };
/// Restarts of the whole tree: a storm (an hour without network) must not become a flood of joins.
const RESTART_BUDGET: RestartBudget = RestartBudget { burst: 20, per_second: 20.0 };
/// Updates, answers and events that may wait for the bot.
const BOT_BOUND: usize = 4_096;

/// The running tree, and what it stands on.
pub struct Tree {
    root: Root,
    engine: Arc<media::Engine>,
}

/// Starts the tree. Nothing is connected yet when this returns: children come up by themselves and report.
pub fn start(settings: Settings) -> Result<Tree, Fault> {
    let engine = Arc::new(media::Engine::start(settings.media));
    let transport = Arc::new(group_call::Transport::new(settings.transport)?);
    let bot_account = Slot::new();
    let (bot_door, bot) = door(BOT_BOUND);

    let (extractors, resolver) = extractors::child_spec(settings.sources.clone())?;
    let (assistants, roster) = assistants::child_spec(
        settings.telegram.clone(),
        settings.assistants,
        bot_account.clone(),
        settings.reconnect,
    );
    let (chats_spec, chats) = chats::child_spec(chats::Parts {
        settings: settings.chat,
        call_settings: settings.call,
        sources: settings.sources,
        engine: engine.clone(),
        transport,
        resolver,
        roster,
        bot: bot.clone(),
        bot_account: bot_account.clone(),
    })?;
    let bot_spec = bot::child_spec(
        bot_door,
        bot::Parts {
            telegram: settings.telegram,
            settings: settings.bot,
            controls: chats.controls(),
            chats,
            account: bot_account,
            texts: Arc::new(Texts::embedded()),
        },
    )
    .backoff(settings.reconnect);
    let spec = SupervisorSpec::new(Strategy::OneForOne, INTENSITY)
        .child(extractors)
        .child(assistants)
        .child(chats_spec)
        .child(bot_spec);
    let options = Options { restart_budget: RESTART_BUDGET, ..Options::default() };
    let root = start_root(spec, options);
    Ok(Tree { root, engine })
}

// === impl Tree ===

impl Tree {
    pub fn root(&self) -> &Root {
        &self.root
    }

    pub fn engine(&self) -> &media::Engine {
        &self.engine
    }

    /// Stops everything in order, each child within its deadline.
    pub async fn shutdown(&self, grace: Duration, audio_deadline: Duration) {
        self.root.shutdown_within(grace).await;
        let engine = self.engine.clone();
        let joined = tokio::task::spawn_blocking(move || engine.shutdown(audio_deadline)).await;
        if !matches!(joined, Ok(true)) {
            tracing::warn!("audio threads did not end in time");
        }
    }
}

//! People who wait for a bot: pressed buttons and inline queries.

use std::collections::HashMap;

use grammers_tl_types as tl;
use tokio::sync::oneshot;

pub(crate) struct Press {
    pub bot: i64,
    pub user: i64,
    pub chat: i64,
    /// As the presser calls it.
    pub message: i32,
    pub answer: oneshot::Sender<tl::types::messages::BotCallbackAnswer>,
}

pub(crate) struct Query {
    pub bot: i64,
    pub user: i64,
    pub answer: Option<oneshot::Sender<tl::types::messages::BotResults>>,
    /// What the results would send, by result id.
    pub results: HashMap<String, tl::enums::InputBotInlineResult>,
}

#[derive(Default)]
pub(crate) struct Waiting {
    pub presses: HashMap<i64, Press>,
    pub queries: HashMap<i64, Query>,
}

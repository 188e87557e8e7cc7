//! Inline queries: a person types the bot's name, the bot offers results, one of them is sent.

use std::collections::HashMap;

use grammers_tl_types as tl;
use tl::{Serializable, enums, types};
use tokio::sync::oneshot;

use super::{BOT_PATIENCE, Desk, MISNAMED_MAX, Reply, methods, parse, ready};
use crate::world::World;
use crate::world::account::Sort;
use crate::world::ids::{self, Kind};
use crate::world::letter::Draft;
use crate::world::refusal::{Answered, bad};
use crate::world::state::State;
use crate::world::waiting::Query;

type Asked = (i64, oneshot::Receiver<types::messages::BotResults>);

impl State {
    fn ask(
        &mut self,
        user: i64,
        q: &tl::functions::messages::GetInlineBotResults,
    ) -> Answered<Asked> {
        let bot = self.user_named(user, &q.bot)?;
        let account = self.accounts.get(&bot).ok_or_else(|| bad("BOT_INVALID"))?;
        match account.sort {
            Sort::Bot { inline: true, .. } => {}
            Sort::Bot { .. } => return Err(bad("BOT_INLINE_DISABLED")),
            _ => return Err(bad("BOT_INVALID")),
        }
        let peer_type = match ids::kind(self.peer_named(user, &q.peer).unwrap_or(user)) {
            Kind::User(id) if id == bot => enums::InlineQueryPeerType::SameBotPm,
            Kind::User(_) => enums::InlineQueryPeerType::Pm,
            Kind::Group(_) => enums::InlineQueryPeerType::Chat,
            Kind::Channel(_) => enums::InlineQueryPeerType::Megagroup,
        };
        let query_id = self.fresh();
        let (answer, answered) = oneshot::channel();
        let update = types::UpdateBotInlineQuery {
            query_id,
            user_id: user,
            query: q.query.clone(),
            geo: None,
            peer_type: Some(peer_type),
            offset: q.offset.clone(),
        };
        let query = Query { bot, user, answer: Some(answer), results: HashMap::new() };
        self.waiting.queries.insert(query_id, query);
        self.announce(&[bot], &update.into(), &[user], None);
        Ok((query_id, answered))
    }
}

impl World {
    pub(super) fn ask_inline(&self, user: i64, body: &[u8]) -> Reply {
        let Some(q) = parse(body, MISNAMED_MAX) else {
            return ready(Err(bad("INPUT_FETCH_ERROR")));
        };
        let asked = self.with(|state| state.ask(user, &q));
        Box::pin(async move {
            let (_, answered) = asked?;
            match tokio::time::timeout(BOT_PATIENCE, answered).await {
                Ok(Ok(results)) => Ok(enums::messages::BotResults::from(results).to_bytes()),
                _ => Err(bad("BOT_RESPONSE_TIMEOUT")),
            }
        })
    }
}

impl Desk<'_> {
    pub(super) fn inline(&mut self, id: u32, body: &[u8]) -> Option<Answered<Vec<u8>>> {
        methods!(self, id, body;
            messages::SetInlineBotResults => answer_inline,
            messages::SendInlineBotResult => send_inline,
        )
    }

    fn answer_inline(&mut self, q: tl::functions::messages::SetInlineBotResults) -> Answered<bool> {
        if q.results.len() > 50 {
            return Err(bad("RESULTS_TOO_MUCH"));
        }
        let mut shown = Vec::new();
        let mut kept = HashMap::new();
        for result in q.results {
            let one = match &result {
                enums::InputBotInlineResult::Result(r) => types::BotInlineResult {
                    id: r.id.clone(),
                    r#type: r.r#type.clone(),
                    title: r.title.clone(),
                    description: r.description.clone(),
                    url: r.url.clone(),
                    thumb: None,
                    content: None,
                    send_message: to_be_sent(&r.send_message)?,
                },
                _ => return Err(bad("RESULT_TYPE_INVALID")),
            };
            if kept.insert(one.id.clone(), result).is_some() {
                return Err(bad("RESULT_ID_DUPLICATE"));
            }
            shown.push(one.into());
        }
        let me = self.user;
        let query = self.state.waiting.queries.get_mut(&q.query_id).filter(|query| query.bot == me);
        let query = query.ok_or_else(|| bad("QUERY_ID_INVALID"))?;
        query.results = kept;
        let answer = types::messages::BotResults {
            gallery: q.gallery,
            query_id: q.query_id,
            next_offset: q.next_offset,
            switch_pm: q.switch_pm,
            switch_webview: q.switch_webview,
            results: shown,
            cache_time: q.cache_time,
            users: Vec::new(),
        };
        let waiting = query.answer.take().ok_or_else(|| bad("QUERY_ID_INVALID"))?;
        // The one who asked may have typed on meanwhile.
        drop(waiting.send(answer));
        Ok(true)
    }

    fn send_inline(
        &mut self,
        q: tl::functions::messages::SendInlineBotResult,
    ) -> Answered<enums::Updates> {
        let chat = self.state.peer_named(self.user, &q.peer)?;
        self.state.may_write(self.user, chat)?;
        let me = self.user;
        let query = self.state.waiting.queries.get(&q.query_id).filter(|query| query.user == me);
        let query = query.ok_or_else(|| bad("QUERY_ID_EMPTY"))?;
        let bot = query.bot;
        let result = query.results.get(&q.id).cloned().ok_or_else(|| bad("RESULT_ID_INVALID"))?;
        let enums::InputBotInlineResult::Result(result) = result else {
            return Err(bad("RESULT_ID_INVALID"));
        };
        let (text, entities, markup) = match result.send_message {
            enums::InputBotInlineMessage::Text(m) => (m.message, m.entities, m.reply_markup),
            enums::InputBotInlineMessage::MediaAuto(m) => (m.message, m.entities, m.reply_markup),
            _ => return Err(bad("MEDIA_INVALID")),
        };
        let draft = Draft {
            markup,
            via_bot: Some(bot),
            random_id: Some(q.random_id),
            silent: q.silent,
            ..self.text_draft(text, entities)?
        };
        let letter = self.post(chat, draft);
        Ok(self.sent(&[(letter, Some(q.random_id))]))
    }
}

fn to_be_sent(message: &enums::InputBotInlineMessage) -> Answered<enums::BotInlineMessage> {
    Ok(match message.clone() {
        enums::InputBotInlineMessage::Text(m) => types::BotInlineMessageText {
            no_webpage: m.no_webpage,
            invert_media: m.invert_media,
            message: m.message,
            entities: m.entities,
            reply_markup: m.reply_markup,
        }
        .into(),
        enums::InputBotInlineMessage::MediaAuto(m) => types::BotInlineMessageMediaAuto {
            invert_media: m.invert_media,
            message: m.message,
            entities: m.entities,
            reply_markup: m.reply_markup,
        }
        .into(),
        _ => return Err(bad("MEDIA_INVALID")),
    })
}

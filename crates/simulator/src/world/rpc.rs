//! The counter at which requests arrive: who asks, what for, and which desk answers.

use std::time::Duration;

use futures_util::future::BoxFuture;
use grammers_tl_types as tl;
use tl::{Deserializable, Identifiable, RemoteCall, Serializable};

use super::World;
use super::refusal::{Answered, Refusal, bad};
use super::state::State;

mod accounts;
mod admins;
mod basics;
mod chats;
mod contents;
mod dialogs;
mod elsewhere;
mod forbidden;
mod history;
mod inline;
mod invites;
mod login;
mod messages;
mod participants;
mod presses;
mod sending;
mod synchronize;
mod transfers;

/// How long a bot may take to answer a press before the presser is told so.
pub(crate) const BOT_PATIENCE: Duration = Duration::from_secs(10);

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The data centre that is asked.
    pub dc: i32,
    /// Id of the auth key.
    pub key: i64,
    pub session: i64,
    /// The account the key is signed in to.
    pub user: Option<i64>,
}

/// The answer to one request.
pub type Reply = BoxFuture<'static, Answered<Vec<u8>>>;

/// A request being answered for an account, with the world open before it.
pub(crate) struct Desk<'a> {
    pub state: &'a mut State,
    pub user: i64,
    pub session: i64,
    /// The data centre that is asked.
    pub dc: i32,
}

impl Desk<'_> {
    /// The asking session, which learns from the answer and not from a push.
    pub(crate) fn except(&self) -> super::post::Except {
        Some((self.user, self.session))
    }
}

/// Parses the request, lets the handler answer, and encodes the answer.
pub(crate) fn reply<F>(
    body: &[u8],
    handler: impl FnOnce(F) -> Answered<F::Return>,
) -> Answered<Vec<u8>>
where
    F: RemoteCall + Deserializable,
    F::Return: Serializable,
{
    let request = parse::<F>(body, MISNAMED_MAX).ok_or_else(|| bad("INPUT_FETCH_ERROR"))?;
    handler(request).map(|answer| answer.to_bytes())
}

/// How many peers of one request may be named loosely.
const MISNAMED_MAX: u32 = 16;

/// What a client may write where an `InputChannel` or `InputUser` belongs. Telegram accepts it, and Pyrogram and its
/// descendants rely on that.
const MISNAMED: [(u32, u32); 3] = [
    (tl::types::InputPeerChannel::CONSTRUCTOR_ID, tl::types::InputChannel::CONSTRUCTOR_ID),
    (tl::types::InputPeerUser::CONSTRUCTOR_ID, tl::types::InputUser::CONSTRUCTOR_ID),
    (INPUT_PEER_SELF, INPUT_USER_SELF),
];
const INPUT_PEER_SELF: u32 = 0x7da0_7ec9;
const INPUT_USER_SELF: u32 = 0xf7c1_b13f;

fn parse<F: Deserializable>(body: &[u8], n_misnamed: u32) -> Option<F> {
    let id = match F::from_bytes(body) {
        Ok(request) => return Some(request),
        Err(tl::deserialize::Error::UnexpectedConstructor { id }) => id,
        Err(_) => return None,
    };
    let (_, right) = MISNAMED.iter().find(|(wrong, _)| *wrong == id && n_misnamed > 0)?;
    let is_it = |at: &usize| body[*at..*at + 4] == id.to_le_bytes();
    let places = (0..body.len().saturating_sub(3)).step_by(4).filter(is_it);
    let mut renamed = places.map(|at| {
        let mut body = body.to_vec();
        body[at..at + 4].copy_from_slice(&right.to_le_bytes());
        body
    });
    renamed.find_map(|body| parse(&body, n_misnamed - 1))
}

/// `methods!(desk, id, body; messages::SendMessage => send_message, …)`: an `Option<Answered<Vec<u8>>>`.
macro_rules! methods {
    ($desk:expr, $id:expr, $body:expr; $($area:ident::$method:ident => $handler:ident),* $(,)?) => {
        match $id {
            $(<grammers_tl_types::functions::$area::$method as grammers_tl_types::Identifiable>::CONSTRUCTOR_ID => {
                type Request = grammers_tl_types::functions::$area::$method;
                Some($crate::world::rpc::reply::<Request>($body, |request| $desk.$handler(request)))
            })*
            _ => None,
        }
    };
}
pub(crate) use methods;

/// The constructor id of a request and what follows it.
fn split(request: &[u8]) -> Answered<(u32, &[u8])> {
    let (id, body) = request.split_first_chunk::<4>().ok_or_else(|| bad("INPUT_FETCH_ERROR"))?;
    Ok((u32::from_le_bytes(*id), body))
}

/// Takes off the wrappers that change nothing here.
fn unwrapped(request: &[u8]) -> Answered<(u32, &[u8])> {
    let (id, body) = split(request)?;
    match id {
        tl::functions::InvokeWithoutUpdates::<tl::functions::Ping>::CONSTRUCTOR_ID => {
            unwrapped(body)
        }
        tl::functions::InvokeAfterMsg::<tl::functions::Ping>::CONSTRUCTOR_ID => {
            unwrapped(body.get(8..).unwrap_or(&[]))
        }
        tl::functions::InvokeWithLayer::<tl::functions::Ping>::CONSTRUCTOR_ID => {
            unwrapped(body.get(4..).unwrap_or(&[]))
        }
        _ => Ok((id, body)),
    }
}

fn ready(answer: Answered<Vec<u8>>) -> Reply {
    Box::pin(std::future::ready(answer))
}

impl World {
    /// Answers one request, as the data centre hands it over.
    pub fn answer(&self, asker: Asker, request: &[u8]) -> Reply {
        let (id, body) = match unwrapped(request) {
            Ok(parts) => parts,
            Err(refusal) => return ready(Err(refusal)),
        };
        tracing::debug!(method = tl::name_for_id(id), user = asker.user, "request");
        if let Some(answer) = self.public(asker, id, body) {
            return ready(answer);
        }
        let Some(user) = asker.user else {
            return ready(Err(Refusal::new(401, "AUTH_KEY_UNREGISTERED")));
        };
        if let Some(refusal) = self.with(|state| state.away(user, asker.dc, id)) {
            return ready(Err(refusal));
        }
        if let Some(answer) = self.with(|state| state.before(user, id)) {
            return ready(answer);
        }
        self.refresh_calls();
        match id {
            tl::functions::messages::GetBotCallbackAnswer::CONSTRUCTOR_ID => {
                return self.press_button(user, body);
            }
            tl::functions::messages::GetInlineBotResults::CONSTRUCTOR_ID => {
                return self.ask_inline(user, body);
            }
            tl::functions::auth::LogOut::CONSTRUCTOR_ID => return ready(self.log_out(asker)),
            _ => {}
        }
        if let Some(calls) = self.calls()
            && let Some(answer) =
                calls.handle(user, asker.session, &[&id.to_le_bytes(), body].concat())
        {
            return answer;
        }
        let Asker { dc, session, .. } = asker;
        ready(self.with(|state| Desk { state, user, session, dc }.answer(id, body)))
    }
}

impl State {
    /// What stands between a request and its desk: switches, locked accounts, methods that bots may not call.
    fn before(&mut self, user: i64, method: u32) -> Option<Answered<Vec<u8>>> {
        let now = self.now();
        let account = self.accounts.get_mut(&user)?;
        if let Some(refusal) = &account.refused {
            return Some(Err(refusal.clone()));
        }
        account.last_seen = now;
        if account.is_bot() && forbidden::FOR_BOTS.contains(&method) {
            return Some(Err(bad("BOT_METHOD_INVALID")));
        }
        if !account.is_bot() && forbidden::FOR_USERS.contains(&method) {
            return Some(Err(bad("USER_BOT_REQUIRED")));
        }
        let is_meant = |who: i64, what: u32, left: u32| {
            left > 0 && what == method && (who == 0 || who == user)
        };
        if let Some(switch) = self.switches.refusals.iter_mut().find(|s| is_meant(s.0, s.1, s.2)) {
            switch.2 -= 1;
            return Some(Err(switch.3.clone()));
        }
        let switch = self.switches.answers.iter_mut().find(|s| is_meant(s.0, s.1, s.2))?;
        switch.2 -= 1;
        Some(Ok(switch.3.clone()))
    }
}

impl Desk<'_> {
    fn answer(&mut self, id: u32, body: &[u8]) -> Answered<Vec<u8>> {
        let areas = [
            Self::basics,
            Self::accounts,
            Self::exports,
            Self::synchronize,
            Self::dialogs,
            Self::history,
            Self::messages,
            Self::sending,
            Self::presses,
            Self::inline,
            Self::chats,
            Self::participants,
            Self::admins,
            Self::invites,
            Self::transfers,
        ];
        if let Some(answer) = areas.into_iter().find_map(|area| area(self, id, body)) {
            return answer;
        }
        let name = tl::name_for_id(id);
        tracing::warn!(method = name, user = self.user, "the box does not know this method");
        *self.state.unknown.entry(name.to_owned()).or_default() += 1;
        Err(bad("METHOD_INVALID"))
    }
}

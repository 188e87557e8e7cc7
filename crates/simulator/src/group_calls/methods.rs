//! Which method a request is, and who may ask at all.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use grammers_tl_types as tl;
use tl::functions::phone;
use tl::{Deserializable, Identifiable, RemoteCall, Serializable};

use super::call::Call;
use super::{GroupCalls, Refusal};
use crate::dc::Answer;
use crate::world::rooms::{Membership, Rooms};

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    pub(super) user: i64,
    pub(super) session: i64,
}

/// A call that the asker may see, and what the asker is in its chat.
pub(super) struct Found {
    pub(super) id: i64,
    pub(super) chat: i64,
    pub(super) membership: Membership,
}

/// The answer to a request, or `None` when it is not one of these methods.
pub(super) fn dispatch(
    calls: &GroupCalls,
    asker: Asker,
    request: &[u8],
) -> Option<BoxFuture<'static, Answer>> {
    let id = u32::from_le_bytes(request.get(..4)?.try_into().ok()?);
    let mut asked = Asked { calls, asker, request, id, answer: None };
    asked
        .method(GroupCalls::create)
        .method(GroupCalls::join_presentation)
        .method(GroupCalls::leave_presentation)
        .method(GroupCalls::leave)
        .method(GroupCalls::discard_by)
        .method(GroupCalls::check)
        .method(GroupCalls::edit)
        .method(GroupCalls::get)
        .method(GroupCalls::get_participants)
        .method(GroupCalls::toggle_settings)
        .method(GroupCalls::start_scheduled)
        .method(GroupCalls::edit_title)
        .method(GroupCalls::invite)
        .method(GroupCalls::export_invite)
        .method(GroupCalls::join_as)
        .method(GroupCalls::save_join_as)
        .method(GroupCalls::stream_channels)
        .method(GroupCalls::stream_url);
    if let Some(answer) = asked.answer {
        return Some(std::future::ready(answer).boxed());
    }
    if id == phone::JoinGroupCall::CONSTRUCTOR_ID {
        return Some(calls.answer_join(asker, request));
    }
    None
}

struct Asked<'a> {
    calls: &'a GroupCalls,
    asker: Asker,
    request: &'a [u8],
    id: u32,
    answer: Option<Answer>,
}

impl Asked<'_> {
    fn method<R>(
        &mut self,
        run: impl FnOnce(&GroupCalls, &dyn Rooms, Asker, R) -> Result<R::Return, Refusal>,
    ) -> &mut Self
    where
        R: RemoteCall + Identifiable + Deserializable,
        R::Return: Serializable,
    {
        if self.id == R::CONSTRUCTOR_ID {
            let result = self
                .calls
                .admit(self.asker, self.request)
                .and_then(|(rooms, request)| run(self.calls, &*rooms, self.asker, request));
            self.answer = Some(answer(result.map(|value| value.to_bytes())));
        }
        self
    }
}

pub(super) fn answer(result: Result<Vec<u8>, Refusal>) -> Answer {
    match result {
        Ok(bytes) => Answer::Result(bytes),
        Err(Refusal(code, name)) => Answer::Error { code, name },
    }
}

impl GroupCalls {
    /// Reads a request of somebody who may ask: user accounts alone.
    pub(super) fn admit<R: Deserializable>(
        &self,
        asker: Asker,
        request: &[u8],
    ) -> Result<(std::sync::Arc<dyn Rooms>, R), Refusal> {
        let rooms = self.rooms()?;
        let is_bot = rooms
            .peer_users(asker.user, &[asker.user])
            .iter()
            .any(|user| matches!(user, tl::enums::User::User(user) if user.bot));
        if is_bot {
            return Err(Refusal::bad("BOT_METHOD_INVALID"));
        }
        // A method's bytes start with its constructor, which a bare read does not expect.
        let request =
            R::from_bytes(&request[4..]).map_err(|_| Refusal::bad("INPUT_REQUEST_INVALID"))?;
        Ok((rooms, request))
    }

    /// The call behind an inputGroupCall, if it goes on and the asker is a member of its chat.
    pub(super) fn find(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        input: &tl::enums::InputGroupCall,
    ) -> Result<Found, Refusal> {
        let found = self.find_any(rooms, asker, input)?;
        let is_over = self.state().call(found.id).is_none_or(|call| call.duration.is_some());
        if is_over { Err(Refusal::forbidden("GROUPCALL_FORBIDDEN")) } else { Ok(found) }
    }

    /// As [`GroupCalls::find`], also when the call is over.
    pub(super) fn find_any(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        input: &tl::enums::InputGroupCall,
    ) -> Result<Found, Refusal> {
        let tl::enums::InputGroupCall::Call(input) = input else {
            return Err(Refusal::bad("GROUPCALL_INVALID"));
        };
        let chat = self
            .state()
            .call(input.id)
            .filter(|call| call.access_hash == input.access_hash)
            .map(|call| call.chat)
            .ok_or_else(|| Refusal::bad("GROUPCALL_INVALID"))?;
        let membership = rooms.member(chat, asker.user);
        if !membership.is_member || membership.is_banned {
            return Err(Refusal::forbidden("GROUPCALL_FORBIDDEN"));
        }
        Ok(Found { id: input.id, chat, membership })
    }

    /// Works on a call that was found; it may have gone in between.
    pub(super) fn with<T>(
        &self,
        id: i64,
        work: impl FnOnce(&mut Call) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        work(self.state().call(id).ok_or_else(|| Refusal::bad("GROUPCALL_INVALID"))?)
    }
}

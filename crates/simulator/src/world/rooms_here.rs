//! The world as group calls see it.

use grammers_tl_types as tl;

use super::chat::{CallMark, Role};
use super::ids::{self, Kind};
use super::letter::Draft;
use super::post::Bundle;
use super::rooms::{Membership, Rooms};
use super::state::State;
use super::view::Mentioned;
use super::{World, lock};

impl Rooms for World {
    fn exists(&self, chat: i64) -> bool {
        lock(&self.shared.state).chats.contains_key(&chat)
    }

    fn chat_of_peer(&self, viewer: i64, peer: &tl::enums::InputPeer) -> Option<i64> {
        let id = lock(&self.shared.state).peer_named(viewer, peer).ok()?;
        (!matches!(ids::kind(id), Kind::User(_))).then_some(id)
    }

    fn user_of_peer(&self, viewer: i64, peer: &tl::enums::InputPeer) -> Option<i64> {
        let id = lock(&self.shared.state).peer_named(viewer, peer).ok()?;
        matches!(ids::kind(id), Kind::User(_)).then_some(id)
    }

    fn member(&self, chat: i64, user: i64) -> Membership {
        let state = lock(&self.shared.state);
        let Some(place) = state.chats.get(&chat) else { return Membership::default() };
        Membership {
            is_member: place.is_member(user),
            is_admin: place.is_admin(user),
            is_creator: matches!(place.role(user), Some(Role::Creator)),
            manage_call: place.rights(user).is_some_and(|rights| rights.manage_call),
            is_bot: state.is_bot(user),
            is_banned: place.is_banned(user),
        }
    }

    fn members(&self, chat: i64) -> Vec<i64> {
        lock(&self.shared.state)
            .chats
            .get(&chat)
            .map(super::chat::Chat::present)
            .unwrap_or_default()
    }

    fn push_updates(
        &self,
        chat: i64,
        per_user: &dyn Fn(i64) -> Option<Vec<tl::enums::Update>>,
        except: Option<(i64, i64)>,
    ) {
        for user in self.members(chat) {
            let Some(updates) = per_user(user).filter(|updates| !updates.is_empty()) else {
                continue;
            };
            self.with(|state| {
                let mut bundle = Bundle { updates, ..Bundle::default() };
                mention(&mut bundle.mentioned, &bundle.updates);
                bundle.mentioned.add(chat);
                let sealed = bundle.seal(state, user);
                let session =
                    except.filter(|(owner, _)| *owner == user).map(|(_, session)| session);
                state.push(user, &sealed, session);
            });
        }
    }

    fn service_message(&self, chat: i64, from_user: i64, action: tl::enums::MessageAction) {
        let draft = Draft { action: Some(action), ..Draft::default() };
        self.with(|state| state.post(from_user, chat, draft, None));
    }

    fn peer(&self, chat: i64) -> tl::enums::Peer {
        ids::peer(chat)
    }

    fn peer_users(&self, viewer: i64, users: &[i64]) -> Vec<tl::enums::User> {
        let state = lock(&self.shared.state);
        users.iter().filter_map(|user| state.user_for(viewer, *user)).collect()
    }

    fn peer_chats(&self, viewer: i64, chats: &[i64]) -> Vec<tl::enums::Chat> {
        let state = lock(&self.shared.state);
        chats.iter().filter_map(|chat| state.chat_for(viewer, *chat)).collect()
    }

    fn wrap_updates(&self, viewer: i64, updates: Vec<tl::enums::Update>) -> tl::enums::Updates {
        let mut bundle = Bundle { updates, ..Bundle::default() };
        mention(&mut bundle.mentioned, &bundle.updates);
        bundle.seal(&lock(&self.shared.state), viewer)
    }

    fn now(&self) -> i32 {
        lock(&self.shared.state).now()
    }
}

/// A chat that is pushed along with news of its call already shows it.
fn note_call(state: &mut State, chat: i64, updates: &[tl::enums::Update]) {
    let Some(place) = state.chats.get_mut(&chat) else { return };
    for update in updates {
        let tl::enums::Update::GroupCall(update) = update else { continue };
        place.call = match &update.call {
            tl::enums::GroupCall::Call(call) => {
                let is_not_empty = call.participants_count > 0;
                Some(CallMark { id: call.id, access_hash: call.access_hash, is_not_empty })
            }
            tl::enums::GroupCall::Discarded(_) => None,
        };
    }
}

/// The peers that updates of group calls name.
fn mention(mentioned: &mut Mentioned, updates: &[tl::enums::Update]) {
    for update in updates {
        match update {
            tl::enums::Update::GroupCall(update) => {
                update.peer.iter().for_each(|peer| mentioned.add_peer(peer))
            }
            tl::enums::Update::GroupCallParticipants(update) => {
                for participant in &update.participants {
                    let tl::enums::GroupCallParticipant::Participant(participant) = participant;
                    mentioned.add_peer(&participant.peer);
                }
            }
            tl::enums::Update::Channel(update) => {
                mentioned.add(ids::channel_chat(update.channel_id))
            }
            tl::enums::Update::Chat(update) => mentioned.add(-update.chat_id),
            _ => {}
        }
    }
}

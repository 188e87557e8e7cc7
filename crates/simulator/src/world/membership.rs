//! Coming and going: joins, departures, bans, promotions — the state, the service message, and who is told.

use grammers_tl_types as tl;
use tl::types;

use super::chat::{Member, Role, all_rights};
use super::ids::{self, Kind};
use super::letter::Draft;
use super::post::Except;
use super::refusal::{Answered, bad};
use super::state::State;
use super::transcript::Event;

/// How somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By themselves, through a public name.
    Alone,
    /// Through an invite link of this administrator.
    Link(i64),
    /// Let in after a request.
    Request,
    /// Brought in by somebody.
    Invited(i64),
}

/// Telegram refuses more channels than this per account; only the switch can reach it here.
const TOO_MANY: &str = "CHANNELS_TOO_MUCH";

impl State {
    /// Makes `user` a member and tells everybody.
    pub(crate) fn join(&mut self, chat: i64, user: i64, way: Way, except: Except) -> Answered<()> {
        let date = self.now();
        let is_full = self.accounts.get(&user).is_some_and(|account| account.has_too_many_channels);
        let place = self.chats.get_mut(&chat).ok_or_else(|| bad("CHANNEL_INVALID"))?;
        if place.is_member(user) {
            return Err(bad("USER_ALREADY_PARTICIPANT"));
        }
        if is_full && place.is_channel() {
            let was_invited = matches!(way, Way::Invited(_));
            return Err(bad(if was_invited { "USER_CHANNELS_TOO_MUCH" } else { TOO_MANY }));
        }
        let inviter = match way {
            Way::Link(by) | Way::Invited(by) => by,
            Way::Alone | Way::Request => user,
        };
        place.members.insert(user, Member { role: Role::Member, date, inviter, rank: None });
        place.requests.remove(&user);
        place.version += 1;
        place.told.insert(user, place.mailbox.pts);
        let is_broadcast = place.is_broadcast();
        self.tell_of_chat(chat, user, except);
        self.tell_bots(chat, inviter, user, None);
        if !is_broadcast {
            let (author, action) = match way {
                Way::Link(inviter_id) => {
                    (user, types::MessageActionChatJoinedByLink { inviter_id }.into())
                }
                Way::Request => (user, tl::enums::MessageAction::ChatJoinedByRequest),
                Way::Alone => (user, types::MessageActionChatAddUser { users: vec![user] }.into()),
                Way::Invited(by) => {
                    (by, types::MessageActionChatAddUser { users: vec![user] }.into())
                }
            };
            self.post(author, chat, Draft { action: Some(action), ..Draft::default() }, except);
        }
        self.news.push_back(Event::Joined { chat, user });
        Ok(())
    }

    /// Takes `user` out; `role` says what remains (left, or banned).
    pub(crate) fn remove(&mut self, chat: i64, actor: i64, user: i64, role: Role, except: Except) {
        let was_in = self.chats.get(&chat).is_some_and(|place| place.is_member(user));
        let is_group = matches!(ids::kind(chat), Kind::Group(_));
        let before = self.chats.get(&chat).map(|place| self.participant_for(actor, place, user));
        let is_quiet = self.is_broadcast(chat);
        // In a basic group the one who goes still gets the message about it.
        if was_in && is_group {
            self.say_gone(chat, actor, user, except);
        }
        let date = self.now();
        let Some(place) = self.chats.get_mut(&chat) else { return };
        place.version += 1;
        match place.members.get_mut(&user) {
            Some(member) => (member.role, member.date) = (role, date),
            None => {
                place.members.insert(user, Member { role, date, inviter: actor, rank: None });
            }
        }
        if was_in && !is_group && !is_quiet {
            self.say_gone(chat, actor, user, except);
        }
        self.tell_of_chat(chat, user, except);
        self.tell_bots(chat, actor, user, before);
        if was_in {
            self.news.push_back(Event::Left { chat, user });
        }
    }

    fn say_gone(&mut self, chat: i64, actor: i64, user: i64, except: Except) {
        let action = types::MessageActionChatDeleteUser { user_id: user }.into();
        self.post(actor, chat, Draft { action: Some(action), ..Draft::default() }, except);
    }

    /// Changes what a present member is.
    pub(crate) fn set_role(
        &mut self,
        chat: i64,
        actor: i64,
        user: i64,
        role: Role,
        rank: Option<String>,
    ) {
        let before = self.chats.get(&chat).map(|place| self.participant_for(actor, place, user));
        let date = self.now();
        let Some(place) = self.chats.get_mut(&chat) else { return };
        place.version += 1;
        let member = place.members.entry(user).or_insert(Member {
            role: Role::Member,
            date,
            inviter: actor,
            rank: None,
        });
        member.role = role;
        member.rank = rank;
        self.tell_of_chat(chat, user, None);
        self.tell_bots(chat, actor, user, before);
    }

    /// An administrator with these rights, or all of them.
    pub(crate) fn promote(
        &mut self,
        chat: i64,
        by: i64,
        user: i64,
        rights: Option<types::ChatAdminRights>,
    ) {
        let is_broadcast = self.is_broadcast(chat);
        let all = types::ChatAdminRights {
            post_messages: is_broadcast,
            edit_messages: is_broadcast,
            ..all_rights()
        };
        self.set_role(chat, by, user, Role::Admin { rights: rights.unwrap_or(all), by }, None);
    }

    /// Tells a user that something about its place in the chat has changed.
    pub(crate) fn tell_of_chat(&mut self, chat: i64, user: i64, except: Except) {
        let update = match ids::kind(chat) {
            Kind::Channel(channel_id) => types::UpdateChannel { channel_id }.into(),
            Kind::Group(chat_id) => types::UpdateChat { chat_id }.into(),
            Kind::User(_) => return,
        };
        self.announce(&[user], &update, &[chat, user], except);
    }

    /// Administrator bots, and a bot that is concerned itself, hear who came and went (numbered by qts).
    fn tell_bots(
        &mut self,
        chat: i64,
        actor: i64,
        user: i64,
        before: Option<tl::enums::ChannelParticipant>,
    ) {
        let Kind::Channel(channel_id) = ids::kind(chat) else { return };
        let Some(place) = self.chats.get(&chat) else { return };
        let after = Some(self.participant_for(actor, place, user));
        let bots: Vec<i64> = place.members.keys().copied().filter(|id| self.is_bot(*id)).collect();
        let concerned: Vec<i64> = bots
            .into_iter()
            .filter(|bot| *bot == user || self.chats[&chat].is_admin(*bot))
            .collect();
        let date = self.now();
        for bot in concerned {
            let Some(account) = self.accounts.get_mut(&bot) else { continue };
            account.qts += 1;
            let update = types::UpdateChannelParticipant {
                via_chatlist: false,
                channel_id,
                date,
                actor_id: actor,
                user_id: user,
                prev_participant: before.clone(),
                new_participant: after.clone(),
                invite: None,
                qts: account.qts,
            };
            self.announce(&[bot], &update.into(), &[chat, actor, user], None);
        }
    }
}

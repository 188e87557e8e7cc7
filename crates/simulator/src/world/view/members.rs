//! Members as a viewer is told of them.

use grammers_tl_types as tl;

use crate::world::account::Account;
use crate::world::blank;
use crate::world::chat::{self, Chat, Role};
use crate::world::ids::peer;
use crate::world::state::State;

impl State {
    /// A member of a channel or supergroup as `viewer` is told.
    pub(crate) fn participant_for(
        &self,
        viewer: i64,
        chat: &Chat,
        user: i64,
    ) -> tl::enums::ChannelParticipant {
        let Some(member) = chat.members.get(&user) else {
            return tl::types::ChannelParticipantLeft { peer: peer(user) }.into();
        };
        let (user_id, date, rank) = (user, member.date, member.rank.clone());
        match &member.role {
            Role::Creator => tl::types::ChannelParticipantCreator {
                user_id,
                admin_rights: chat.rights(user).unwrap_or_else(chat::all_rights).into(),
                rank,
            }
            .into(),
            Role::Admin { rights, by } => tl::types::ChannelParticipantAdmin {
                can_edit: *by == viewer || chat.creator == viewer,
                is_self: user == viewer,
                user_id,
                inviter_id: (user == viewer).then_some(member.inviter),
                promoted_by: *by,
                date,
                admin_rights: rights.clone().into(),
                rank,
            }
            .into(),
            Role::Member if user == viewer => tl::types::ChannelParticipantSelf {
                via_request: false,
                user_id,
                inviter_id: member.inviter,
                date,
                subscription_until_date: None,
                rank,
            }
            .into(),
            Role::Member => {
                tl::types::ChannelParticipant { user_id, date, subscription_until_date: None, rank }
                    .into()
            }
            Role::Restricted { rights, by } | Role::Banned { rights, by } => {
                tl::types::ChannelParticipantBanned {
                    left: matches!(member.role, Role::Banned { .. }),
                    peer: peer(user),
                    kicked_by: *by,
                    date,
                    banned_rights: rights.clone().into(),
                    rank,
                }
                .into()
            }
            Role::Left => tl::types::ChannelParticipantLeft { peer: peer(user) }.into(),
        }
    }

    pub(crate) fn group_participants(
        &self,
        viewer: i64,
        chat: &Chat,
    ) -> tl::enums::ChatParticipants {
        if !chat.is_member(viewer) {
            let forbidden =
                tl::types::ChatParticipantsForbidden { chat_id: -chat.id, self_participant: None };
            return forbidden.into();
        }
        let participants = chat.present().into_iter().map(|user_id| {
            let member = &chat.members[&user_id];
            let (inviter_id, date, rank) = (member.inviter, member.date, None);
            match member.role {
                Role::Creator => tl::types::ChatParticipantCreator { user_id, rank }.into(),
                Role::Admin { .. } => {
                    tl::types::ChatParticipantAdmin { user_id, inviter_id, date, rank }.into()
                }
                _ => tl::types::ChatParticipant { user_id, inviter_id, date, rank }.into(),
            }
        });
        tl::types::ChatParticipants {
            chat_id: -chat.id,
            participants: participants.collect(),
            version: chat.version,
        }
        .into()
    }

    pub(crate) fn bot_info(&self, bot: &Account) -> tl::types::BotInfo {
        let commands = bot.commands.values().next().cloned();
        tl::types::BotInfo { user_id: Some(bot.id), commands, ..blank::bot_info() }
    }
}

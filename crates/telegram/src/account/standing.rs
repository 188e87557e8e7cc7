//! Who is who in a chat.

use domain::{ChatId, ChatKind, UserId};
use grammers_client::tl;

use super::Account;
use crate::fault::{CallError, forgive};

/// Somebody's standing in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Participant {
    pub user: UserId,
    pub is_creator: bool,
    /// The creator counts as one.
    pub is_admin: bool,
    /// May manage the group call.
    pub can_manage_calls: bool,
    pub is_member: bool,
    pub is_banned: bool,
}

/// How Telegram says that somebody is not in the chat.
const NOT_IN: &[&str] = &["USER_NOT_PARTICIPANT", "PARTICIPANT_ID_INVALID", "USER_ID_INVALID"];

/// How Telegram says that this account is not in the chat.
const WE_ARE_OUT: &[&str] = &[
    "USER_NOT_PARTICIPANT",
    "CHANNEL_PRIVATE",
    "CHANNEL_INVALID",
    "CHAT_FORBIDDEN",
    "CHAT_ID_INVALID",
];

// === impl Account (standing) ===

impl Account {
    /// Somebody's standing in a group. Nobody has any in a private chat.
    pub async fn participant(&self, chat: ChatId, user: UserId) -> Result<Participant, CallError> {
        match chat.kind() {
            ChatKind::Private(_) => {
                Ok(Participant { is_member: true, ..Participant::outsider(user) })
            }
            ChatKind::Group(id) => self.group_participant(id, user).await,
            ChatKind::Channel(id) => {
                let participant = self.input_peer(ChatId::private(user.0))?;
                let found = self.channel_participant(id, participant).await;
                Ok(forgive(found, NOT_IN)?
                    .map_or(Participant::outsider(user), |found| standing(user, &found)))
            }
        }
    }

    /// Whether this account is in the chat. A chat that it never met counts as one that it is not in.
    pub async fn is_member(&self, chat: ChatId) -> Result<bool, CallError> {
        match chat.kind() {
            ChatKind::Private(_) => Ok(true),
            ChatKind::Group(id) => {
                let answer = self.call(&tl::functions::messages::GetChats { id: vec![id] }).await;
                let Some(chats) = forgive(answer, WE_ARE_OUT)? else { return Ok(false) };
                let is_in = |chat: &tl::enums::Chat| matches!(chat, tl::enums::Chat::Chat(chat) if chat.id == id && !chat.left && !chat.deactivated);
                Ok(chats.chats().iter().any(is_in))
            }
            ChatKind::Channel(id) => {
                if self.input_channel(id).is_err() {
                    return Ok(false);
                }
                let found = self.channel_participant(id, tl::enums::InputPeer::PeerSelf).await;
                let user = self.session().user_id().unwrap_or(UserId(0));
                Ok(forgive(found, WE_ARE_OUT)?
                    .is_some_and(|found| standing(user, &found).is_member))
            }
        }
    }

    async fn channel_participant(
        &self,
        channel: i64,
        participant: tl::enums::InputPeer,
    ) -> Result<tl::enums::ChannelParticipant, CallError> {
        let channel = self.input_channel(channel)?;
        let request = tl::functions::channels::GetParticipant { channel, participant };
        let tl::enums::channels::ChannelParticipant::Participant(answer) =
            self.call(&request).await?;
        self.learn(&answer.users, &answer.chats);
        Ok(answer.participant)
    }

    async fn group_participant(&self, group: i64, user: UserId) -> Result<Participant, CallError> {
        let request = tl::functions::messages::GetFullChat { chat_id: group };
        let tl::enums::messages::ChatFull::Full(answer) = self.call(&request).await?;
        self.learn(&answer.users, &answer.chats);
        let tl::enums::ChatFull::Full(full) = answer.full_chat else {
            return Ok(Participant::outsider(user));
        };
        let found = match &full.participants {
            tl::enums::ChatParticipants::Participants(all) => {
                all.participants.iter().find_map(|one| group_standing(one, user))
            }
            tl::enums::ChatParticipants::Forbidden(_) => None,
        };
        Ok(found.unwrap_or(Participant::outsider(user)))
    }
}

// === impl Participant ===

impl Participant {
    fn outsider(user: UserId) -> Participant {
        Participant {
            user,
            is_creator: false,
            is_admin: false,
            can_manage_calls: false,
            is_member: false,
            is_banned: false,
        }
    }
}

/// What a row of a supergroup's or channel's list says.
fn standing(user: UserId, row: &tl::enums::ChannelParticipant) -> Participant {
    use tl::enums::ChannelParticipant as Row;
    let member = Participant { is_member: true, ..Participant::outsider(user) };
    match row {
        Row::Participant(_) | Row::ParticipantSelf(_) => member,
        Row::Creator(_) => {
            Participant { is_creator: true, is_admin: true, can_manage_calls: true, ..member }
        }
        Row::Admin(row) => {
            let tl::enums::ChatAdminRights::Rights(rights) = &row.admin_rights;
            Participant { is_admin: true, can_manage_calls: rights.manage_call, ..member }
        }
        // A restricted member stays one: only `view_messages` shuts somebody out.
        Row::Banned(row) => {
            let tl::enums::ChatBannedRights::Rights(rights) = &row.banned_rights;
            let is_banned = rights.view_messages;
            Participant { is_member: !row.left && !is_banned, is_banned, ..member }
        }
        Row::Left(_) => Participant::outsider(user),
    }
}

/// What a row of a basic group's list says, if it is this user's. Its administrators may do everything there.
fn group_standing(row: &tl::enums::ChatParticipant, user: UserId) -> Option<Participant> {
    use tl::enums::ChatParticipant as Row;
    let member = Participant { is_member: true, ..Participant::outsider(user) };
    let (id, standing) = match row {
        Row::Participant(row) => (row.user_id, member),
        Row::Admin(row) => {
            (row.user_id, Participant { is_admin: true, can_manage_calls: true, ..member })
        }
        Row::Creator(row) => (
            row.user_id,
            Participant { is_creator: true, is_admin: true, can_manage_calls: true, ..member },
        ),
    };
    (id == user.0).then_some(standing)
}

#[cfg(test)]
mod tests {
    use grammers_client::tl::Deserializable as _;

    use super::*;

    const USER: UserId = UserId(5);

    /// Rights of which only the flags are set.
    fn admin_rights(flags: u32) -> tl::enums::ChatAdminRights {
        tl::types::ChatAdminRights::from_bytes(&flags.to_le_bytes()).unwrap().into()
    }

    fn banned_rights(flags: u32) -> tl::enums::ChatBannedRights {
        let bytes = [flags.to_le_bytes(), 0_u32.to_le_bytes()].concat();
        tl::types::ChatBannedRights::from_bytes(&bytes).unwrap().into()
    }

    fn admin(flags: u32) -> tl::enums::ChannelParticipant {
        tl::types::ChannelParticipantAdmin {
            can_edit: false,
            is_self: false,
            user_id: USER.0,
            inviter_id: None,
            promoted_by: 1,
            date: 0,
            admin_rights: admin_rights(flags),
            rank: None,
        }
        .into()
    }

    fn banned(flags: u32, left: bool) -> tl::enums::ChannelParticipant {
        let peer = tl::types::PeerUser { user_id: USER.0 }.into();
        let banned_rights = banned_rights(flags);
        tl::types::ChannelParticipantBanned {
            left,
            peer,
            kicked_by: 1,
            date: 0,
            banned_rights,
            rank: None,
        }
        .into()
    }

    #[test]
    fn rights_are_read_from_the_row() {
        const MANAGE_CALL: u32 = 1 << 11;
        const CHANGE_INFO: u32 = 1;
        let check = |row: tl::enums::ChannelParticipant,
                     admin: bool,
                     calls: bool,
                     member: bool,
                     banned: bool| {
            let found = standing(USER, &row);
            let flags = (found.is_admin, found.can_manage_calls, found.is_member, found.is_banned);
            assert_eq!(flags, (admin, calls, member, banned), "{row:?}");
        };
        check(admin(MANAGE_CALL), true, true, true, false);
        check(admin(CHANGE_INFO), true, false, true, false);
        let creator = tl::types::ChannelParticipantCreator {
            user_id: USER.0,
            admin_rights: admin_rights(0),
            rank: None,
        };
        check(creator.into(), true, true, true, false);
        let plain = tl::types::ChannelParticipant {
            user_id: USER.0,
            date: 0,
            subscription_until_date: None,
            rank: None,
        };
        check(plain.into(), false, false, true, false);
        let peer = tl::types::PeerUser { user_id: USER.0 }.into();
        check(tl::types::ChannelParticipantLeft { peer }.into(), false, false, false, false);
        const VIEW_MESSAGES: u32 = 1;
        const SEND_MESSAGES: u32 = 2;
        check(banned(VIEW_MESSAGES, false), false, false, false, true);
        check(banned(SEND_MESSAGES, false), false, false, true, false);
        check(banned(SEND_MESSAGES, true), false, false, false, false);
    }

    #[test]
    fn a_basic_groups_administrators_may_manage_its_call() {
        let admin =
            tl::types::ChatParticipantAdmin { user_id: USER.0, inviter_id: 1, date: 0, rank: None }
                .into();
        let found = group_standing(&admin, USER).unwrap();
        assert!(found.is_admin && found.can_manage_calls && !found.is_creator && found.is_member);
        assert_eq!(group_standing(&admin, UserId(6)), None);
    }
}

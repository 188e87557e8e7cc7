//! A chat: its members, their rights, its ways in.

use std::collections::{BTreeMap, HashMap};

use grammers_tl_types as tl;

use super::mailbox::Mailbox;
use super::population::PlaceKind;

/// What a member is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Role {
    Creator,
    Admin {
        rights: tl::types::ChatAdminRights,
        by: i64,
    },
    Member,
    /// In the chat, but may not do some things.
    Restricted {
        rights: tl::types::ChatBannedRights,
        by: i64,
    },
    /// Thrown out and locked out.
    Banned {
        rights: tl::types::ChatBannedRights,
        by: i64,
    },
    /// Went away, or was thrown out and may come back.
    Left,
}

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub role: Role,
    pub date: i32,
    pub inviter: i64,
    pub rank: Option<String>,
}

/// The group call of a chat, as chats and full chats show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallMark {
    pub id: i64,
    pub access_hash: i64,
    pub is_not_empty: bool,
}

#[derive(Debug)]
pub(crate) struct Chat {
    pub id: i64,
    pub kind: PlaceKind,
    pub title: String,
    pub username: Option<String>,
    pub date: i32,
    pub version: i32,
    pub members: BTreeMap<i64, Member>,
    pub creator: i64,
    pub call: Option<CallMark>,
    pub linked: Option<i64>,
    pub default_rights: tl::types::ChatBannedRights,
    pub slow_mode: i32,
    /// When each member wrote last (slow mode).
    pub wrote: HashMap<i64, i32>,
    /// Hash of the invite link that new `exportChatInvite` calls replace, by administrator.
    pub invites: HashMap<i64, String>,
    /// People who asked to be let in.
    pub requests: BTreeMap<i64, i32>,
    /// The shared box of a channel; basic groups live in their members' boxes.
    pub mailbox: Mailbox,
    /// How far each privacy-mode bot has been told, so that what it may not see leaves no gap.
    pub told: HashMap<i64, i32>,
    pub pinned: Option<i32>,
    /// The supergroup that this basic group became.
    pub migrated_to: Option<i64>,
}

/// A way into a chat.
#[derive(Clone, Debug)]
pub(crate) struct Invite {
    pub hash: String,
    pub chat: i64,
    pub admin: i64,
    pub date: i32,
    pub needs_approval: bool,
    pub is_revoked: bool,
    pub usage: i32,
    pub usage_limit: Option<i32>,
    pub expires: Option<i32>,
}

impl Invite {
    pub(crate) fn link(&self) -> String {
        format!("https://t.me/+{}", self.hash)
    }
}

/// Every administrator right that a supergroup knows, without anonymity.
pub(crate) fn all_rights() -> tl::types::ChatAdminRights {
    tl::types::ChatAdminRights {
        change_info: true,
        delete_messages: true,
        ban_users: true,
        invite_users: true,
        pin_messages: true,
        add_admins: true,
        manage_call: true,
        other: true,
        ..no_rights()
    }
}

pub(crate) fn no_rights() -> tl::types::ChatAdminRights {
    tl::types::ChatAdminRights {
        change_info: false,
        post_messages: false,
        edit_messages: false,
        delete_messages: false,
        ban_users: false,
        invite_users: false,
        pin_messages: false,
        add_admins: false,
        anonymous: false,
        manage_call: false,
        other: false,
        manage_topics: false,
        post_stories: false,
        edit_stories: false,
        delete_stories: false,
        manage_direct_messages: false,
        manage_ranks: false,
        manage_linked_peers: false,
        manage_welcome_messages: false,
    }
}

/// No restriction at all.
pub(crate) fn unrestricted() -> tl::types::ChatBannedRights {
    use tl::Deserializable;
    tl::types::ChatBannedRights::from_bytes(&[0; 8]).expect("flags and a date are eight bytes")
}

impl Chat {
    pub(crate) fn is_channel(&self) -> bool {
        self.kind != PlaceKind::Group
    }

    pub(crate) fn is_broadcast(&self) -> bool {
        self.kind == PlaceKind::Channel
    }

    pub(crate) fn role(&self, user: i64) -> Option<&Role> {
        self.members.get(&user).map(|member| &member.role)
    }

    pub(crate) fn is_member(&self, user: i64) -> bool {
        matches!(
            self.role(user),
            Some(Role::Creator | Role::Admin { .. } | Role::Member | Role::Restricted { .. })
        )
    }

    pub(crate) fn is_banned(&self, user: i64) -> bool {
        matches!(self.role(user), Some(Role::Banned { .. }))
    }

    pub(crate) fn is_admin(&self, user: i64) -> bool {
        matches!(self.role(user), Some(Role::Creator | Role::Admin { .. }))
    }

    /// The administrator rights of `user`; the creator has them all.
    pub(crate) fn rights(&self, user: i64) -> Option<tl::types::ChatAdminRights> {
        match self.role(user)? {
            Role::Creator => Some(tl::types::ChatAdminRights {
                post_messages: self.is_broadcast(),
                edit_messages: self.is_broadcast(),
                ..all_rights()
            }),
            Role::Admin { rights, .. } => Some(rights.clone()),
            _ => None,
        }
    }

    pub(crate) fn restrictions(&self, user: i64) -> Option<&tl::types::ChatBannedRights> {
        match self.role(user)? {
            Role::Restricted { rights, .. } | Role::Banned { rights, .. } => Some(rights),
            _ => None,
        }
    }

    /// Everybody who is in it now.
    pub(crate) fn present(&self) -> Vec<i64> {
        self.members.keys().copied().filter(|user| self.is_member(*user)).collect()
    }

    /// Whether this administrator writes in the chat's name.
    pub(crate) fn is_anonymous(&self, user: i64) -> bool {
        matches!(self.role(user), Some(Role::Admin { rights, .. }) if rights.anonymous)
    }
}

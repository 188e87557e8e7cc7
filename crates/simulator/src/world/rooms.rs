//! What group calls may ask of the world: who is in a chat, and how to tell them something.
//!
//! Chats are named as the Bot API names them: `-100…` for channels and supergroups, `-id` for basic groups.

use grammers_tl_types as tl;

/// What one user is in one chat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    pub is_member: bool,
    /// Administrators and the creator.
    pub is_admin: bool,
    pub is_creator: bool,
    /// The administrator right `manage_call` (the creator always has it).
    pub manage_call: bool,
    pub is_bot: bool,
    pub is_banned: bool,
}

/// The part of the world that group calls stand on. All methods return at once: nothing here waits for the network.
pub trait Rooms: Send + Sync {
    /// Whether this chat exists in the box.
    fn exists(&self, chat: i64) -> bool;

    /// The chat and its access hash behind a peer as a client names it; `None` when it is not a chat, does not exist,
    /// or the access hash is wrong.
    fn chat_of_peer(&self, viewer: i64, peer: &tl::enums::InputPeer) -> Option<i64>;

    /// The user behind a peer as `viewer` names it (`inputPeerSelf` is the viewer).
    fn user_of_peer(&self, viewer: i64, peer: &tl::enums::InputPeer) -> Option<i64>;

    /// What `user` is in `chat`; all false for strangers and unknown chats.
    fn member(&self, chat: i64, user: i64) -> Membership;

    /// Every present member of the chat (banned and departed ones are not in it).
    fn members(&self, chat: i64) -> Vec<i64>;

    /// Sends every member the updates that `per_user` makes for it (`None` sends nothing), to all its sessions but
    /// `except` (user, session). These updates carry no pts.
    fn push_updates(
        &self,
        chat: i64,
        per_user: &dyn Fn(i64) -> Option<Vec<tl::enums::Update>>,
        except: Option<(i64, i64)>,
    );

    /// Writes a service message into the chat's history and pushes it to every member.
    fn service_message(&self, chat: i64, from_user: i64, action: tl::enums::MessageAction);

    /// The chat as a peer.
    fn peer(&self, chat: i64) -> tl::enums::Peer;

    /// `user` objects as `viewer` sees them; unknown ids are left out.
    fn peer_users(&self, viewer: i64, users: &[i64]) -> Vec<tl::enums::User>;

    /// `chat`/`channel` objects as `viewer` sees them; unknown ids are left out.
    fn peer_chats(&self, viewer: i64, chats: &[i64]) -> Vec<tl::enums::Chat>;

    /// `updates{…}` with the users and chats these updates mention, as `viewer` sees them.
    fn wrap_updates(&self, viewer: i64, updates: Vec<tl::enums::Update>) -> tl::enums::Updates;

    /// The present moment in seconds since 1970, as messages are dated.
    fn now(&self) -> i32;
}

//! Getting into chats.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::{ChatId, ChatKind, Reason};
use grammers_client::tl;

use super::Account;
use super::peers::contents;
use crate::fault::{CallError, forgive};
use crate::incoming::Chat;
use crate::secret::Secret;

/// What joining a chat came to. Waiting for approval is a refusal (`AssistantAwaitsApproval`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// The account is in now. The chat is named when Telegram named it.
    Joined(Option<Chat>),
    /// It was in already.
    AlreadyIn(Option<Chat>),
}

/// How long an exported link works.
const INVITE_LIFE: Duration = Duration::from_secs(3600);

const ALREADY: &[&str] = &["USER_ALREADY_PARTICIPANT"];

// === impl Account (joining) ===

impl Account {
    /// Joins a public chat by its name, with or without `@`.
    pub async fn join_by_username(&self, username: &str) -> Result<Membership, CallError> {
        let chat = self.resolve_username(username).await?;
        let ChatKind::Channel(id) = chat.kind() else {
            return Err(CallError::refused(Reason::NotFound, "the public name is no group's"));
        };
        let channel = self.input_channel(id)?;
        let answer = self.call(&tl::functions::channels::JoinChannel { channel }).await;
        match forgive(answer, ALREADY)? {
            Some(result) => self.joined(result),
            None => Ok(Membership::AlreadyIn(None)),
        }
    }

    /// Joins by an invite link or its hash.
    pub async fn join_by_invite(&self, link: &Secret) -> Result<Membership, CallError> {
        let Some(hash) = invite_hash(link.expose()) else {
            return Err(CallError::refused(Reason::AssistantNotIn, "this is no invite link"));
        };
        let request = tl::functions::messages::ImportChatInvite { hash: hash.to_owned() };
        if let Some(result) = forgive(self.call(&request).await, ALREADY)? {
            return self.joined(result);
        }
        let request = tl::functions::messages::CheckChatInvite { hash: hash.to_owned() };
        match self.call(&request).await? {
            tl::enums::ChatInvite::Already(known) => {
                let chats = [known.chat];
                self.learn(&[], &chats);
                Ok(Membership::AlreadyIn(Account::first_chat(&chats)))
            }
            _ => Ok(Membership::AlreadyIn(None)),
        }
    }

    /// A new invite link to the chat, good for an hour; the account must be an administrator who may invite.
    pub async fn export_invite(&self, chat: ChatId) -> Result<Secret, CallError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let request = tl::functions::messages::ExportChatInvite {
            legacy_revoke_permanent: false,
            request_needed: false,
            peer: self.input_peer(chat)?,
            expire_date: i32::try_from((now + INVITE_LIFE).as_secs()).ok(),
            usage_limit: None,
            title: None,
            subscription_pricing: None,
        };
        match self.call(&request).await? {
            tl::enums::ExportedChatInvite::ChatInviteExported(invite) => {
                Ok(Secret::new(invite.link))
            }
            tl::enums::ExportedChatInvite::ChatInvitePublicJoinRequests => {
                Err(CallError::refused(Reason::AssistantNotIn, "the chat takes join requests only"))
            }
        }
    }

    fn joined(
        &self,
        result: tl::enums::messages::ChatInviteJoinResult,
    ) -> Result<Membership, CallError> {
        match result {
            tl::enums::messages::ChatInviteJoinResult::Ok(done) => {
                let (_, users, chats) = contents(&done.updates);
                self.learn(users, chats);
                Ok(Membership::Joined(Account::first_chat(chats)))
            }
            // The chat's own bot asks questions first; that takes a person.
            tl::enums::messages::ChatInviteJoinResult::WebView(_) => Err(CallError::refused(
                Reason::AssistantAwaitsApproval,
                "the chat's guard bot has to approve",
            )),
        }
    }
}

/// The hash in an invite link (core.telegram.org, "Deep links"), or the hash alone.
fn invite_hash(link: &str) -> Option<&str> {
    let link = link.trim();
    let after = |marker: &str| link.split_once(marker).map(|(_, rest)| rest);
    let is_address = link.contains(['/', '?', '.']);
    let hash = after("joinchat/")
        .or_else(|| after("invite="))
        .or_else(|| after("/+"))
        .or_else(|| after("/%20"))
        .or_else(|| (!is_address).then_some(link))?;
    let hash = hash.trim_start_matches('+').split(['?', '&', '/', '#']).next()?;
    let is_hash = !hash.is_empty()
        && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_hash.then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_invite_link_is_read() {
        let check = |link: &str, hash: Option<&str>| assert_eq!(invite_hash(link), hash, "{link}");
        check("https://t.me/+AbC-d_9", Some("AbC-d_9"));
        check("https://t.me/joinchat/AbC", Some("AbC"));
        check("https://telegram.me/joinchat/AbC?x=1", Some("AbC"));
        check("tg://join?invite=AbC", Some("AbC"));
        check("t.me/+AbC/", Some("AbC"));
        check(" +AbC ", Some("AbC"));
        check("AbC", Some("AbC"));
        check("https://t.me/public_name", None);
        check("", None);
        check("https://t.me/+", None);
        check("a b", None);
    }
}

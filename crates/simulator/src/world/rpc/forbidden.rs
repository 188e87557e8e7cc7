//! Methods that only people, or only bots, may call (the "bots can use this method" marks of core.telegram.org).

use grammers_tl_types::Identifiable;
use grammers_tl_types::functions::{account, bots, channels, contacts, messages, phone};

/// Answered with `BOT_METHOD_INVALID` when a bot asks.
pub(super) const FOR_BOTS: &[u32] = &[
    account::UpdateStatus::CONSTRUCTOR_ID,
    channels::JoinChannel::CONSTRUCTOR_ID,
    channels::ReadHistory::CONSTRUCTOR_ID,
    contacts::GetContacts::CONSTRUCTOR_ID,
    contacts::ImportContacts::CONSTRUCTOR_ID,
    contacts::Search::CONSTRUCTOR_ID,
    messages::AddChatUser::CONSTRUCTOR_ID,
    messages::CheckChatInvite::CONSTRUCTOR_ID,
    messages::GetBotCallbackAnswer::CONSTRUCTOR_ID,
    messages::GetDialogs::CONSTRUCTOR_ID,
    messages::GetHistory::CONSTRUCTOR_ID,
    messages::GetInlineBotResults::CONSTRUCTOR_ID,
    messages::GetPeerDialogs::CONSTRUCTOR_ID,
    messages::GetPinnedDialogs::CONSTRUCTOR_ID,
    messages::ImportChatInvite::CONSTRUCTOR_ID,
    messages::ReadHistory::CONSTRUCTOR_ID,
    messages::Search::CONSTRUCTOR_ID,
    messages::SendInlineBotResult::CONSTRUCTOR_ID,
    phone::CreateGroupCall::CONSTRUCTOR_ID,
    phone::DiscardGroupCall::CONSTRUCTOR_ID,
    phone::GetGroupCall::CONSTRUCTOR_ID,
    phone::JoinGroupCall::CONSTRUCTOR_ID,
    phone::LeaveGroupCall::CONSTRUCTOR_ID,
];

/// Answered with `USER_BOT_REQUIRED` when a person asks.
pub(super) const FOR_USERS: &[u32] = &[
    bots::GetBotCommands::CONSTRUCTOR_ID,
    bots::ResetBotCommands::CONSTRUCTOR_ID,
    bots::SetBotCommands::CONSTRUCTOR_ID,
    messages::SetBotCallbackAnswer::CONSTRUCTOR_ID,
    messages::SetInlineBotResults::CONSTRUCTOR_ID,
];

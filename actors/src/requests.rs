//! What a call may ask of an assistant, and how the account does it.

use domain::call::{Found, Refusal};
use domain::{Attempt, CallId, ChatId, Fault, Reason, UserId};
use supervisor::Handle;
use telegram::{Account, CallDetails, CallError};

use crate::root::assistants::assistant::row_of;
use crate::root::chats::chat::call::{self, Answer};

pub(crate) enum Request {
    /// Be in the group: already, by its public name, or by an invitation of the bot.
    Enter {
        attempt: Attempt,
        chat: ChatId,
        username: Option<String>,
    },
    Find {
        attempt: Attempt,
        chat: ChatId,
    },
    Create {
        attempt: Attempt,
        chat: ChatId,
    },
    Join {
        attempt: Attempt,
        call: CallId,
        params: String,
    },
    Check {
        attempt: Attempt,
        call: CallId,
        ssrc: u32,
    },
    Unmute {
        call: CallId,
    },
    Quit {
        call: CallId,
        ssrc: u32,
    },
}

/// A request with the way back of its answer. Whoever lets go of it unanswered (an assistant that is killed with it in
/// its hands or in its mailbox, one that is not there) has answered by that: nobody could perform it.
pub(crate) struct Asking {
    request: Option<Request>,
    call: Handle<call::Msg>,
}

// === impl Asking ===

impl Asking {
    pub(crate) fn new(request: Request, call: Handle<call::Msg>) -> Asking {
        Asking { request: Some(request), call }
    }

    pub(crate) async fn perform(mut self, account: &Account, bot: Option<&Account>, me: UserId) {
        let Some(request) = &self.request else { return };
        let answer = request.perform(account, bot, me).await;
        self.request = None;
        answer.into_iter().for_each(|answer| self.reply(answer));
    }

    /// A call that is gone wants no answer.
    fn reply(&self, answer: call::Msg) {
        if self.call.send(answer).is_err() {
            tracing::debug!("a call did not wait for its answer");
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(answer) = self.request.take().and_then(Request::unanswered) {
            self.reply(answer);
        }
    }
}

// === impl Request ===

impl Request {
    /// Does it; the answer is for whoever asked. `bot` is the bot's account, which may invite.
    async fn perform(
        &self,
        account: &Account,
        bot: Option<&Account>,
        me: UserId,
    ) -> Option<call::Msg> {
        match *self {
            Request::Enter { attempt, chat, ref username } => {
                let outcome = enter(account, bot, chat, username.as_deref(), me).await;
                Some(call::Msg::Entered { attempt, outcome })
            }
            Request::Find { attempt, chat } => {
                let found = find(account, chat).await.map_err(Fault::from);
                let people = found.as_ref().ok().and_then(|found| Some(found.as_ref()?.1));
                let outcome = found.map(|found| found.map(|(found, _)| found));
                Some(call::Msg::Found { attempt, outcome, people })
            }
            Request::Create { attempt, chat } => {
                let outcome = account.create_call(chat).await.map_err(Fault::from);
                Some(call::Msg::Created { attempt, outcome })
            }
            Request::Join { attempt, call, ref params } => {
                let outcome =
                    account.join_call(call, params, false).await.map_err(refusal).map(|joined| {
                        let row = joined.own.as_ref().map(row_of);
                        let people = joined.details.as_ref().map(people_of);
                        Answer { params: joined.params, row, people }
                    });
                Some(call::Msg::Answered { attempt, outcome })
            }
            Request::Check { attempt, call, ssrc } => {
                let outcome = account.check_call(call, &[ssrc]).await.map_err(refusal);
                Some(call::Msg::Checked {
                    attempt,
                    outcome: outcome.map(|alive| alive.contains(&ssrc)),
                })
            }
            Request::Unmute { call } => {
                if let Err(error) = account.edit_self(call, false).await {
                    tracing::warn!(fault = %error.fault, "the assistant could not unmute itself");
                }
                None
            }
            Request::Quit { call, ssrc } => {
                if let Err(error) = account.leave_call(call, ssrc).await {
                    tracing::debug!(fault = %error.fault, "leaving was not answered");
                }
                None
            }
        }
    }

    /// The answer when nobody can perform it.
    fn unanswered(self) -> Option<call::Msg> {
        let fault = || Fault::transient(Reason::NoAssistant, "the assistant is not connected");
        match self {
            Request::Enter { attempt, .. } => {
                Some(call::Msg::Entered { attempt, outcome: Err(fault()) })
            }
            Request::Find { attempt, .. } => {
                Some(call::Msg::Found { attempt, outcome: Err(fault()), people: None })
            }
            Request::Create { attempt, .. } => {
                Some(call::Msg::Created { attempt, outcome: Err(fault()) })
            }
            Request::Join { attempt, .. } => {
                Some(call::Msg::Answered { attempt, outcome: Err(Refusal::Other(fault())) })
            }
            Request::Check { attempt, .. } => {
                Some(call::Msg::Checked { attempt, outcome: Err(Refusal::Other(fault())) })
            }
            Request::Unmute { .. } | Request::Quit { .. } => None,
        }
    }
}

/// Into the group by the first way that works.
async fn enter(
    account: &Account,
    bot: Option<&Account>,
    chat: ChatId,
    username: Option<&str>,
    me: UserId,
) -> Result<(), Fault> {
    if account.is_member(chat).await.unwrap_or(false) {
        return Ok(());
    }
    if let Some(bot) = bot
        && bot.participant(chat, me).await.is_ok_and(|participant| participant.is_banned)
    {
        return Err(Fault::refused(
            Reason::AssistantBanned,
            "the assistant is banned in the group",
        ));
    }
    let by_name = match username {
        Some(username) => account.join_by_username(username).await.map(|_| ()),
        None => Err(Fault::refused(Reason::AssistantNotIn, "the group has no public name").into()),
    };
    let Err(by_name) = by_name else { return Ok(()) };
    if by_name.fault.is_retryable()
        || matches!(by_name.fault.reason, Reason::AssistantBanned | Reason::TooManyChannels)
    {
        return Err(by_name.fault);
    }
    let Some(bot) = bot else { return Err(by_name.fault) };
    let link = bot.export_invite(chat).await.map_err(|error| cannot_enter(error.fault))?;
    account.join_by_invite(&link).await.map(|_| ()).map_err(|error| error.fault)
}

/// Whatever kept the bot from inviting, to people it means that the assistant is not in.
fn cannot_enter(fault: Fault) -> Fault {
    if fault.is_retryable() { fault } else { Fault { reason: Reason::AssistantNotIn, ..fault } }
}

/// The chat's call, and how many people are in it.
async fn find(account: &Account, chat: ChatId) -> Result<Option<(Found, u32)>, CallError> {
    let Some(call) = account.find_call(chat).await? else { return Ok(None) };
    let details = match account.get_call(call).await {
        Ok(details) => details,
        // it ended between the two questions
        Err(error) if matches!(refusal(error.clone()), Refusal::CallGone) => return Ok(None),
        Err(error) => return Err(error),
    };
    let found = Found {
        call: details.id,
        is_conference: details.is_conference,
        is_rtmp: details.is_rtmp,
        is_scheduled: details.scheduled.is_some(),
    };
    Ok(Some((found, people_of(&details))))
}

/// How many people Telegram says are in the call.
pub(crate) fn people_of(details: &CallDetails) -> u32 {
    u32::try_from(details.participants).unwrap_or_default()
}

/// The errors of phone.* that change what to do next (core.telegram.org/method/phone.joinGroupCall).
fn refusal(error: CallError) -> Refusal {
    if error.is("GROUPCALL_SSRC_DUPLICATE_MUCH") {
        Refusal::SsrcTaken
    } else if error.is("GROUPCALL_FORBIDDEN") || error.is("GROUPCALL_INVALID") {
        Refusal::CallGone
    } else if error.is("GROUPCALL_JOIN_MISSING") || error.is("PARTICIPANT_JOIN_MISSING") {
        Refusal::NotJoined
    } else {
        Refusal::Other(error.fault)
    }
}

//! Signing in, and being told who one is.

use domain::{Class, Fault, Reason};
use grammers_client::session::Session as _;
use grammers_client::session::types::{UpdateState, UpdatesState};
use grammers_client::tl;

use super::Account;
use crate::fault::CallError;
use crate::incoming::User;
use crate::incoming::people::user_of;
use crate::secret::Secret;

/// The account itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    pub user: User,
}

// === impl Account (signing in) ===

impl Account {
    /// Signs in as the bot of this token; asks only who it is when the session is that bot already. The first success
    /// lets the updates flow.
    pub async fn sign_in_bot(&self, token: &Secret) -> Result<Me, CallError> {
        let number =
            token.expose().split(':').next().and_then(|number| number.trim().parse::<i64>().ok());
        let Some(number) = number else {
            let detail = "the bot token does not have the shape <number>:<text>";
            return Err(Fault::fatal(Reason::AccountLost, detail).into());
        };
        let known = self.session().user_id();
        let may_be_in = self.session().has_key() && known.is_none_or(|user| user.0 == number);
        if may_be_in {
            match self.who_am_i().await {
                Ok(me) if me.user.id.0 != number => {
                    tracing::info!("the saved login is another account's")
                }
                Err(error) if error.fault.class == Class::Fatal || moved_to(&error).is_some() => {
                    tracing::info!(fault = %error, "the bot's saved login is gone, signing in again");
                }
                answer => return self.welcome(answer).await,
            }
        }
        let answer = self.import_bot(token).await;
        self.welcome(answer).await
    }

    /// Who this account is. The first success lets the updates flow.
    pub async fn me(&self) -> Result<Me, CallError> {
        let answer = self.who_am_i().await;
        self.welcome(answer).await
    }

    async fn welcome(&self, answer: Result<Me, CallError>) -> Result<Me, CallError> {
        let answer = match answer {
            Ok(me) => self.find_place().await.map(|()| me),
            error => error,
        };
        match &answer {
            Ok(_) => self.ready(),
            Err(error) if error.fault.class == Class::Fatal => self.lost(&error.fault),
            Err(_) => {}
        }
        answer
    }

    /// Where the updates are now, unless the session remembers a place. What is said from here on is heard, however long
    /// the rest of the start takes.
    async fn find_place(&self) -> Result<(), CallError> {
        if self.session().memory().lock().updates.pts != 0 {
            return Ok(());
        }
        let now = self.place_now().await?;
        let place = UpdatesState {
            pts: now.pts,
            qts: now.qts,
            date: now.date,
            seq: now.seq,
            channels: Vec::new(),
        };
        self.session().begin_at(place.clone());
        let Ok(()) = self.session().memory().set_update_state(UpdateState::All(place)).await;
        Ok(())
    }

    pub(crate) async fn place_now(&self) -> Result<tl::types::updates::State, CallError> {
        let tl::enums::updates::State::State(now) =
            self.call(&tl::functions::updates::GetState {}).await?;
        Ok(now)
    }

    async fn who_am_i(&self) -> Result<Me, CallError> {
        let request = tl::functions::users::GetUsers { id: vec![tl::enums::InputUser::UserSelf] };
        let users = self.probe(self.home(), &request).await?;
        self.introduce(users.into_iter().next())
    }

    async fn import_bot(&self, token: &Secret) -> Result<Me, CallError> {
        let request = tl::functions::auth::ImportBotAuthorization {
            flags: 0,
            api_id: self.settings().api_id,
            api_hash: self.settings().api_hash.expose().to_owned(),
            bot_auth_token: token.expose().to_owned(),
        };
        let answer = match self.probe(self.home(), &request).await {
            // The account lives elsewhere (core.telegram.org, "Working with different data centers").
            Err(error) => {
                // one whose address nobody knows would be tried for ever
                let is_known = |dc: &i32| self.session().memory().lock().address(*dc).is_some();
                let Some(home) = moved_to(&error).filter(is_known) else { return Err(error) };
                self.move_home(home).await;
                self.probe(home, &request).await?
            }
            Ok(answer) => answer,
        };
        match answer {
            tl::enums::auth::Authorization::Authorization(authorization) => {
                self.introduce(Some(authorization.user))
            }
            tl::enums::auth::Authorization::SignUpRequired(_) => {
                Err(Fault::fatal(Reason::AccountLost, "the bot does not exist any more").into())
            }
        }
    }

    async fn move_home(&self, home: i32) {
        let former = self.home();
        tracing::info!(account = ?self, former, home, "the account lives in another data centre");
        let Ok(()) = self.session().memory().set_home_dc_id(home).await;
        self.link().leave(former);
    }

    fn introduce(&self, user: Option<tl::enums::User>) -> Result<Me, CallError> {
        let Some(tl::enums::User::User(user)) = user else {
            return Err(CallError::refused(
                Reason::Unreadable,
                "telegram did not say who this account is",
            ));
        };
        self.session().memory().lock().know_self(user.id, user.bot);
        let me = Me { user: user_of(&user) };
        self.learn(&[tl::enums::User::User(user)], &[]);
        Ok(me)
    }
}

/// The data centre that an account was said to live in.
fn moved_to(error: &CallError) -> Option<i32> {
    let rpc = error.rpc.as_ref().filter(|rpc| rpc.code == 303)?;
    i32::try_from(rpc.value?).ok()
}

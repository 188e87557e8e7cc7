//! What may be asked before anybody is signed in: codes, tokens, configuration.

use grammers_tl_types as tl;
use tl::{enums, types};

use super::{Asker, methods};
use crate::world::account::Account;
use crate::world::refusal::{Answered, bad};
use crate::world::state::{DC, State};
use crate::world::{World, blank};

pub(super) struct Doorway<'a> {
    pub(super) world: &'a World,
    pub(super) asker: Asker,
}

fn digits(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}

impl State {
    fn by_phone(&self, phone: &str) -> Answered<i64> {
        let wanted = digits(phone);
        let has_it = |p: &Option<String>| p.as_deref().is_some_and(|p| digits(p) == wanted);
        let account = self.accounts.values().find(|account| has_it(&account.phone));
        account.map(|account| account.id).ok_or_else(|| bad("PHONE_NUMBER_INVALID"))
    }
}

impl World {
    /// Answers requests that need no account; `None` leaves the request to the account's desks.
    pub(super) fn public(&self, asker: Asker, id: u32, body: &[u8]) -> Option<Answered<Vec<u8>>> {
        let mut door = Doorway { world: self, asker };
        methods!(door, id, body;
            auth::SendCode => send_code,
            auth::ResendCode => resend_code,
            auth::CancelCode => cancel_code,
            auth::SignIn => sign_in,
            auth::ImportBotAuthorization => import_bot,
            auth::ImportAuthorization => import,
            auth::BindTempAuthKey => bind_temporary_key,
            help::GetConfig => config,
            help::GetNearestDc => nearest_dc,
            help::GetAppConfig => app_config,
            help::GetCountriesList => countries,
            langpack::GetLangPack => lang_pack,
            langpack::GetDifference => lang_difference,
            langpack::GetLanguages => languages,
            langpack::GetStrings => lang_strings,
        )
    }

    pub(super) fn log_out(&self, asker: Asker) -> Answered<Vec<u8>> {
        use tl::Serializable;
        if let Some(wire) = self.wire() {
            wire.unbind(asker.dc, asker.key);
        }
        let bye: enums::auth::LoggedOut = types::auth::LoggedOut { future_auth_token: None }.into();
        Ok(bye.to_bytes())
    }
}

impl Doorway<'_> {
    fn new_code(&mut self, phone: &str) -> Answered<enums::auth::SentCode> {
        let asked = self.asker.dc;
        self.world.with(|state| {
            let user = state.by_phone(phone)?;
            state.is_home(user, asked, "PHONE")?;
            let hash = format!("{:016x}", state.fresh());
            state.codes.insert(digits(phone), hash.clone());
            let length = state.login_code.len() as i32;
            Ok(types::auth::SentCode {
                r#type: types::auth::SentCodeTypeApp { length }.into(),
                phone_code_hash: hash,
                next_type: None,
                timeout: None,
            }
            .into())
        })
    }

    fn send_code(&mut self, q: tl::functions::auth::SendCode) -> Answered<enums::auth::SentCode> {
        self.new_code(&q.phone_number)
    }

    fn resend_code(
        &mut self,
        q: tl::functions::auth::ResendCode,
    ) -> Answered<enums::auth::SentCode> {
        self.new_code(&q.phone_number)
    }

    fn cancel_code(&mut self, q: tl::functions::auth::CancelCode) -> Answered<bool> {
        self.world.with(|state| Ok(state.codes.remove(&digits(&q.phone_number)).is_some()))
    }

    fn sign_in(&mut self, q: tl::functions::auth::SignIn) -> Answered<enums::auth::Authorization> {
        let asked = self.asker.dc;
        let user = self.world.with(|state| {
            let user = state.by_phone(&q.phone_number)?;
            state.is_home(user, asked, "PHONE")?;
            let phone = digits(&q.phone_number);
            if state.codes.get(&phone) != Some(&q.phone_code_hash) {
                return Err(bad("PHONE_CODE_EXPIRED"));
            }
            match q.phone_code.as_deref() {
                None | Some("") => return Err(bad("PHONE_CODE_EMPTY")),
                Some(code) if code != state.login_code => return Err(bad("PHONE_CODE_INVALID")),
                Some(_) => {}
            }
            state.codes.remove(&phone);
            Ok(user)
        })?;
        self.welcome(user)
    }

    fn import_bot(
        &mut self,
        q: tl::functions::auth::ImportBotAuthorization,
    ) -> Answered<enums::auth::Authorization> {
        let asked = self.asker.dc;
        let owner = self.world.with(|state| {
            let mut accounts = state.accounts.values();
            let has_it = |a: &&Account| a.token.as_deref() == Some(q.bot_auth_token.as_str());
            let owner = accounts.find(has_it).map(|a| a.id);
            let owner = owner.ok_or_else(|| bad("ACCESS_TOKEN_INVALID"))?;
            state.is_home(owner, asked, "USER").map(|()| owner)
        })?;
        self.welcome(owner)
    }

    pub(super) fn welcome(&mut self, user: i64) -> Answered<enums::auth::Authorization> {
        let shown = self.world.with(|state| {
            match state.accounts.get(&user).and_then(|a| a.refused.clone()) {
                Some(refusal) => Err(refusal),
                None => state.user_for(user, user).ok_or_else(|| bad("USER_ID_INVALID")),
            }
        })?;
        if let Some(wire) = self.world.wire() {
            wire.bind(self.asker.dc, self.asker.key, user);
        }
        Ok(types::auth::Authorization {
            setup_password_required: false,
            otherwise_relogin_days: None,
            tmp_sessions: None,
            future_auth_token: None,
            user: shown,
        }
        .into())
    }

    fn bind_temporary_key(&mut self, _: tl::functions::auth::BindTempAuthKey) -> Answered<bool> {
        Err(bad("ENCRYPTED_MESSAGE_INVALID"))
    }

    fn config(&mut self, _: tl::functions::help::GetConfig) -> Answered<enums::Config> {
        let asked = self.asker.dc;
        self.world.with(|state| Ok(blank::config(state.now(), asked, state.addresses()).into()))
    }

    fn nearest_dc(&mut self, _: tl::functions::help::GetNearestDc) -> Answered<enums::NearestDc> {
        Ok(types::NearestDc { country: "NL".to_owned(), this_dc: self.asker.dc, nearest_dc: DC }
            .into())
    }

    fn app_config(
        &mut self,
        _: tl::functions::help::GetAppConfig,
    ) -> Answered<enums::help::AppConfig> {
        let config = types::JsonObject { value: Vec::new() }.into();
        Ok(types::help::AppConfig { hash: 1, config }.into())
    }

    fn countries(
        &mut self,
        _: tl::functions::help::GetCountriesList,
    ) -> Answered<enums::help::CountriesList> {
        Ok(types::help::CountriesList { countries: Vec::new(), hash: 1 }.into())
    }

    fn lang_pack(
        &mut self,
        q: tl::functions::langpack::GetLangPack,
    ) -> Answered<enums::LangPackDifference> {
        Ok(no_strings(q.lang_code, 0))
    }

    fn lang_difference(
        &mut self,
        q: tl::functions::langpack::GetDifference,
    ) -> Answered<enums::LangPackDifference> {
        Ok(no_strings(q.lang_code, q.from_version))
    }

    fn languages(
        &mut self,
        _: tl::functions::langpack::GetLanguages,
    ) -> Answered<Vec<enums::LangPackLanguage>> {
        Ok(Vec::new())
    }

    fn lang_strings(
        &mut self,
        _: tl::functions::langpack::GetStrings,
    ) -> Answered<Vec<enums::LangPackString>> {
        Ok(Vec::new())
    }
}

fn no_strings(lang_code: String, from_version: i32) -> enums::LangPackDifference {
    types::LangPackDifference { lang_code, from_version, version: 1, strings: Vec::new() }.into()
}

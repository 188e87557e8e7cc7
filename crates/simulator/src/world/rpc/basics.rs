//! Small talk of clients: settings, notifications, terms. Answered as an account with everything at its default.

use grammers_tl_types as tl;
use tl::{enums, types};

use super::{Desk, methods};
use crate::world::blank;
use crate::world::refusal::Answered;

impl Desk<'_> {
    pub(super) fn basics(&mut self, id: u32, body: &[u8]) -> Option<Answered<Vec<u8>>> {
        methods!(self, id, body;
            account::UpdateStatus => update_status,
            account::GetPassword => password,
            account::RegisterDevice => register_device,
            account::UnregisterDevice => unregister_device,
            account::GetNotifySettings => notify_settings,
            account::UpdateNotifySettings => update_notify_settings,
            account::GetGlobalPrivacySettings => global_privacy,
            account::GetAuthorizations => authorizations,
            help::GetTermsOfServiceUpdate => terms,
            help::GetPromoData => promo,
            help::SaveAppLog => save_log,
            messages::GetAvailableReactions => reactions,
        )
    }

    fn update_status(&mut self, _: tl::functions::account::UpdateStatus) -> Answered<bool> {
        Ok(true)
    }

    fn password(
        &mut self,
        _: tl::functions::account::GetPassword,
    ) -> Answered<enums::account::Password> {
        Ok(types::account::Password {
            has_recovery: false,
            has_secure_values: false,
            has_password: false,
            current_algo: None,
            srp_b: None,
            srp_id: None,
            hint: None,
            email_unconfirmed_pattern: None,
            new_algo: enums::PasswordKdfAlgo::Unknown,
            new_secure_algo: enums::SecurePasswordKdfAlgo::Unknown,
            secure_random: vec![7; 16],
            pending_reset_date: None,
            login_email_pattern: None,
        }
        .into())
    }

    fn register_device(&mut self, _: tl::functions::account::RegisterDevice) -> Answered<bool> {
        Ok(true)
    }

    fn unregister_device(&mut self, _: tl::functions::account::UnregisterDevice) -> Answered<bool> {
        Ok(true)
    }

    fn notify_settings(
        &mut self,
        _: tl::functions::account::GetNotifySettings,
    ) -> Answered<enums::PeerNotifySettings> {
        Ok(blank::notify_settings())
    }

    fn update_notify_settings(
        &mut self,
        _: tl::functions::account::UpdateNotifySettings,
    ) -> Answered<bool> {
        Ok(true)
    }

    fn global_privacy(
        &mut self,
        _: tl::functions::account::GetGlobalPrivacySettings,
    ) -> Answered<enums::GlobalPrivacySettings> {
        Ok(blank::global_privacy())
    }

    fn authorizations(
        &mut self,
        _: tl::functions::account::GetAuthorizations,
    ) -> Answered<enums::account::Authorizations> {
        Ok(types::account::Authorizations {
            authorization_ttl_days: 180,
            authorizations: Vec::new(),
        }
        .into())
    }

    fn terms(
        &mut self,
        _: tl::functions::help::GetTermsOfServiceUpdate,
    ) -> Answered<enums::help::TermsOfServiceUpdate> {
        Ok(types::help::TermsOfServiceUpdateEmpty { expires: self.state.now() + 86_400 }.into())
    }

    fn promo(&mut self, _: tl::functions::help::GetPromoData) -> Answered<enums::help::PromoData> {
        Ok(types::help::PromoDataEmpty { expires: self.state.now() + 86_400 }.into())
    }

    fn save_log(&mut self, _: tl::functions::help::SaveAppLog) -> Answered<bool> {
        Ok(true)
    }

    fn reactions(
        &mut self,
        _: tl::functions::messages::GetAvailableReactions,
    ) -> Answered<enums::messages::AvailableReactions> {
        Ok(types::messages::AvailableReactions { hash: 1, reactions: Vec::new() }.into())
    }
}

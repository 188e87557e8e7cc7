//! Several data centres of one world: who is at home where, what is served elsewhere, and how a login gets there
//! (core.telegram.org, "Working with different data centers").

use grammers_tl_types as tl;
use tl::Identifiable as _;

use super::blank;
use super::refusal::{Answered, Refusal, bad};
use super::state::State;

/// How long an exported login is good for. Telegram does not say how long; clients import it at once.
const EXPORT_SECONDS: i32 = 60;

/// What a login from elsewhere may do.
const FOR_GUESTS: [u32; 2] =
    [tl::functions::upload::GetFile::CONSTRUCTOR_ID, tl::functions::auth::LogOut::CONSTRUCTOR_ID];

/// A login on its way to another data centre.
pub(crate) struct Export {
    user: i64,
    dc: i32,
    bytes: Vec<u8>,
    until: i32,
}

/// `303 FILE_MIGRATE_4` and its like.
pub(crate) fn see_other(what: &str, dc: i32) -> Refusal {
    Refusal::new(303, format!("{what}_MIGRATE_{dc}"))
}

impl State {
    /// Refuses what is asked of an account at another data centre than its own.
    pub(crate) fn is_home(&self, user: i64, dc: i32, what: &str) -> Answered<()> {
        let home = self.home(user);
        if home == dc { Ok(()) } else { Err(see_other(what, home)) }
    }

    /// Why a request of a login from elsewhere is not served here.
    pub(crate) fn away(&self, user: i64, dc: i32, method: u32) -> Option<Refusal> {
        let refusal = self.is_home(user, dc, "USER").err()?;
        (!FOR_GUESTS.contains(&method)).then_some(refusal)
    }

    pub(crate) fn export(&mut self, user: i64, dc: i32) -> Answered<Vec<u8>> {
        if dc == self.home(user) || !self.ports.contains_key(&dc) {
            return Err(bad("DC_ID_INVALID"));
        }
        let until = self.now() + EXPORT_SECONDS;
        let bytes: Vec<u8> = (0..16).flat_map(|_| self.fresh().to_le_bytes()).collect();
        self.exports.retain(|export| export.until >= until - EXPORT_SECONDS);
        self.exports.push(Export { user, dc, bytes: bytes.clone(), until });
        Ok(bytes)
    }

    /// Takes an exported login in; it is good once, for one user and one data centre.
    pub(crate) fn import(&mut self, user: i64, dc: i32, bytes: &[u8]) -> Answered<()> {
        if !self.accounts.contains_key(&user) {
            return Err(bad("USER_ID_INVALID"));
        }
        let now = self.now();
        let is_it = |export: &Export| export.user == user && export.dc == dc;
        let found = self.exports.iter().position(|export| export.bytes == bytes);
        // whoever tries it in the wrong place has spoilt it
        let export = found.map(|at| self.exports.swap_remove(at));
        match export.filter(|export| is_it(export) && now <= export.until) {
            Some(_) => Ok(()),
            None => Err(bad("AUTH_BYTES_INVALID")),
        }
    }

    /// What `help.getConfig` lists.
    pub(crate) fn addresses(&self) -> Vec<tl::enums::DcOption> {
        let mut addresses = Vec::new();
        for (dc, port) in &self.ports {
            let option = |ip: &str, port| blank::dc_option(*dc, ip.to_owned(), port);
            let good = option("127.0.0.1", i32::from(*port));
            let dead = || option("127.0.0.1", 1);
            let snares = [
                tl::types::DcOption { ipv6: true, r#static: true, ..option("::1", 1) },
                tl::types::DcOption { media_only: true, r#static: true, ..dead() },
                tl::types::DcOption { tcpo_only: true, r#static: true, ..dead() },
                tl::types::DcOption { cdn: true, r#static: true, ..dead() },
                tl::types::DcOption { secret: Some(vec![7; 16]), r#static: true, ..dead() },
            ];
            let snares = if self.switches.lists_snares { &snares[..] } else { &[] };
            addresses.extend(snares.iter().cloned());
            addresses.push(tl::types::DcOption { r#static: true, ..good });
            addresses.extend(snares.iter().cloned());
        }
        addresses.into_iter().map(tl::enums::DcOption::from).collect()
    }
}

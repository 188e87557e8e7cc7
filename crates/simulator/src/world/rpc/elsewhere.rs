//! A login on its way to another data centre.

use grammers_tl_types as tl;
use tl::{enums, types};

use super::login::Doorway;
use super::{Desk, methods};
use crate::world::refusal::{Answered, bad};

impl Desk<'_> {
    pub(super) fn exports(&mut self, id: u32, body: &[u8]) -> Option<Answered<Vec<u8>>> {
        methods!(self, id, body;
            auth::ExportAuthorization => export,
        )
    }

    fn export(
        &mut self,
        q: tl::functions::auth::ExportAuthorization,
    ) -> Answered<enums::auth::ExportedAuthorization> {
        let bytes = self.state.export(self.user, q.dc_id)?;
        Ok(types::auth::ExportedAuthorization { id: self.user, bytes }.into())
    }
}

impl Doorway<'_> {
    pub(super) fn import(
        &mut self,
        q: tl::functions::auth::ImportAuthorization,
    ) -> Answered<enums::auth::Authorization> {
        // the same login once more is taken: Pyrogram and its descendants import it for every one of their sessions
        if self.asker.user.is_some_and(|user| user != q.id) {
            return Err(bad("AUTH_BYTES_INVALID"));
        }
        let here = self.asker.dc;
        self.world.with(|state| state.import(q.id, here, &q.bytes))?;
        self.welcome(q.id)
    }
}

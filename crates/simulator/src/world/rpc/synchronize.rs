//! State and difference, over the wire.

use grammers_tl_types as tl;
use tl::enums;

use super::{Desk, methods};
use crate::world::refusal::Answered;

impl Desk<'_> {
    pub(super) fn synchronize(&mut self, id: u32, body: &[u8]) -> Option<Answered<Vec<u8>>> {
        methods!(self, id, body;
            updates::GetState => state,
            updates::GetDifference => difference,
            updates::GetChannelDifference => channel_difference,
        )
    }

    fn state(&mut self, _: tl::functions::updates::GetState) -> Answered<enums::updates::State> {
        Ok(self.state.updates_state(self.user).into())
    }

    fn difference(
        &mut self,
        q: tl::functions::updates::GetDifference,
    ) -> Answered<enums::updates::Difference> {
        self.state.difference(self.user, &q)
    }

    fn channel_difference(
        &mut self,
        q: tl::functions::updates::GetChannelDifference,
    ) -> Answered<enums::updates::ChannelDifference> {
        let chat = self.state.channel_named(self.user, &q.channel)?;
        self.state.readable(self.user, chat)?;
        self.state.channel_difference(self.user, chat, q.pts, q.limit)
    }
}

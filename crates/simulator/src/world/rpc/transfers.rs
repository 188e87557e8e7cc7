//! Files up and down.

use grammers_tl_types as tl;
use tl::enums;

use super::{Desk, methods};
use crate::world::refusal::Answered;

impl Desk<'_> {
    pub(super) fn transfers(&mut self, id: u32, body: &[u8]) -> Option<Answered<Vec<u8>>> {
        methods!(self, id, body;
            upload::SaveFilePart => save_part,
            upload::SaveBigFilePart => save_big_part,
            upload::GetFile => get_file,
        )
    }

    fn save_part(&mut self, q: tl::functions::upload::SaveFilePart) -> Answered<bool> {
        self.state.files.save_part(self.user, q.file_id, q.file_part, q.bytes)
    }

    fn save_big_part(&mut self, q: tl::functions::upload::SaveBigFilePart) -> Answered<bool> {
        self.state.files.save_part(self.user, q.file_id, q.file_part, q.bytes)
    }

    fn get_file(&mut self, q: tl::functions::upload::GetFile) -> Answered<enums::upload::File> {
        self.state.files.chunk(&q, self.dc)
    }
}

//! Files: parts on their way up, and documents and photos that can be fetched.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use grammers_tl_types as tl;

use super::elsewhere;
use super::ids::mix;
use super::refusal::{Answered, bad};

pub(crate) type FileId = i64;

/// Telegram's smallest unit of `upload.getFile`.
const UNIT: i64 = 4 * 1024;
const PRECISE_UNIT: i64 = 1024;
/// One answer never crosses a boundary of this size.
const WINDOW: i64 = 1024 * 1024;
/// core.telegram.org/api/files: parts are at most 512 KiB.
const PART_MAX: usize = 512 * 1024;

#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub id: FileId,
    /// The data centre that keeps it: its sender's home.
    pub dc: i32,
    pub date: i32,
    pub mime: String,
    pub attributes: Vec<tl::enums::DocumentAttribute>,
    pub bytes: Arc<[u8]>,
}

/// Parts of one upload.
#[derive(Debug, Default)]
struct Upload {
    parts: BTreeMap<i32, Vec<u8>>,
}

#[derive(Debug, Default)]
pub(crate) struct Files {
    stored: HashMap<FileId, Stored>,
    uploads: HashMap<(i64, i64), Upload>,
    next: i64,
    /// References made before are expired when this grows.
    epoch: u32,
    /// Bytes given out so far, for benchmarks and tests.
    pub served: u64,
}

impl Files {
    pub(crate) fn save_part(
        &mut self,
        user: i64,
        file: i64,
        part: i32,
        bytes: Vec<u8>,
    ) -> Answered<bool> {
        if bytes.is_empty() {
            return Err(bad("FILE_PART_EMPTY"));
        }
        if bytes.len() > PART_MAX {
            return Err(bad("FILE_PART_TOO_BIG"));
        }
        if !(0..8000).contains(&part) {
            return Err(bad("FILE_PART_INVALID"));
        }
        self.uploads.entry((user, file)).or_default().parts.insert(part, bytes);
        Ok(true)
    }

    /// Joins the parts of an upload.
    pub(crate) fn finish(
        &mut self,
        user: i64,
        file: &tl::enums::InputFile,
    ) -> Answered<(Vec<u8>, String)> {
        let (id, parts, name) = match file {
            tl::enums::InputFile::File(f) => (f.id, f.parts, f.name.clone()),
            tl::enums::InputFile::Big(f) => (f.id, f.parts, f.name.clone()),
            tl::enums::InputFile::StoryDocument(_) => return Err(bad("MEDIA_INVALID")),
        };
        let upload = self.uploads.remove(&(user, id)).ok_or_else(|| bad("FILE_PARTS_INVALID"))?;
        if let Some(missing) = (0..parts).find(|n| !upload.parts.contains_key(n)) {
            self.uploads.insert((user, id), upload);
            return Err(bad(&format!("FILE_PART_{missing}_MISSING")));
        }
        Ok((upload.parts.into_values().flatten().collect(), name))
    }

    pub(crate) fn store(
        &mut self,
        bytes: Vec<u8>,
        mime: String,
        attributes: Vec<tl::enums::DocumentAttribute>,
        date: i32,
        dc: i32,
    ) -> FileId {
        self.next += 1;
        let id = 9_000_000 + self.next;
        self.stored.insert(id, Stored { id, dc, date, mime, attributes, bytes: bytes.into() });
        id
    }

    pub(crate) fn get(&self, id: FileId) -> Option<&Stored> {
        self.stored.get(&id)
    }

    /// Makes every reference given out so far worthless, as the passing of days does.
    pub(crate) fn expire_references(&mut self) {
        self.epoch += 1;
    }

    fn reference(&self, id: FileId) -> Vec<u8> {
        let mut reference = vec![1];
        reference.extend(self.epoch.to_le_bytes());
        reference.extend(mix(id, i64::from(self.epoch)).to_le_bytes());
        reference
    }

    fn check(&self, id: FileId, access_hash: i64, reference: &[u8]) -> Answered<&Stored> {
        let stored = self
            .stored
            .get(&id)
            .filter(|_| access_hash == mix(77, id))
            .ok_or_else(|| bad("FILE_ID_INVALID"))?;
        if reference.is_empty() {
            return Err(bad("FILE_REFERENCE_EMPTY"));
        }
        if reference.len() != 13 {
            return Err(bad("FILE_REFERENCE_INVALID"));
        }
        if reference != self.reference(id) {
            return Err(bad("FILE_REFERENCE_EXPIRED"));
        }
        Ok(stored)
    }

    /// The file behind an input document or photo, after the checks.
    pub(crate) fn known(&self, id: FileId, access_hash: i64, reference: &[u8]) -> Answered<FileId> {
        self.check(id, access_hash, reference).map(|stored| stored.id)
    }

    pub(crate) fn document(&self, id: FileId) -> tl::enums::Document {
        let Some(file) = self.stored.get(&id) else {
            return tl::types::DocumentEmpty { id }.into();
        };
        tl::types::Document {
            id,
            access_hash: mix(77, id),
            file_reference: self.reference(id),
            date: file.date,
            mime_type: file.mime.clone(),
            size: file.bytes.len() as i64,
            thumbs: None,
            video_thumbs: None,
            dc_id: file.dc,
            attributes: file.attributes.clone(),
        }
        .into()
    }

    pub(crate) fn photo(&self, id: FileId) -> tl::enums::Photo {
        let Some(file) = self.stored.get(&id) else {
            return tl::types::PhotoEmpty { id }.into();
        };
        let size = tl::types::PhotoSize {
            r#type: "x".to_owned(),
            w: 640,
            h: 640,
            size: file.bytes.len() as i32,
        };
        tl::types::Photo {
            has_stickers: false,
            id,
            access_hash: mix(77, id),
            file_reference: self.reference(id),
            date: file.date,
            sizes: vec![size.into()],
            video_sizes: None,
            dc_id: file.dc,
        }
        .into()
    }

    /// One chunk, asked for at `dc`, under Telegram's rules for offset and limit (core.telegram.org/api/files).
    pub(crate) fn chunk(
        &mut self,
        request: &tl::functions::upload::GetFile,
        dc: i32,
    ) -> Answered<tl::enums::upload::File> {
        use tl::enums::InputFileLocation as Location;
        let id = match &request.location {
            Location::InputDocumentFileLocation(l) => l.id,
            Location::InputPhotoFileLocation(l) => l.id,
            _ => return Err(bad("LOCATION_INVALID")),
        };
        if let Some(stored) = self.stored.get(&id).filter(|stored| stored.dc != dc) {
            return Err(elsewhere::see_other("FILE", stored.dc));
        }
        let stored = match &request.location {
            Location::InputDocumentFileLocation(l) => {
                self.check(l.id, l.access_hash, &l.file_reference)?
            }
            Location::InputPhotoFileLocation(l) => {
                self.check(l.id, l.access_hash, &l.file_reference)?
            }
            _ => return Err(bad("LOCATION_INVALID")),
        };
        let (offset, limit) = (request.offset, i64::from(request.limit));
        let unit = if request.precise { PRECISE_UNIT } else { UNIT };
        if offset < 0 || offset % unit != 0 {
            return Err(bad("OFFSET_INVALID"));
        }
        let is_whole = limit > 0 && limit <= WINDOW && limit % unit == 0;
        let divides = request.precise || (limit > 0 && WINDOW % limit == 0);
        if !is_whole || !divides || offset / WINDOW != (offset + limit - 1) / WINDOW {
            return Err(bad("LIMIT_INVALID"));
        }
        let size = stored.bytes.len() as i64;
        let (from, to) = (offset.min(size) as usize, (offset + limit).min(size) as usize);
        let file_type = match stored.mime.as_str() {
            "audio/mpeg" => tl::enums::storage::FileType::FileMp3,
            "video/mp4" | "audio/mp4" => tl::enums::storage::FileType::FileMp4,
            "image/jpeg" => tl::enums::storage::FileType::FileJpeg,
            _ => tl::enums::storage::FileType::FilePartial,
        };
        let answer = tl::types::upload::File {
            r#type: file_type,
            mtime: stored.date,
            bytes: stored.bytes[from..to].to_vec(),
        };
        self.served += answer.bytes.len() as u64;
        Ok(answer.into())
    }
}

//! Unwrap — takes a request out of its wrappers (core.telegram.org/api/invoking).

use super::tl::{GZIP_PACKED, Malformed, Reader, VECTOR, constructor, gunzip};

const INVOKE_WITH_LAYER: u32 = 0xda9b_0d0d;
const INIT_CONNECTION: u32 = 0xc1cd_5ea9;
const INVOKE_AFTER_MSG: u32 = 0xcb9f_372d;
const INVOKE_AFTER_MSGS: u32 = 0x3dc4_b4f0;
const INVOKE_WITHOUT_UPDATES: u32 = 0xbf94_59b7;
const INPUT_CLIENT_PROXY: u32 = 0x7558_8b3f;

/// How deep wrappers and JSON may nest.
const DEPTH_MAX: u32 = 16;

/// A bare request and what its wrappers said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) body: Vec<u8>,
    pub(super) layer: Option<i32>,
    pub(super) without_updates: bool,
}

pub(super) fn unwrap(body: &[u8]) -> Result<Request, Malformed> {
    let mut request = Request { body: body.to_vec(), ..Request::default() };
    for _ in 0..DEPTH_MAX {
        let id = constructor(&request.body);
        let mut reader = Reader::new(request.body.get(4..).ok_or(Malformed)?);
        match id {
            GZIP_PACKED => {
                request.body = gunzip(reader.left())?;
                continue;
            }
            INVOKE_WITH_LAYER => request.layer = Some(reader.i32()?),
            INIT_CONNECTION => skip_init(&mut reader)?,
            INVOKE_AFTER_MSG => reader.i64().map(drop)?,
            INVOKE_AFTER_MSGS => reader.longs().map(drop)?,
            INVOKE_WITHOUT_UPDATES => request.without_updates = true,
            _ => return Ok(request),
        }
        request.body = reader.left().to_vec();
    }
    Err(Malformed)
}

fn skip_init(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    let flags = reader.u32()?;
    reader.i32()?;
    for _ in 0..6 {
        reader.bytes()?;
    }
    if flags & 1 != 0 {
        if reader.u32()? != INPUT_CLIENT_PROXY {
            return Err(Malformed);
        }
        reader.bytes()?;
        reader.i32()?;
    }
    if flags & 2 != 0 {
        skip_json(reader, DEPTH_MAX)?;
    }
    Ok(())
}

/// A `JSONValue`.
fn skip_json(reader: &mut Reader<'_>, depth: u32) -> Result<(), Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed)?;
    match reader.u32()? {
        0x3f6d_7b68 => Ok(()),
        0xc734_5e6a => reader.u32().map(drop),
        0x2be0_dfa4 => reader.i64().map(drop),
        0xb71e_767a => reader.bytes().map(drop),
        id @ (0xf744_4763 | 0x99c1_d49d) => {
            if reader.u32()? != VECTOR {
                return Err(Malformed);
            }
            for _ in 0..reader.u32()? {
                if id == 0x99c1_d49d {
                    reader.u32()?;
                    reader.bytes()?;
                }
                skip_json(reader, depth)?;
            }
            Ok(())
        }
        _ => Err(Malformed),
    }
}

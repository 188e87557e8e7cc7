//! TL — the few bytes of the type language which the wire itself is made of (core.telegram.org/mtproto/serialize).

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

pub(super) const VECTOR: u32 = 0x1cb5_c415;
pub(super) const GZIP_PACKED: u32 = 0x3072_cfa1;
pub(super) const MSG_CONTAINER: u32 = 0x73f1_f8dc;
pub(super) const RPC_RESULT: u32 = 0xf35c_6d01;
pub(super) const RPC_ERROR: u32 = 0x2144_ca19;
pub(super) const PONG: u32 = 0x3477_73c5;

/// An unpacked message may be this large; more is a bomb.
const UNPACKED_BYTES_MAX: u64 = 16 << 20;

/// The bytes ended too early, or a length made no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Takes values off the front of a slice.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    pub(super) fn left(&self) -> &'a [u8] {
        self.left
    }

    pub(super) fn raw(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.left.split_at_checked(n).ok_or(Malformed)?;
        self.left = tail;
        Ok(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.raw(N)?.try_into().map_err(|_| Malformed)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_le_bytes)
    }

    /// A `bytes` or `string`.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let first = self.array::<1>()?[0];
        let (head, n) = match first {
            254 => {
                let [a, b, c] = self.array::<3>()?;
                (4, u32::from_le_bytes([a, b, c, 0]) as usize)
            }
            255 => return Err(Malformed),
            n => (1, usize::from(n)),
        };
        let bytes = self.raw(n)?;
        self.raw((4 - (head + n) % 4) % 4)?;
        Ok(bytes)
    }

    /// A boxed `Vector<long>`.
    pub(super) fn longs(&mut self) -> Result<Vec<i64>, Malformed> {
        if self.u32()? != VECTOR {
            return Err(Malformed);
        }
        let n = self.u32()? as usize;
        if n > self.left.len() / 8 {
            return Err(Malformed);
        }
        (0..n).map(|_| self.i64()).collect()
    }
}

/// Appends values.
pub(super) trait Put {
    fn put(self, bytes: &[u8]) -> Self;
    fn put_id(self, id: u32) -> Self;
    fn put_i32(self, value: i32) -> Self;
    fn put_i64(self, value: i64) -> Self;
    fn put_bytes(self, bytes: &[u8]) -> Self;
    fn put_longs(self, longs: &[i64]) -> Self;
}

impl Put for Vec<u8> {
    fn put(mut self, bytes: &[u8]) -> Self {
        self.extend_from_slice(bytes);
        self
    }

    fn put_id(self, id: u32) -> Self {
        self.put(&id.to_le_bytes())
    }

    fn put_i32(self, value: i32) -> Self {
        self.put(&value.to_le_bytes())
    }

    fn put_i64(self, value: i64) -> Self {
        self.put(&value.to_le_bytes())
    }

    fn put_bytes(self, bytes: &[u8]) -> Self {
        let n = bytes.len();
        let length = (n as u32).to_le_bytes();
        let (head, is_short) = if n < 254 { (1, true) } else { (4, false) };
        let out =
            if is_short { self.put(&length[..1]) } else { self.put(&[254]).put(&length[..3]) };
        out.put(bytes).put(&[0; 3][..(4 - (head + n) % 4) % 4])
    }

    fn put_longs(self, longs: &[i64]) -> Self {
        let out = self.put_id(VECTOR).put_i32(longs.len() as i32);
        longs.iter().fold(out, |out, long| out.put_i64(*long))
    }
}

/// The constructor at the front, or 0.
pub(super) fn constructor(body: &[u8]) -> u32 {
    Reader::new(body).u32().unwrap_or(0)
}

/// Wraps a body in `gzip_packed`.
pub(super) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let packed =
        encoder.write_all(body).and_then(|()| encoder.finish()).expect("writing to memory");
    Vec::new().put_id(GZIP_PACKED).put_bytes(&packed)
}

/// Unpacks what follows the `gzip_packed` constructor.
pub(super) fn gunzip(after_id: &[u8]) -> Result<Vec<u8>, Malformed> {
    let packed = Reader::new(after_id).bytes()?;
    let mut body = Vec::new();
    GzDecoder::new(packed)
        .take(UNPACKED_BYTES_MAX + 1)
        .read_to_end(&mut body)
        .map_err(|_| Malformed)?;
    if body.len() as u64 > UNPACKED_BYTES_MAX { Err(Malformed) } else { Ok(body) }
}

pub(super) fn rpc_error(code: i32, name: &str) -> Vec<u8> {
    Vec::new().put_id(RPC_ERROR).put_i32(code).put_bytes(name.as_bytes())
}

pub(super) fn rpc_result(request: i64, result: &[u8]) -> Vec<u8> {
    Vec::with_capacity(result.len() + 12).put_id(RPC_RESULT).put_i64(request).put(result)
}

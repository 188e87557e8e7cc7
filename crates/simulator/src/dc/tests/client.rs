//! A client that can do little, and all of it wrongly if a test wants.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::dc::Dc;
use crate::dc::crypto::{AuthKey, Ctr, FROM_CLIENT, FROM_SERVER, open, random, seal};
use crate::dc::tl::{
    GZIP_PACKED, MSG_CONTAINER, Put, RPC_ERROR, RPC_RESULT, Reader, constructor, gunzip,
};

/// Nothing in these tests takes this long unless it hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(super) const BAD_SERVER_SALT: u32 = 0xedab_447b;
pub(super) const BAD_MSG: u32 = 0xa7ef_f811;
pub(super) const NEW_SESSION: u32 = 0x9ec2_0908;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Full,
    Abridged,
    Intermediate,
    Padded,
    Obfuscated,
}

/// A message of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) id: i64,
    pub(super) seq: i32,
    pub(super) body: Vec<u8>,
    /// It came in a container.
    pub(super) is_packed: bool,
}

pub(super) struct Client {
    stream: TcpStream,
    wire: Wire,
    ciphers: Option<(Ctr, Ctr)>,
    sequence: u32,
    pub(super) key: AuthKey,
    pub(super) salt: i64,
    pub(super) session: i64,
    /// Seconds its clock is ahead.
    pub(super) ahead: i64,
    last_id: i64,
    content: i32,
    waiting: VecDeque<Heard>,
}

impl Client {
    pub(super) async fn connect(dc: &Dc, wire: Wire) -> Self {
        let mut stream = TcpStream::connect(dc.address()).await.unwrap();
        let mut ciphers = None;
        match wire {
            Wire::Full => {}
            Wire::Abridged => stream.write_all(&[0xef]).await.unwrap(),
            Wire::Intermediate => stream.write_all(&[0xee; 4]).await.unwrap(),
            Wire::Padded => stream.write_all(&[0xdd; 4]).await.unwrap(),
            Wire::Obfuscated => {
                let mut init: [u8; 64] = random();
                init[0] = 1;
                init[4] = 1;
                init[56..60].copy_from_slice(&[0xee; 4]);
                let reversed: Vec<u8> = init[8..56].iter().rev().copied().collect();
                let stream_of =
                    |b: &[u8]| Ctr::new(b[..32].try_into().unwrap(), b[32..48].try_into().unwrap());
                let (mut out, back) = (stream_of(&init[8..56]), stream_of(&reversed));
                let mut sealed = init;
                out.apply(&mut sealed);
                init[56..].copy_from_slice(&sealed[56..]);
                stream.write_all(&init).await.unwrap();
                ciphers = Some((out, back));
            }
        }
        Self {
            stream,
            wire,
            ciphers,
            sequence: 0,
            key: [0; 256],
            salt: 0,
            session: i64::from_le_bytes(random()),
            ahead: 0,
            last_id: 0,
            content: 0,
            waiting: VecDeque::new(),
        }
    }

    pub(super) fn with_key(self, key: AuthKey) -> Self {
        Self { key, ..self }
    }

    /// The same session and key on another connection.
    pub(super) async fn again(&self, dc: &Dc) -> Self {
        let other = Self::connect(dc, Wire::Intermediate).await;
        let (key, salt, session) = (self.key, self.salt, self.session);
        let mut other = Self { key, salt, session, ..other };
        other.continue_after(self);
        other
    }

    /// Takes over the numbers of the same session on another connection.
    pub(super) fn continue_after(&mut self, other: &Self) {
        self.last_id = other.last_id;
        self.content = other.content;
    }

    // === frames ===

    pub(super) async fn write(&mut self, mut bytes: Vec<u8>) {
        if let Some((out, _)) = &mut self.ciphers {
            out.apply(&mut bytes);
        }
        self.stream.write_all(&bytes).await.unwrap();
    }

    pub(super) async fn send_frame(&mut self, payload: &[u8]) {
        let length = payload.len() as u32;
        let frame = match self.wire {
            Wire::Full => {
                let head = [length + 12, self.sequence].map(u32::to_le_bytes).concat();
                self.sequence += 1;
                let frame = [&head[..], payload].concat();
                let crc = crc32fast::hash(&frame).to_le_bytes();
                [&frame[..], &crc].concat()
            }
            Wire::Abridged if length / 4 < 127 => [&[(length / 4) as u8], payload].concat(),
            Wire::Abridged => [&[127], &(length / 4).to_le_bytes()[..3], payload].concat(),
            Wire::Padded => [&(length + 5).to_le_bytes()[..], payload, &[7; 5]].concat(),
            Wire::Intermediate | Wire::Obfuscated => [&length.to_le_bytes()[..], payload].concat(),
        };
        self.write(frame).await;
    }

    async fn take(&mut self, n: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; n];
        let read = timeout(PATIENCE, self.stream.read_exact(&mut bytes))
            .await
            .expect("the server says something");
        read.ok()?;
        if let Some((_, back)) = &mut self.ciphers {
            back.apply(&mut bytes);
        }
        Some(bytes)
    }

    /// The next frame; `None` when the connection is closed.
    pub(super) async fn frame(&mut self) -> Option<Vec<u8>> {
        let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap()) as usize;
        match self.wire {
            Wire::Full => {
                let head = self.take(8).await?;
                let rest = self.take(word(&head[..4]) - 8).await?;
                let (payload, crc) = rest.split_at(rest.len() - 4);
                assert_eq!(crc, crc32fast::hash(&[&head, payload].concat()).to_le_bytes());
                Some(payload.to_vec())
            }
            Wire::Abridged => {
                let first = self.take(1).await?[0];
                let words = if first < 127 {
                    usize::from(first)
                } else {
                    word(&[self.take(3).await?, vec![0]].concat())
                };
                self.take(words * 4).await
            }
            Wire::Intermediate | Wire::Padded | Wire::Obfuscated => {
                let length = self.take(4).await?;
                let mut payload = self.take(word(&length)).await?;
                if self.wire == Wire::Padded && payload.len() > 24 && payload[..8] != [0; 8] {
                    payload.truncate(payload.len() - (payload.len() - 24) % 16);
                }
                Some(payload)
            }
        }
    }

    /// Reads until the server closes; false when it was a reset.
    pub(super) async fn is_closed_politely(&mut self) -> bool {
        let mut rest = Vec::new();
        timeout(PATIENCE, self.stream.read_to_end(&mut rest))
            .await
            .expect("the server closes")
            .is_ok()
    }

    // === messages ===

    pub(super) fn next_id(&mut self) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let id = ((now.as_secs() as i64 + self.ahead) << 32) | i64::from(now.subsec_nanos() & !3);
        self.last_id = id.max(self.last_id + 4);
        self.last_id
    }

    /// The next message id is what the clock says.
    pub(super) fn forget_ids(&mut self) {
        self.last_id = 0;
    }

    pub(super) fn next_seq(&mut self) -> i32 {
        self.content += 1;
        self.content * 2 - 1
    }

    pub(super) fn even_seq(&self) -> i32 {
        self.content * 2
    }

    pub(super) async fn send_as(&mut self, id: i64, seq: i32, body: &[u8]) {
        let plain = Vec::new().put_i64(self.salt).put_i64(self.session).put_i64(id).put_i32(seq);
        let sealed = seal(&self.key, FROM_CLIENT, plain.put_i32(body.len() as i32).put(body));
        self.send_frame(&sealed).await;
    }

    pub(super) async fn send(&mut self, body: &[u8]) -> i64 {
        let (id, seq) = (self.next_id(), self.next_seq());
        self.send_as(id, seq, body).await;
        id
    }

    /// The next message, out of its container; `None` when the connection is closed.
    pub(super) async fn heard(&mut self) -> Option<Heard> {
        while self.waiting.is_empty() {
            let frame = self.frame().await?;
            assert!(frame.len() > 4, "transport error {:?}", frame);
            let plain = open(&self.key, FROM_SERVER, &frame[8..]).expect("it decrypts");
            let mut reader = Reader::new(&plain);
            let (_salt, session) = (reader.i64().unwrap(), reader.i64().unwrap());
            assert_eq!(session, self.session);
            let outer = inner(&mut reader);
            if constructor(&outer.body) == MSG_CONTAINER {
                let mut reader = Reader::new(&outer.body[4..]);
                for _ in 0..reader.u32().unwrap() {
                    self.waiting.push_back(Heard { is_packed: true, ..inner(&mut reader) });
                }
            } else {
                self.waiting.push_back(outer);
            }
        }
        self.waiting.pop_front()
    }

    /// The next message with this constructor; others are passed over.
    pub(super) async fn wait(&mut self, id: u32) -> Heard {
        loop {
            let heard = self.heard().await.expect("the connection stays open");
            if constructor(&heard.body) == id {
                return heard;
            }
        }
    }

    /// The result of a request: the unpacked object, or the error's code and name.
    pub(super) async fn result(&mut self, request: i64) -> Result<Vec<u8>, (i32, String)> {
        loop {
            let heard = self.wait(RPC_RESULT).await;
            let mut reader = Reader::new(&heard.body[4..]);
            if reader.i64().unwrap() != request {
                continue;
            }
            let result = reader.left();
            return match constructor(result) {
                GZIP_PACKED => Ok(gunzip(&result[4..]).unwrap()),
                RPC_ERROR => {
                    let mut reader = Reader::new(&result[4..]);
                    let code = reader.i32().unwrap();
                    Err((code, String::from_utf8(reader.bytes().unwrap().to_vec()).unwrap()))
                }
                _ => Ok(result.to_vec()),
            };
        }
    }

    /// Asks and waits; learns the salt first if it has none.
    pub(super) async fn call(&mut self, body: &[u8]) -> Result<Vec<u8>, (i32, String)> {
        if self.salt == 0 {
            self.learn_salt().await;
        }
        let request = self.send(body).await;
        self.result(request).await
    }

    pub(super) async fn learn_salt(&mut self) {
        let ping = Vec::new().put_id(0x7abe_77ec).put_i64(1);
        self.send(&ping).await;
        let bad = self.wait(BAD_SERVER_SALT).await;
        self.salt = Reader::new(&bad.body[20..]).i64().unwrap();
    }
}

fn inner(reader: &mut Reader<'_>) -> Heard {
    let (id, seq) = (reader.i64().unwrap(), reader.i32().unwrap());
    let length = reader.u32().unwrap() as usize;
    Heard { id, seq, body: reader.raw(length).unwrap().to_vec(), is_packed: false }
}

//! What each listening member is sent, written as Ogg/Opus files (RFC 7845, RFC 3533) for a human ear or a decoder.
//!
//! What anybody would hear is written, too, once for each source: a speaker may be alone in the call.
//!
//! A pause in a source is written as silence, so that every file keeps the time of the call.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;

use super::PeerId;
use super::peer::{Heard, Peer};

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ear {
    room: i64,
    /// `None` is anybody who listens.
    user: Option<i64>,
    /// The listening peer; of anybody's file the speaking one, with whom it ends.
    peer: PeerId,
}

/// 20 ms of silence in CELT, full band, stereo.
const SILENCE: [u8; 3] = [0xfc, 0xff, 0xfe];
const SILENCE_SAMPLES: u32 = 960;
/// Pauses longer than this (in samples at 48 kHz, ten minutes) are cut to it.
const PAUSE_MAX: u32 = 48_000 * 600;
/// A page is written when it holds so many samples: one second, however long the packets are.
const SAMPLES_PER_PAGE: u64 = 48_000;

/// Every file of one server.
pub(crate) struct Recorder {
    directory: PathBuf,
    index: File,
    start: Instant,
    files: HashMap<(Ear, u32), Recording>,
    is_broken: bool,
}

struct Recording {
    name: String,
    ogg: Ogg,
    next_timestamp: u32,
    packets: u64,
    silence_samples: u64,
}

impl Ear {
    pub(crate) fn member(listener: &Peer) -> Ear {
        Ear { room: listener.room, user: Some(listener.user), peer: listener.id }
    }

    pub(crate) fn anybody(room: i64, speaker: PeerId) -> Ear {
        Ear { room, user: None, peer: speaker }
    }

    /// Starts with no minus, which programs take for an option.
    fn file_of(&self, source: u32) -> String {
        let who = self.user.map_or_else(|| "anybody".to_owned(), |user| format!("member{user}"));
        format!("{who}_chat{}_{}_{source}.ogg", self.room, self.peer.0)
    }
}

impl Recorder {
    pub(crate) fn new(directory: &Path, start: Instant) -> io::Result<Recorder> {
        std::fs::create_dir_all(directory)?;
        let index =
            File::options().create(true).append(true).open(directory.join("index.jsonl"))?;
        Ok(Recorder {
            directory: directory.to_owned(),
            index,
            start,
            files: HashMap::new(),
            is_broken: false,
        })
    }

    /// Writes what is forwarded to `ear`.
    pub(crate) fn write(&mut self, ear: Ear, heard: &Heard, now: Instant) {
        if self.is_broken || heard.samples == 0 {
            return;
        }
        if let Err(error) = self.try_write(ear, heard, now) {
            tracing::warn!(%error, directory = %self.directory.display(), "recording stopped");
            self.is_broken = true;
        }
    }

    fn try_write(&mut self, ear: Ear, heard: &Heard, now: Instant) -> io::Result<()> {
        let Some(payload) = heard.header.payload(&heard.plain) else { return Ok(()) };
        let key = (ear, heard.header.ssrc);
        if !self.files.contains_key(&key) {
            let name = ear.file_of(heard.header.ssrc);
            let file = File::create(self.directory.join(&name))?;
            let ogg = Ogg::new(BufWriter::new(file), heard.header.ssrc)?;
            let line = json!({
                "event": "start", "file": name, "room": ear.room, "member": ear.user,
                "source": heard.header.ssrc, "at_s": (now - self.start).as_secs_f64(),
            });
            writeln!(self.index, "{line}")?;
            let next_timestamp = heard.header.timestamp;
            let recording = Recording { name, ogg, next_timestamp, packets: 0, silence_samples: 0 };
            self.files.insert(key, recording);
        }
        let Some(recording) = self.files.get_mut(&key) else { return Ok(()) };
        let pause = heard.header.timestamp.wrapping_sub(recording.next_timestamp);
        if pause < PAUSE_MAX {
            for _ in 0..pause / SILENCE_SAMPLES {
                recording.ogg.packet(&SILENCE, SILENCE_SAMPLES)?;
                recording.silence_samples += u64::from(SILENCE_SAMPLES);
            }
        }
        recording.ogg.packet(payload, heard.samples)?;
        recording.packets += 1;
        recording.next_timestamp = heard.header.timestamp.wrapping_add(heard.samples);
        Ok(())
    }

    /// Ends the files of a peer.
    pub(crate) fn end(&mut self, peer: PeerId) {
        let keys: Vec<(Ear, u32)> =
            self.files.keys().filter(|(ear, _)| ear.peer == peer).copied().collect();
        for key in keys {
            let Some(recording) = self.files.remove(&key) else { continue };
            if let Err(error) = self.finish(recording) {
                tracing::warn!(%error, "recording not finished");
            }
        }
    }

    fn finish(&mut self, mut recording: Recording) -> io::Result<()> {
        recording.ogg.end()?;
        let line = json!({
            "event": "end", "file": recording.name, "packets": recording.packets,
            "silence_s": recording.silence_samples as f64 / 48_000.0,
            "duration_s": recording.ogg.granule as f64 / 48_000.0,
        });
        writeln!(self.index, "{line}")
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let peers: Vec<PeerId> = self.files.keys().map(|(ear, _)| ear.peer).collect();
        peers.into_iter().for_each(|peer| self.end(peer));
    }
}

/// A writer of one logical Ogg stream.
struct Ogg {
    out: BufWriter<File>,
    serial: u32,
    page: u32,
    granule: u64,
    /// The granule of the last page written.
    written: u64,
    lacing: Vec<u8>,
    body: Vec<u8>,
}

impl Ogg {
    fn new(out: BufWriter<File>, serial: u32) -> io::Result<Ogg> {
        let mut ogg = Ogg {
            out,
            serial,
            page: 0,
            granule: 0,
            written: 0,
            lacing: Vec::new(),
            body: Vec::new(),
        };
        let mut head = b"OpusHead\x01\x02".to_vec();
        head.extend_from_slice(&[0, 0]);
        head.extend_from_slice(&48_000_u32.to_le_bytes());
        head.extend_from_slice(&[0, 0, 0]);
        ogg.append(&head);
        ogg.flush(2)?;
        let mut tags = b"OpusTags".to_vec();
        tags.extend_from_slice(&9_u32.to_le_bytes());
        tags.extend_from_slice(b"simulator");
        tags.extend_from_slice(&0_u32.to_le_bytes());
        ogg.append(&tags);
        ogg.flush(0)?;
        Ok(ogg)
    }

    fn packet(&mut self, packet: &[u8], samples: u32) -> io::Result<()> {
        // a page has room for 255 lacing values
        if self.lacing.len() + packet.len() / 255 + 1 > 255 {
            self.flush(0)?;
        }
        self.granule += u64::from(samples);
        self.append(packet);
        if self.granule - self.written >= SAMPLES_PER_PAGE { self.flush(0) } else { Ok(()) }
    }

    fn append(&mut self, packet: &[u8]) {
        self.lacing.resize(self.lacing.len() + packet.len() / 255, 255);
        self.lacing.push((packet.len() % 255) as u8);
        self.body.extend_from_slice(packet);
    }

    fn end(&mut self) -> io::Result<()> {
        self.flush(4)?;
        self.out.flush()
    }

    fn flush(&mut self, flags: u8) -> io::Result<()> {
        let mut page = b"OggS\0".to_vec();
        page.push(flags);
        page.extend_from_slice(&self.granule.to_le_bytes());
        page.extend_from_slice(&self.serial.to_le_bytes());
        page.extend_from_slice(&self.page.to_le_bytes());
        page.extend_from_slice(&[0; 4]);
        page.push(self.lacing.len() as u8);
        page.append(&mut self.lacing);
        page.append(&mut self.body);
        let crc = checksum(&page);
        page[22..26].copy_from_slice(&crc.to_le_bytes());
        self.page += 1;
        self.written = self.granule;
        self.out.write_all(&page)?;
        self.out.flush()
    }
}

/// The CRC of RFC 3533: polynomial 04c11db7, not reflected, no final inversion.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |mut crc: u32, byte| {
        crc ^= u32::from(*byte) << 24;
        for _ in 0..8 {
            crc = if crc & 0x8000_0000 != 0 { (crc << 1) ^ 0x04c1_1db7 } else { crc << 1 };
        }
        crc
    })
}

//! What each listening member is sent, written as Ogg/Opus files (RFC 7845, RFC 3533) for a human ear or a decoder.
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

/// 20 ms of silence in CELT, full band, stereo.
const SILENCE: [u8; 3] = [0xfc, 0xff, 0xfe];
const SILENCE_SAMPLES: u32 = 960;
/// Pauses longer than this (in samples at 48 kHz, ten minutes) are cut to it.
const PAUSE_MAX: u32 = 48_000 * 600;
/// A page is written when it holds so many packets: one second of 20 ms packets.
const PACKETS_PER_PAGE: usize = 50;

/// Every file of one server.
pub(crate) struct Recorder {
    directory: PathBuf,
    index: File,
    start: Instant,
    files: HashMap<(PeerId, u32), Recording>,
    is_broken: bool,
}

struct Recording {
    name: String,
    ogg: Ogg,
    next_timestamp: u32,
    packets: u64,
    silence_samples: u64,
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

    /// Writes what is forwarded to `listener`.
    pub(crate) fn write(&mut self, listener: &Peer, heard: &Heard, now: Instant) {
        if self.is_broken {
            return;
        }
        if let Err(error) = self.try_write(listener, heard, now) {
            tracing::warn!(%error, directory = %self.directory.display(), "recording stopped");
            self.is_broken = true;
        }
    }

    fn try_write(&mut self, listener: &Peer, heard: &Heard, now: Instant) -> io::Result<()> {
        let Some(payload) = heard.header.payload(&heard.plain) else { return Ok(()) };
        let key = (listener.id, heard.header.ssrc);
        if !self.files.contains_key(&key) {
            let name = format!(
                "{}-{}-{}-{}.ogg",
                listener.room, listener.user, listener.id.0, heard.header.ssrc
            );
            let file = File::create(self.directory.join(&name))?;
            let ogg = Ogg::new(BufWriter::new(file), heard.header.ssrc)?;
            let line = json!({
                "event": "start", "file": name, "room": listener.room, "member": listener.user,
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

    /// Ends the files of a member.
    pub(crate) fn end(&mut self, listener: PeerId) {
        let keys: Vec<(PeerId, u32)> =
            self.files.keys().filter(|(peer, _)| *peer == listener).copied().collect();
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
        let listeners: Vec<PeerId> = self.files.keys().map(|(peer, _)| *peer).collect();
        listeners.into_iter().for_each(|listener| self.end(listener));
    }
}

/// A writer of one logical Ogg stream.
struct Ogg {
    out: BufWriter<File>,
    serial: u32,
    page: u32,
    granule: u64,
    lacing: Vec<u8>,
    body: Vec<u8>,
    packets: usize,
}

impl Ogg {
    fn new(out: BufWriter<File>, serial: u32) -> io::Result<Ogg> {
        let mut ogg = Ogg {
            out,
            serial,
            page: 0,
            granule: 0,
            lacing: Vec::new(),
            body: Vec::new(),
            packets: 0,
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
        if self.lacing.len() + packet.len() / 255 + 1 > 255 {
            self.flush(0)?;
        }
        self.granule += u64::from(samples);
        self.append(packet);
        self.packets += 1;
        if self.packets >= PACKETS_PER_PAGE { self.flush(0) } else { Ok(()) }
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
        self.packets = 0;
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

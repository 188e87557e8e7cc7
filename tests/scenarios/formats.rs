//! Every kind of file: each is played to its end by the whole bot, and what a listener got is compared with the source.

mod containers;

use std::fmt::Write as _;

use simulator::ear::{self, Heard, Report};
use simulator::listener::Packet;
use simulator::music::{self, File};
use simulator::world::ADA;
use tokio::sync::OnceCell;

use super::world::{PATIENCE, World};

/// Samples in a packet, and bytes of the Opus frame that stands for silence (RFC 6716 leaves no other reading).
const PACKET: u64 = 960;
const SILENCE: [u8; 3] = [0xF8, 0xFF, 0xFE];
const HALF_SECOND: u64 = 24_000;

/// One file, played from the first to the last packet.
struct Run {
    file: &'static File,
    /// Packets of music, in the order of their sequence numbers, and what they sound like without the machine's pauses.
    payloads: Vec<Vec<u8>>,
    pcm: Vec<f32>,
    report: Report,
    lost: u64,
    /// Frames of silence inside the music, and frames of time without any.
    nulled: u64,
    deficit: u64,
    texts: Vec<String>,
}

/// All five files, each in a box of its own, at the same time.
async fn runs() -> &'static [Run] {
    static RUNS: OnceCell<Vec<Run>> = OnceCell::const_new();
    RUNS.get_or_init(|| async {
        let [a, b, c, d, e] = music::files() else { panic!("five files") };
        let (a, b, c, d, e) = tokio::join!(run(a), run(b), run(c), run(d), run(e));
        vec![a, b, c, d, e]
    })
    .await
}

async fn run(file: &'static File) -> Run {
    let running = World::new().settings("chat.linger_s = 1").start().await;
    let listener = running.listener().await;
    running.say(ADA, &format!("/play {}", file.track.title()));
    running.sees("Now playing").await;
    let whole = (file.track.duration().as_secs() * 50) as usize;
    let patience = file.track.duration() + PATIENCE;
    assert!(listener.wait_for_packets(whole - 5, patience).await, "{} plays", file.name);
    running.sees("That was the last track").await;
    running.until_idle().await;
    let (packets, texts) = (listener.take_packets(), running.texts());
    running.end().await;
    judge(file, &packets, texts)
}

fn judge(file: &'static File, packets: &[Packet], texts: Vec<String>) -> Run {
    let mut packets = packets.to_vec();
    assert!(packets.iter().all(|packet| packet.ssrc == packets[0].ssrc), "one join");
    let first = packets[0].seq;
    packets.sort_by_key(|packet| packet.seq.wrapping_sub(first));
    let is_music = |packet: &&Packet| packet.payload[..] != SILENCE;
    let last = packets.iter().rposition(|packet| is_music(&packet)).expect("music was heard");
    packets.truncate(last + 1);
    let lost = packets.windows(2).map(|two| two[1].seq.wrapping_sub(two[0].seq) - 1).map(u64::from);
    let lost = lost.sum();
    let steps = packets.windows(2).map(|two| two[1].timestamp.wrapping_sub(two[0].timestamp));
    let deficit = steps.map(|step| u64::from(step) / PACKET - 1).sum::<u64>() - lost;
    let nulled = packets.iter().filter(|packet| !is_music(packet)).count() as u64;
    let payloads: Vec<Vec<u8>> =
        packets.iter().filter(is_music).map(|packet| packet.payload.to_vec()).collect();
    let pcm = continuous(&payloads).pcm;
    let report = ear::report(&pcm, file.track).expect("the track was recognised");
    Run { file, payloads, pcm, report, lost, nulled, deficit, texts }
}

/// The music as one piece: what the machine was late with says nothing about its content.
fn continuous(payloads: &[Vec<u8>]) -> Heard {
    let packets: Vec<ear::Packet> = payloads
        .iter()
        .enumerate()
        .map(|(at, payload)| ear::Packet {
            sequence: at as u16,
            timestamp: at as u32 * PACKET as u32,
            payload: payload.clone(),
        })
        .collect();
    ear::decode(&packets)
}

impl Run {
    fn seconds(&self) -> f64 {
        self.payloads.len() as f64 * 0.02
    }

    /// How loud the middle half of what was heard is, as a share of the source's loudness.
    fn loudness(&self) -> f64 {
        let quarter = self.file.track.len_samples() / 4;
        let power = |pcm: &[f32]| pcm.iter().map(|s| f64::from(*s) * f64::from(*s)).sum::<f64>();
        let middle = quarter as usize * 2..quarter as usize * 6;
        let heard = self.pcm.get(middle).expect("most of it was heard");
        (power(heard) / power(&self.file.track.pcm(quarter..quarter * 3))).sqrt()
    }

    /// Where the half second of the track that begins at `from` lies in what was heard, in samples, and how well it
    /// fits; looked for within 60 ms around where it should be.
    fn find(&self, from: u64) -> (i64, f32) {
        const AROUND: i64 = 2_880;
        let wanted = self.file.track.pcm(from..from + HALF_SECOND);
        let fit = |at: i64| {
            let at = usize::try_from(at).ok()? * 2;
            Some(ear::correlation(self.pcm.get(at..at + wanted.len())?, &wanted))
        };
        let from = from as i64;
        let fits = (from - AROUND..=from + AROUND).filter_map(|at| Some((at, fit(at)?)));
        let (at, fit) = fits.max_by(|a, b| a.1.total_cmp(&b.1)).expect("enough was heard");
        (at - from, fit)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_is_heard_as_it_was_recorded() {
    let mut table = format!(
        "\n{:<16} {:>11} {:>7} {:>9} {:>8} {:>5} {:>7} {:>8}\n",
        "file", "correlation", "worst", "seconds", "packets", "lost", "nulled", "deficit"
    );
    for run in runs().await {
        writeln!(
            table,
            "{:<16} {:>11.4} {:>7.4} {:>9.2} {:>8} {:>5} {:>7} {:>8}",
            run.file.name,
            run.report.correlation_median,
            run.report.correlation_min,
            run.seconds(),
            run.payloads.len(),
            run.lost,
            run.nulled,
            run.deficit,
        )
        .expect("a string takes everything");
    }
    println!("{table}");
    for run in runs().await {
        let report = &run.report;
        assert!(report.correlation_median > 0.98, "{report:?}");
        assert!(report.correlation_min > 0.9, "{report:?}");
        // frames that a machine which stood still left out, as it should
        assert!(report.jumps == 0 || run.deficit > 0, "{report:?}");
        assert_eq!(run.lost, 0, "{}", run.file.name);
        // correlation knows no loudness
        let loudness = run.loudness();
        assert!((0.9..1.1).contains(&loudness), "{}: {loudness} of the source", run.file.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_track_is_heard_whole_and_once() {
    for run in runs().await {
        let name = run.file.name;
        let track = run.file.track;
        let end = track.len_samples();
        let (start_at, start_fit) = run.find(0);
        let (end_at, end_fit) = run.find(end - HALF_SECOND);
        assert!(start_fit > 0.95, "{name}: the first half second fits {start_fit}");
        assert!(end_fit > 0.95, "{name}: the last half second fits {end_fit}");
        // behind what Opus itself lags, and what the file begins with; by no packet more
        assert!((0..PACKET as i64).contains(&start_at), "{name}: begins at {start_at}");
        assert!((start_at - end_at).abs() <= 48, "{name}: shifted {start_at} and {end_at}");
        // not more than one packet before the music and one after it, but what the codec itself needs
        let (heard, played) = (run.payloads.len() as u64 * PACKET, end);
        assert!(heard.abs_diff(played + padding(run)) <= PACKET, "{name}: {heard} of {played}");
        let rest = &run.pcm[(end as i64 + end_at + PACKET as i64 / 2).max(0) as usize * 2..];
        assert!(rest.iter().all(|sample| sample.abs() < 0.05), "{name}: something after the end");
        let said = |words: &str| run.texts.iter().filter(|text| text.contains(words)).count();
        assert_eq!(said("⏹ Played"), 1, "{name}: {:#?}", run.texts);
        assert_eq!(said("That was the last track"), 1, "{name}: {:#?}", run.texts);
        assert_eq!(said("⚠"), 0, "{name}: {:#?}", run.texts);
    }
}

/// Samples that belong to the file and not to the music: the lead-in of an Opus stream that is passed through.
fn padding(run: &Run) -> u64 {
    containers::packets(run.file).map_or(0, |packets| {
        (packets.len() as u64 * PACKET).saturating_sub(run.file.track.len_samples())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn opus_is_passed_through_bit_by_bit() {
    let mut n_passed = 0;
    for run in runs().await {
        let Some(packets) = containers::packets(run.file) else { continue };
        n_passed += 1;
        let name = run.file.name;
        assert_eq!(run.payloads.len(), packets.len(), "{name}: sent and in the file");
        let different = run.payloads.iter().zip(&packets).position(|(sent, own)| sent != own);
        assert_eq!(different, None, "{name}: the first packet that differs");
        println!("{name}: {} packets in the file, sent bit by bit", packets.len());
    }
    assert_eq!(n_passed, 2, "Ogg and WebM");
}

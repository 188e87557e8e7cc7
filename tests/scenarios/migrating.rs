//! Other data centres: files that lie there, accounts that live there, and what becomes of it when one is away.
//!
//! Keys are laid beside the logins as an earlier process leaves them: the client library makes keys with Telegram's own
//! servers alone.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use simulator::dc::{Dc, KeyId, Stats, Target};
use simulator::listener::{Listener, Style};
use simulator::music::{self, Track};
use simulator::world::{
    ADA, ASSISTANT, Audio, BORIS, BOT, DMITRI, Refusal, SECOND_ASSISTANT, Telegram, jam, kitchen,
};

use crate::bad_input::{hears, hears_well};
use crate::process::{Process, Setup};
use crate::world::PATIENCE;

/// `upload.getFile`.
const GET_FILE: u32 = 0xbe53_35be;
const HERE: i32 = 2;
const ELSEWHERE: i32 = 4;
const LONG_ENOUGH: Duration = Duration::from_secs(3);
const ACCOUNTS: [(&str, i64); 3] =
    [("bot", BOT), ("assistant-1", ASSISTANT), ("assistant-2", SECOND_ASSISTANT)];

/// What an installation knows when it starts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Login {
    /// Every login is at home, and has a key for the other data centre.
    Known,
    /// The bot has yet to sign in, and begins at the first data centre.
    NewBot,
    /// The other data centre does not know the keys any more.
    OldKeys,
}

/// The bot, in a Telegram of two data centres.
struct Town {
    process: Process,
    /// The bot's keys: here, elsewhere.
    keys: [KeyId; 2],
    _state: tempfile::TempDir,
}

async fn started(homes: &[(i64, i32)], login: Login, settings: &str) -> Town {
    let homes = homes.to_vec();
    let setup = Setup::new().population(|all| all.homes = homes);
    let telegram = setup.telegram().await;
    telegram.world().list_snares();
    let state = tempfile::tempdir().expect("the system has a temporary directory");
    let mut keys = [KeyId(0); 2];
    for (name, user) in ACCOUNTS {
        let is_new = user == BOT && login == Login::NewBot;
        let home = if is_new { HERE } else { telegram.home_of(user).dc_id() };
        let mut laid = Vec::new();
        for (id, noted) in [HERE, ELSEWHERE].into_iter().zip(&mut keys) {
            let dc = telegram.dc_at(id).expect("somebody lives there");
            let key = match (id == home, is_new) {
                (true, false) => telegram.account_session(user),
                _ => dc.register_key(),
            };
            if id != home && login == Login::OldKeys {
                dc.drop_key(Dc::key_id(&key));
            }
            if user == BOT {
                *noted = Dc::key_id(&key);
            }
            // where the other one is now, the bot has to be told
            let address = if id == home { dc.address().to_string() } else { "127.0.0.1:1".into() };
            laid.push((id, address, key));
        }
        lay(&state.path().join(format!("{name}.session.json")), home, &laid);
    }
    let mut setup = setup.settings(settings).state_directory(state.path());
    if login == Login::NewBot {
        let address = telegram.address();
        let settings = format!("telegram.datacenters = [\"{HERE}={address}\"]");
        setup = setup.settings(&settings).environment("BOT_SESSION", "");
    }
    let process = setup.start_in(telegram);
    is_signed_in(&process).await;
    Town { process, keys, _state: state }
}

fn lay(path: &Path, home: i32, datacenters: &[(i32, String, [u8; 256])]) {
    let datacenters = datacenters.iter().map(|(id, address, key)| {
        let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        json!({ "id": id, "ipv4": address, "ipv6": "[::]:0", "key": key })
    });
    let session = json!({
        "version": 1, "home": home, "user": null, "is_bot": false, "prefers_ipv6": false,
        "datacenters": datacenters.collect::<Vec<_>>(),
        "updates": { "pts": 0, "qts": 0, "date": 0, "seq": 0, "channels": [] },
        "users": [], "groups": [], "channels": [],
    });
    std::fs::write(path, session.to_string()).expect("the directory is ours");
}

async fn is_signed_in(process: &Process) {
    let n = |words: &str| process.log().iter().filter(|line| line.contains(words)).count();
    process.until("all sign in", || n("assistant signed in") == 2 && n("bot signed in") == 1).await;
}

// === impl Town ===

impl Town {
    fn telegram(&self) -> &Telegram {
        &self.process.telegram
    }

    fn dc(&self, id: i32) -> &Dc {
        self.telegram().dc_at(id).expect("it is there")
    }

    fn stats(&self, id: i32) -> Stats {
        self.dc(id).stats()
    }

    /// How often this was asked for there.
    fn asked(&self, id: i32, method: &str) -> u64 {
        self.stats(id).requests.get(method).copied().unwrap_or_default()
    }

    fn refused(&self, id: i32, error: &str) -> u64 {
        self.stats(id).errors.get(error).copied().unwrap_or_default()
    }

    async fn listener(&self) -> Listener {
        let joined = Listener::join(self.telegram().calls(), DMITRI, jam(), Style::Native).await;
        joined.expect("a member may listen")
    }

    /// Boris sends music, Ada replies to it with /play.
    fn replies(&self, bytes: Vec<u8>, name: &str, mime: &str) {
        let audio = Audio {
            bytes,
            file_name: name.to_owned(),
            mime: mime.to_owned(),
            title: Some("A Record".to_owned()),
            performer: None,
            duration: Track::Harbour.duration(),
        };
        let world = self.telegram().world();
        let file = world.send_audio(BORIS, jam(), audio).expect("members may send files");
        world.say_reply(ADA, jam(), file, "/play").expect("members may reply");
    }

    fn replies_to_harbour(&self) {
        let harbour = music::files().iter().find(|file| file.track == Track::Harbour);
        let harbour = harbour.expect("every track has a file");
        self.replies(harbour.bytes.to_vec(), harbour.name, harbour.mime);
    }

    async fn harbour_is_heard(&self) {
        let listener = self.listener().await;
        self.replies_to_harbour();
        self.process.sees_in(jam(), "A Record").await;
        hears_well(&listener, Track::Harbour, LONG_ENOUGH).await;
    }

    async fn stops(&self) {
        self.process.say(ADA, jam(), "/stop");
        let here = || self.telegram().calls().participants(jam());
        let is_out = || !here().iter().any(|one| one.user == ASSISTANT);
        self.process.until("the assistant leaves", is_out).await;
    }

    /// What the music folder has is played as if nothing had been.
    async fn still_plays(&self) {
        let listener = self.listener().await;
        self.process.say(ADA, jam(), "/play northbound");
        hears_well(&listener, Track::Northbound, LONG_ENOUGH).await;
    }

    async fn ends(self) {
        for dc in [HERE, ELSEWHERE] {
            for (key, of_key) in &self.stats(dc).keys {
                assert!(of_key.live_peak <= 1, "{key:?} was connected twice: {of_key:?}");
            }
        }
        self.process.signal("-TERM");
        let (end, telegram) = self.process.ends(PATIENCE).await;
        telegram.stop().await;
        assert!(end.status.success(), "{}", end.log.join("\n"));
    }
}

/// Harbour as it is, much longer than what is read ahead.
fn long_wav() -> Vec<u8> {
    let pcm = Track::Harbour.pcm(0..Track::Harbour.len_samples());
    let samples = pcm.iter().map(|sample| (sample.clamp(-1.0, 1.0) * 32_767.0) as i16);
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let n = data.len() as u32;
    let mut wav = b"RIFF".to_vec();
    wav.extend((n + 36).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    wav.extend([1_u16, 2].into_iter().flat_map(u16::to_le_bytes));
    wav.extend([48_000_u32, 192_000].into_iter().flat_map(u32::to_le_bytes));
    wav.extend([4_u16, 16].into_iter().flat_map(u16::to_le_bytes));
    wav.extend(b"data");
    wav.extend(n.to_le_bytes());
    wav.extend(data);
    wav
}

#[tokio::test(flavor = "multi_thread")]
async fn music_that_lies_in_another_data_centre_is_heard_and_the_login_stays_known_there() {
    let mut town = started(&[(BORIS, ELSEWHERE)], Login::Known, "").await;
    town.harbour_is_heard().await;
    assert_eq!(town.asked(HERE, "auth.exportAuthorization"), 1);
    assert_eq!(town.asked(ELSEWHERE, "auth.importAuthorization"), 1);
    assert_eq!(town.asked(HERE, "upload.getFile"), 0, "the message says where the file is");
    assert_eq!(town.dc(ELSEWHERE).user_of(town.keys[1]), Some(BOT));
    town.stops().await;
    town.process.kill_9();
    town.process.start_again();
    is_signed_in(&town.process).await;
    let before = town.asked(ELSEWHERE, "upload.getFile");
    town.harbour_is_heard().await;
    assert!(town.asked(ELSEWHERE, "upload.getFile") > before);
    assert_eq!(town.asked(ELSEWHERE, "auth.importAuthorization"), 1, "it was known already");
    town.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_moved_is_followed_to_where_it_is() {
    let town = started(&[(ADA, ELSEWHERE)], Login::Known, "").await;
    let moved = Refusal::new(303, "FILE_MIGRATE_4");
    town.telegram().world().refuse(Some(BOT), GET_FILE, 1, moved);
    // the other one sends it back
    town.harbour_is_heard().await;
    assert_eq!(town.refused(HERE, "FILE_MIGRATE_4"), 1);
    assert_eq!(town.refused(ELSEWHERE, "FILE_MIGRATE_2"), 1);
    town.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_lives_elsewhere_signs_in_there_and_goes_there_at_once_after_a_restart() {
    let mut town = started(&[(BOT, ELSEWHERE)], Login::NewBot, "").await;
    assert_eq!(town.refused(HERE, "USER_MIGRATE_4"), 1);
    assert_eq!(town.asked(ELSEWHERE, "auth.importBotAuthorization"), 1);
    assert_eq!(town.dc(ELSEWHERE).user_of(town.keys[1]), Some(BOT));
    town.still_plays().await;
    let of_bot = |town: &Town| town.stats(HERE).keys[&town.keys[0]].clone();
    let before = of_bot(&town);
    assert_eq!((before.connections_opened, before.live), (1, 0), "it left when it was sent away");
    town.stops().await;
    town.process.kill_9();
    town.process.start_again();
    is_signed_in(&town.process).await;
    town.process.say(ADA, kitchen(), "/ping");
    town.process.sees_in(kitchen(), "Here. Up").await;
    assert_eq!(of_bot(&town), before, "it asked at its former place again");
    assert_eq!(town.refused(HERE, "USER_MIGRATE_4"), 1);
    assert_eq!(town.asked(ELSEWHERE, "auth.importBotAuthorization"), 1);
    // files of where it does not live
    town.harbour_is_heard().await;
    assert_eq!(town.asked(HERE, "auth.importAuthorization"), 1);
    town.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assistant_that_lives_elsewhere_plays() {
    let setup = Setup::new().population(|all| all.homes = vec![(ASSISTANT, ELSEWHERE)]);
    let process = setup.start().await;
    let (telegram, keys) = (process.telegram.clone(), [KeyId(0); 2]);
    let _state = tempfile::tempdir().expect("the system has a temporary directory");
    let town = Town { process, keys, _state };
    let key = Dc::key_id(&telegram.account_session(ASSISTANT));
    assert_eq!(town.dc(ELSEWHERE).user_of(key), Some(ASSISTANT));
    town.still_plays().await;
    let stats = town.stats(ELSEWHERE);
    assert_eq!(stats.keys[&key].connections_opened, 1);
    assert!(stats.requests["phone.joinGroupCall"] >= 1, "{:?}", stats.requests);
    assert_eq!(town.asked(HERE, "phone.joinGroupCall"), 0);
    town.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_forgotten_elsewhere_in_mid_file_is_introduced_again() {
    let settings = "audio.read_ahead_kib = 256";
    let town = started(&[(BORIS, ELSEWHERE)], Login::Known, settings).await;
    let listener = town.listener().await;
    town.replies(long_wav(), "harbour.wav", "audio/x-wav");
    hears(&listener, Track::Harbour, Duration::from_secs(1)).await;
    let served = town.telegram().world().bytes_served();
    assert!(served < long_wav().len() as u64, "there is something left to read");
    town.dc(ELSEWHERE).unbind(town.keys[1]);
    town.process
        .until("it is introduced again", || town.asked(ELSEWHERE, "auth.importAuthorization") == 2)
        .await;
    // and the connection is cut too
    town.dc(ELSEWHERE).faults().reset(Target::All);
    town.process
        .until("all of it is read", || {
            town.telegram().world().bytes_served() >= long_wav().len() as u64
        })
        .await;
    // it goes on with the right bytes, whatever a busy machine left out
    let (_, report) = hears(&listener, Track::Harbour, Duration::from_secs(8)).await;
    assert!(report.correlation_median > 0.95, "{report:?}");
    let texts = town.telegram().world().messages(jam());
    assert!(!texts.iter().any(|shown| shown.text.contains('⚠')), "{texts:#?}");
    town.ends().await;
}

/// The way there is shut, and then nobody answers there.
#[tokio::test(flavor = "multi_thread")]
async fn a_data_centre_that_is_away_is_told_soon_and_harms_nothing_else() {
    let settings = "telegram.call_timeout_s = 3";
    let town = started(&[(BORIS, ELSEWHERE)], Login::Known, settings).await;
    let home = |town: &Town| town.stats(HERE).keys[&town.keys[0]].connections_opened;
    let before = home(&town);
    let told = "Telegram does not answer";
    let n_told = || {
        let shown = town.telegram().world().messages(jam());
        shown.iter().filter(|one| one.text.contains(told)).count()
    };
    let faults = town.dc(ELSEWHERE).faults();
    faults.refuse_connects().await;
    let since = Instant::now();
    town.replies_to_harbour();
    town.process.until("a shut door is told", || n_told() == 1).await;
    assert!(since.elapsed() < Duration::from_secs(12), "{:?}", since.elapsed());
    faults.mute_new_connections(true);
    faults.accept_connects().await;
    let since = Instant::now();
    town.replies_to_harbour();
    // everything else goes on meanwhile
    town.process.say(ADA, kitchen(), "/ping");
    town.process.sees_in(kitchen(), "Here. Up").await;
    town.process.until("a silent one is told", || n_told() == 2).await;
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
    town.still_plays().await;
    assert_eq!(home(&town), before, "the connection home was not touched");
    faults.mute_new_connections(false);
    town.stops().await;
    town.harbour_is_heard().await;
    town.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_forgotten_elsewhere_costs_no_login_at_home() {
    let town = started(&[(BORIS, ELSEWHERE)], Login::OldKeys, "").await;
    town.replies_to_harbour();
    // another key is tried for; the library makes none with the simulator
    town.process.logs("making a key").await;
    town.process.sees_in(jam(), "Telegram does not answer").await;
    town.still_plays().await;
    assert!(!town.process.log().iter().any(|line| line.contains("refuses this login")));
    assert_eq!(town.stats(HERE).keys[&town.keys[0]].connections_opened, 1);
    town.ends().await;
}

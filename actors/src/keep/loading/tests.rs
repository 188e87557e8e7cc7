use domain::permission::Controls;
use domain::player::{Snapshot, Underway};
use domain::queue::{Entry, EntryId, Item};
use domain::track::{Location, Requester, Track};
use domain::{Attempt, UserId};
use storage::schema::Anchor;

use super::*;

const CHAT: ChatId = ChatId(-7);

fn rules(queue_max: usize) -> Settings {
    Settings {
        queue_max,
        controls: Controls::Everyone,
        duration_max: None,
        linger: Duration::from_secs(1),
        stuck_ticks: 2,
    }
}

fn entry(n: u64) -> Entry {
    let track = Track {
        title: format!(
            "Ein Lied mit einem recht langen Titel, wie Sammlungen sie haben – Nummer {n}"
        ),
        artist: Some("Ein Chor und sein Orchester unter einer Leitung".to_owned()),
        duration: Some(Duration::from_secs(240)),
        location: Location::Page { service: "youtube", key: format!("{n:011}") },
        source: "youtube",
        link: Some(format!("https://www.youtube.com/watch?v={n:011}")),
        is_live: false,
    };
    Entry {
        id: EntryId(n),
        requester: Requester { id: UserId(5_000_000_000), name: "Somebody With A Name".to_owned() },
        asked_in: MessageId(n as i32),
        item: Item::Ready(track),
    }
}

fn playing(n_waiting: u64) -> Snapshot {
    let current = Underway {
        entry: entry(1),
        attempt: Attempt(1),
        from: Duration::ZERO,
        duration: Some(Duration::from_secs(240)),
        is_ready: true,
        is_announced: true,
    };
    Snapshot {
        current: Some(current),
        queue: (2..n_waiting + 2).map(entry).collect(),
        is_paused: false,
        last_attempt: Attempt(1),
        last_entry: EntryId(n_waiting + 1),
        deaths: None,
    }
}

fn written(writes: Vec<Write>) -> Record {
    let Some(Write::Put { table, key, revision, value }) = writes.into_iter().next() else {
        panic!("it has to be written")
    };
    Record { table, key, revision, value }
}

fn anchor(record: &Record) -> Anchor {
    schema::read::<Playback>(record.value.clone()).expect("it is our own").anchor
}

#[tokio::test(start_paused = true)]
async fn positions_follow_the_process_own_clock_and_not_the_systems() {
    let keep = Keeps::new().of(CHAT);
    let player = Player::restored(rules(50), playing(1));
    let note = |at| keep.note(None, None, &player, Generation(1), Duration::from_secs(at));
    let first = anchor(&written(note(0)));
    // the system's clock moves by nothing here: whoever asked it would see no hour pass
    tokio::time::advance(Duration::from_secs(3_600)).await;
    let second = anchor(&written(note(9)));
    assert_eq!(second.at_ms - first.at_ms, 3_600_000);
    assert_eq!(second.run, first.run);
}

#[test]
fn a_clock_that_jumped_an_hour_forgets_no_command_and_keeps_no_old_one() {
    let keeps = Keeps::new();
    let now = unix_seconds();
    let record = |id: i32, at: i64| Record {
        table: Table::Commands,
        key: format!("{CHAT}/m{id}"),
        revision: 1,
        value: schema::write(&Done { at }),
    };
    let (ahead, behind, old) = (now + 3_600, now - 3_600, now - DONE_KEPT_S - 3_600);
    let stale = keeps.commands(vec![record(1, ahead), record(2, behind), record(3, old)]);
    let is_new = |id| keeps.of(CHAT).is_new(Via::Message(MessageId(id)));
    assert_eq!([1, 2, 3].map(is_new), [false, false, true]);
    assert_eq!(stale, [Write::remove(Table::Commands, format!("{CHAT}/m3"), 2)]);
}

#[tokio::test]
async fn ten_thousand_entries_are_kept_and_come_back_in_their_order() {
    const N: u64 = 10_000;
    let folder = tempfile::tempdir().expect("the system has a temporary directory");
    let open = || storage::open(storage::Settings::embedded(folder.path()));
    let before = Player::restored(rules(N as usize), playing(N));
    let write = Keeps::new().of(CHAT).note(None, None, &before, Generation(1), Duration::ZERO);
    let record = written(write.clone());
    let n_bytes = record.value.to_string().len();
    println!("{N} entries are {n_bytes} bytes");
    assert!(n_bytes < storage::VALUE_MAX_BYTES, "{n_bytes} bytes");
    let (store, driver) = open().await.expect("the directory is ours");
    let kept = async {
        store.commit(write).await.expect("it is kept");
        store.close().await;
    };
    let (outcome, ()) = tokio::join!(driver.run(), kept);
    assert_eq!(outcome, Ok(()));
    let (store, driver) = open().await.expect("the directory is ours");
    let keeps = Keeps::new();
    let read = async {
        let resumes = keeps.load(&store, rules(N as usize)).await.expect("it is read");
        store.close().await;
        resumes
    };
    let (_, resumes) = tokio::join!(driver.run(), read);
    assert_eq!(resumes.len(), 1);
    let after = keeps.of(CHAT).take_up().expect("it was playing").rules;
    assert_eq!(after.snapshot(), before.snapshot());
}

#[test]
fn a_chat_that_moves_takes_everything_along_once() {
    let (from, to) = (CHAT, ChatId(-1_000_000_000_007));
    let keeps = Keeps::new();
    let mut player = Player::restored(rules(50), playing(3));
    let position = Duration::from_secs(9);
    keeps.of(from).put(&player, Generation(5), position);
    let writes = keeps.moved(from, to);
    let resume = keeps.take_left(to).expect("it is its turn");
    assert_eq!((resume.chat, resume.generation), (to, Generation(5)));
    let keys: Vec<&str> = writes.iter().map(Write::key).collect();
    assert_eq!(keys, [from.to_string(), to.to_string()], "one goes and one comes, together");
    assert!(matches!(writes[0], Write::Remove { .. }));
    assert_eq!(keeps.moved(from, to), [], "told twice, done once");
    let kept = keeps.of(to).take_up().expect("it is here now");
    player.forget_messages();
    assert_eq!(kept.rules.snapshot(), player.snapshot());
    assert_eq!((kept.position, kept.end), (position, End::Restarted));
    assert!(!keeps.of(from).has_kept());
}

#[test]
fn a_chat_that_moves_to_where_somebody_plays_already_only_ends() {
    let (from, to) = (CHAT, ChatId(-1_000_000_000_007));
    let keeps = Keeps::new();
    keeps.of(from).put(&Player::restored(rules(50), playing(3)), Generation(5), Duration::ZERO);
    let there = Player::restored(rules(50), playing(1));
    keeps.of(to).put(&there, Generation(6), Duration::ZERO);
    let writes = keeps.moved(from, to);
    assert!(matches!(&writes[..], [Write::Remove { .. }]), "{writes:?}");
    assert_eq!(keeps.take_left(to), None);
    assert_eq!(keeps.of(to).take_up().expect("it plays").rules.snapshot(), there.snapshot());
}

#[tokio::test]
async fn a_chat_whose_record_is_gone_writes_newer_signs_than_the_old_ones() {
    let folder = tempfile::tempdir().expect("the system has a temporary directory");
    let settings = storage::Settings::embedded(folder.path());
    let (store, driver) = storage::open(settings).await.expect("the directory is ours");
    let sign =
        Anchor { run: 1, attempt: None, position_ms: 0, at_ms: 0, is_moving: false, listeners: 0 };
    let sign = Write::put(Table::Beats, CHAT.to_string(), 70, schema::write(&Beat::At(sign)));
    let keeps = Keeps::new();
    let work = async {
        store.commit(vec![sign]).await.expect("it is kept");
        assert_eq!(keeps.load(&store, rules(50)).await, Ok(Vec::new()));
        store.close().await;
    };
    let (outcome, ()) = tokio::join!(driver.run(), work);
    assert_eq!(outcome, Ok(()));
    let player = Player::restored(rules(50), playing(0));
    let write = keeps.of(CHAT).note(None, None, &player, Generation(1), Duration::ZERO);
    assert_eq!(written(write).revision, 71);
}

#[tokio::test]
async fn a_chat_whose_turn_did_not_come_before_the_next_kill_goes_on_where_it_was() {
    let folder = tempfile::tempdir().expect("the system has a temporary directory");
    let settings = storage::Settings::embedded(folder.path());
    let (store, driver) = storage::open(settings).await.expect("the directory is ours");
    let mut player = written(Keeps::new().of(CHAT).note(
        None,
        None,
        &Player::restored(rules(50), playing(0)),
        Generation(1),
        Duration::from_secs(10),
    ));
    let mut playback: Playback = schema::read(player.value).expect("it is our own");
    playback.anchor = Anchor { run: 1, at_ms: 50_000, is_moving: true, ..playback.anchor };
    player.value = schema::write(&playback);
    let alive = |key: &str, run, at_ms| {
        Write::put(Table::Beats, key, 3, schema::write(&Beat::Alive { run, at_ms }))
    };
    let signs = [
        Write::put(player.table, player.key, player.revision, player.value),
        alive("process/0000000000000001", 1, 55_000),
        // it lived for a second, and went on elsewhere
        alive("process/0000000000000002", 2, 900),
    ];
    let keeps = Keeps::new();
    let work = async {
        store.commit(signs.to_vec()).await.expect("it is kept");
        assert_eq!(keeps.load(&store, rules(50)).await, Ok(vec![CHAT]));
        let left = store.scan(Table::Beats).await.expect("it is read");
        store.close().await;
        left.into_iter().map(|record| record.key).collect::<Vec<_>>()
    };
    let (outcome, left) = tokio::join!(driver.run(), work);
    assert_eq!(outcome, Ok(()));
    let kept = keeps.of(CHAT).take_up().expect("it was playing");
    assert_eq!(kept.position, Duration::from_millis(15_500));
    assert_eq!(left, ["process/0000000000000001"], "nothing hangs on the other one");
}

use std::collections::HashMap;

use grammers_client::session::Session as _;
use grammers_client::session::types::{PeerAuth, PeerId, PeerInfo, UpdateState};

use super::super::{Heard, Session};
use super::*;
use crate::secret::Secret;

/// A place that outlives machines, and may be away.
#[derive(Default)]
struct Elsewhere {
    parcels: Mutex<HashMap<Part, Parcel>>,
    n_puts: AtomicU64,
    n_fetches: AtomicU64,
    is_away: AtomicBool,
}

impl Elsewhere {
    fn bytes(&self, part: Part) -> Vec<u8> {
        self.parcels.lock().unwrap().get(&part).map(|one| one.bytes.clone()).unwrap_or_default()
    }

    fn has(&self, part: Part) -> bool {
        self.parcels.lock().unwrap().contains_key(&part)
    }

    fn answer<T>(&self, with: T) -> Result<T, Fault> {
        match self.is_away.load(Ordering::SeqCst) {
            true => Err(Fault::transient(Reason::Timeout, "away")),
            false => Ok(with),
        }
    }

    fn go(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    fn n_puts(&self) -> u64 {
        self.n_puts.load(Ordering::SeqCst)
    }
}

impl Carrier for Elsewhere {
    fn fetch(&self) -> Carried<'_, Vec<Parcel>> {
        self.n_fetches.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { self.answer(self.parcels.lock().unwrap().values().cloned().collect()) })
    }

    fn put(&self, parcels: Vec<Parcel>) -> Carried<'_, ()> {
        Box::pin(async move {
            self.answer(())?;
            self.n_puts.fetch_add(1, Ordering::SeqCst);
            let mut lying = self.parcels.lock().unwrap();
            for parcel in parcels {
                let known = lying.get(&parcel.part).map_or(0, |one| one.revision);
                if parcel.revision > known {
                    lying.insert(parcel.part, parcel);
                }
            }
            Ok(())
        })
    }
}

const BOT: i64 = 4_242;

fn vault(text: &str) -> Option<Vault> {
    Some(Vault::new(&Secret::new(text.repeat(16))).unwrap())
}

/// A bot without a disk.
fn bot(elsewhere: &Arc<Elsewhere>, vault: Option<Vault>) -> Session {
    let session = Session::open_sealed(None, vault).unwrap();
    session.carry(elsewhere.clone());
    session
}

fn sign_in(session: &Session, key: u8) {
    let mut state = session.memory().lock();
    let home = state.home;
    state.keep_key(home, [key; 256]);
    state.know_self(BOT, true);
}

async fn read_to(session: &Session, pts: i32) {
    let place = UpdatesState { pts, qts: 1, date: 2, seq: 3, channels: Vec::new() };
    session.memory().set_update_state(UpdateState::All(place)).await.unwrap();
}

async fn pts(session: &Session) -> i32 {
    session.memory().updates_state().await.unwrap().pts
}

fn key(session: &Session) -> Option<u8> {
    let state = session.memory().lock();
    state.home_option().and_then(|home| home.auth_key).map(|key| key[0])
}

async fn put(session: &Session, is_last: bool) -> Result<(), Fault> {
    session.save().unwrap();
    session.put_away(is_last, Duration::MAX).await
}

async fn meet(session: &Session, channel: i64) {
    let auth = Some(PeerAuth::from_hash(9));
    let met = PeerInfo::Channel { id: channel, auth, kind: None };
    session.memory().cache_peer(met).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_machine_without_a_disk_goes_on_with_the_keys_of_the_one_before() {
    let elsewhere = Arc::new(Elsewhere::default());
    let first = bot(&elsewhere, vault("ab"));
    first.fetch().await.unwrap();
    sign_in(&first, 7);
    read_to(&first, 700).await;
    meet(&first, 55).await;
    put(&first, false).await.unwrap();
    for part in [Part::Login, Part::Place] {
        let bytes = elsewhere.bytes(part);
        assert!(bytes.starts_with(b"armedmusic sealed"), "{part:?}");
        assert!(!String::from_utf8_lossy(&bytes).contains("0707"), "{part:?} shows the key");
    }

    let second = bot(&elsewhere, vault("ab"));
    second.memory().lock().pin(&[(2, "127.0.0.1:4430".parse().unwrap())]);
    second.fetch().await.unwrap();
    assert_eq!((key(&second), pts(&second).await), (Some(7), 700));
    assert_eq!(second.user_id().map(|user| user.0), Some(BOT));
    assert!(second.memory().peer(PeerId::channel(55).unwrap()).await.unwrap().is_some());
    let home = second.memory().lock().home_option().cloned().unwrap();
    assert_eq!(home.ipv4.to_string(), "127.0.0.1:4430", "an address of the settings stays");
}

#[tokio::test(start_paused = true)]
async fn a_login_is_never_handed_out_unsealed_but_its_place_is() {
    let elsewhere = Arc::new(Elsewhere::default());
    let first = bot(&elsewhere, None);
    first.fetch().await.unwrap();
    sign_in(&first, 7);
    read_to(&first, 700).await;
    put(&first, true).await.unwrap();
    assert!(!elsewhere.has(Part::Login));
    assert!(!String::from_utf8(elsewhere.bytes(Part::Place)).unwrap().contains("0707"));

    let second = bot(&elsewhere, None);
    second.fetch().await.unwrap();
    assert_eq!((key(&second), pts(&second).await), (None, 700));
    sign_in(&second, 8);
    assert_eq!(pts(&second).await, 700, "the same bot signed in anew");
    // somebody else's place is of no use
    let third = bot(&elsewhere, None);
    third.fetch().await.unwrap();
    third.memory().lock().know_self(BOT + 1, true);
    assert_eq!(pts(&third).await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_sealed_with_another_key_is_fatal_and_stays_where_it_is() {
    let elsewhere = Arc::new(Elsewhere::default());
    let first = bot(&elsewhere, vault("ab"));
    first.fetch().await.unwrap();
    sign_in(&first, 7);
    put(&first, true).await.unwrap();
    let sealed = elsewhere.bytes(Part::Login);
    for wrong in [None, vault("cd")] {
        let second = bot(&elsewhere, wrong);
        let fault = second.fetch().await.unwrap_err();
        assert_eq!(fault.class, domain::Class::Fatal);
        assert!(fault.detail.contains("STATE_KEY"), "{fault}");
        sign_in(&second, 8);
        put(&second, true).await.unwrap();
        assert_eq!(elsewhere.bytes(Part::Login), sealed);
    }
}

#[tokio::test(start_paused = true)]
async fn the_place_waits_for_what_has_not_taken_effect() {
    let elsewhere = Arc::new(Elsewhere::default());
    let first = bot(&elsewhere, vault("ab"));
    first.fetch().await.unwrap();
    sign_in(&first, 7);
    read_to(&first, 700).await;
    first.settle_by_hand();
    first.settling().heard(&Heard::Press(1), Instant::now());
    read_to(&first, 701).await;
    first.mark(first.memory().updates_state().await.unwrap());
    put(&first, false).await.unwrap();
    let left_at = async || {
        let next = bot(&elsewhere, vault("ab"));
        next.fetch().await.unwrap();
        pts(&next).await
    };
    assert_eq!(left_at().await, 700, "the press has not taken effect");
    first.settle(&Heard::Press(1));
    put(&first, false).await.unwrap();
    assert_eq!(left_at().await, 701);
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_is_away_stops_nobody_and_gets_it_later() {
    let elsewhere = Arc::new(Elsewhere::default());
    let before = bot(&elsewhere, vault("ab"));
    before.fetch().await.unwrap();
    sign_in(&before, 6);
    for _ in 0..3 {
        meet(&before, i64::from(rand::random::<u16>()) + 1).await;
        put(&before, true).await.unwrap();
    }
    elsewhere.go(true);
    let since = Instant::now();
    let session = bot(&elsewhere, vault("ab"));
    session.fetch().await.unwrap();
    assert!(since.elapsed() <= FETCH_MAX, "{:?}", since.elapsed());
    sign_in(&session, 7);
    read_to(&session, 700).await;
    put(&session, false).await.unwrap_err();
    elsewhere.go(false);
    put(&session, false).await.unwrap();
    let next = bot(&elsewhere, vault("ab"));
    next.fetch().await.unwrap();
    assert_eq!((key(&next), pts(&next).await), (Some(7), 700), "it is newer than what lay there");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_handed_out_twice_and_people_only_now_and_then() {
    let elsewhere = Arc::new(Elsewhere::default());
    let session = bot(&elsewhere, vault("ab"));
    session.fetch().await.unwrap();
    sign_in(&session, 7);
    read_to(&session, 700).await;
    put(&session, false).await.unwrap();
    let login = elsewhere.bytes(Part::Login);
    put(&session, false).await.unwrap();
    assert_eq!(elsewhere.n_puts(), 1);
    // the place moves with every message, and people come along
    for n in 1..=10 {
        meet(&session, i64::from(n)).await;
        read_to(&session, 700 + n).await;
        put(&session, false).await.unwrap();
        assert_eq!(elsewhere.bytes(Part::Login), login);
    }
    assert_eq!(elsewhere.n_puts(), 11);
    tokio::time::advance(PEOPLE_EVERY).await;
    put(&session, false).await.unwrap();
    assert_ne!(elsewhere.bytes(Part::Login), login, "without another change");
    // at the end at once
    meet(&session, 99).await;
    let login = elsewhere.bytes(Part::Login);
    put(&session, true).await.unwrap();
    assert_ne!(elsewhere.bytes(Part::Login), login);
}

#[tokio::test(start_paused = true)]
async fn what_was_put_away_is_fetched_once_however_many_ask() {
    let elsewhere = Arc::new(Elsewhere::default());
    let session = bot(&elsewhere, vault("ab"));
    let (one, two) = tokio::join!(session.fetch(), session.fetch());
    assert_eq!((one, two), (Ok(()), Ok(())));
    session.fetch().await.unwrap();
    assert_eq!(elsewhere.n_fetches.load(Ordering::SeqCst), 1);
}

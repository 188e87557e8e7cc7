//! Telegram away altogether, for seconds and for an hour.

use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use simulator::dc::Target;

use super::{all_answered, hasty, is_ready_again, lives, ms, obeyed_once, one_connection_each};
use crate::figures;

const ACCOUNTS: [&str; 3] = ["root/bot", "root/assistants/1", "root/assistants/2"];

/// How often an account that only ever fails is started within this time.
fn attempts_in(time: Duration, seed: u64) -> u32 {
    let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
    let (mut at, mut failures) = (Duration::ZERO, 0);
    while at < time {
        failures += 1;
        at += supervisor::Backoff::STANDARD.delay(failures, supervisor::Class::Transient, &mut rng);
    }
    failures
}

/// 5, 10, 20, 40, 80 and 160 s, then 300 s each, spread by a fifth: 17 in an hour.
#[test]
fn an_hour_without_telegram_is_a_dozen_and_a_half_attempts() {
    let counts: Vec<u32> =
        (0..1_000).map(|seed| attempts_in(Duration::from_secs(3_600), seed)).collect();
    let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
    assert!((15..=17).contains(least) && (17..=20).contains(most), "{least} to {most}");
    figures::record(
        "5",
        "an hour without a server: attempts of one account",
        &format!("{least} to {most} over 1,000 seeds (formula without jitter: 17)"),
        "the formula 5, 10, 20 ... 300 s",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_come_back_when_the_server_does() {
    const AWAY: Duration = Duration::from_secs(12);
    let running = hasty().settings("telegram.retry_max_s = 2").start().await;
    let (asked, _) = all_answered(&running, "before").await;
    let before = ACCOUNTS.map(|path| lives(&running, path));
    running.telegram().dc().faults().refuse_connects().await;
    running.telegram().dc().faults().reset(Target::All);
    tokio::time::sleep(AWAY).await;
    let tried = ACCOUNTS.map(|path| lives(&running, path));
    // said while nobody listens
    let missed = super::chats().map(|chat| super::ask(&running, chat, "while away"));
    running.telegram().dc().faults().accept_connects().await;
    let since = Instant::now();
    for path in ACCOUNTS {
        is_ready_again(&running, path).await;
    }
    let took = since.elapsed();
    for one in missed {
        super::answered(&running, one).await;
    }
    obeyed_once(&running, &[asked, missed.to_vec()].concat()).await;
    one_connection_each(&running);
    running.end().await;
    for (before, tried) in before.iter().zip(tried) {
        // four seconds within the first life, then 1, 2, 2, 2 s
        assert!((1..=7).contains(&(tried - before)), "{} lives in {AWAY:?}", tried - before);
    }
    assert!(took < Duration::from_secs(10), "{took:?}");
    figures::record(
        "5",
        "12 s without a server (retries shortened to 1 and 2 s)",
        &format!("all three accounts back after {}, what was said meanwhile obeyed once", ms(took)),
        "one backoff",
    );
}

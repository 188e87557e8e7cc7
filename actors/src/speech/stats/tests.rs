use domain::ChatId;
use domain::callback::{Generation, Seal};
use supervisor::{Class, Kind, LastError, MailboxSnapshot, Snapshot, TaskSnapshot};

use super::super::{Language, Texts};
use super::*;
use crate::stats::{Audio, Engine, Line, Reception, StoreStats, Totals, TrackStats};

const OPERATOR: ChatId = ChatId(5_001);

fn child(path: &str, state: State) -> ChildSnapshot {
    ChildSnapshot {
        path: path.into(),
        kind: Kind::Worker,
        state,
        incarnation: 2,
        restarts: 1,
        failures: 0,
        next_retry_in_ms: None,
        last_error: None,
        uptime_ms: Some(1),
        mailbox: MailboxSnapshot {
            depth: 4,
            peak: 9,
            bound: 16,
            handled: 7,
            refused: 0,
            lost: 0,
            busy_for_ms: None,
        },
        tasks: TaskSnapshot { running: 0, started: 0, panicked: 0 },
    }
}

fn chat(number: i64) -> ChatStats {
    ChatStats {
        chat: number,
        activity: Activity::Playing,
        track: Some(TrackStats { title: "<Star>".into(), duration_ms: Some(200_000) }),
        position_ms: Some(12_000),
        n_waiting: 2,
        audio: Audio { sent: 5_000, nulled: 3, deficit: 1 },
        line: Some(Line {
            packets_sent: 5_003,
            packets_dropped: 6,
            round_trip_ms: Some(31),
            silent_for_ms: Some(8),
            reception: Some(Reception {
                packets_lost: 52,
                lost_permille: 104,
                lost_lately_permille: 98,
                jitter_us: 3_900,
            }),
        }),
    }
}

/// A bot that plays in so many chats.
fn busy(n_chats: i64) -> Stats {
    let mut tree = vec![child("root", State::Ready), child("root/chats", State::Ready)];
    let chats: Vec<ChatStats> = (0..n_chats).map(|n| chat(-1_002_000_000_000 + n)).collect();
    for chat in &chats {
        let path = format!("root/chats/{}", chat.chat);
        tree.push(child(&path, State::Ready));
        tree.push(child(&format!("{path}/call"), State::Ready));
        tree.push(child(&format!("{path}/player"), State::Ready));
    }
    tree.push(child("root/bot", State::Ready));
    Stats {
        version: "0.1.0".into(),
        uptime_ms: 3_723_000,
        memory_bytes: Some(84 << 20),
        totals: Totals {
            chats: chats.len(),
            playing: chats.len(),
            paused: 0,
            sessions_ready: 1,
            sessions: 1,
            restarts: tree.len() as u64,
            unwell: 0,
        },
        engine: Engine { clocks: 1, lateness_max_us: 4_200, ..Engine::default() },
        services: vec![],
        cache: Some(CacheStats {
            entries: 12,
            bytes: 96 << 20,
            bytes_max: 2_048 << 20,
            hits: 30,
            misses: 14,
            resumed: 2,
            given_up: 1,
            damaged: 0,
        }),
        store: Some(StoreStats {
            engine: "embedded+mongodb".into(),
            why: Some("MongoDB does not answer".into()),
            commits: 4_711,
            failed: 3,
            commit_p50_us: 2_400,
            commit_p99_us: 11_060,
            outbox: 17,
            replayed: 4_694,
            file_bytes: 3 << 19,
            quarantined: 1,
        }),
        chats,
        tree: Snapshot { children: tree },
    }
}

fn draw<T>(language: Language, draw: impl FnOnce(Pen<'_>) -> T) -> T {
    let (texts, seal) = (Texts::embedded(), Seal::new(&[1; 32]));
    draw(Pen { texts: &texts, language, seal: &seal, chat: OPERATOR, generation: Generation(0) })
}

/// All pages, by the buttons that lead from one to the next.
fn pages(stats: &Stats, language: Language) -> Vec<Saying> {
    let mut pages = Vec::new();
    loop {
        let page = draw(language, |pen| pen.stats(stats, pages.len()));
        let has_next = page.buttons.iter().any(|button| button.label == "▶️");
        pages.push(page);
        if !has_next {
            return pages;
        }
    }
}

/// The paths that the tree's lines draw.
fn drawn(pages: &[Saying]) -> Vec<String> {
    let mut path: Vec<String> = Vec::new();
    let lines = pages.iter().flat_map(|page| page.html.lines());
    let mut paths = Vec::new();
    for line in lines.skip_while(|line| !line.contains("🌳")) {
        let Some((_, rest)) = line.split_once("<code>") else { continue };
        let name = rest.split_once("</code>").expect("tags are closed").0;
        let depth = (name.len() - name.trim_start().len()) / 2;
        path.truncate(depth);
        path.push(name.trim().to_owned());
        paths.push(path.join("/"));
    }
    paths
}

#[test]
fn a_thousand_chats_fit_into_pages_that_telegram_takes() {
    let stats = busy(1_000);
    for language in Language::ALL {
        let pages = pages(&stats, language);
        assert!(pages.len() > 10, "{}", pages.len());
        for page in &pages {
            assert!(page.html.chars().count() <= 4_096, "{}", page.html.chars().count());
            assert!(page.buttons.iter().all(|button| button.data.len() <= 64));
        }
        let paths: Vec<&str> =
            stats.tree.children.iter().map(|child| child.path.as_str()).collect();
        assert_eq!(drawn(&pages), paths, "everybody once, in the tree's order");
    }
}

#[test]
fn pages_lead_to_each_other_and_only_in_their_chat() {
    let stats = busy(200);
    let n_pages = pages(&stats, Language::En).len();
    let labels = |page: &Saying| page.buttons.iter().map(|one| one.label).collect::<Vec<_>>();
    let seal = Seal::new(&[1; 32]);
    let middle = draw(Language::En, |pen| pen.stats(&stats, 1));
    assert_eq!(labels(&middle), ["⏮", "◀️", "🔄", "▶️", "⏭"]);
    let leads: Vec<u64> = middle
        .buttons
        .iter()
        .map(|button| seal.check(OPERATOR, &button.data).expect("it is ours").attempt.0)
        .collect();
    assert_eq!(leads, [0, 0, 1, 2, n_pages as u64 - 1]);
    assert!(seal.check(ChatId(5_002), &middle.buttons[0].data).is_err(), "another chat's");
    let first = draw(Language::En, |pen| pen.stats(&stats, 0));
    assert_eq!(labels(&first), ["🔄", "▶️", "⏭"]);
    let beyond = draw(Language::En, |pen| pen.stats(&stats, 99_999));
    assert_eq!(labels(&beyond), ["⏮", "◀️", "🔄"]);
    assert!(beyond.html.ends_with(&format!("Page {n_pages} of {n_pages}")), "{}", beyond.html);
}

#[test]
fn who_is_not_well_is_named_first_and_the_worst_of_them_before_the_others() {
    let mut stats = busy(1);
    let error = |class, text: &str| Some(LastError { class, text: text.into(), ago_ms: 61_000 });
    stats.tree.children.extend([
        ChildSnapshot {
            next_retry_in_ms: Some(9_000),
            last_error: error(Class::Transient, "no <answer>"),
            ..child("root/assistants/1", State::Backoff)
        },
        ChildSnapshot {
            last_error: error(Class::Fatal, "AUTH_KEY_UNREGISTERED"),
            ..child("root/assistants/2", State::Parked)
        },
    ]);
    let page = draw(Language::En, |pen| pen.stats(&stats, 0)).html;
    let (before, tree) = page.split_once("🌳").expect("there is the tree");
    let lines: Vec<&str> = before.lines().filter(|line| line.contains("<code>")).collect();
    assert_eq!(
        lines,
        [
            "🔴 <code>root/assistants/2</code> parked · 1:01 ago: AUTH_KEY_UNREGISTERED",
            "🟠 <code>root/assistants/1</code> failed · 1:01 ago: no &lt;answer&gt; · again in 0:09",
        ]
    );
    assert!(before.contains("Not well: 2"), "{before}");
    assert!(tree.contains("🔴 <code>    2</code> parked · 2/1 · ✉ 4/9"), "{tree}");
    let well = draw(Language::En, |pen| pen.stats(&busy(1), 0)).html;
    assert!(well.contains("Everybody is well"), "{well}");
}

#[test]
fn the_same_value_is_read_as_text_and_as_json() {
    let stats = busy(3);
    let json = serde_json::to_value(&stats).expect("plain data");
    let pages = pages(&stats, Language::En);
    let text: String = pages.iter().map(|page| page.html.as_str()).collect();
    let cache = &json["cache"];
    let figures = format!(
        "{} tracks, 96 of 2048 MiB · hits {}, misses {}, given up {}, damaged {}",
        cache["entries"], cache["hits"], cache["misses"], cache["given_up"], cache["damaged"]
    );
    assert!(text.contains(&figures), "{figures} in {text}");
    assert!(
        text.contains(
            "embedded+mongodb, 4711 commits in 2.4/11.1 ms, 3 failed, 17 wait for MongoDB, 1.5 MiB, 1 put aside"
        ),
        "{text}"
    );
    assert!(text.contains("MongoDB does not answer"), "{text}");
    let paths = json["tree"]["children"].as_array().expect("a list").iter();
    let paths: Vec<&str> = paths.map(|child| child["path"].as_str().expect("text")).collect();
    assert_eq!(drawn(&pages), paths);
    assert!(text.contains(&format!("{} playing", json["totals"]["playing"])), "{text}");
    for chat in json["chats"].as_array().expect("a list") {
        let (audio, line) = (&chat["audio"], &chat["line"]);
        let figures = format!(
            "🔊 {}+{}−{} · {} dropped, round trip {} ms, heard {} ms ago · lost on the way 10.4 % (9.8 % lately), jitter 3 ms",
            audio["sent"],
            audio["nulled"],
            audio["deficit"],
            line["packets_dropped"],
            line["round_trip_ms"],
            line["silent_for_ms"],
        );
        let reception = &line["reception"];
        assert_eq!(
            (&reception["lost_permille"], &reception["jitter_us"]),
            (&104.into(), &3_900.into())
        );
        assert!(text.contains(&figures), "{figures} in {text}");
    }
    assert_eq!(serde_json::from_value::<Stats>(json).expect("it reads what it writes"), stats);
}

#[test]
fn members_read_plain_words_about_their_own_player() {
    let mut stats = chat(-100);
    let said = draw(Language::En, |pen| pen.chat_stats(Some(&stats))).html;
    assert!(said.contains("many gaps"), "a tenth is lost on the way: {said}");
    stats.line = stats.line.map(|line| Line { reception: None, ..line });
    let said = draw(Language::En, |pen| pen.chat_stats(Some(&stats))).html;
    assert_eq!(
        said,
        "▶️ <b>Now playing</b>\n<b>&lt;Star&gt;</b> · 0:12 / 3:20\n🔊 The sound is fine.\n📜 2 tracks wait"
    );
    let away = ChatStats { line: None, activity: Activity::Paused, ..stats.clone() };
    let said = draw(Language::En, |pen| pen.chat_stats(Some(&away))).html;
    assert!(said.contains("Paused") && said.contains("Not in the voice chat"), "{said}");
    let poor = ChatStats { audio: Audio { sent: 90, nulled: 10, deficit: 0 }, ..stats };
    let said = draw(Language::Ru, |pen| pen.chat_stats(Some(&poor))).html;
    assert!(said.contains("много пропусков"), "{said}");
    let idle = ChatStats { activity: Activity::Idle, ..poor };
    for nothing in [None, Some(&idle)] {
        let said = draw(Language::En, |pen| pen.chat_stats(nothing)).html;
        assert!(said.contains("Nothing is playing"), "{said}");
    }
}

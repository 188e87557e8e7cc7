//! `bench store`: what it costs to remember.
//!
//! Every chat commits a snapshot of about 4 KiB together with the command that caused it, and again as soon as it is
//! answered. MongoDB is measured too where MONGODB_URI is set, in a database of its own.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::{Value, json};
use storage::{Address, Settings, Store, Table, Write};

use super::conditions::Moment;
use crate::cli::StoreOptions;
use crate::config::Environment;

/// Chats whose state is loaded when the time to open is measured.
const KNOWN_CHATS: usize = 10_000;

/// What a snapshot of a chat weighs.
const SNAPSHOT_BYTES: usize = 4_096;

#[derive(Serialize)]
struct Row {
    engine: &'static str,
    chats: u16,
    commits_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    file_mib: f64,
}

#[derive(Serialize)]
struct Opening {
    engine: &'static str,
    records: usize,
    open_ms: f64,
    scan_ms: f64,
    file_mib: f64,
}

pub(super) async fn run(options: &StoreOptions) -> Result<()> {
    let folder = options.directory.clone().unwrap_or_else(std::env::temp_dir);
    let folder = folder.join(format!("armedmusic-bench-{}", std::process::id()));
    let done = measure(options, &folder).await;
    // what is left over is a temporary folder
    drop(std::fs::remove_dir_all(&folder));
    done
}

async fn measure(options: &StoreOptions, folder: &Path) -> Result<()> {
    let before = Moment::now(None)?;
    let uri = Environment::of_process().mongodb_uri();
    let database = format!("armedmusic_bench_{}", std::process::id());
    let address = uri.map(|uri| Address::new(uri.expose(), &database, Duration::from_secs(30)));
    let address = address.transpose().map_err(|fix| anyhow!("MONGODB_URI {fix}"))?;
    let address = address.map(|address| address.within(&database));
    let mut rows = Vec::new();
    for chats in &options.chats {
        let directory = folder.join(chats.to_string());
        let window = Duration::from_secs(options.seconds);
        rows.push(commits(Settings::embedded(&directory), *chats, window).await?);
        if let Some(address) = &address {
            let both = Settings::mongo(address.clone(), Some(directory.join("both")));
            rows.push(commits(both, *chats, window).await?);
            rows.push(commits(Settings::mongo(address.clone(), None), *chats, window).await?);
        }
    }
    let opening = opening(&folder.join("opening")).await?;
    let (_, conditions) = before.until(&Moment::now(None)?);
    if options.json {
        let all = json!({"commits": rows, "opening": opening, "conditions": conditions});
        println!("{all:#}");
        return Ok(());
    }
    println!(
        "| engine | chats | commits/s | p50 ms | p99 ms | file MiB |\n|---|---|---|---|---|---|"
    );
    for Row { engine, chats, commits_per_s, p50_ms, p99_ms, file_mib } in rows {
        println!(
            "| {engine} | {chats} | {commits_per_s:.0} | {p50_ms:.1} | {p99_ms:.1} | {file_mib:.1} |"
        );
    }
    let Opening { records, open_ms, scan_ms, file_mib, .. } = opening;
    println!(
        "\nopening {records} chats: {open_ms:.0} ms, reading them: {scan_ms:.0} ms, {file_mib:.1} MiB"
    );
    println!("{}", serde_json::to_string(&conditions)?);
    if address.is_some() {
        println!("MongoDB holds a database {database} now; drop it when it is of no more use");
    }
    Ok(())
}

/// Lets so many chats commit for so long.
async fn commits(settings: Settings, chats: u16, window: Duration) -> Result<Row> {
    let settings = Settings { timeout: Duration::from_secs(60), ..settings };
    with_store(settings, async |store| {
        let since = Instant::now();
        let lives = (0..chats).map(|chat| life(store, chat, since, window));
        let lives = join_all(lives).await.into_iter().collect::<Result<Vec<_>>>()?;
        let wall = since.elapsed();
        let mut times: Vec<Duration> = lives.into_iter().flatten().collect();
        times.sort_unstable();
        let stats = store.stats();
        Ok(Row {
            engine: stats.engine,
            chats,
            commits_per_s: times.len() as f64 / wall.as_secs_f64(),
            p50_ms: at(&times, 50),
            p99_ms: at(&times, 99),
            file_mib: stats.file_bytes as f64 / f64::from(1 << 20),
        })
    })
    .await
}

/// How long each commit of one chat took.
async fn life(store: &Store, chat: u16, since: Instant, window: Duration) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    // greater than those of an engine that was measured before
    let mut revision = u64::try_from(since.elapsed().as_nanos())? + 1;
    while since.elapsed() < window {
        revision += 1;
        let batch = vec![
            Write::put(Table::Playback, format!("{chat}"), revision, snapshot(revision)),
            Write::put(Table::Commands, format!("{chat}:{revision}"), 1, json!({})),
        ];
        let asked = Instant::now();
        store.commit(batch).await.map_err(|fault| anyhow!(fault.detail))?;
        times.push(asked.elapsed());
    }
    Ok(times)
}

async fn opening(directory: &Path) -> Result<Opening> {
    let settings = Settings::embedded(directory);
    with_store(settings.clone(), async |store| {
        for first in (0..KNOWN_CHATS).step_by(500) {
            let batch = (first..first + 500)
                .map(|chat| Write::put(Table::Playback, format!("{chat}"), 1, snapshot(1)))
                .collect();
            store.commit(batch).await.map_err(|fault| anyhow!(fault.detail))?;
        }
        Ok(())
    })
    .await?;
    let since = Instant::now();
    with_store(settings, async |store| {
        let open_ms = ms(since.elapsed());
        let since = Instant::now();
        let records = store.scan(Table::Playback).await.map_err(|fault| anyhow!(fault.detail))?;
        let scan_ms = ms(since.elapsed());
        let stats = store.stats();
        Ok(Opening {
            engine: stats.engine,
            records: records.len(),
            open_ms,
            scan_ms,
            file_mib: stats.file_bytes as f64 / f64::from(1 << 20),
        })
    })
    .await
}

async fn with_store<T>(
    settings: Settings,
    work: impl AsyncFnOnce(&Store) -> Result<T>,
) -> Result<T> {
    let opened = storage::open(settings).await;
    let (store, driver) = opened.map_err(|fault| anyhow!(fault.detail)).context("opening")?;
    let work = async {
        let done = work(&store).await;
        store.close().await;
        done
    };
    let (done, ended) = tokio::join!(work, driver.run());
    ended.map_err(|fault| anyhow!(fault.detail))?;
    done
}

/// A queue of a dozen tracks weighs about as much.
fn snapshot(revision: u64) -> Value {
    json!({"schema": 1, "revision": revision, "queue": "q".repeat(SNAPSHOT_BYTES - 40)})
}

/// The time that so many of 100 do not exceed.
fn at(sorted: &[Duration], percent: usize) -> f64 {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().map(ms).unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

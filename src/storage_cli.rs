//! `armedmusic export` and `armedmusic import`: what is kept, as a file, and from the Python bot.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use sources::secret::Secret;
use storage::archive::{self, COLLECTIONS, Converted, Counts, Python};
use storage::{Address, Store};

use crate::cli::{ExportOptions, ImportOptions, RunOptions};
use crate::config::{Config, Environment, Log, Mistakes};
use crate::run::{fail, refuse};
use crate::telemetry;

/// What one operation on the Python bot's database may take: it is read once, and may be far away.
const PYTHON_TIMEOUT: Duration = Duration::from_secs(30);

/// How that bot calls its database when its address names none.
const PYTHON_DATABASE: &str = "armedmusic";

const MADE_BY: &str = concat!("armedmusic ", env!("CARGO_PKG_VERSION"));

/// `armedmusic export`
#[allow(clippy::print_stdout, reason = "the answer of the command")]
pub fn export(options: &ExportOptions) -> ExitCode {
    with_store(&options.run, async |store| {
        let file = options.file.display();
        // it holds who talks to whom, and logins
        let out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&options.file);
        let mut out = BufWriter::new(out.with_context(|| format!("{file} cannot be made"))?);
        let written = archive::export(store, MADE_BY, &mut out).await;
        let synced = written.map_err(|fault| anyhow!(fault.detail)).and_then(|counts| {
            out.get_ref().sync_all().context("it cannot be made durable")?;
            Ok(counts)
        });
        if synced.is_err() {
            // half an archive is of no use
            drop(std::fs::remove_file(&options.file));
        }
        let counts = synced.with_context(|| format!("{file} cannot be written"))?;
        println!("{file}: {}", in_words(&counts));
        Ok(())
    })
}

/// `armedmusic import`
#[allow(clippy::print_stdout, reason = "the answer of the command")]
pub fn import(options: &ImportOptions) -> ExitCode {
    with_store(&options.run, async |store| {
        let Some(path) = &options.file else {
            let from = options.python_bot.as_deref().unwrap_or_default();
            let converted = import_python(store, from).await?;
            println!("{}", tell(&converted));
            return Ok(());
        };
        let file =
            File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
        let archive =
            archive::read(&mut BufReader::new(file)).map_err(|fault| anyhow!(fault.detail))?;
        let counts = archive.counts();
        archive.import(store).await.map_err(|fault| anyhow!(fault.detail))?;
        println!("{}: {}; what was newer here stayed as it was", path.display(), in_words(&counts));
        Ok(())
    })
}

/// Opens the store as the bot does, lets `work` use it, and closes it.
fn with_store(options: &RunOptions, work: impl AsyncFnOnce(&Store) -> Result<()>) -> ExitCode {
    let settings = match settings(options) {
        Ok(settings) => settings,
        Err(mistakes) => return refuse(&mistakes.into()),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the system gives no threads: {error}")),
    };
    let done = runtime.block_on(async {
        let (store, driver) =
            storage::open(settings).await.map_err(|fault| anyhow!(fault.detail))?;
        let work = async {
            let done = work(&store).await;
            store.close().await;
            done
        };
        let (done, ended) = tokio::join!(work, driver.run());
        ended.map_err(|fault| anyhow!(fault.detail)).and(done)
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{error:#}")),
    }
}

fn settings(options: &RunOptions) -> Result<storage::Settings, Mistakes> {
    let config = Config::load(options.config.as_deref())?;
    let level = std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned());
    telemetry::start(&Log { level, ..config.log })?;
    let uri = Environment::of_process().mongodb_uri();
    config.storage.settings(&config.state_directory, uri.as_ref().map(Secret::expose))
}

async fn import_python(store: &Store, from: &str) -> Result<Converted> {
    let mut python = Python::default();
    let folder = PathBuf::from(from);
    if !from.is_empty() && folder.is_dir() {
        read_folder(&mut python, &folder)?;
    } else {
        let known = Environment::of_process().python_mongodb_uri();
        let uri = match from {
            "" => {
                known.context("MONGO_DB_URI is not set; set it, or give the address or a folder")?
            }
            uri => Secret::new(uri),
        };
        let address = Address::new(uri.expose(), PYTHON_DATABASE, PYTHON_TIMEOUT);
        let address = address.map_err(|fix| anyhow!("the Python bot's address {fix}"))?;
        python.take_from(&address).await.map_err(|fault| anyhow!(fault.detail))?;
    }
    python.import(store).await.map_err(|fault| anyhow!(fault.detail))
}

/// A file for each collection, as mongoexport writes them.
fn read_folder(python: &mut Python, folder: &Path) -> Result<()> {
    let mut n_files = 0;
    for collection in COLLECTIONS {
        let path = folder.join(collection).with_extension("json");
        if !path.is_file() {
            continue;
        }
        n_files += 1;
        read_collection(python, collection, &path)?;
    }
    if n_files == 0 {
        bail!(
            "{} holds no file of mongoexport (language.json, authuser.json, …)",
            folder.display()
        );
    }
    Ok(())
}

/// A document on each line, or all of them in one list (`--jsonArray`).
fn read_collection(python: &mut Python, collection: &str, path: &Path) -> Result<()> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('[') {
        let documents: Vec<serde_json::Value> =
            serde_json::from_str(text).with_context(|| path.display().to_string())?;
        documents.into_iter().for_each(|document| python.take(collection, document));
        return Ok(());
    }
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = || format!("{} line {}", path.display(), index + 1);
        python.take(collection, serde_json::from_str(line).with_context(at)?);
    }
    Ok(())
}

fn in_words(counts: &Counts) -> String {
    let counts = counts.iter().filter(|(_, n)| **n > 0);
    let words: Vec<String> = counts.map(|(table, n)| format!("{n} of {table}")).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

fn tell(converted: &Converted) -> String {
    let mut text = format!("taken over: {}", in_words(&converted.records));
    let list = |counts: &std::collections::BTreeMap<String, u64>| {
        counts.iter().map(|(name, n)| format!("{n} of {name}")).collect::<Vec<_>>().join(", ")
    };
    for (what, counts) in [
        ("documents left, because they have no place here", &converted.left),
        ("fields left, because nobody knows them", &converted.unknown),
    ] {
        if !counts.is_empty() {
            write!(text, "\n{what}: {}", list(counts)).expect("a string takes everything");
        }
    }
    text
}

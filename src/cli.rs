//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

#[cfg(feature = "demo")]
use clap::ValueEnum;
use clap::{Args, Parser, Subcommand};

/// Music for the voice chats of Telegram groups.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the bot (the default).
    Run(RunOptions),
    /// Check the settings and say what is wrong; touches no network.
    Check(RunOptions),
    /// Look something up as /play would, without Telegram, and tell who was asked and what came back.
    Resolve(ResolveOptions),
    /// Write everything that is kept into a file, for a backup or for another machine. The bot must not run meanwhile.
    Export(ExportOptions),
    /// Take over what a file holds, or what the Python bot kept. What is here already and newer stays as it is.
    Import(ImportOptions),
    /// Hear the bot without any account: a simulated Telegram and the bot in one process.
    #[cfg(feature = "demo")]
    Demo(DemoOptions),
    /// Run only the simulated Telegram.
    #[cfg(feature = "demo")]
    Simulator(SimulatorOptions),
    /// Measure this machine.
    #[cfg(feature = "demo")]
    Bench(BenchOptions),
}

#[derive(Debug, Default, Args)]
pub struct RunOptions {
    /// The settings file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ResolveOptions {
    /// Words or a link.
    #[arg(required = true, value_name = "QUERY")]
    pub query: Vec<String>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub run: RunOptions,
}

#[derive(Debug, Args)]
pub struct ExportOptions {
    /// The file to write; it must not be there yet.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub run: RunOptions,
}

#[derive(Debug, Args)]
pub struct ImportOptions {
    /// A file of `armedmusic export`.
    #[arg(value_name = "FILE", required_unless_present = "python_bot")]
    pub file: Option<PathBuf>,
    /// The Python bot's MongoDB (mongodb://…), or a folder with a file of mongoexport for each collection
    /// (language.json, authuser.json, …). Without a value the address is read from MONGO_DB_URI or MONGO_URL, as that
    /// bot does.
    #[arg(long, value_name = "URI|DIR", num_args = 0..=1, default_missing_value = "", conflicts_with = "file")]
    pub python_bot: Option<String>,
    #[command(flatten)]
    pub run: RunOptions,
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub struct DemoOptions {
    /// Run simulator and bot until a signal, for clients from outside, instead of the scripted session.
    #[arg(long)]
    pub serve: bool,
    /// Many chats play while something dies every few seconds, and what came of it is told.
    #[arg(long, conflicts_with = "serve")]
    pub chaos: bool,
    /// Chooses what dies and when; the same seed chooses the same.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "chaos")]
    pub seed: u64,
    #[arg(long, value_name = "N", default_value_t = 30, requires = "chaos")]
    pub chats: usize,
    #[arg(long, value_name = "S", default_value_t = 300, requires = "chaos")]
    pub seconds: u64,
    /// Milliseconds between two faults.
    #[arg(long, value_name = "MS", default_value_t = 5_000, requires = "chaos")]
    pub every_ms: u64,
    #[command(flatten)]
    pub simulator: SimulatorOptions,
    /// The music folder the bot searches; the demo's own music when it is not given.
    #[arg(long, value_name = "DIR")]
    pub music: Option<PathBuf>,
    /// A host that links may lead to although its address is private. May be given several times.
    #[arg(long, value_name = "HOST")]
    pub allow_host: Vec<String>,
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub struct SimulatorOptions {
    /// Where the simulated Telegram listens.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Milliseconds for which the media server stays silent towards somebody who joins (py-tgcalls needs 200 to 1500).
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub quiet_ms: u64,
    /// Write what every member would hear into this directory.
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// This account is at home in another data centre than number 2, which is then there too; so are the files that it
    /// sends. May be given several times.
    #[arg(long, value_name = "USER=DC", value_parser = home)]
    pub home: Vec<(i64, i32)>,
}

#[cfg(feature = "demo")]
fn home(text: &str) -> Result<(i64, i32), String> {
    let parts = text.split_once('=');
    let home = parts.and_then(|(user, dc)| Some((user.parse().ok()?, dc.parse().ok()?)));
    home.filter(|(_, dc)| (1..=5).contains(dc)).ok_or_else(|| "is not like 5002=4".to_owned())
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub struct BenchOptions {
    #[command(subcommand)]
    pub what: Bench,
}

#[cfg(feature = "demo")]
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// The call path: files to packets in this process, the media server in a child process that is not counted.
    Calls(CallsOptions),
    /// From a member's /play to the first packet in another member's ear, with the whole bot.
    Play(PlayOptions),
    /// The same while outside services hang or are down, and how soon it is told that nobody has it.
    Resolve(ResolveBench),
    /// `calls` for each file and each number of calls, every one in a process of its own, as one Markdown table.
    Table(TableOptions),
    /// How fast state is kept: commits of many chats at once, the time to open, the size of the file.
    Store(StoreOptions),
    /// The child process of `calls`.
    #[command(hide = true)]
    Sfu,
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub struct CallsOptions {
    /// Calls that play at the same time.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=2000))]
    pub calls: u16,
    /// Seconds that are measured, after the calls have settled.
    #[arg(long, default_value_t = 20, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// What every call plays, again and again.
    #[arg(long, value_name = "FILE")]
    pub file: PathBuf,
    /// How the calls connect: the first choice, or the second attempt.
    #[arg(long, default_value = "native")]
    pub style: CallStyle,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

#[cfg(feature = "demo")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CallStyle {
    Native,
    Web,
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub struct TableOptions {
    /// Numbers of calls.
    #[arg(long, default_values_t = [1, 10, 50], value_delimiter = ',', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=2000))]
    pub calls: Vec<u16>,
    /// Seconds that are measured in each run.
    #[arg(long, default_value_t = 20, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// What the calls play.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub struct PlayOptions {
    /// How often each case is measured.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub runs: u16,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub struct StoreOptions {
    /// Numbers of chats that commit at once, each again as soon as it is answered.
    #[arg(long, default_values_t = [1, 100, 1000], value_delimiter = ',', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4000))]
    pub chats: Vec<u16>,
    /// Seconds that are measured for each number.
    #[arg(long, default_value_t = 5, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub seconds: u64,
    /// Where the file is made for the measurement; the system's temporary folder when not given.
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub struct ResolveBench {
    /// How many of the ten services hang.
    #[arg(long, default_value_t = 9, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=9))]
    pub hanging: u8,
    /// How often each case is measured; those that wait for all to be given up at most three times.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub plays: u16,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

impl Default for Command {
    fn default() -> Command {
        Command::Run(RunOptions::default())
    }
}

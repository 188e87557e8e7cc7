//! The scenarios: the whole bot in the simulated Telegram, each chapter a file, each test a sentence.

mod figures;
mod origin;
mod parts;
mod process;
mod world;

mod bad_days;
mod bad_input;
mod cache;
mod calls;
mod commands;
mod diskless;
mod formats;
mod logs;
mod migrating;
mod kill9;
mod kills;
mod lives;
mod permissions;
mod playback;
mod recovery;
mod resume;
mod services;
mod shutdown;
mod stats;
mod tidy;

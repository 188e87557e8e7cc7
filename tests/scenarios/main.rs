//! The scenarios: the whole bot in the simulated Telegram, each chapter a file, each test a sentence.

mod world;

mod calls;
mod formats;
mod permissions;
mod playback;
mod shutdown;
mod tidy;

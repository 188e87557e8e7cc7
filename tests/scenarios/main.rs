//! The scenarios: the whole bot in the simulated Telegram, each chapter a file, each test a sentence.

mod world;

mod playback;
mod tidy;

//! ArmedMusic: a supervised Telegram voice-chat music bot.

mod config;

fn main() {}

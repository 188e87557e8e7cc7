//! The world — Telegram's accounts, chats, messages, updates and files, behind the wire that `dc` speaks.
//!
//! It answers RPCs and pushes updates; it never touches a socket and never imports the bot.

pub mod rooms;

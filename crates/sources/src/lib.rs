//! Where music comes from: outside services, addresses on the web, a folder on disk, files attached to messages, and what
//! was fetched before.
//!
//! The only crate that speaks HTTP as a client and the only one that reads tags. It starts no task and holds no
//! state about chats; whoever calls it drives its futures, runs its blocking functions on blocking threads, and
//! decides what happens after a [`domain::Fault`]. It must never connect to an address that the guard did not check,
//! never follow a path out of the music folder, and never write a query string or a user name to the log.

pub mod api;
pub mod attachment;
pub mod cache;
pub mod catalogues;
pub mod direct;
pub mod files;
pub mod format;
pub mod hls;
pub mod http;
pub mod secret;
pub mod service;
pub mod services;
pub mod short_links;
mod tags;

#[cfg(test)]
mod server;
#[cfg(test)]
mod stand_ins;
#[cfg(test)]
mod table;

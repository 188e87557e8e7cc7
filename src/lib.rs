//! ArmedMusic: music for the voice chats of Telegram groups, by a supervised tree of actors.
//!
//! The ignition: nothing here plays music. `main` hands over to [`run`] of the command line; tests start the same
//! parts with the same settings.

pub mod assemble;
#[cfg(feature = "demo")]
pub mod chaos;
#[cfg(feature = "demo")]
pub mod bench;
pub mod cli;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod instance;
pub mod notify;
pub mod resolve;
pub mod run;
pub mod signals;
#[cfg(feature = "demo")]
pub mod simulated;
pub mod storage_cli;
pub mod telemetry;

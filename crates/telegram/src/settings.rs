//! Everything about an account's connection that an operator or a test may choose.

use std::net::SocketAddr;
use std::time::Duration;

use crate::secret::Secret;

/// How an account connects and behaves. Start from [`Settings::new`] and change what differs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The application's number, from my.telegram.org.
    pub api_id: i32,
    /// The application's key, from the same place.
    pub api_hash: Secret,
    /// Addresses of data centres by id. A listed one stays as it is here, whatever Telegram's configuration says;
    /// the others are Telegram's own.
    pub datacenters: Vec<(i32, SocketAddr)>,
    /// The longest any single request may take, connecting and a short flood wait included.
    pub call_timeout: Duration,
    /// A flood wait up to this long is slept inside the request (Telegram refused it, so nothing happens twice);
    /// a longer one is the caller's to decide.
    pub flood_sleep_max: Duration,
    /// How often the watchdog pings.
    pub ping_every: Duration,
    /// How long the watchdog waits for the answer before it gives the connection up.
    pub ping_timeout: Duration,
    /// How often the place in the update sequence is written to the session.
    pub state_save_every: Duration,
    /// How many containers of updates may wait between the socket and the sequence check. What does not fit is
    /// counted and fetched again.
    pub updates_capacity: usize,
    /// How many [`Incoming`](crate::Incoming) events may wait for whoever reads them. When they are full, updates
    /// wait one step earlier.
    pub events_capacity: usize,
    /// What the account's list of sessions shows.
    pub device: String,
    /// The version that the list of sessions shows.
    pub version: String,
}

// === impl Settings ===

impl Settings {
    /// The values that suit Telegram itself.
    pub fn new(api_id: i32, api_hash: impl Into<Secret>) -> Settings {
        Settings {
            api_id,
            api_hash: api_hash.into(),
            datacenters: Vec::new(),
            call_timeout: Duration::from_secs(10),
            flood_sleep_max: Duration::from_secs(3),
            ping_every: Duration::from_secs(20),
            ping_timeout: Duration::from_secs(5),
            state_save_every: Duration::from_secs(5),
            updates_capacity: 10_000,
            events_capacity: 1_024,
            device: "ArmedMusic".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

//! What keeps an account connected.

use domain::Fault;

/// Drives an account's connection, updates and watchdog. The caller runs it under a supervisor and rebuilds with
/// [`connect`](crate::connect) from the same session when it ends with a fault.
#[must_use = "nothing happens until it runs"]
pub struct Runner {}

// === impl Runner ===

impl Runner {
    /// Runs until [`Account::close`](crate::Account::close) (`Ok`) or until the connection has to be rebuilt. A panic
    /// inside the library arrives here as a fault. Dropping the future ends everything.
    pub async fn run(self) -> Result<(), Fault> {
        Ok(())
    }
}

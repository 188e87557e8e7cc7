//! Door — the listening port, which can be shut and opened again at the same address.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::connection;
use super::state::Shared;

/// Between attempts to take the port back.
const RETRY: Duration = Duration::from_millis(20);

/// Opens and shuts the port.
pub(super) struct Door {
    wanted: watch::Sender<bool>,
    is_open: watch::Receiver<bool>,
}

impl Door {
    /// Binds the port and starts to accept.
    pub(super) async fn open(shared: &Arc<Shared>) -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind(shared.settings.listen).await?;
        let address = listener.local_addr()?;
        let (wanted, wishes) = watch::channel(true);
        let (report, is_open) = watch::channel(true);
        shared.tasks.start(accept(shared.clone(), listener, address, wishes, report));
        Ok((Self { wanted, is_open }, address))
    }

    /// Returns when the port is as wished, or the data centre has stopped.
    pub(super) async fn set(&self, is_open: bool) {
        self.wanted.send_replace(is_open);
        // An error means that the data centre has stopped: its port is shut for good.
        drop(self.is_open.clone().wait_for(|now| *now == is_open).await);
    }
}

async fn accept(
    shared: Arc<Shared>,
    listener: TcpListener,
    address: SocketAddr,
    mut wishes: watch::Receiver<bool>,
    report: watch::Sender<bool>,
) {
    let mut listener = Some(listener);
    loop {
        let is_wanted = *wishes.borrow_and_update();
        if !is_wanted {
            listener = None;
        } else if listener.is_none() {
            match TcpListener::bind(address).await {
                Ok(bound) => listener = Some(bound),
                Err(error) => {
                    tracing::warn!(%error, "the port cannot be taken back yet");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            }
        }
        report.send_replace(listener.is_some());
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = wishes.changed() => if changed.is_err() { return },
            accepted = accepted => match accepted {
                Ok((stream, _)) => shared.tasks.start(connection::serve(shared.clone(), stream)),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(RETRY).await;
                }
            },
        }
    }
}

//! Where log lines go: stderr, so that stdout stays for data.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, Mistakes};

/// Chatty libraries, at their loudest: their details are of use only when asked for by name.
const LIBRARIES: &str = "rtc=error,webrtc=error,rtc_ice=error,rtc_dtls=error,rtc_sctp=error,symphonia=error,\
                         symphonia_core=error,symphonia_bundle_mp3=error,symphonia_format_isomp4=error,lofty=error,\
                         ractor=error,str0m=error,is=error,hyper=warn,grammers_mtproto=warn,grammers_mtsender=error,grammers_session=error";

/// Sets logging up once for the process.
pub fn start(log: &Log) -> Result<(), Mistakes> {
    let filter = EnvFilter::try_new(format!("{LIBRARIES},{}", log.level)).map_err(|error| {
        Mistakes::one("log.level", format!("is not a level or filter: {error}"))
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started =
        if log.is_json { builder.json().try_init() } else { builder.compact().try_init() };
    if started.is_err() {
        tracing::debug!("logging was set up already");
    }
    Ok(())
}

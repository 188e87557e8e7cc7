//! What can be set before the media server starts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How the server takes part in ICE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceMode {
    /// Answers checks, sends none, nominates nothing, minds no role: what production is believed to do.
    Lite,
    /// Sends its own checks and nominates; takes whichever role the client left free.
    Full,
    /// Controlling and nothing else, as Telegram's own test SFU: a controlling client is never answered.
    FullControlling,
}

/// Which SRTP profiles the server agrees to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SrtpPolicy {
    /// `AEAD_AES_256_GCM` or `AEAD_AES_128_GCM`: official clients disable the other one.
    GcmOnly,
    Any,
    /// `AES128_CM_HMAC_SHA1_80`.
    CmOnly,
}

/// Everything that can be set before the server starts.
#[derive(Clone, Debug)]
pub struct SfuSettings {
    /// Where the one UDP socket is bound, a concrete address that clients are told; port 0 takes a free one.
    pub bind: SocketAddr,
    /// How long after a join nothing of that participant is read. py-tgcalls misses its own connection when it is
    /// faster than 200 ms (1500 ms on a loaded machine).
    pub quiet: Duration,
    pub ice: IceMode,
    pub srtp: SrtpPolicy,
    /// Answer nobody who declares `passive`, as a path on which native clients cannot connect.
    pub ignore_passive: bool,
    /// A participant whose ICE and DTLS are not done by then is dropped.
    pub connect_within: Duration,
    /// A participant from whom no packet of any kind came for so long is dropped.
    pub silence_max: Duration,
    /// Forward no RTP of a participant before its SCTP association is up, as Telegram's test SFU.
    pub require_sctp: bool,
    /// Also send RTCP that cannot be parsed.
    pub broken_rtcp: bool,
    /// How often transport-wide feedback is sent to who asks for it with header extension 3.
    pub feedback_every: Duration,
    /// More packets than this of one source within 10 ms are a burst.
    pub burst_packets: u32,
    /// Where to write what each listening member is sent; `None` writes nothing.
    pub record: Option<PathBuf>,
    /// The share of RTP packets lost in each direction, 0.0 to 1.0.
    pub loss: f64,
    /// Makes every random choice repeatable.
    pub seed: u64,
}

impl SfuSettings {
    /// Loopback, ICE-lite, GCM only, no quiet time, the deadlines of production.
    pub fn loopback() -> SfuSettings {
        SfuSettings {
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            quiet: Duration::ZERO,
            ice: IceMode::Lite,
            srtp: SrtpPolicy::GcmOnly,
            ignore_passive: false,
            connect_within: Duration::from_secs(20),
            silence_max: Duration::from_secs(30),
            require_sctp: false,
            broken_rtcp: false,
            feedback_every: Duration::from_millis(100),
            burst_packets: 4,
            record: None,
            loss: 0.0,
            seed: 0x5eed,
        }
    }
}

//! DTLS 1.2 that offers and takes only the SRTP profiles of a policy, and hands out the keys.
//!
//! str0m's DTLS always offers all three profiles. The offer is narrowed on the wire: the `use_srtp` extension
//! (RFC 5764) is overwritten in place, byte for byte as long as before, and the same bytes are overwritten wherever the
//! library hashes, signs or verifies its own view of the handshake, so both ends agree on what was said.

mod wire;

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
    SrtpProfile,
};
use str0m::crypto::{CryptoError, CryptoProvider};

use super::SrtpPolicy;

/// What the handshake agreed on for SRTP.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) material: Vec<u8>,
    pub(crate) profile: SrtpProfile,
    /// This end was the DTLS client.
    pub(crate) is_client: bool,
}

/// Where one connection's keys appear once its handshake is done.
pub(crate) type Tap = Arc<Mutex<Option<Keys>>>;

/// str0m's cryptography with this DTLS in it.
pub(crate) fn provider() -> CryptoProvider {
    CryptoProvider { dtls_provider: &PROVIDER, ..str0m::crypto::from_feature_flags() }
}

/// Runs `build`, which makes exactly one DTLS instance, with this policy; its keys will appear in the tap.
pub(crate) fn with_policy<T>(policy: SrtpPolicy, build: impl FnOnce() -> T) -> (T, Tap) {
    let tap = Tap::default();
    NEXT.set(Some((policy, Arc::clone(&tap))));
    let built = build();
    NEXT.set(None);
    (built, tap)
}

type Swap = (Vec<u8>, Vec<u8>);

thread_local! {
    static NEXT: RefCell<Option<(SrtpPolicy, Tap)>> = const { RefCell::new(None) };
    /// What the instance at work believes it said, and what was said.
    static SWAPS: RefCell<Vec<Swap>> = const { RefCell::new(Vec::new()) };
}

static PROVIDER: Provider = Provider;

#[derive(Debug)]
struct Provider;

impl DtlsProvider for Provider {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        dimpl::certificate::generate_self_signed_certificate().ok()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        _version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let (policy, tap) = NEXT.take().unwrap_or((SrtpPolicy::Any, Tap::default()));
        let base = dimpl::crypto::aws_lc_rs::default_provider();
        let crypto = dimpl::crypto::CryptoProvider {
            hash_provider: &wire::Hashes,
            key_provider: &wire::Keys,
            signature_verification: &wire::Verifier,
            ..base
        };
        // ICE has verified the address before DTLS starts, so no cookie exchange.
        let mut config =
            dimpl::Config::builder().use_server_cookie(false).with_crypto_provider(crypto);
        if let Some(mtu) = mtu {
            config = config.mtu(mtu);
        }
        let config = config.build().map_err(|error| CryptoError::Other(error.to_string()))?;
        let inner = dimpl::Dtls::new_12(Arc::new(config), cert.clone(), now);
        Ok(Box::new(Instance { inner, policy, swaps: Vec::new(), tap, scratch: vec![0; 2048] }))
    }
}

/// `use_srtp` as the library always offers it: 256 GCM, 128 GCM, 128 CM; no MKI.
const OFFER: [u8; 13] = [0, 14, 0, 9, 0, 6, 0, 8, 0, 7, 0, 1, 0];

/// The same extension with only the profiles of the policy; repeated ones keep the length.
fn narrowed(policy: SrtpPolicy) -> Option<[u8; 13]> {
    match policy {
        SrtpPolicy::Any => None,
        SrtpPolicy::GcmOnly => Some([0, 14, 0, 9, 0, 6, 0, 8, 0, 7, 0, 7, 0]),
        SrtpPolicy::CmOnly => Some([0, 14, 0, 9, 0, 6, 0, 1, 0, 1, 0, 1, 0]),
    }
}

struct Instance {
    inner: dimpl::Dtls,
    policy: SrtpPolicy,
    swaps: Vec<Swap>,
    tap: Tap,
    scratch: Vec<u8>,
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Instance {
    /// Runs the library with this instance's swaps in force.
    fn at_work<T>(&mut self, work: impl FnOnce(&mut dimpl::Dtls) -> T) -> T {
        SWAPS.set(std::mem::take(&mut self.swaps));
        let done = work(&mut self.inner);
        self.swaps = SWAPS.take();
        done
    }

    /// Hides the profiles outside the policy in a ClientHello that came in.
    fn narrow_incoming(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        const HANDSHAKE: u8 = 22;
        const CLIENT_HELLO: u8 = 1;
        if self.policy == SrtpPolicy::Any
            || packet.first() != Some(&HANDSHAKE)
            || packet.get(13) != Some(&CLIENT_HELLO)
        {
            return None;
        }
        let allowed: &[u16] = if self.policy == SrtpPolicy::CmOnly { &[1] } else { &[7, 8] };
        let at = (14..packet.len().saturating_sub(6)).find(|at| {
            let word = |i: usize| u16::from_be_bytes([packet[at + i], packet[at + i + 1]]);
            word(0) == 14 && word(2) >= 5 && word(4) + 3 == word(2) && word(4) % 2 == 0
        })?;
        let length = usize::from(u16::from_be_bytes([packet[at + 4], packet[at + 5]]));
        let end = at + 6 + length;
        if end > packet.len() {
            return None;
        }
        let mut changed = packet.to_vec();
        for pair in changed[at + 6..end].chunks_exact_mut(2) {
            if !allowed.contains(&u16::from_be_bytes([pair[0], pair[1]])) {
                // A number that nobody has been assigned: ignored as unknown.
                pair.copy_from_slice(&[0x7f, 0x7f]);
            }
        }
        let swap = (changed[at..end].to_vec(), packet[at..end].to_vec());
        if swap.0 != swap.1 && !self.swaps.contains(&swap) {
            self.swaps.push(swap);
        }
        Some(changed)
    }
}

impl DtlsInstance for Instance {
    fn set_active(&mut self, active: bool) {
        if let (true, Some(narrow)) = (active, narrowed(self.policy)) {
            self.swaps = vec![(OFFER.to_vec(), narrow.to_vec())];
        }
        self.at_work(|inner| inner.set_active(active));
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        let narrow = if self.inner.is_active() { None } else { self.narrow_incoming(packet) };
        self.at_work(|inner| inner.handle_packet(narrow.as_deref().unwrap_or(packet)))
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let is_client = self.inner.is_active();
        let mut scratch = std::mem::take(&mut self.scratch);
        let tap = Arc::clone(&self.tap);
        let output = self.at_work(|inner| match inner.poll_output(&mut scratch) {
            DtlsOutput::Packet(packet) => {
                let said = if is_client { wire::said(packet) } else { packet.to_vec() };
                buf[..said.len()].copy_from_slice(&said);
                DtlsOutput::Packet(&buf[..said.len()])
            }
            DtlsOutput::PeerCert(der) => {
                buf[..der.len()].copy_from_slice(der);
                DtlsOutput::PeerCert(&buf[..der.len()])
            }
            DtlsOutput::ApplicationData(data) => {
                buf[..data.len()].copy_from_slice(data);
                DtlsOutput::ApplicationData(&buf[..data.len()])
            }
            DtlsOutput::KeyingMaterial(material, profile) => {
                let keys = Keys { material: material.to_vec(), profile, is_client };
                *tap.lock().unwrap_or_else(PoisonError::into_inner) = Some(keys);
                DtlsOutput::KeyingMaterial(material, profile)
            }
            DtlsOutput::Timeout(at) => DtlsOutput::Timeout(at),
            DtlsOutput::Connected => DtlsOutput::Connected,
            DtlsOutput::CloseNotify => DtlsOutput::CloseNotify,
            DtlsOutput::BufferTooSmall { needed } => DtlsOutput::BufferTooSmall { needed },
            // The library marked its list of outputs as open; there are no others in this version.
            _ => DtlsOutput::CloseNotify,
        });
        self.scratch = scratch;
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.at_work(|inner| inner.handle_timeout(now))
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.at_work(|inner| inner.send_application_data(data))
    }

    fn is_active(&self) -> bool {
        self.inner.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.inner.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.inner.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.at_work(dimpl::Dtls::close)
    }
}

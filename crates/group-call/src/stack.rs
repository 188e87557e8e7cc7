//! Web style: webrtc's peer connection, set up the way a group call needs it.
//!
//! Credentials, certificate and SSRC exist before (they were in the payload); here they meet the server's answer. webrtc
//! plays the offerer, and the server's part of the description is made from its JSON.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rtc::dtls::crypto::Certificate;
use rtc::interceptor::Slot;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::MIME_TYPE_OPUS;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use webrtc::data_channel::DataChannel;
use webrtc::error::Result;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::crypto::RTCCryptoProvider;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCCertificate,
    RTCConfigurationBuilder, RTCIceConnectionState, RTCSessionDescription, Registry, SettingEngine,
    SettingEngineBuilder, SrtpProtectionProfile, configure_rtcp_reports,
};
use webrtc::rtp_transceiver::RtpSender;
use webrtc::runtime::Runtime;

use crate::answer::Answer;
use crate::description::{describe, sections_of};
use crate::ears::Ears;
use crate::payload::Credentials;
use crate::signals::Signals;
use crate::transport::{Settings, Style};

/// All that native and web clients use. GCM first: it costs the least, and some servers offer nothing else.
pub(crate) const PROFILES: [SrtpProtectionProfile; 3] = [
    SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
    SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
    SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
];

/// Behind all that webrtc reads reports with, before the end where they are dropped.
const EARS: Slot = Slot::Custom(12_500);

/// What one connection brings with it.
pub(crate) struct Identity {
    pub(crate) style: Style,
    pub(crate) credentials: Credentials,
    pub(crate) dtls_certificate: Certificate,
    /// SRTP protection, the most wanted first.
    pub(crate) profiles: Vec<SrtpProtectionProfile>,
    pub(crate) crypto: Arc<dyn RTCCryptoProvider>,
}

/// A peer connection that is on its way up.
pub(crate) struct Stack {
    pub(crate) connection: Arc<dyn PeerConnection>,
    pub(crate) track: Arc<TrackLocalStaticRTP>,
    pub(crate) sender: Arc<dyn RtpSender>,
    pub(crate) channel: Arc<dyn DataChannel>,
}

/// Webrtc's handler must be its own type; this one forwards to the flags.
struct Handler(Arc<Signals>);

impl PeerConnectionEventHandler for Handler {
    fn on_ice_connection_state_change<'life0, 'async_trait>(
        &'life0 self,
        state: RTCIceConnectionState,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        match state {
            RTCIceConnectionState::Connected | RTCIceConnectionState::Completed => {
                self.0.ice_connected();
            }
            RTCIceConnectionState::Failed => self.0.ice_failed(),
            _ => {}
        }
        Box::pin(std::future::ready(()))
    }
}

/// Builds the connection, binds one socket per local address, and starts checks.
pub(crate) async fn bring_up(
    identity: &Identity,
    settings: &Settings,
    answer: &Answer,
    local_addresses: Vec<SocketAddr>,
    runtime: Arc<dyn Runtime>,
    signals: Arc<Signals>,
    ears: Ears,
) -> Result<Stack> {
    let expires = SystemTime::now() + Duration::from_secs(30 * 24 * 3600);
    let certificate = RTCCertificate::from_existing(identity.dtls_certificate.clone(), expires);
    let configuration = RTCConfigurationBuilder::new().with_certificates(vec![certificate]).build();
    let connection = PeerConnectionBuilder::<SocketAddr>::new()
        .with_configuration(configuration)
        .with_setting_engine(setting_engine(identity, settings))
        .with_media_engine(media_engine(answer)?)
        .with_interceptor_registry(configure_rtcp_reports(Registry::new()).with(EARS, ears))
        .with_handler(Arc::new(Handler(signals)))
        .with_runtime(runtime)
        .with_udp_addrs(local_addresses)
        // Not a size here (our runtime has its own threads): without it a dropped connection would leak its driver.
        .with_dedicated_reactor_pool_size(1)
        .build()
        .await?;
    let connection: Arc<dyn PeerConnection> = Arc::new(connection);
    let track = Arc::new(TrackLocalStaticRTP::new(audio_track(identity.credentials.ssrc)));
    let sender = connection.add_track(Arc::clone(&track) as Arc<dyn TrackLocal>).await?;
    let channel = connection.create_data_channel("data", None).await?;
    let ours = connection.create_offer(None).await?;
    let sections = sections_of(&ours.sdp);
    connection.set_local_description(ours).await?;
    let theirs = describe(answer, &sections);
    connection.set_remote_description(RTCSessionDescription::answer(theirs)?).await?;
    Ok(Stack { connection, track, sender, channel })
}

fn setting_engine(identity: &Identity, settings: &Settings) -> SettingEngine {
    let Credentials { ufrag, pwd, .. } = identity.credentials.clone();
    // webrtc gives a pair up after so many checks without reply; a slow server must get the whole deadline.
    let checks =
        settings.connect_deadline.as_millis() / settings.ice_check_interval.as_millis().max(1) + 2;
    SettingEngineBuilder::new()
        .with_crypto_provider(Arc::clone(&identity.crypto))
        .with_ice_credentials(ufrag, pwd)
        .with_multicast_dns_mode(rtc::ice::mdns::MulticastDnsMode::Disabled)
        .with_include_loopback_candidate(true)
        .with_ice_connection_attempts(
            Some(settings.ice_check_interval),
            Some(u16::try_from(checks).unwrap_or(u16::MAX)),
        )
        // A failed agent forgets everything for good, so it must not fail before we give up ourselves: an outage of a few
        // seconds heals by itself.
        .with_ice_timeouts(
            Some(settings.ice_keepalive_interval * 3),
            Some(settings.lost_after.max(settings.connect_deadline) * 2),
            Some(settings.ice_keepalive_interval),
        )
        .with_srtp_protection_profiles(identity.profiles.clone())
        .build()
}

fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: vec![],
    }
}

fn media_engine(answer: &Answer) -> Result<MediaEngine> {
    let mut engine = MediaEngine::default();
    let codec = RTCRtpCodecParameters { rtp_codec: opus(), payload_type: answer.opus_payload_type };
    engine.register_codec(codec, RtpCodecKind::Audio)?;
    for (_, uri) in answer.extensions.list() {
        let capability = RTCRtpHeaderExtensionCapability { uri: uri.to_owned() };
        engine.register_header_extension(capability, RtpCodecKind::Audio, None)?;
    }
    Ok(engine)
}

fn audio_track(ssrc: u32) -> MediaStreamTrack {
    let coding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
        codec: opus(),
        ..Default::default()
    };
    MediaStreamTrack::new(
        "music".into(),
        "music".into(),
        "music".into(),
        RtpCodecKind::Audio,
        vec![coding],
    )
}

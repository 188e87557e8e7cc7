//! The data channel of native style: we open the SCTP association and, on stream 0, the channel "data".
//!
//! Telegram's servers wait for the client to open both, although it is the DTLS server; some read no media before. A
//! server that opens an association itself is let in as well, and the first one that is up is used. No I/O, no clock.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use rtc::sctp::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Event,
    Payload, PayloadProtocolIdentifier, ServerConfig, StreamEvent, TransportConfig,
};
use rtc::shared::error::{Error, Result};
use rtc::shared::{TransportContext, TransportProtocol};

const STREAM: u16 = 0;
/// DATA_CHANNEL_OPEN (RFC 8832): reliable, ordered, priority 256, label "data", no protocol.
const OPEN: &[u8] = b"\x03\x00\x01\x00\x00\x00\x00\x00\x00\x04\x00\x00data";
const ACK: u8 = 0x02;
const MESSAGE_BYTES_MAX: u32 = 64 * 1024;

/// What the channel has to tell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// The server acknowledged the channel.
    Open,
    Message(BytesMut),
}

pub(crate) struct Talk {
    endpoint: Endpoint,
    peer: SocketAddr,
    associations: Vec<(AssociationHandle, Association)>,
    /// The one in use, once one is up.
    chosen: Option<AssociationHandle>,
}

// === impl Talk ===

impl Talk {
    /// Starts the association; its first packet is ready at once.
    pub(crate) fn new(now: Instant) -> Result<Talk> {
        let transport = || {
            TransportConfig::default().with_sctp_port(5000).with_max_message_size(MESSAGE_BYTES_MAX)
        };
        let placeholder = TransportContext::default();
        let server = Arc::new(ServerConfig::new(transport()));
        let endpoint_config = Arc::new(EndpointConfig::default());
        let mut endpoint = Endpoint::new(
            placeholder.local_addr,
            TransportProtocol::UDP,
            endpoint_config,
            Some(server),
        );
        let peer = placeholder.peer_addr;
        let association = endpoint
            .connect(now, ClientConfig::new(transport()), peer)
            .map_err(|fault| Error::Other(fault.to_string()))?;
        Ok(Talk { endpoint, peer, associations: vec![association], chosen: None })
    }

    /// Takes an SCTP packet.
    pub(crate) fn read(&mut self, now: Instant, packet: Bytes) -> Vec<Said> {
        match self.endpoint.handle(now, self.peer, None, packet) {
            Some((handle, DatagramEvent::NewAssociation(association))) => {
                self.associations.push((handle, association));
            }
            Some((handle, DatagramEvent::AssociationEvent(event))) => {
                if let Some((_, association)) =
                    self.associations.iter_mut().find(|(other, _)| *other == handle)
                {
                    association.handle_event(event);
                }
            }
            _ => {}
        }
        self.progress(now)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.associations.iter().filter_map(|(_, association)| association.poll_timeout()).min()
    }

    pub(crate) fn timeout(&mut self, now: Instant) -> Vec<Said> {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return Vec::new();
        }
        for (_, association) in &mut self.associations {
            association.handle_timeout(now);
        }
        self.progress(now)
    }

    /// Says something to the server.
    pub(crate) fn say(&mut self, now: Instant, text: &str) -> Result<()> {
        let chosen = self.chosen;
        let association = self.associations.iter_mut().find(|(handle, _)| Some(*handle) == chosen);
        let (_, association) = association.ok_or(Error::ErrSCTPNotEstablished)?;
        association.stream(STREAM)?.write_with_ppi(
            now,
            text.as_bytes(),
            PayloadProtocolIdentifier::String,
        )?;
        Ok(())
    }

    /// SCTP packets to be sent.
    pub(crate) fn transmits(&mut self, now: Instant) -> Vec<Bytes> {
        let mut packets = Vec::new();
        for (_, association) in &mut self.associations {
            while let Some(transmit) = association.poll_transmit(now) {
                if let Payload::RawEncode(raw) = transmit.message {
                    packets.extend(raw);
                }
            }
        }
        packets
    }

    fn progress(&mut self, now: Instant) -> Vec<Said> {
        let mut said = Vec::new();
        let mut drained = Vec::new();
        for (handle, association) in &mut self.associations {
            while let Some(event) = association.poll() {
                match event {
                    Event::Connected if self.chosen.is_none() => {
                        self.chosen = Some(*handle);
                        if let Err(fault) = open(association, now) {
                            tracing::debug!(%fault, "data channel not opened");
                        }
                    }
                    Event::Stream(StreamEvent::Readable { id }) => {
                        listen(association, id, &mut said)
                    }
                    _ => {}
                }
            }
            while let Some(event) = association.poll_endpoint_event() {
                drained.push((*handle, event));
            }
        }
        for (handle, event) in drained {
            self.endpoint.handle_event(handle, event);
            self.associations.retain(|(other, _)| *other != handle);
        }
        if let Some(chosen) = self.chosen {
            self.associations.retain(|(handle, _)| *handle == chosen);
        }
        said
    }
}

fn open(association: &mut Association, now: Instant) -> Result<()> {
    let mut stream = association.open_stream(STREAM, PayloadProtocolIdentifier::String)?;
    stream.write_with_ppi(now, OPEN, PayloadProtocolIdentifier::Dcep)?;
    Ok(())
}

fn listen(association: &mut Association, id: u16, said: &mut Vec<Said>) {
    let Ok(mut stream) = association.stream(id) else { return };
    while let Ok(Some(chunks)) = stream.read() {
        let Ok(data) = chunks.to_payload(MESSAGE_BYTES_MAX as usize) else { continue };
        match chunks.ppi {
            PayloadProtocolIdentifier::Dcep if data.first() == Some(&ACK) => said.push(Said::Open),
            PayloadProtocolIdentifier::Dcep => {}
            _ => said.push(Said::Message(data)),
        }
    }
}
